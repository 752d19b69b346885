// The installation's own files over the API: read, replaced, refused with their mistakes, taken
// back; each change in the audit log and in force at once.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMIN, inWorld, seconds, useWorld } from './harness.mjs'
import { siteOf } from './site.mjs'

const NAMES = 'policy/names.lua', TEXTS = 'locales/en.json'
const saying = (text) => `{ "problem.stack_unknown.title": "${text}" }\n`
const MISTAKE = { [NAMES]: 'return { words = { "zebra" }\n' }
const site = siteOf()

const { portal } = useWorld({ env: site.env })
const ask = (method, path, { body, ...options } = {}) => portal.api(`/api/admin/site${path}`, {
  method, key: ADMIN, body: body && JSON.stringify(body), ...options,
  headers: { 'Content-Type': 'application/json', ...options.headers },
})
const put = (files, more = {}, hash) => ask('PUT', '', {
  body: { files, ...more }, headers: hash ? { 'If-Match': `"${hash}"` } : {},
})
const title = async () => (await portal.api('/api/stack/nobody', { key: ADMIN })).json.title

test('a change is in force with its answer, in /health and in the audit log', async () => {
  const before = (await ask('GET', '')).json
  assert.deepEqual([before.number, before.files, before.editable], [0, {}, true])
  assert.notEqual(await title(), 'zebra')
  const answer = await put({ [TEXTS]: saying('zebra'), 'www/logo.bin': { base64: '/w==' } },
    { note: 'no zebras' }, before.hash)
  assert.equal(answer.status, 200, answer.text)
  assert.equal(await title(), 'zebra')
  const now = await ask('GET', '')
  assert.equal(now.headers.etag, `"${answer.json.hash}"`)
  const { number, author, source, note, files } = now.json
  assert.deepEqual([number, author, source, note],
    [answer.json.number, 'admin', 'push', 'no zebras'])
  assert.deepEqual(files, { [TEXTS]: saying('zebra'), 'www/logo.bin': { base64: '/w==' } })
  const { json: health } = await portal.api('/health')
  assert.equal(health.site.number, number)
  assert.ok(answer.json.hash.startsWith(health.site.hash) && health.site.hash.length === 12)
  const { json: audit } = await portal.api('/api/audit?action=change_site', { key: ADMIN })
  assert.deepEqual(audit.entries.map(({ who, allowed }) => [who, allowed]), [['admin', true]])
  assert.equal((await put(files)).json.number, number, 'what is in force already is no version')
})

test('a lost update is refused, and so are mistakes, with file and line', async () => {
  const { hash, number } = (await ask('GET', '')).json
  const lost = await put({ [TEXTS]: saying('yak') }, {}, 'f'.repeat(64))
  assert.deepEqual([lost.status, lost.json.code], [412, 'site_changed'])
  for (const answer of [await put(MISTAKE, {}, hash), await put({ '../etc/x': '' })]) {
    assert.deepEqual([answer.status, answer.json.code], [422, 'site_invalid'])
    assert.ok(answer.json.problems.length > 0)
  }
  const checked = await ask('POST', '/check', { body: { files: MISTAKE } })
  const [problem] = checked.json.problems
  assert.deepEqual([problem.file, problem.line], [`site/${NAMES}`, 2])
  assert.match(problem.message, /expected/)
  assert.deepEqual((await ask('POST', '/check', { body: { files: {} } })).json, { problems: [] })
  assert.equal((await ask('GET', '')).json.number, number)
  for (const files of [[], 'x', { a: 1 }]) assert.equal((await put(files)).status, 422)
})

test('a version is put into force again', async () => {
  const first = (await ask('GET', '')).json
  await put({})
  assert.notEqual(await title(), 'zebra')
  const { json: old } = await ask('GET', `/versions/${first.number}`)
  assert.deepEqual(old.files, first.files)
  const back = await ask('POST', `/versions/${first.number}/activate`)
  assert.equal(back.status, 200, back.text)
  assert.equal(await title(), 'zebra')
  const { json: { inForce, versions } } = await ask('GET', '/versions')
  assert.equal(inForce, back.json.number)
  assert.deepEqual(versions.map(({ source }) => source), ['rollback', 'push', 'push'])
  assert.equal((await ask('POST', '/versions/9999/activate')).json.code, 'version_unknown')
  assert.equal((await ask('GET', '/versions/x')).json.code, 'version_unknown')
})

test('a trial answers with what past decisions would be, and changes nothing', async () => {
  await portal.ready('zoe', { key: ADMIN })
  const { number } = (await ask('GET', '')).json
  const files = { [NAMES]: 'return { words = { "zoe" } }\n' }
  const { json } = await ask('POST', '/try', { body: { files } })
  assert.deepEqual(json.problems, [])
  assert.deepEqual(json.replay.names, [{ name: 'zoe', code: 'name_reserved' }])
  assert.ok(json.replay.changed > 0 && json.replay.changes[0].before.result === 'yes')
  assert.equal((await ask('POST', '/try', { body: { files: MISTAKE } })).json.problems.length, 1)
  assert.equal((await ask('GET', '')).json.number, number)
})

test('nearly a MiB of files is taken here, and nowhere else', async () => {
  const files = { [TEXTS]: saying('zebra'), 'www/big.txt': 'x'.repeat(1000000) }
  assert.equal((await put(files)).status, 200)
  assert.equal((await put({ 'www/big.txt': 'x'.repeat(1100000) })).json.code, 'site_invalid')
  const elsewhere = await portal.api('/api/deploy', { method: 'POST', body: JSON.stringify(files) })
  assert.equal(elsewhere.status, 413)
})

test('only for admins', async () => {
  for (const path of ['', '/versions']) {
    assert.equal((await portal.api(`/api/admin/site${path}`)).status, 401)
  }
  const refused = await portal.api('/api/admin/site', {
    method: 'PUT', body: '{"files":{}}', headers: { 'Content-Type': 'application/json' },
  })
  assert.equal(refused.status, 401)
})

describe('another portal', () => {
  test('SITE_EDIT=off: read-only', inWorld({ env: { ...siteOf().env, SITE_EDIT: 'off' } },
    async ({ portal: closed }) => {
      const options = { key: ADMIN, headers: { 'Content-Type': 'application/json' } }
      const { status, json } = await closed.api('/api/admin/site',
        { method: 'PUT', body: '{"files":{}}', ...options })
      assert.deepEqual([status, json.code], [403, 'site_read_only'])
      assert.equal((await closed.api('/api/admin/site', options)).json.editable, false)
    }))

  test('files whose check hangs are refused while the portal serves', async () => {
    const began = Date.now()
    const hanging = put({ 'hooks/x.lua': 'while true do end' })
    const health = await portal.api('/health')
    assert.equal(health.status, 200)
    const { status, json } = await hanging
    assert.equal(status, 422, JSON.stringify(json))
    assert.ok(Date.now() - began < seconds(25))
  })
})
