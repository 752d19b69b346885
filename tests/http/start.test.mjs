// The command line, and a wrong configuration: a message with the key's path and the cure, and no
// start.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import {
  DEPLOYER, copyTree, inWorld, startPortal, startRehearsal, temporary, withPortal,
} from './harness.mjs'

const plain = copyTree()
function run(args, env = {}, { root } = plain) {
  const data = join(temporary('data'), 'not-made')
  const isAboutItself = ['--help', '--version'].includes(args[0])
  const all = isAboutItself ? args : [...args, '--root', root]
  const { status, stdout, stderr } = spawnSync(DEPLOYER, all, {
    env: { PATH: process.env.PATH, DATA_DIR: data, ...env }, timeout: 20000, encoding: 'utf8',
  })
  return { status, text: stdout + stderr, data }
}

test('--help and --version', () => {
  const help = run(['--help'])
  assert.equal(help.status, 0)
  for (const option of ['--root', '--rehearsal', '--check', '--version']) {
    assert.ok(help.text.includes(option), `${option}: ${help.text}`)
  }
  const version = run(['--version'])
  assert.equal(version.status, 0)
  assert.match(version.text, /\d+\.\d+\.\d+/)
})

test('an unknown argument is refused', () => {
  const { status, text } = run(['--colour'])
  assert.notEqual(status, 0)
  assert.match(text, /--colour/)
})

test('--check accepts the tree, and leaves no trace', () => {
  const { status, text, data } = run(['--check'])
  assert.equal(status, 0, text)
  assert.ok(!existsSync(data) || readdirSync(data).length === 0, 'no data folder is made')
  assert.equal(run(['--rehearsal', '--check']).status, 0)
})

const dokploy = {
  DOKPLOY_URL: 'https://d.example', DOKPLOY_API_TOKEN: 't', STACK_DOMAIN_SUFFIX: 'a.example',
  STACK_IMAGE: 'x:1',
}
const { DOKPLOY_API_TOKEN, ...withoutToken } = dokploy
const { STACK_DOMAIN_SUFFIX, ...withoutSuffix } = dokploy
const missing = '/nope/token'
const wrong = {
  'PORT=banana': [{ PORT: 'banana' }, /config\.lua: port:.*banana/],
  'PORT=70000': [{ PORT: '70000' }, /config\.lua: port:/],
  'DOKPLOY_URL without a token': [withoutToken, /DOKPLOY_API_TOKEN/],
  'DOKPLOY_URL without a suffix': [withoutSuffix, /STACK_DOMAIN_SUFFIX/],
  'an unknown scheme': [{ STACK_SCHEME: 'gopher' }, /stack\.scheme/],
  'a secret whose file is missing': [{ ADMIN_TOKEN_FILE: missing },
    /config\.lua:\d+: ADMIN_TOKEN_FILE names \/nope\/token.*unset ADMIN_TOKEN_FILE/],
  'a secret given twice': [{ ADMIN_TOKEN: 'a', ADMIN_TOKEN_FILE: missing },
    /ADMIN_TOKEN and ADMIN_TOKEN_FILE are both set/],
  'production on the rehearsal': [{ NODE_ENV: 'production' }, /DOKPLOY_URL/],
  'an admin token that can be guessed': [
    { ...dokploy, NODE_ENV: 'production', ADMIN_TOKEN: 'fifteen-letters' },
    /config\.lua: admin_token: has fewer than 16 characters .*openssl rand/],
  "a proxy's secret that can be guessed": [
    { ...dokploy, NODE_ENV: 'production', PROXY_SECRET: 'fifteen-letters' },
    /config\.lua: proxy_secret: has fewer than 16 characters .*openssl rand/],
  'TIME_SCALE in production': [{ ...dokploy, NODE_ENV: 'production', TIME_SCALE: '20' },
    /TIME_SCALE.*unset it/, 'at start'],
  'TIME_SCALE that is no number': [{ TIME_SCALE: 'fast' }, /TIME_SCALE must be a number/,
    'at start'],
}
for (const [name, [env, pattern, when]] of Object.entries(wrong)) {
  test(`a wrong configuration: ${name}`, () => {
    for (const args of when ? [[]] : [['--check'], []]) {
      const { status, text } = run(args, env)
      assert.equal(status, 1, text)
      assert.match(text, pattern)
    }
  })
}

test('--check names file and line of a typo, and an unknown key', () => {
  const edits = {
    'config.lua': [
      [(text) => text.replace('return {', 'return {\n  colour = "red",'), /colour: unknown key/],
      [(text) => `${text}\n)`, /config\.lua:\d+/],
    ],
    'scripts/policy/names.lua': [[(text) => `${text}\n= 1`, /policy\/names\.lua:\d+/]],
    'scripts/steps/init.lua': [[(text) => `local x = nil + 1\n${text}`, /steps\/init\.lua:1/]],
    'locales/nl.json': [[(text) => text.replace('{', '{,'), /nl\.json/]],
  }
  for (const [path, changes] of Object.entries(edits)) {
    for (const [change, pattern] of changes) {
      const { status, text } = run(['--check'], {}, copyTree({ [path]: change }))
      assert.equal(status, 1, `${path}: ${text}`)
      assert.match(text, pattern)
    }
  }
})

test('a port that is taken', inWorld({}, async ({ portal, rehearsal }) => {
  const second = startPortal({ rehearsal, env: { PORT: String(portal.port) } })
  await assert.rejects(second, new RegExp(`${portal.port}[^]*(in use|taken)`, 'i'))
}))

test("an address of another machine has its own cure", () => {
  for (const HOST of ['nowhere.invalid', '192.0.2.1']) {
    const { status, text } = run([], { HOST, PORT: '0', DATA_DIR: temporary('data') })
    assert.equal(status, 1, text)
    assert.match(text, /HOST to an address of this machine/)
    assert.doesNotMatch(text, /set PORT/)
  }
  const env = { HOST: '127.0.0.1', REHEARSAL_HOST: '192.0.2.1', REHEARSAL_PORT: '0' }
  const { text } = run(['--rehearsal'], { ...env, DATA_DIR: temporary('data') })
  assert.match(text, /set REHEARSAL_HOST/)
})

test('SIGINT ends it as SIGTERM does', withPortal({}, async (portal) => {
  portal.child.kill('SIGINT')
  assert.deepEqual(await portal.gone, { code: 0, signal: null })
}))

// What a release leaves that was rolled out, did not get ready and was rolled back: a journal of
// the next version.
test('a newer journal is used where it allows that, else refused with the cure', async () => {
  const newer = (allowsOlder) => copyTree({
    'scripts/lib/journal/schema.lua': (text) => text
      .replace(/ {2}oldest = \d+,/, (line) => (allowsOlder ? line : ''))
      .replace(/\}\s*$/, '  "CREATE TABLE of_the_next_release(a)",\n}\n'),
  }).root
  const rehearsal = await startRehearsal()
  const start = (DATA_DIR, root) => startPortal({ rehearsal, root, env: { DATA_DIR } })
  const visit = async (data, root, act = async () => {}) => {
    const portal = await start(data, root)
    await act(portal)
    await portal.stop()
    return portal.log.map(({ event }) => event)
  }
  try {
    const [good, bad] = [temporary('data'), temporary('data')]
    await visit(good, newer(true))
    const events = await visit(good, undefined, (portal) => portal.ready('anna'))
    assert.ok(events.includes('store.newer'))
    await visit(good, newer(true), async (portal) => {
      assert.equal((await portal.check('anna')).json.available, false)
    })
    await visit(bad, newer(false))
    await assert.rejects(start(bad), /install the newer version again, or put a backup back/)
  } finally {
    await rehearsal.stop()
  }
})
