// The pipelines: every command that they run exists and works, on the double of Dokploy, and both
// files say the same.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
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
const linesOf = (file) => [...read(file).matchAll(/^ +- run: (.+)$/gm)].map(([, line]) => line)
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

test('both pipelines run the same, and each step is a command that can be typed', () => {
  assert.deepEqual(linesOf(files[0]), linesOf(files[1]))
  assert.ok(lines.length >= 9)
  const common = (text) => text.replace(/gitea|github|GITEA|GITHUB/g, '')
    .replace(/permissions:\n(  .*\n)+\n/, '')
  assert.equal(common(read(files[0])), common(read(files[1])))
  const unsafe = 'a value of the event must not be part of a command'
  for (const line of lines) assert.doesNotMatch(line, /\$\{\{/, unsafe)
})

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

runs(/pipeline\.sh images$/, 'images are built, tested, pushed by commit and tag', async (line) => {
  const { PATH, calls, stdin } = standIns('make', 'npm', 'docker')
  await succeeds(shell(line, {
    PATH, IMAGE_PREFIX: 'registry.test/team', PLUGIN: '0', REGISTRY_USERNAME: 'ci',
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
    'npm ci --prefix tests', 'docker login --username ci --password-stdin registry.test',
    `make image PORTAL_IMAGE=registry.test/team/ai-stack-deployer RELEASE=${release}`,
    `make stack-image STACK_TAG=registry.test/team/ai-stack RELEASE=${release} PLUGIN=0`,
    'make test-docker', ...pushed('ai-stack-deployer'), ...pushed('ai-stack'),
  ])
  assert.equal(stdin(), 'a-canary')
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
