// Routes of an installation's own: declared, checked and documented as the portal's own are.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMIN, useWorld } from './harness.mjs'
import { siteOf } from './site.mjs'

const motd = `
local function show(req, values, who, portal)
  local count = #portal.workspaces()
  return { json = { text = "Hello", workspaces = count, ready = portal.site ~= nil } }
end
local function stop(req, values, who, portal)
  local op, message, code = portal.stop(req.params.name, values.why)
  if not op then return { status = 409, json = { code = code } } end
  return { status = 202, json = op }
end
return {
  { "GET", "/api/motd", show, summary = "The message of the day",
    answers = { [200] = "The message" } },
  { "POST", "/api/own/:name/stop", stop, access = "admin", allow = "stop",
    answers = { [202] = "Begun", [409] = "Not now" },
    body = "why: text (for the audit log), hard?: flag" },
}
`
const site = siteOf({ 'routes/motd.lua': motd })
const { portal } = useWorld({ env: site.env, speed: 200 })

test('a route answers and is in the OpenAPI document', async () => {
  const { status, json } = await portal.api('/api/motd')
  assert.equal(status, 200)
  assert.deepEqual(json, { text: 'Hello', workspaces: 0, ready: true })
  const { paths } = (await portal.api('/api/openapi.json')).json
  const { summary, tags, responses } = paths['/api/motd'].get
  assert.deepEqual([summary, tags, responses[200].description],
    ['The message of the day', ['Site'], 'The message'])
})

test('its access and body are checked, and it acts under its name', async () => {
  const path = '/api/own/anna/stop'
  assert.equal((await portal.post(path, { why: 'x' })).status, 401)
  const wrong = await portal.post(path, { because: 'x' }, { key: ADMIN })
  assert.deepEqual([wrong.status, wrong.json.code], [422, 'field_unknown'])
  const missing = await portal.post(path, {}, { key: ADMIN })
  assert.equal(missing.json.code, 'field_missing')
  const unknown = await portal.post(path, { why: 'x' }, { key: ADMIN })
  assert.deepEqual([unknown.status, unknown.json.code], [409, 'stack_unknown'])
  await portal.ready('anna')
  assert.equal((await portal.post(path, { why: 'spring cleaning' }, { key: ADMIN })).status, 202)
  const { entries } = (await portal.api('/api/audit?who=script', { key: ADMIN })).json
  assert.deepEqual(entries.map(({ whoName, action, rule }) => [whoName, action, rule]),
    [['routes/motd', 'stop', 'spring cleaning']])
})

test('a faulty route is found by --check', () => {
  const faulty = siteOf({ 'routes/motd.lua': motd })
  const handler = 'function() return 204 end'
  const cases = [
    [`{ "GET", "/health", ${handler} }`, /\[1\]: GET \/health is a route of the portal already/],
    [`{ "GET", "/api/motd", ${handler} }`, /GET \/api\/motd is a route of site\/routes\/motd\.lua/],
    [`{ "FETCH", "/x", ${handler} }`, /\[1\]: begins with "GET"/],
    [`{ "GET", "x", ${handler} }`, /\[1\]: needs a path/],
    ['{ "GET", "/x" }', /\[1\]: needs a function/],
    [`{ "GET", "/x", ${handler}, sumary = "x" }`, /GET \/x: unknown key sumary/],
    [`{ "POST", "/x", ${handler}, body = "a: nonsense" }`, /unknown type "nonsense"/],
    ['', /has no routes/],
  ]
  for (const [text, message] of cases) {
    faulty.write('routes/own.lua', `return { ${text} }`)
    const result = faulty.check()
    assert.equal(result.status, 1, text)
    assert.match(result.text, /site\/routes\/own\.lua/)
    assert.match(result.text, message)
  }
})
