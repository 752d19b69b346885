// The pipelines: every command that they run exists and works, on the double of Dokploy, and both
// files say the same.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, request as send } from 'node:http'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import {
  ADMIN, DEPLOYER, inWorld, request, startRehearsal, temporary, top, until, useWorld,
} from '../http/harness.mjs'
import { commandEnv, commands, run, succeeds } from './fixture.mjs'

const read = (path) => readFileSync(join(top, path), 'utf8')
const git = (...args) => execFileSync('git', args, { cwd: top, encoding: 'utf8' }).trim()
const isPossible = (act) => {
  try {
    act()
    return true
  } catch {
    return false
  }
}
const noGit = !isPossible(() => git('rev-parse', 'HEAD')) && 'not a clone: no commit to name'
const showGit = () => execFileSync('apt-cache', ['show', 'git'], { stdio: 'ignore' })
const noApt = !isPossible(showGit) && 'no lists of Debian packages'

const files = ['.gitea/workflows/pipeline.yml', '.github/workflows/pipeline.yml']
const linesOf = (file) => [...read(file).matchAll(/^ +(?:- )?run: (.+)$/gm)].map(([, line]) => line)
const lines = [...new Set(files.flatMap(linesOf))]

// Stand-ins for programs that must not run here: each notes its arguments, and what it reads.
function standIns(...names) {
  const folder = temporary('stand-ins')
  const log = join(folder, 'log')
  writeFileSync(log, '')
  for (const name of names) {
    writeFileSync(join(folder, name), `#!/bin/sh
printf '%s\\n' "${name} $*" >>${log}
case "$*" in *--password-stdin*) cat >>${log}.stdin ;; esac
`, { mode: 0o755 })
  }
  return {
    PATH: `${folder}:${process.env.PATH}`,
    calls: () => readFileSync(log, 'utf8').trim().split('\n'),
    stdin: () => readFileSync(`${log}.stdin`, 'utf8'),
  }
}

function shell(line, env) {
  const all = { HOME: temporary('home'), PATH: process.env.PATH, ...env }
  return run('bash', ['-c', line], { cwd: top, env: all })
}

// The checkers of `make check`, on copies in which something is wrong.
describe('what is refused in a pipeline', () => {
  const checker = (tool, ...args) => run('lua5.4', [`tools/${tool}.lua`, ...args], { cwd: top })
  const good = read(files[1])
  const cases = {
    'mapping values are not allowed': [/^name: pipeline/m, 'name: a: b'],
    'unknown key step': [/^ {4}steps:/m, '    step:'],
    'it asks for no permissions': [/^ {4}permissions: .*\n/m, ''],
    'no job needs contents: write': ['{ contents: read }', '{ contents: write }'],
    "packages: write needs the condition event_name == 'push'": [/^ {4}if: .*push'\n/m, ''],
    'permissions must be {}': ['permissions: {}', 'permissions: { contents: read }'],
    'a secret for the whole job': [/^ {4}env:$/m, '    env:\n      KEY: ${{ secrets.KEY }}'],
    'a secret outside of env': ["if: failure()", "if: secrets.KEY && failure()"],
    'an expression in a command': ['run: .ci/pipeline.sh check', 'run: echo ${{ github.ref }}'],
    'gets secrets, alone': ['run: .ci/pipeline.sh verify', 'run: make && .ci/pipeline.sh verify'],
    'the token stays in the clone': [', persist-credentials: false', ''],
    'there is no job': ['needs: check', 'needs: checks'],
    'it has not one of run and uses': ['- id: verify', '- id: verify\n        uses: x/y@z'],
  }
  for (const [fault, [from, to]] of Object.entries(cases)) {
    test(fault, async () => {
      const text = good.replace(from, () => to)
      assert.notEqual(text, good)
      const path = join(temporary('workflow'), 'pipeline.yml')
      writeFileSync(path, text)
      const { status, err } = await checker('workflows', path)
      assert.equal(status, 1)
      assert.ok(err.includes(fault), err)
    })
  }

  test('both files are good, and everything in them is pinned', async () => {
    for (const tool of ['workflows', 'pins']) {
      const { status, err } = await checker(tool)
      assert.equal(status, 0, err)
    }
  })
})

test('an image or action without its pin is found, and written', async () => {
  const folder = temporary('pins')
  const names = ['Dockerfile', 'stack/Dockerfile', 'compose.yaml', 'tools/pins.txt',
    'tools/pins.lua', ...files]
  for (const name of names) {
    mkdirSync(join(folder, dirname(name)), { recursive: true })
    copyFileSync(join(top, name), join(folder, name))
  }
  const pins = (...args) => run('lua5.4', ['tools/pins.lua', ...args], { cwd: folder })
  const change = (name, from, to) => {
    const text = readFileSync(join(folder, name), 'utf8')
    writeFileSync(join(folder, name), text.replace(from, to))
  }
  assert.equal((await pins()).status, 0)
  const digest = `sha256:${'0123456789abcdef'.repeat(4)}`
  change('tools/pins.txt', /(image +traefik +v3 +)-.*/, `$1${digest}`)
  change(files[0], /actions\/checkout@\S+.*/, 'actions/checkout@v4')
  change('Dockerfile', 'FROM ${BASE_IMAGE} AS build', 'FROM alpine:3 AS build')
  const { err } = await pins()
  for (const fault of [/compose\.yaml:\d+: traefik:v3 is traefik:v3@sha256/, /checkout@v4 is/,
    /alpine:3 is not in/]) assert.match(err, fault)
  await pins('write')
  const compose = readFileSync(join(folder, 'compose.yaml'), 'utf8')
  assert.ok(compose.includes(`image: traefik:v3@${digest}\n`))
  assert.equal(readFileSync(join(folder, files[0]), 'utf8'), read(files[0]))
  change('tools/pins.txt', /(image +oven\/bun +debian +-).*/, '$1')
  assert.match((await pins()).err, /an unpinned image needs a reason/)

  change('tools/pins.txt', /(image +oven\/bun +debian +-)$/m, '$1 a reason at last')

  // Stand-ins for Docker and Git, which ask the registry and the host of the actions.
  const programs = temporary('programs')
  const [image, commit] = [`sha256:${'f'.repeat(64)}`, 'a'.repeat(40)]
  const says = (name, text) =>
    writeFileSync(join(programs, name), `#!/bin/sh\nprintf '${text}'\n`, { mode: 0o755 })
  says('docker', `Name: x\\nDigest:    ${image}\\n`)
  says('git', `${'b'.repeat(40)}\\trefs/tags/v4.2.2\\n${commit}\\trefs/tags/v4.2.2^{}\\n`)
  const PATH = `${programs}:${process.env.PATH}`
  const updated = await run('lua5.4', ['tools/pins.lua', 'update'], {
    cwd: folder, env: { ...process.env, PATH },
  })
  assert.match(updated.err, /Dockerfile:\d+: alpine:3 is not in/) // and nothing else is wrong
  assert.match(updated.err, /pins: 1 faults/)
  const now = (name) => readFileSync(join(folder, name), 'utf8')
  assert.match(now('Dockerfile'), new RegExp(`^ARG BASE_IMAGE=debian:bookworm-slim@${image}$`, 'm'))
  assert.match(now(files[1]), new RegExp(`uses: actions/checkout@${commit} # v4\\.2\\.2$`, 'm'))
})

// A server that passes everything on to the double under that host name.
async function frontOf(rehearsal, host) {
  const server = createServer((incoming, answer) => {
    const { method, url: path, headers } = incoming
    incoming.pipe(send({ port: rehearsal.port, path, method, headers: { ...headers, host } },
      (it) => it.pipe(answer.writeHead(it.statusCode, it.headers))))
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () => {
    server.closeAllConnections()
    server.close()
  }
  return { origin: `http://127.0.0.1:${server.address().port}`, close }
}

// Every line is run by one of these tests.
const known = []
function runs(pattern, what, body, options = {}) {
  known.push(pattern)
  test(what, options, async () => {
    const found = lines.filter((line) => pattern.test(line))
    assert.ok(found.length > 0, `no step matches ${pattern}`)
    for (const line of found) await body(line)
  })
}

runs(/^apt-get /, "the packages that they install are Debian's", async (line) => {
  const names = line.match(/--no-install-recommends (.+)$/)[1].split(' ')
  const { out } = await run('apt-cache', ['show', '--no-all-versions', ...names])
  for (const name of names) assert.match(out, new RegExp(`^Package: ${name}$`, 'm'))
}, { skip: noApt })

runs(/^git config /, 'git trusts the folder', (line) => succeeds(shell(line)))

runs(/^tools\/setup\.sh run$/, 'set-up installs what building needs',
  (line) => succeeds(shell(line, { SKIP_SETUP: '1' })))

runs(/^\.ci\/pipeline\.sh check$/, 'check is .ci/run: linters and every test', async (line) => {
  for (const command of [line, '.ci/run']) {
    const { PATH, calls } = standIns('make')
    await succeeds(shell(command, { PATH, SKIP_SETUP: '1' }))
    assert.deepEqual(calls(), ['make check', 'make test', 'make test-all'])
  }
})

test('.ci/run runs everything when something is red, and fails', async () => {
  const { PATH } = standIns('make')
  const [folder] = PATH.split(':')
  const script = `#!/bin/sh\necho "ran $1"\ntest "$1" != check\n`
  writeFileSync(join(folder, 'make'), script, { mode: 0o755 })
  const { status, out, err } = await shell('.ci/run', { PATH, SKIP_SETUP: '1' })
  assert.equal(status, 1)
  assert.match(out, /ran check\nran test\nran test-all\n/)
  assert.match(err, /^red: check$/m)
})

runs(/make test-stack MODELS=live$/, 'the models are asked for weekly', async (line) => {
  const { PATH, calls } = standIns('make', 'npm')
  await succeeds(shell(line, { PATH }))
  assert.deepEqual(calls(), ['npm ci --prefix tests', 'make test-stack MODELS=live'])
  const targets = [
    'test-stack', 'test-docker', 'image', 'stack-image', 'check', 'test', 'test-all',
  ]
  const env = { ...process.env, SKIP_SETUP: '1' }
  for (const target of targets) {
    const { status } = await run('make', ['-n', '-o', 'setup-test', target], { cwd: top, env })
    assert.equal(status, 0, `make ${target}`)
  }
})

runs(/pipeline\.sh images$/, 'images are built and tested, without a login', async (line) => {
  const { PATH, calls } = standIns('make', 'npm', 'docker')
  await succeeds(shell(line, { PATH, IMAGE_PREFIX: 'registry.test/team', PLUGIN: '0' }))
  const release = git('describe', '--tags', '--always')
  assert.deepEqual(calls(), [
    'npm ci --prefix tests',
    `make image PORTAL_IMAGE=registry.test/team/ai-stack-deployer RELEASE=${release}`,
    `make stack-image STACK_TAG=registry.test/team/ai-stack RELEASE=${release} PLUGIN=0`,
    'make test-docker',
  ])
}, { skip: noGit })

runs(/pipeline\.sh push$/, 'they are pushed by commit and tag', async (line) => {
  const { PATH, calls, stdin } = standIns('docker')
  await succeeds(shell(line, {
    PATH, IMAGE_PREFIX: 'registry.test/team', REGISTRY_USERNAME: 'ci',
    REGISTRY_PASSWORD: 'a-canary',
  }))
  const commit = git('rev-parse', '--short=12', 'HEAD')
  const release = git('describe', '--tags', '--always')
  const isTagged = git('tag', '--points-at', 'HEAD') !== ''
  const pushed = (name) => {
    const image = `registry.test/team/${name}`
    const byTag = isTagged ? [`docker push ${image}:${release}`] : []
    return [`docker tag ${image}:${release} ${image}:${commit}`, `docker push ${image}:${commit}`,
      ...byTag]
  }
  assert.deepEqual(calls(), [
    'docker login --username ci --password-stdin registry.test',
    ...pushed('ai-stack-deployer'), ...pushed('ai-stack'),
  ])
  assert.equal(stdin(), 'a-canary')
}, { skip: noGit })

runs(/pipeline\.sh rollback$/, 'a failed verification is rolled back', async (line) => {
  const rehearsal = await startRehearsal()
  try {
    const release = git('describe', '--tags', '--always')
    const target = ['--name', 'back', '--url', 'http://back.test',
      '--connect-to', `127.0.0.1:${rehearsal.port}`, '--seconds', '20']
    const command = commands(rehearsal)
    await succeeds(command(['bootstrap', '--image', 'team/ai-stack-deployer:old', '--domain',
      'back.test', '--http', ...target]))
    await succeeds(command(['rollout', '--image', `team/ai-stack-deployer:${release}`, ...target]))
    const releaseNow = async () => (await request(`${rehearsal.url}/ready`,
      { headers: { host: 'back.test' } })).json.release
    assert.equal(await releaseNow(), release)
    // The double answers as the portal by its Host, which the script does not set.
    const { PATH } = standIns('make')
    const { origin, close } = await frontOf(rehearsal, 'back.test')
    const env = {
      ...commandEnv(rehearsal), PATH, DEPLOYER, DATA_DIR: temporary('back'), PORTAL_URL: origin,
      ROLLOUT: target.join(' '),
    }
    try {
      const first = await shell(line, env)
      await succeeds(first)
      assert.match(first.out, /^ok +rollback|ok +ready +old answers/m)
      assert.equal(await releaseNow(), 'old')
      const second = await shell(line, env)
      await succeeds(second)
      assert.match(second.out, /old is in force, not .*: nothing to roll back/)
    } finally {
      close()
    }
  } finally {
    await rehearsal.stop()
  }
}, { skip: noGit })

runs(/pipeline\.sh deploy$/, 'deploy asks the doctor, then rolls the commit out', async (line) => {
  const rehearsal = await startRehearsal()
  try {
    const target = ['--name', 'ci', '--url', 'http://ci.test',
      '--connect-to', `127.0.0.1:${rehearsal.port}`, '--seconds', '20']
    const image = 'team/ai-stack-deployer:old'
    const bootstrap = ['bootstrap', '--image', image, '--domain', 'ci.test', '--http', ...target]
    await succeeds(commands(rehearsal)(bootstrap))
    // The double's portal takes its release from the image's tag, which the pipeline makes.
    const { PATH } = standIns('make')
    const release = git('rev-parse', '--short=12', 'HEAD')
    const { out } = await succeeds(shell(line, {
      ...commandEnv(rehearsal), PATH, DEPLOYER, DATA_DIR: temporary('deploy'), IMAGE_PREFIX: 'team',
      ROLLOUT: `--release ${release} ${target.join(' ')}`,
    }))
    assert.match(out, /^ok +token +valid[\s\S]*^ok +ready /m)
    const ready = await request(`${rehearsal.url}/ready`, { headers: { host: 'ci.test' } })
    assert.equal(ready.json.release, release)
  } finally {
    await rehearsal.stop()
  }
}, { skip: noGit })

known.push(/pipeline\.sh verify$/)
describe('verify', { skip: noGit }, () => {
  const release = noGit || git('describe', '--tags', '--always')
  const { portal, rehearsal } = useWorld({ env: { RELEASE: release, ACCESS: 'invite' } })
  const line = lines.find((it) => /verify$/.test(it))
  const verify = (env) => shell(line, { PORTAL_URL: portal.url, ...env })
  async function token() {
    const wanted = { label: 'smoke', scopes: 'create read delete' }
    return (await portal.post('/api/tokens', wanted, { key: ADMIN })).json.token
  }
  const count = async () => (await rehearsal.state()).projects.length
  const isRemoved = () => until(async () => await count() === 0, 'the smoke workspace is gone')

  test('health, a name, the page, and a workspace made and removed', async () => {
    const { out } = await succeeds(verify({ SMOKE_TOKEN: await token() }))
    const steps = [...out.matchAll(/^ok +(\w+)$/gm)].map(([, what]) => what)
    assert.deepEqual(steps, ['ready', 'health', 'name', 'page', 'deploy', 'stack', 'delete'])
    assert.equal(await count(), 0)
  })

  test('trouble that is not the release\'s is noted, and no reason to fail', async () => {
    await rehearsal.faults({ at: 'settings.getDokployVersion', kind: 'status', status: 401,
      body: '{"message":"Unauthorized"}', times: 0 })
    const isDegraded = async () => (await portal.api('/health')).json.status === 'degraded'
    try {
      await until(isDegraded, 'the portal notices')
      const { out } = await verify({ SMOKE_TOKEN: await token() })
      assert.match(out, /^note +health: dokploy_refused$/m)
      assert.match(out, /^ok +health$/m)
    } finally {
      await rehearsal.forgetFaults()
      await until(async () => !await isDegraded(), 'it is healthy again')
    }
  })

  test('an edit that the release cannot load fails it',
    inWorld({ env: { RELEASE: release }, edits: { 'config.lua': (text) => `${text}\n` } },
      async ({ portal: other, tree }) => {
        other.expect(/scripts\.rejected/)
        tree.edit('scripts/policy/names.lua', (text) => `${text}\n= 1`)
        other.child.kill('SIGHUP')
        await other.logged(({ event }) => event === 'scripts.rejected', 'the edit is rejected')
        const { status, out } = await verify({ PORTAL_URL: other.url })
        assert.equal(status, 1)
        assert.match(out, /^fail +health: edit_rejected: /m)
      }))

  test('another release than expected is reported',
    inWorld({ env: { RELEASE: 'another' } }, async ({ portal: other }) => {
      const { status, out } = await verify({ PORTAL_URL: other.url })
      assert.equal(status, 1)
      assert.match(out, /^fail +ready: .*another/m)
    }))

  test('without access it fails', async () => {
    const { status, all } = await verify()
    assert.notEqual(status, 0)
    assert.match(all, /403/)
  })

  test('a workspace that fails is reported, and nothing is left', async () => {
    await rehearsal.faults({ at: 'deploy', kind: 'image_not_found' })
    const { status, out } = await verify({ SMOKE_TOKEN: await token() })
    assert.equal(status, 1)
    assert.match(out, /^fail +stack: /m)
    const isFailure = ({ event, state }) => event === 'operation.ended' && state === 'failed'
    assert.equal(portal.log.findLast(isFailure).leftovers, 0, 'something is left of it')
    await isRemoved()
  })

  test('when it fails in the middle, its workspace is removed', async () => {
    await rehearsal.faults({ at: 'deploy', kind: 'hang' })
    const { PATH } = standIns('jq') // no statusUrl can be read: it fails after the deploy
    const { status, out } = await verify({ PATH, SMOKE_TOKEN: await token() })
    assert.notEqual(status, 0)
    assert.match(out, /pipeline: (removing smoke-\d+|smoke-\d+ is being (removed|taken away))/)
    await rehearsal.forgetFaults()
    await isRemoved()
  })
})

test('every step is tested', () => {
  const unknown = lines.filter((line) => !known.some((pattern) => pattern.test(line)))
  assert.deepEqual(unknown, [])
})
