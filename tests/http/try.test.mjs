// Candidates of the installation's own files, tried before they are in force: on past decisions and
// on a rehearsal of their own.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { DEPLOYER, copyTree, until, useWorld } from './harness.mjs'
import { siteOf } from './site.mjs'

// A route of the test's own, because the API checks files before it tries them.
const route = `
local routes = require "lib.http.routes"
local try = require "lib.site.try"
local json = require "core.json"
routes.add("Tests", {
  { "PATCH", "/try", function(req)
      local asked = json.decode(req.body)
      local result, message, code = try.run(asked.files, asked)
      return { json = result or { message = message, code = code } }
    end,
    summary = "Try", answers = { [200] = "Problem" } },
})
`
const tree = copyTree()
tree.write('scripts/routes/try.lua', route)
tree.edit('scripts/init.lua', (text) => `${text}\nrequire "routes.try"\n`)

describe('a candidate', () => {
  const site = siteOf({ 'policy/names.lua': 'return { words = { "intranet" } }' })
  const { portal } = useWorld({
    tree, env: { ...site.env, ACCESS: 'open' },
    prepare: async ({ portal }) => {
      let key
      for (const name of ['one', 'two-large', 'three-large', 'four', 'project-x', 'five']) {
        key = (await portal.ready(name, { key })).key ?? key
      }
      await portal.deploy('intranet')
      await portal.deleted('five', { key })
    },
  })
  const tried = async (files, more = {}) => {
    const options = { method: 'PATCH', json: { files, ...more } }
    const { status, json, text } = await portal.api('/try', options)
    assert.equal(status, 200, text)
    return json
  }
  const kept = { 'policy/names.lua': 'return { words = { "intranet" } }' }

  test('that changes nothing is said to change nothing', async () => {
    const { replay } = await tried(kept)
    assert.deepEqual(replay,
      { decisions: 8, changed: 0, changes: [], names: [], templates: [], faults: [] })
  })

  test('is tried on past decisions: those that change, with both rules', async () => {
    const { replay } = await tried({
      ...kept,
      'policy/access.lua': `return { rules = { { name = "no_large", before = "mode",
        decide = function(who, action, what)
          if action == "deploy" and what.name:find "large" then return false, "too_large" end
          if action == "delete" then return who.id ~= what.owner_id, "not_theirs" end
        end } } }`,
    })
    const shown = replay.changes.map(({ action, name, before, after }) =>
      [action, name, before.result, before.rule, after.result, after.rule])
    assert.equal(replay.changed, 3)
    assert.deepEqual(shown, [
      ['delete', 'five', 'yes', 'owner', 'not_theirs', 'no_large'],
      ['deploy', 'three-large', 'yes', 'mode', 'too_large', 'no_large'],
      ['deploy', 'two-large', 'yes', 'mode', 'too_large', 'no_large'],
    ])
    assert.equal(replay.changes[0].who.kind, 'owner')
  })

  test('is tried on names that exist, and on names that were refused', async () => {
    const { replay } = await tried({ 'policy/names.lua': 'return { prefixes = { "project-" } }' })
    assert.deepEqual(replay.names, [{ name: 'project-x', code: 'name_reserved' }])
    const shown = replay.changes.map(({ name, before, after }) =>
      [name, before.result, after.result])
    assert.deepEqual(shown,
      [['intranet', 'name_reserved', 'yes'], ['project-x', 'yes', 'name_reserved']])
  })

  test('whose rules fail is shown with their lines', async () => {
    const { replay } = await tried({
      ...kept, 'policy/access.lua': `return { rules = { { name = "broken", before = "mode",
        decide = function(who) return who.none.at_all end } } }`,
    })
    assert.equal(replay.changed, 7) // six deploys and a delete
    assert.deepEqual(replay.faults.map(({ where, count }) => [where, count]),
      [['site/policy/access.lua:2', 7]])
  })

  test('that does not load or hangs is refused, with the reason', async () => {
    const broken = await tried({ 'policy/access.lua': 'return { rules = ' })
    assert.equal(broken.code, 'site_invalid')
    assert.match(broken.message, /site\/policy\/access\.lua:1:/)
  })

  test('is rehearsed: deployments, failures that were removed again, and steps', async () => {
    const { rehearsal } = await tried({
      ...kept, 'steps/fail_some.lua': `return { after = "settings", deadline = 5, expect = 1,
        title = { en = "Failing", nl = "Mislukken", ar = "فشل" },
        run = function(ctx) if ctx.name:find "[24]$" then return nil, "no", "no_luck" end
          return true end }`,
    }, { deploy: 5 })
    const { deployments, ready, failed, leftovers, refused, unfinished, steps } = rehearsal
    assert.deepEqual({ deployments, ready, failed, leftovers, refused, unfinished },
      { deployments: 5, ready: 3, failed: 2, leftovers: 0, refused: 0, unfinished: 0 })
    const byName = Object.fromEntries(steps.map((step) => [step.step, step]))
    assert.equal(byName.project.count, 5)
    assert.equal(byName.health.count, 3)
    const broken = (await tried(kept, { deploy: 4, faults: 0.1 })).rehearsal
    assert.equal(broken.ready + broken.failed + broken.leftovers, 4, JSON.stringify(broken))
    assert.deepEqual([rehearsal.faults, broken.faults > 0], [0, true])
  })

  test('is rehearsed with what its template requires', async () => {
    const template = (pattern) => ({ ...kept, 'policy/templates.lua': `return {
      { id = "default", parameters = {
        { id = "centre", required = true, pattern = "^%u%d$", example = "A1" },
        { id = "size", kind = "choice", required = true, choices = { "small", "large" } },
        { id = "seats", kind = "number", required = true, min = 3 },
        { id = "shared", kind = "flag", required = true },
        { id = "name", required = true, ${pattern} },
        { id = "other", pattern = "^%d$" },
      } } }` })
    // the names follow the example of the candidate's rule
    const names = { 'policy/names.lua': `return {
      check = function(name) return name:find "^law%-" ~= nil, "no_faculty" end,
      examples = { { "yes", "law-anna" } },
    }` }
    const { rehearsal } = await tried({ ...template(''), ...names }, { deploy: 2 })
    assert.deepEqual([rehearsal.ready, rehearsal.reasons], [2, {}])
    const { rehearsal: refused } = await tried(template('pattern = "^%d$"'), { deploy: 2 })
    assert.deepEqual([refused.refused, refused.reasons],
      [2, { 'value_invalid parameters.name': 2 }])
  })

  test('deployer eval and console answer with the files on the disk and the journal', () => {
    const { DATA_DIR } = portal.env
    const run = (args, input = '') => {
      const { status, stdout } = spawnSync(DEPLOYER, ['--root', tree.root, ...args],
        { env: { PATH: process.env.PATH, DATA_DIR, ...site.env }, input, encoding: 'utf8' })
      return [status, stdout.trim().split('\n')]
    }
    const [status, rules] = run(['eval', 'explain("visitor", "deploy", { mode = "closed" })'])
    assert.equal(status, 0)
    assert.deepEqual(rules.at(-1).split(/ +/), ['mode', 'access_closed'])
    assert.deepEqual(run(['eval', 'check_name "intranet"']), [0, ['"name_reserved"']])
    assert.deepEqual(run(['eval', 'query("SELECT state FROM stacks WHERE name = ?", "one")[1]']),
      [0, ['{ state = "ready" }']])
    assert.deepEqual(run(['eval', 'load("x")'])[0], 1)
    assert.deepEqual(run(['eval', 'local one = 1; return one + 1']), [0, ['2']])
    assert.match(run(['eval', 'foo('])[1][0], /^error: console:1: unexpected symbol/)
    assert.deepEqual(run(['eval', 'explain("visitr", "deploy")']), [1, ['error: WHO: there is no '
      + 'kind "visitr" (known: admin, owner, token, user, visitor)']])
    const lines = '1 + 1\n\nerror "no"\nconfig.stack.suffix\n'
    assert.deepEqual(run(['console'], lines), [0, ['2', 'error: console:1: no', '"localhost"']])
  })

  test('Ctrl-C ends deployer console', async () => {
    const child = spawn(DEPLOYER, ['--root', tree.root, 'console'],
      { env: { PATH: process.env.PATH, DATA_DIR: portal.env.DATA_DIR, ...site.env } })
    child.stdin.write('1 + 1\n')
    assert.equal(String((await once(child.stdout, 'data'))[0]), '2\n')
    child.kill('SIGINT')
    assert.deepEqual(await once(child, 'exit'), [130, null])
  })

  test('keeps nothing that identifies a person', async () => {
    const { stacks } = (await portal.api('/api/stacks')).json ?? {}
    assert.ok(!stacks)
    const { replay } = await tried({ 'policy/access.lua': `return { rules = {
      { name = "none", before = "mode", decide = function() return false, "none" end } } }` })
    for (const { who } of replay.changes) {
      assert.ok(!('email' in who) && !('name' in who))
      assert.ok(who.id === undefined || /^[\w-]{20}$/.test(who.id))
    }
  })

  test('a rehearsal ends with the portal', async () => {
    const { pid } = portal.child
    const children = () => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
    const cut = tried(kept, { deploy: 100 }).catch(() => 'cut')
    const started = await until(() => children().split(' ').length === 2 && children(), 'it began')
    await portal.kill9()
    assert.equal(await cut, 'cut')
    // A process that ended stays in /proc until its new parent notices.
    const runs = (it) => existsSync(`/proc/${it}/stat`)
      && !readFileSync(`/proc/${it}/stat`, 'utf8').includes(') Z ')
    await until(() => !started.split(' ').some(runs), 'it is over')
    await portal.restart()
  })
})
