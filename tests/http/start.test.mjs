// The command line, and what a wrong configuration gets: a sentence with the key's path and the cure, and no start.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DEPLOYER, copyRoot, startAll, startPortal, startRehearsal, temporary } from './harness.mjs'

function run(args, env = {}, root = copyRoot().root) {
  const data = join(temporary('data'), 'not-made')
  const { status, stdout, stderr } = spawnSync(DEPLOYER, [...args, ...(args[0]?.startsWith('--h') || args[0] === '--version' ? [] : ['--root', root])],
    { env: { PATH: process.env.PATH, DATA_DIR: data, ...env }, timeout: 20000, encoding: 'utf8' })
  return { status, text: stdout + stderr, data }
}

test('--help and --version', () => {
  const help = run(['--help'])
  assert.equal(help.status, 0)
  for (const word of ['--root', '--rehearsal', '--check', '--version']) assert.ok(help.text.includes(word), `${word}: ${help.text}`)
  const version = run(['--version'])
  assert.equal(version.status, 0)
  assert.match(version.text, /\d+\.\d+\.\d+/)
})

test('an unknown argument is refused', () => {
  const { status, text } = run(['--colour'])
  assert.notEqual(status, 0)
  assert.match(text, /--colour/)
})

test('--check is content with the tree as it stands, and leaves no trace', () => {
  const { status, text, data } = run(['--check'])
  assert.equal(status, 0, text)
  assert.ok(!existsSync(data) || readdirSync(data).length === 0, 'no data folder is made')
  assert.equal(run(['--rehearsal', '--check']).status, 0)
})

const wrong = {
  'PORT=banana': [{ PORT: 'banana' }, /config\.lua: port:.*banana/],
  'PORT=70000': [{ PORT: '70000' }, /config\.lua: port:/],
  'DOKPLOY_URL without a token': [{ DOKPLOY_URL: 'https://d.example', STACK_DOMAIN_SUFFIX: 'a.example', STACK_IMAGE: 'x:1' }, /DOKPLOY_API_TOKEN/],
  'DOKPLOY_URL without a suffix': [{ DOKPLOY_URL: 'https://d.example', DOKPLOY_API_TOKEN: 't' }, /STACK_DOMAIN_SUFFIX/],
  'a strange scheme': [{ STACK_SCHEME: 'gopher' }, /stack\.scheme/],
  'a secret whose file is not there': [{ ADMIN_TOKEN_FILE: '/nope/token' }, /config\.lua:\d+: ADMIN_TOKEN_FILE names \/nope\/token.*unset ADMIN_TOKEN_FILE/],
  'a secret given twice': [{ ADMIN_TOKEN: 'a', ADMIN_TOKEN_FILE: '/nope/token' }, /ADMIN_TOKEN and ADMIN_TOKEN_FILE are both set/],
  'production on the rehearsal': [{ NODE_ENV: 'production' }, /DOKPLOY_URL/],
}
for (const [name, [env, pattern]] of Object.entries(wrong)) {
  test(`a wrong configuration stops the start: ${name}`, () => {
    for (const args of [['--check'], []]) {
      const { status, text } = run(args, env)
      assert.notEqual(status, 0, text)
      assert.match(text, pattern)
    }
  })
}

test('--check names file and line of a typo, and the key of an unknown one', () => {
  const edits = [
    ['config.lua', (text) => text.replace('return {', 'return {\n  colour = "red",'), /config\.lua: colour: unknown key/],
    ['config.lua', (text) => `${text}\n)`, /config\.lua:\d+/],
    ['scripts/policy/names.lua', (text) => `${text}\n= 1`, /policy\/names\.lua:\d+/],
    ['scripts/steps/init.lua', (text) => `local x = nil + 1\n${text}`, /steps\/init\.lua:1/],
    ['locales/nl.json', (text) => text.replace('{', '{,'), /nl\.json/],
  ]
  for (const [path, change, pattern] of edits) {
    const house = copyRoot()
    house.edit(path, change)
    const { status, text } = run(['--check'], {}, house.root)
    assert.equal(status, 1, `${path}: ${text}`)
    assert.match(text, pattern)
  }
})

test('a port that is taken is told in words', async () => {
  const world = await startAll()
  try {
    await assert.rejects(startPortal({ rehearsal: world.rehearsal, env: { PORT: String(world.portal.port) } }), (error) => {
      assert.match(error.message, new RegExp(String(world.portal.port)))
      assert.match(error.message, /use|taken|busy/i)
      return true
    })
  } finally {
    await world.stop()
  }
})

test('an address that is not this machine\'s is told with its own cure', async () => {
  const cases = { 'nowhere.invalid': /HOST to an address of this machine/, '192.0.2.1': /HOST to an address of this machine/ }
  for (const [HOST, cure] of Object.entries(cases)) {
    const { status, text } = run([], { HOST, PORT: '0', DATA_DIR: temporary('data') })
    assert.equal(status, 1, text)
    assert.match(text, cure)
    assert.doesNotMatch(text, /set PORT/)
  }
  const rehearsal = run(['--rehearsal'], { HOST: '127.0.0.1', REHEARSAL_HOST: '192.0.2.1', REHEARSAL_PORT: '0', DATA_DIR: temporary('data') })
  assert.match(rehearsal.text, /set REHEARSAL_HOST/)
})

test('production does not start with what only tests use', () => {
  const { status, text } = run([], { NODE_ENV: 'production', TIME_SCALE: '20', DOKPLOY_URL: 'http://127.0.0.1:9', DOKPLOY_API_TOKEN: 't',
    STACK_DOMAIN_SUFFIX: 'a.example', STACK_IMAGE: 'x:1' })
  assert.equal(status, 1, text)
  assert.match(text, /TIME_SCALE.*unset it/)
  assert.match(run([], { TIME_SCALE: 'fast' }).text, /TIME_SCALE must be a number/)
})

test('SIGINT ends it as SIGTERM does', async () => {
  const rehearsal = await startRehearsal()
  const portal = await startPortal({ rehearsal })
  portal.child.kill('SIGINT')
  assert.deepEqual(await portal.gone, { code: 0, signal: null })
  await rehearsal.stop()
})

// What a release left behind that was rolled out, did not get ready and was taken back: a journal with one version more.
test('a newer journal is worked with where it says so, and refused with the cure where it does not', async () => {
  const newer = (oldest) => {
    const house = copyRoot()
    house.edit('scripts/lib/journal/schema.lua', (text) => text.replace(/ {2}oldest = \d+,/, (line) => (oldest ? line : ''))
      .replace(/\}\s*$/, '  "CREATE TABLE of_the_next_release(a)",\n}\n'))
    return house.root
  }
  const rehearsal = await startRehearsal()
  const end = async (portal) => {
    await portal.stop()
    return portal.log.map((line) => line.event)
  }
  const start = (data, root) => startPortal({ rehearsal, root, env: { DATA_DIR: data } })
  try {
    const good = temporary('data'), bad = temporary('data')
    await end(await start(good, newer(true)))
    const back = await start(good)
    await back.ready('anna')
    assert.ok((await end(back)).includes('store.newer'))
    const forward = await start(good, newer(true))
    assert.equal((await forward.check('anna')).json.available, false)
    await end(forward)
    await end(await start(bad, newer(false)))
    await assert.rejects(start(bad), /install the newer version again, or put a backup back/)
  } finally {
    await rehearsal.stop()
  }
})
