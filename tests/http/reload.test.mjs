// An admin edits Lua while the portal runs: a good edit takes over, a bad one is refused and named, a runaway one is stopped.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { copyRoot, startAll, startPortal, startRehearsal, until } from './harness.mjs'

let house, world, portal, rehearsal
before(async () => {
  house = copyRoot()
  world = await startAll({ root: house.root, speed: 20 })
  ;({ portal, rehearsal } = world)
})
after(() => world.stop())

const check = async (name) => (await portal.check(name)).json
const health = async () => (await portal.api('/health')).json
const refusal = async () => (await health()).degraded.find(({ code }) => code === 'edit_rejected')
// Does the edit, and waits until a new generation of the scripts is in force.
async function edited(act) {
  const { generation } = await health()
  act()
  await until(async () => (await health()).generation > generation, 'the edit is in force')
}
const line = (text, needle) => text.slice(0, text.indexOf(needle)).split('\n').length

const reserve = (text) => text.replace('patterns = {', 'patterns = {\n  "^project%-x", -- ours')
const addRoute = (text) => text.replace(/\n(require "routes\.check".*)/, '\n$1\nrequire "routes.hello"')

test('a reserved pattern is one line, and in force without a restart', async () => {
  assert.equal((await check('project-x1')).available, true)
  house.edit('scripts/policy/names.lua', reserve)
  const taken = await until(async () => (await check('project-x1')).code, 'the pattern is in force')
  assert.equal(taken, 'name_reserved')
})

test('a bad edit is refused, named in /health with file and line, and the old scripts stay', async () => {
  const good = house.read('scripts/policy/names.lua')
  portal.expect(/scripts/)
  house.write('scripts/policy/names.lua', `${good}\nlocal oops = = 1\n`)
  const refused = await until(refusal, '/health names the edit')
  assert.match(refused.file, /policy\/names\.lua$/)
  assert.equal(refused.line, line(`${good}\nlocal oops`, 'local oops'))
  assert.ok(refused.message.length > 5)
  assert.ok(refused.detail.includes('names.lua'), refused.detail)
  assert.equal((await check('project-x2')).code, 'name_reserved', 'the last good edit is in force')
  assert.equal((await check('free-name')).available, true)
  house.write('scripts/policy/names.lua', good)
  await until(async () => !(await refusal()), '/health is well again')
})

test('a bad edit that parses is refused too', async () => {
  const good = house.read('scripts/policy/names.lua')
  for (const bad of ['error("not today")', 'undeclared_global = 1', 'require "policy.no_such_file"', 'local x = nil; x.y = 1', 'while true do end']) {
    house.write('scripts/policy/names.lua', `${bad}\n${good}`)
    const refused = await until(refusal, `refused: ${bad}`)
    house.write('scripts/policy/names.lua', good)
    assert.match(`${refused.file}:${refused.line}`, /names\.lua:\d/, `${bad}: ${JSON.stringify(refused)}`)
    assert.equal((await check('project-x3')).code, 'name_reserved')
    await until(async () => !(await refusal()), `accepted again after: ${bad}`)
  }
})

test('a route is one small file and a line', async () => {
  assert.equal((await portal.api('/hello/world')).status, 404)
  house.write('scripts/routes/hello.lua', `local server = require "core.server"

server.route("GET", "/hello/:name", function(req)
  return "hello " .. req.params.name
end)
`)
  house.edit('scripts/init.lua', addRoute)
  const { text, headers } = await until(async () => { const a = await portal.api('/hello/world'); return a.status === 200 && a }, 'the route answers')
  assert.equal(text, 'hello world')
  assert.match(headers['content-type'], /^text\/plain/)
})

test('a step is one small file and a line', async () => {
  house.write('scripts/steps/greet.lua', `return {
  name = "greet",
  deadline = 10,
  expect = 1,
  run = function(ctx)
    ctx:log("greetings to " .. ctx.name)
    return true
  end,
}
`)
  await edited(() => house.edit('scripts/steps/init.lua', (text) => text.replace(/(\n\s*)(require "steps\.project",?.*)/, '$1$2$1require "steps.greet",')))
  const { events } = await portal.ready('greeted')
  assert.ok(events.some((e) => e.event === 'log' && e.data.line === 'greetings to greeted'))
  assert.ok(events.some((e) => e.event === 'progress' && e.data.step === 'greet' && e.data.state === 'done'))
})

test('a step that fails is a failed deployment that is clean', async () => {
  const step = (body) => () => house.write('scripts/steps/greet.lua', `return { name = "greet", deadline = 10, expect = 1, run = function(ctx) ${body} end }\n`)
  await edited(step('error("a bug in a step")'))
  portal.expect(/a bug in a step/)
  const { last: failed } = await portal.deployed('buggy')
  assert.equal(failed.event, 'failed')
  assert.equal(failed.data.code, 'script_error')
  assert.equal(failed.data.rolledBack, true)
  assert.doesNotMatch(JSON.stringify(failed), /traceback|a bug in a step/, 'the trace is for the log')
  await rehearsal.holdsNothing('buggy')
  await edited(step('return true'))
})

test('an error where an operation ends is its end, and the stack can be worked with again', async () => {
  const { key } = await portal.ready('stumbled')
  const act = async (what) => portal.follow((await portal.api(`/api/stack/stumbled/${what}`, { method: 'POST', key })).json.statusUrl)
  const good = house.read('scripts/lib/operations/work.lua')
  await edited(() => house.edit('scripts/lib/operations/work.lua', (text) => text.replace('local done = plan.done or kind.done', '$& error("a bug at the end")')))
  portal.expect(/a bug at the end/)
  const { last } = await act('stop')
  assert.deepEqual([last.event, last.data.code], ['failed', 'script_error'])
  await edited(() => house.write('scripts/lib/operations/work.lua', good))
  assert.equal((await act('start')).last.event, 'ready')
  assert.equal(portal.log.filter(({ event }) => event === 'operation.broken').length, 1)
})

test('running work ends on the scripts it began with', async () => {
  const { json } = await portal.deploy('steady')
  await portal.follow(json.statusUrl, { until: (e) => e.data.step !== undefined })
  for (let i = 0; i < 5; i++) {
    house.edit('scripts/policy/names.lua', (text) => `${text}\n-- edit ${i}\n`)
    portal.child.kill('SIGHUP')
  }
  assert.equal((await portal.follow(json.statusUrl)).last.event, 'ready')
})

test('a handler that loops for ever, eats memory or raises is a 500 with a request id, and the portal goes on', async () => {
  house.write('scripts/routes/hello.lua', `local server = require "core.server"

server.route("GET", "/bad/loop", function() while true do end end)
server.route("GET", "/bad/caught", function() while true do pcall(function() while true do end end) end end)
server.route("GET", "/bad/memory", function() local t = {} for i = 1, math.huge do t[i] = ("x"):rep(1000) .. i end end)
server.route("GET", "/bad/string", function() local s = "x" while true do s = s .. s end end)
server.route("GET", "/bad/raise", function() error("a secret detail") end)
server.route("GET", "/bad/table", function() error({ code = "x" }) end)
server.route("GET", "/bad/reply", function() return { status = "many" } end)
server.route("GET", "/bad/nothing", function() end)
server.route("GET", "/bad/deep", function() local function f() return 1 + f() end return f() end)
`)
  await until(async () => (await portal.api('/bad/raise')).status === 500, 'the routes are there')
  portal.expect(/bad\/|hello\.lua|script|memory/)
  for (const path of ['loop', 'caught', 'memory', 'string', 'raise', 'table', 'reply', 'nothing', 'deep']) {
    const { status, json, headers, text } = await portal.api(`/bad/${path}`)
    assert.equal(status, 500, `${path}: ${text}`)
    assert.match(headers['content-type'], /^application\/problem\+json/)
    assert.ok(headers['x-request-id'])
    assert.ok(json.detail.includes(headers['x-request-id']) || json.instance === headers['x-request-id'], 'the id that the log has')
    assert.doesNotMatch(text, /secret detail|traceback|\.lua/)
    assert.equal((await portal.api('/health')).status, 200, path)
    if (path === 'loop' || path === 'raise') {
      const logged = await portal.logged((l) => JSON.stringify(l).includes(headers['x-request-id']) && /hello\.lua:\d+/.test(JSON.stringify(l)), `the trace of ${path}`)
      assert.ok(logged)
    }
  }
  await portal.ready('still-alive')
})

test('SIGHUP reloads in production, where nothing is watched', async () => {
  const other = copyRoot()
  const double = await startRehearsal()
  const production = { NODE_ENV: 'production', ACCESS: 'open', DOKPLOY_URL: double.url, DOKPLOY_API_TOKEN: 'x', STACK_DOMAIN_SUFFIX: 'ai.example.com', STACK_IMAGE: 'a/b:1' }
  const quiet = await startPortal({ rehearsal: double, root: other.root, env: production })
  try {
    other.edit('scripts/policy/names.lua', reserve)
    assert.equal((await quiet.check('project-x1')).json.available, true)
    quiet.child.kill('SIGHUP')
    await until(async () => (await quiet.check('project-x1')).json.code === 'name_reserved', 'the edit is in force')
    assert.equal((await quiet.api('/health')).json.generation, 2)
  } finally {
    await quiet.stop()
    await double.stop()
  }
})
