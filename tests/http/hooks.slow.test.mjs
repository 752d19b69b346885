// Hooks of an installation's own: what they are given, what they may do, and what becomes of those
// that fail, hang or are changed.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMIN, until, useWorld } from './harness.mjs'
import { putInForce, siteOf } from './site.mjs'

const hook = (on, body, more = '') => `return {
  on = { ${on} }, ${more}
  run = function(event, portal)
    ${body}
  end,
}
`
const site = siteOf({
  'hooks/welcome.lua': hook('"ready"', `
    portal.note(event.workspace.name, { en = "Welcome!", nl = "Welkom!" })
    portal.log("welcomed", { name = event.workspace.name, kind = event.operation.kind })`),
  'hooks/watch.lua': hook('"failed", "stopped", "deleted"', `
    portal.log("My hook saw it", { type = event.type, name = event.workspace.name,
      owner = event.workspace.owner.id, reason = event.operation.reason })`),
})
const { portal } = useWorld({ env: { ...site.env, TIME_SCALE: '5' }, speed: 200 })
const write = (...args) => putInForce(portal, () => site.write(...args))
const remove = (file) => putInForce(portal, () => site.remove(file))

const asAdmin = { key: ADMIN }
const outbox = async () => (await portal.api('/api/admin/outbox', asAdmin)).json.entries
const isEmpty = () => until(async () => (await outbox()).length === 0, 'all is delivered')
const saw = (name, type, reason) => portal.logged((line) => line.event === 'My hook saw it'
  && line.name === name && line.type === type && line.reason === reason,
`the hook sees ${name} ${type}`)
const audited = async (name) => (await portal.api(`/api/audit?name=${name}&who=script`, asAdmin))
  .json.entries.map(({ whoName, action, rule }) => [whoName, action, rule])

test('a hook notes something for the owner, in the owner\'s language', async () => {
  const { key } = await portal.ready('anna')
  const note = (language) => until(async () =>
    (await portal.stack('anna', { key, language })).json.note, 'the note is there')
  assert.equal(await note('en'), 'Welcome!')
  assert.equal(await note('nl'), 'Welkom!')
  assert.equal(await note('ar'), 'Welcome!')
  const page = await portal.api('/stack/anna', { key, headers: { accept: 'text/html' } })
  assert.match(page.text, /id="note"[^>]*>Welcome!</)
  assert.deepEqual(await audited('anna'), [['hooks/welcome', 'note', 'portal.note']])
  await isEmpty()
})

test('a hook acts as the API does, and its reason is in the audit log', async () => {
  await write('hooks/strict.lua', hook('"started"', `
    local op, message, code = portal.stop(event.workspace.name, "nobody works at night")
    portal.log("strict", { code = code or "begun" })
    local nothing, _, why = portal.stop("nobody-s", "no such workspace")
    assert(nothing == nil and why == "gone")`))
  const { key } = await portal.ready('bob')
  await portal.finish(await portal.act('bob', 'stop', { key }), 'stopped')
  await portal.finish(await portal.act('bob', 'start', { key }), 'ready')
  const line = await saw('bob', 'stopped', 'nobody works at night')
  assert.equal(line.script, 'hooks/watch')
  const list = await audited('bob')
  assert.deepEqual(list[0], ['hooks/strict', 'stop', 'nobody works at night'])
  await remove('hooks/strict.lua')
  await isEmpty()
})

test('a hook reaches only the workspace that its event is about, however late', async () => {
  await write('hooks/late.lua', hook('"deleted"', `
    local name = event.workspace.name
    while (portal.workspace(name) or {}).state ~= "ready" do
      require("core.task").sleep(1)
    end
    local result, _, code = portal.note(name, "for the owner before")
    portal.log("late", { code = code or tostring(result) })
    assert(select(3, portal.delete(name, "late")) == "gone")
    return portal.note(name, "for the owner before")`, 'deadline = 600,'))
  const before = await portal.ready('gone')
  await portal.deleted('gone', { key: before.key, data: 'delete' })
  const { key } = await portal.ready('gone')
  const { code } = await portal.logged(({ event }) => event === 'late', 'the hook has run')
  assert.equal(code, 'gone')
  await isEmpty()
  assert.equal((await portal.stack('gone', { key })).json.note, 'Welcome!')
  await remove('hooks/late.lua')
})

test('a hook that raises is tried again, seen in /health, and mended by an edit', async () => {
  await write('hooks/mail.lua', hook('"ready"', 'local x = nil; x.y = 1'))
  await portal.ready('carl')
  const [entry] = await until(async () => {
    const list = await outbox()
    return list.length === 1 && list[0].error && list
  }, 'its failure is listed')
  assert.deepEqual([entry.target, entry.name, entry.type], ['hooks/mail', 'carl', 'ready'])
  assert.match(entry.error, /site\/hooks\/mail\.lua:4:/)
  const isInHealth = async () => (await portal.api('/health')).json.degraded
    .flatMap(({ places = [] }) => places).some(({ where }) => where === 'site/hooks/mail.lua:4')
  assert.ok(await isInHealth())
  await write('hooks/mail.lua', hook('"ready"', 'portal.log("mailed", { id = event.id })'))
  await until(async () => !await isInHealth(), 'the mistake of the old text is forgotten')
  await portal.post(`/api/admin/outbox/${entry.id}/retry`, undefined, asAdmin)
  await portal.logged(({ event }) => event === 'mailed', 'it is delivered')
  await isEmpty()
})

test('a hook that loops or never returns holds up nobody', async () => {
  portal.expect(/hooks\/(loop|hang)/)
  await write('hooks/loop.lua', hook('"ready"', 'while true do end'))
  await write('hooks/hang.lua',
    hook('"ready"', 'require("core.task").sleep(86400)', 'deadline = 1,'))
  const { key } = await portal.ready('dora')
  await portal.finish(await portal.act('dora', 'stop', { key }), 'stopped')
  await saw('dora', 'stopped')
  const failed = await until(async () => {
    const list = (await outbox()).filter(({ error }) => error)
    return list.length === 2 && list
  }, 'both failures are listed')
  assert.deepEqual(failed.map(({ target }) => target).sort(), ['hooks/hang', 'hooks/loop'])
  await remove('hooks/loop.lua')
  await remove('hooks/hang.lua')
  for (const { id } of failed) await portal.post(`/api/admin/outbox/${id}/drop`, undefined, asAdmin)
  await isEmpty()
})

test('killed while a hook runs: it runs again after the restart, with the same id', async () => {
  await write('hooks/slow.lua', hook('"deleted"', `
    portal.log("slow begins", { id = event.id })
    require("core.task").sleep(event.workspace.name == "eve" and 50 or 0)`))
  const { key } = await portal.ready('eve')
  await portal.deleted('eve', { key })
  const begins = ({ event }) => event === 'slow begins'
  const first = await portal.logged(begins, 'the hook runs')
  await portal.kill9()
  const from = portal.log.length
  await portal.restart()
  const second = await portal.logged(begins, 'the hook runs again', { from })
  assert.equal(second.id, first.id)
  await write('hooks/slow.lua', hook('"deleted"', 'return'))
  await isEmpty()
})

test('what ends right after a restart is told as well', async () => {
  const names = ['finn', 'gina', 'hugo']
  const keys = await Promise.all(names.map(async (name) => (await portal.ready(name)).key))
  await Promise.all(names.map((name, i) => portal.remove(name, { key: keys[i] })))
  await portal.kill9()
  await portal.restart()
  for (const name of names) await saw(name, 'deleted')
  await isEmpty()
})

test('a faulty hook is found by --check', () => {
  const faulty = siteOf()
  const cases = [
    [hook('"redy"', ''), /site\/hooks\/bad\.lua: on\[1\]: invalid value "redy".*"ready"/],
    [hook('', ''), /site\/hooks\/bad\.lua: on: is empty/],
    ['return { on = { "ready" } }', /site\/hooks\/bad\.lua: run: is missing/],
    [hook('"ready"', '', 'runn = 1,'), /site\/hooks\/bad\.lua: runn: unknown key/],
    ['return 5', /site\/hooks\/bad\.lua/],
    [hook('"ready"', 'oops ='), /site\/hooks\/bad\.lua:5/],
  ]
  for (const [text, message] of cases) {
    faulty.write('hooks/bad.lua', text)
    const result = faulty.check()
    assert.equal(result.status, 1, text)
    assert.match(result.text, message)
  }
  faulty.remove('hooks/bad.lua')
  assert.equal(faulty.check().status, 0)
})
