// The pipelines: that what they run is there and works, on the double of Dokploy; and that both say the same.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ADMIN, DEPLOYER, request, startAll, startRehearsal, temporary, until } from '../http/harness.mjs'
import { commands, realLike, run } from './parts.mjs'

const top = resolve(dirname(fileURLToPath(import.meta.url)), '../..')
const read = (name) => readFileSync(join(top, name), 'utf8')
const git = (...args) => execFileSync('git', args, { cwd: top, encoding: 'utf8' }).trim()
const noGit = (() => { try { git('rev-parse', 'HEAD'); return false } catch { return 'this is no clone: there is no commit to name' } })()
const files = ['.gitea/workflows/pipeline.yml', '.github/workflows/pipeline.yml']
const lines = (file) => [...read(file).matchAll(/^ +- run: (.+)$/gm)].map(([, line]) => line)
const all = [...new Set(files.flatMap(lines))]

// A folder of stand-ins for programs that are not to be run here: each notes how it was called, and what came in.
function standIns(...names) {
  const folder = temporary('stand-ins'), log = join(folder, 'log')
  writeFileSync(log, '')
  for (const name of names)
    writeFileSync(join(folder, name), `#!/bin/sh\nprintf '%s\\n' "${name} $*" >>${log}\ncase "$*" in *--password-stdin*) cat >>${log}.stdin ;; esac\n`, { mode: 0o755 })
  return { PATH: `${folder}:${process.env.PATH}`, calls: () => readFileSync(log, 'utf8').trim().split('\n'), stdin: () => readFileSync(`${log}.stdin`, 'utf8') }
}
const shell = (line, env) => run('bash', ['-c', line], { cwd: top, env: { HOME: temporary('home'), PATH: process.env.PATH, ...env } })

test('both pipelines run the same, and each step is a command that can be typed', () => {
  assert.deepEqual(lines(files[0]), lines(files[1]))
  assert.ok(all.length >= 9)
  const words = (text) => text.replace(/gitea|github|GITEA|GITHUB/g, '').replace(/permissions:\n(  .*\n)+\n/, '')
  assert.equal(words(read(files[0])), words(read(files[1])), 'they differ in more than the name of what runs them')
  for (const line of all) assert.doesNotMatch(line, /\$\{\{/, 'what others write must not stand in a command')
})

// Every line is run by one of these tests, or it is a new one that no test knows.
const known = []
function runs(pattern, what, body, options = {}) {
  known.push(pattern)
  test(what, options, async () => {
    const found = all.filter((line) => pattern.test(line))
    assert.ok(found.length > 0, `no step fits ${pattern}`)
    for (const line of found) await body(line)
  })
}
const good = ({ status, all: said }) => assert.equal(status, 0, said)

runs(/^apt-get /, 'the packages that they install are Debian\'s', async (line) => {
  const names = line.match(/--no-install-recommends (.+)$/)[1].split(' ')
  const { out } = await run('apt-cache', ['show', '--no-all-versions', ...names])
  for (const name of names) assert.match(out, new RegExp(`^Package: ${name}$`, 'm'))
}, { skip: (() => { try { execFileSync('apt-cache', ['show', 'git'], { stdio: 'ignore' }); return false } catch { return 'this machine has no lists of Debian packages' } })() })

runs(/^git config /, 'git trusts the folder', async (line) => good(await shell(line)))

runs(/^tools\/setup\.sh run$/, 'set-up installs what building needs', async (line) => good(await shell(line, { SKIP_SETUP: '1' })))

runs(/^\.ci\/pipeline\.sh check$/, 'check makes style, linters and every test', async (line) => {
  const { PATH, calls } = standIns('make')
  good(await shell(line, { PATH, SKIP_SETUP: '1' }))
  assert.deepEqual(calls(), ['make check', 'make test'])
})

runs(/make test-stack MODELS=live$/, 'once a week the vendor is asked for its models', async (line) => {
  const { PATH, calls } = standIns('make', 'npm')
  good(await shell(line, { PATH }))
  assert.deepEqual(calls(), ['npm ci --prefix tests', 'make test-stack MODELS=live'])
  for (const target of ['test-stack', 'test-docker', 'image', 'stack-image', 'check', 'test'])
    assert.equal((await run('make', ['-n', '-o', 'setup-test', target], { cwd: top, env: { ...process.env, SKIP_SETUP: '1' } })).status, 0, `make ${target}`)
})

runs(/pipeline\.sh images$/, 'images are built, tested and pushed by commit; by version only where there is a tag', async (line) => {
  const { PATH, calls, stdin } = standIns('make', 'npm', 'docker')
  good(await shell(line, { PATH, IMAGE_PREFIX: 'registry.test/team', REGISTRY_USERNAME: 'ci', REGISTRY_PASSWORD: 'a-canary', PLUGIN: '0' }))
  const commit = git('rev-parse', '--short=12', 'HEAD'), release = git('describe', '--tags', '--always')
  const tagged = git('tag', '--points-at', 'HEAD') !== ''
  const pushed = (name) => [`docker tag registry.test/team/${name}:${release} registry.test/team/${name}:${commit}`, `docker push registry.test/team/${name}:${commit}`,
    ...(tagged ? [`docker push registry.test/team/${name}:${release}`] : [])]
  assert.deepEqual(calls(), ['npm ci --prefix tests', 'docker login --username ci --password-stdin registry.test',
    `make image PORTAL_IMAGE=registry.test/team/ai-stack-deployer RELEASE=${release}`,
    `make stack-image STACK_TAG=registry.test/team/ai-stack RELEASE=${release} PLUGIN=0`, 'make test-docker',
    ...pushed('ai-stack-deployer'), ...pushed('ai-stack')])
  assert.equal(stdin(), 'a-canary')
}, { skip: noGit })

runs(/pipeline\.sh deploy$/, 'deploy asks the doctor, then rolls the commit out', async (line) => {
  const rehearsal = await startRehearsal()
  try {
    const way = ['--name', 'ci', '--url', 'http://ci.test', '--connect-to', `127.0.0.1:${rehearsal.port}`, '--seconds', '20']
    good(await commands(rehearsal)(['bootstrap', '--image', 'team/ai-stack-deployer:old', '--domain', 'ci.test', '--http', ...way]))
    // The double's portal calls itself by its image's tag, which the pipeline makes of the commit.
    const { PATH } = standIns('make')
    const release = git('rev-parse', '--short=12', 'HEAD')
    const result = await shell(line, { ...realLike(rehearsal), PATH, DEPLOYER, DATA_DIR: temporary('deploy'), IMAGE_PREFIX: 'team', ROLLOUT: `--release ${release} ${way.join(' ')}` })
    good(result)
    assert.match(result.out, /^ok +token +valid[\s\S]*^ok +ready /m)
    assert.equal((await request(`${rehearsal.url}/ready`, { headers: { host: 'ci.test' } })).json.release, release)
  } finally {
    await rehearsal.stop()
  }
}, { skip: noGit })

known.push(/pipeline\.sh verify$/)
describe('verify', { skip: noGit }, () => {
  let world
  const release = noGit || git('describe', '--tags', '--always')
  before(async () => { world = await startAll({ env: { RELEASE: release, ACCESS: 'invite' } }) })
  after(() => world?.stop())
  const verify = (env) => shell(all.find((line) => /verify$/.test(line)), { PORTAL_URL: world.portal.url, ...env })
  const token = async (scopes) => (await world.portal.api('/api/tokens', { method: 'POST', json: { label: 'smoke', scopes }, key: ADMIN })).json.token
  const holds = async () => (await world.rehearsal.state()).projects.length

  test('health, a name, the page, and a whole stack there and back', async () => {
    const { status, out, all: said } = await verify({ SMOKE_TOKEN: await token('create read delete') })
    assert.equal(status, 0, said)
    assert.deepEqual([...out.matchAll(/^ok +(\w+)$/gm)].map(([, what]) => what), ['ready', 'health', 'name', 'page', 'deploy', 'stack', 'delete'])
    assert.equal(await holds(), 0)
  })

  test('a release that is not the one it should be is told', async () => {
    const other = await startAll({ env: { RELEASE: 'another' } })
    try {
      const { status, out } = await verify({ PORTAL_URL: other.portal.url })
      assert.equal(status, 1)
      assert.match(out, /^fail +ready: .*another/m)
    } finally { await other.stop() }
  })

  test('nobody lets it in: it fails', async () => {
    const { status, all: said } = await verify()
    assert.notEqual(status, 0)
    assert.match(said, /403/)
  })

  test('a stack that fails is told, and nothing is left', async () => {
    await world.rehearsal.faults({ at: 'deploy', kind: 'image_not_found' })
    const { status, out } = await verify({ SMOKE_TOKEN: await token('create read delete') })
    assert.equal(status, 1)
    assert.match(out, /^fail +stack: /m)
    const failed = world.portal.log.findLast(({ event, state }) => event === 'operation.ended' && state === 'failed')
    assert.equal(failed.leftovers, 0, 'something is left of it')
    await until(async () => await holds() === 0, 'the smoke stack is gone')
  })

  test('what is ended in its middle takes its stack away', async () => {
    await world.rehearsal.faults({ at: 'deploy', kind: 'hang' })
    const cut = standIns('jq') // no statusUrl can be read: it goes wrong after the stack was asked for
    const { status, out } = await verify({ PATH: cut.PATH, SMOKE_TOKEN: await token('create read delete') })
    assert.notEqual(status, 0)
    assert.match(out, /pipeline: smoke-\d+ is being taken away/)
    await world.rehearsal.forgetFaults()
    await until(async () => await holds() === 0, 'the smoke stack is gone')
  })
})

test('no step is left untested', () => {
  for (const line of all) assert.ok(known.some((pattern) => pattern.test(line)), `no test runs: ${line}`)
})
