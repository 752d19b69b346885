// An admin edits Lua while the portal runs: a good edit takes effect, a bad one is refused and
// named with its line, a runaway script is stopped. Policies are pure, and --check tries them.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { ADMIN, DEPLOYER, copyTree, dokployEnv, until, useWorld, withPortal } from './harness.mjs'

const names = 'scripts/policy/names.lua'
const access = 'scripts/policy/access.lua'
const reserve = (text) => text.replace('patterns = {', 'patterns = {\n  "^project%-x", -- ours')

const { portal, rehearsal, tree } = useWorld({ edits: {}, speed: 20 })
const codeOf = async (name) => (await portal.check(name)).json.code
const health = async () => (await portal.api('/health')).json
const refusalIn = ({ degraded }) => degraded.find(({ code }) => code === 'edit_rejected')
const refusal = async () => refusalIn((await portal.api('/health', { key: ADMIN })).json)
const append = (text) => (before) => `${before}\n${text}\n`

// Edits a file while act() runs, and restores it. The portal watches the files by itself.
async function whileEdited(path, change, act) {
  const before = tree.read(path)
  await portal.reload(() => tree.edit(path, change))
  try {
    await act()
  } finally {
    await portal.reload(() => tree.write(path, before))
  }
}

// Writes a bad file, and restores it; returns how /health reports it.
async function rejected(path, change) {
  const before = tree.read(path)
  tree.edit(path, change)
  const reported = await until(refusal, '/health names the edit')
  const { message, ...brief } = refusalIn(await health())
  assert.equal(message, undefined, 'a stranger is not shown the source')
  assert.doesNotMatch(brief.detail, /hush-hush/)
  assert.deepEqual([brief.file, brief.line], [reported.file, reported.line])
  assert.equal(await codeOf('project-x2'), 'name_reserved', 'the last good edit is in force')
  assert.equal(await codeOf('free-name'), undefined)
  tree.write(path, before)
  await until(async () => !(await refusal()), '/health is well again')
  return reported
}

test('a reserved pattern is one line, in force without a restart or a signal', async () => {
  assert.equal(await codeOf('project-x1'), undefined)
  tree.edit(names, reserve)
  assert.equal(await until(() => codeOf('project-x1'), 'the pattern is in force'), 'name_reserved')
})

test('a bad edit is refused and named with file and line; the old scripts stay', async () => {
  portal.expect(/scripts/)
  const lines = tree.read(names).split('\n').length
  const { file, line, message, detail } = await rejected(names, append('local oops = = 1'))
  assert.match(file, /policy\/names\.lua$/)
  assert.equal(line, lines + 1)
  assert.ok(message.length > 5)
  assert.ok(detail.includes('names.lua'), detail)
})

test('a bad edit that parses is refused too', async () => {
  const bad = [
    'error("not today")', 'undeclared_global = 1', 'require "policy.no_such_file"',
    'local x = nil; x.y = 1', 'while true do end', 'local token = "hush-hush',
  ]
  for (const first of bad) {
    const { file, line } = await rejected(names, (text) => `${first}\n${text}`)
    assert.match(`${file}:${line}`, /names\.lua:\d/, first)
  }
})

const addRoutes = (routes) => append(`
local function route(pattern, handler)
  require("lib.http.routes").add("tests", {
    { "GET", pattern, handler, summary = "For a test", lenient = true,
      answers = { [200] = { "It went well" } } },
  })
end
${routes}`)

test('a route is a few lines', async () => {
  assert.equal((await portal.api('/hello/world')).status, 404)
  const route = `
route("/hello/:name", function(req)
  return "hello " .. req.params.name
end)`
  await whileEdited('scripts/init.lua', addRoutes(route), async () => {
    const { text, headers } = await portal.api('/hello/world')
    assert.equal(text, 'hello world')
    assert.match(headers['content-type'], /^text\/plain/)
  })
})

const step = (run) => `return {
  name = "greet", deadline = 10, expect = 1,
  run = function(ctx)
    ${run}
  end,
}
`
const addStep = (text) =>
  text.replace(/(\n\s*)(require "steps\.project",?.*)/, '$1$2$1require "steps.greet",')

test('a step is one small file and a line', async () => {
  tree.write('scripts/steps/greet.lua', step('ctx:log("hello " .. ctx.name)\n    return true'))
  await whileEdited('scripts/steps/init.lua', addStep, async () => {
    const { events } = await portal.ready('greeted')
    const lines = events.filter(({ event }) => event === 'log').map(({ data }) => data.line)
    assert.ok(lines.includes('hello greeted'))
    const isDone = ({ data }) => data.step === 'greet' && data.state === 'done'
    assert.ok(events.some(isDone))
  })
})

test('a step that raises an error is a failed deployment that is clean', async () => {
  tree.write('scripts/steps/greet.lua', step('error("a bug in a step")'))
  portal.expect(/a bug in a step/)
  await whileEdited('scripts/steps/init.lua', addStep, async () => {
    const { last } = await portal.finish(await portal.deploy('buggy'), 'failed')
    assert.deepEqual([last.data.code, last.data.rolledBack], ['script_error', true])
    assert.doesNotMatch(JSON.stringify(last), /traceback|a bug in a step/, 'it is for the log')
    await rehearsal.holdsNothing('buggy')
  })
})

test('an error where an operation ends is its end, and the workspace stays usable', async () => {
  const { key } = await portal.ready('stumbled')
  const bug = (text) =>
    text.replace('local done = plan.done or kind.done', '$& error("a bug at the end")')
  portal.expect(/a bug at the end/)
  await whileEdited('scripts/lib/operations/work.lua', bug, async () => {
    const { last } = await portal.finish(await portal.act('stumbled', 'stop', { key }), 'failed')
    assert.equal(last.data.code, 'script_error')
  })
  await portal.finish(await portal.act('stumbled', 'start', { key }), 'ready')
  assert.equal(portal.log.filter(({ event }) => event === 'operation.broken').length, 1)
})

test('a running deployment finishes with the scripts it started with', async () => {
  const answer = await portal.deploy('steady')
  await portal.follow(answer.json.statusUrl, { until: ({ data }) => data.step !== undefined })
  for (let i = 0; i < 5; i++) {
    tree.edit(names, append(`-- edit ${i}`))
    portal.child.kill('SIGHUP')
  }
  await portal.finish(answer, 'ready')
})

test('a handler that loops, eats memory or raises is a 500, and the portal goes on', async () => {
  const bodies = {
    loop: 'while true do end',
    caught: 'while true do pcall(function() while true do end end) end',
    handler: 'xpcall(error, function() while true do end end, "x")',
    memory: 'local t = {} for i = 1, math.huge do t[i] = ("x"):rep(1000) .. i end',
    string: 'local s = "x" while true do s = s .. s end',
    raise: 'error("a secret detail")',
    table: 'error({ code = "x" })',
    reply: 'return { status = "many" }',
    nothing: '',
    deep: 'local function f() return 1 + f() end return f()',
  }
  const routes = Object.entries(bodies)
    .map(([name, body]) => `route("/bad/${name}", function() ${body} end)`)
  portal.expect(/bad\/|init\.lua|script|memory/)
  await whileEdited('scripts/init.lua', addRoutes(routes.join('\n')), async () => {
    for (const name of Object.keys(bodies)) {
      const { status, json, headers, text } = await portal.api(`/bad/${name}`)
      assert.equal(status, 500, `${name}: ${text}`)
      assert.match(headers['content-type'], /^application\/problem\+json/)
      const id = headers['x-request-id']
      assert.ok(id && (json.detail.includes(id) || json.instance === id), 'the id that is logged')
      assert.doesNotMatch(text, /secret detail|traceback|\.lua/)
      assert.equal((await portal.api('/health')).status, 200, name)
      if (name !== 'loop' && name !== 'raise') continue
      const isTrace = (line) => {
        const logged = JSON.stringify(line)
        return logged.includes(id) && /init\.lua:\d+/.test(logged)
      }
      await portal.logged(isTrace, `the traceback of ${name}`)
    }
  })
  await portal.ready('still-alive')
})

describe('a policy is pure', () => {
  const isPure = /the files in policy\/ are pure/

  test('it cannot load a module that acts', async () => {
    const modules = ['core.http', 'core.store', 'lib.journal', 'lib.auth.identity', 'lib.dokploy']
    for (const module of modules) {
      const load = (text) => `local outside = require "${module}"\n${text}\n-- ${module}`
      const { message } = await rejected(names, load)
      assert.match(message, isPure, module)
    }
  })

  test('but it may log whatever it likes', async () => {
    const line = 'require("core.log").info("My policy: \\"loaded\\"")'
    const say = (text) => `${line}\n${text}`
    await whileEdited(names, say, () =>
      portal.logged(({ event }) => event === 'My policy: "loaded"', 'the line'))
  })

  test('nor later, in a function', async () => {
    portal.expect(isPure)
    const loadLater = (text) => text.replace('open = function() ',
      'open = function(who) local _ = who.via and require "core.http" ')
    await whileEdited(access, loadLater, async () => {
      const { status, json } = await portal.deploy('berta')
      assert.deepEqual([status, json.code], [503, 'policy_failed'])
    })
    assert.equal((await portal.deploy('berta')).status, 202)
  })
})

test('--check runs the examples beside the rules, and finds undeclared routes', () => {
  const check = (edits) => {
    const options = { encoding: 'utf8', env: { PATH: process.env.PATH } }
    return spawnSync(DEPLOYER, ['--root', copyTree(edits).root, '--check'], options)
  }
  assert.equal(check({}).status, 0)
  const openUp = (text) =>
    text.replace('closed = function() return false, "access_closed" end',
      'closed = function() return true end')
  const wrong = check({ [access]: openUp })
  assert.equal(wrong.status, 1)
  assert.match(wrong.stderr, /scripts\/policy\/access\.lua: example \d+: .*access_closed/)
  assert.match(wrong.stderr, /fix the rule/)
  const backDoor = append(
    'require("core.server").route("GET", "/api/back-door", function() return 204 end)')
  const forgotten = check({ 'scripts/routes/check.lua': backDoor })
  assert.equal(forgotten.status, 1)
  assert.match(forgotten.stderr, /GET \/api\/back-door: declare the route/)
})

test('the journal itself keeps scripts from shortening or changing the audit log', async () => {
  const route = `
route("/forge", function(req)
  local done, message = require("core.store").run { { req.query.sql } }
  return { json = { done = done ~= nil, message = message } }
end)`
  const readAll = async () => (await portal.api('/api/audit', { key: ADMIN })).json.entries
  const columns = 'who_id, who_name, network, action, name, operation_id, allowed, rule, policy, '
    + 'request_id FROM audit'
  const forgeries = {
    'DELETE FROM audit': 'not authorized',
    "UPDATE audit SET who = 'nobody'": 'not authorized',
    'UPDATE audit SET allowed = 1 - allowed WHERE id = 1': 'not authorized',
    [`INSERT OR REPLACE INTO audit SELECT id, at, 'nobody', ${columns}`]: 'never changed',
    'DROP TRIGGER audit_stays': 'not authorized',
    'DROP TABLE audit': 'not authorized',
    'ALTER TABLE audit RENAME TO other': 'not authorized',
    'CREATE TABLE other (a)': 'not authorized',
    "DELETE FROM sqlite_master WHERE name = 'audit_stays'": 'modified',
  }
  await portal.ready('audited')
  await whileEdited('scripts/init.lua', addRoutes(route), async () => {
    const before = await readAll()
    assert.ok(before.some(({ name }) => name === 'audited'))
    for (const [sql, why] of Object.entries(forgeries)) {
      const { json } = await portal.api(`/forge?${new URLSearchParams({ sql })}`)
      assert.equal(json.done, false, sql)
      assert.ok(json.message.includes(why), json.message)
    }
    assert.deepEqual(await readAll(), before)
  })
})

test('in production nothing is watched; SIGHUP reloads', async (t) => {
  const other = copyTree()
  const env = { ...dokployEnv(rehearsal), NODE_ENV: 'production', ACCESS: 'open' }
  await withPortal({ rehearsal, root: other.root, env }, async (quiet) => {
    const code = async () => (await quiet.check('project-x1')).json.code
    other.edit(names, reserve)
    assert.equal(await code(), undefined)
    await quiet.reload()
    assert.equal(await code(), 'name_reserved')
    assert.equal((await quiet.api('/health')).json.generation, 2)
  })(t)
})
