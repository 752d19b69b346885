// Rules and names of an installation's own (site/policy): what they decide, what becomes of those
// that fail, and what the log of decisions keeps.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMIN, seconds, until, useWorld } from './harness.mjs'
import { siteOf } from './site.mjs'

const admin = { key: ADMIN }
const proxied = (user, groups = '') => ({
  headers: { 'remote-user': user, 'remote-groups': groups, 'remote-email': `${user}@Example.com` },
})

const access = `return {
  rules = {
    { name = "opening_hours", before = "mode", decide = function(who, action, what)
      if action ~= "deploy" then return nil end
      if what.name == "at-night" then
        return false, { code = "too_late", status = 423, retry_after = 60,
          text = { en = "Closed at night.", nl = "Dicht.", ar = "مغلق." } }
      end
      if what.name == "in-vain" then return false, "in_vain" end
      if what.name == "failing" then return what.nothing.at_all end
      if what.name == "wrong" then return 5 end
      if what.name == "looping" then while true do end end
      if what.name == "for-staff" then return who.groups.staff or false, "staff_only" end
      if what.name == "for-example" then
        return who.email ~= nil and who.email:find "@example%.com$" ~= nil, "example_only"
      end
      if what.name == "counted" then
        return what.stacks.total >= 0 and what.quotas.owner == nil and what.template == "default"
          and what.now.weekday <= 7 and what.now.zone == "UTC", "not_counted"
      end
    end },
  },
  examples = {
    { "too_late", { kind = "visitor" }, "deploy", { name = "at-night" } },
    { "yes", { kind = "user", groups = { "staff" } }, "deploy", { name = "for-staff" } },
  },
}
`
const names = `return {
  prefixes = { "project-" },
  check = function(name, who)
    if name:find "^team" and who.kind == "visitor" then
      return false, { code = "team_only", text = { en = "For members." } }
    end
    if name == "bad-check" then error "no" end
  end,
}
`

describe('an installation', () => {
  const site = siteOf({ 'policy/access.lua': access, 'policy/names.lua': names })
  const { portal } = useWorld({
    env: {
      ...site.env, ACCESS: 'forward-auth', TRUSTED_PROXIES: '127.0.0.1',
    },
  })
  const refused = async (name, options) => {
    const { status, json } = await portal.deploy(name, options)
    return [status, json.code]
  }
  const health = async (code) =>
    (await portal.api('/health')).json.degraded.find((item) => item.code === code)

  test('refuses with a code, status and text of its own', async () => {
    const anna = proxied('anna')
    const answer = await portal.deploy('at-night', anna)
    assert.deepEqual([answer.status, answer.json.code, answer.json.detail],
      [423, 'too_late', 'Closed at night.'])
    assert.equal(answer.headers['retry-after'], '60')
    const dutch = await portal.deploy('at-night',
      { headers: { ...anna.headers, 'accept-language': 'nl' } })
    assert.equal(dutch.json.detail, 'Dicht.')
    assert.deepEqual(await refused('in-vain', anna), [403, 'in_vain'])
    const { entries } = (await portal.api('/api/audit?limit=1', admin)).json
    assert.deepEqual([entries[0].rule, entries[0].allowed], ['opening_hours', false])
  })

  test("decides by the proxy's groups and e-mail address, and by what is counted", async () => {
    assert.deepEqual(await refused('for-staff', proxied('anna', 'students')), [403, 'staff_only'])
    await portal.ready('for-staff', proxied('bob', 'dev, staff'))
    await portal.ready('for-example', proxied('anna'))
    await portal.ready('counted', proxied('carl'))
  })

  test('refuses names by prefix and by its check, which knows the person', async () => {
    const reserved = await portal.check('project-x')
    assert.deepEqual([reserved.json.available, reserved.json.code], [false, 'name_reserved'])
    const visitor = await portal.check('team-red')
    assert.deepEqual([visitor.json.code, visitor.json.detail], ['team_only', 'For members.'])
    assert.equal((await portal.check('team-red', proxied('anna'))).json.available, true)
    assert.deepEqual(await refused('project-x', proxied('anna')), [422, 'name_reserved'])
  })

  test('is refused safely where its scripts fail, and /health has the places', async () => {
    portal.expect(/policy\.failed|task\.stopped|http\.handler_stopped/)
    assert.deepEqual(await refused('failing', proxied('anna')), [503, 'policy_failed'])
    assert.deepEqual(await refused('wrong', proxied('anna')), [503, 'policy_failed'])
    assert.equal((await portal.check('bad-check')).json.code, 'policy_failed')
    const { places, detail } = await health('script_faults')
    const wheres = places.map(({ where }) => where)
    assert.deepEqual(wheres.sort(), [
      'site/policy/access.lua: rule "opening_hours"', 'site/policy/access.lua:10',
      'site/policy/names.lua:7',
    ])
    assert.ok(!/nothing|at_all/.test(JSON.stringify({ places, detail })), 'no source text')
  })

  test('stops a rule that never ends, refuses, and names its line', async () => {
    assert.deepEqual(await refused('in-vain', proxied('anna')), [403, 'in_vain']) // it works
    assert.deepEqual(await refused('looping', proxied('anna')), [503, 'policy_failed'])
    const { places } = await health('script_faults')
    const counts = Object.fromEntries(places.map(({ where, count }) => [where, count]))
    assert.equal(counts['site/policy/access.lua:12'], 1)
    assert.equal(counts['/api/deploy'], undefined)
    assert.deepEqual(await refused('in-vain', proxied('anna')), [403, 'in_vain'])
  })
})

describe('a handler', () => {
  const site = siteOf({
    'routes/broken.lua': `return {
  { "GET", "/api/raises", function(req) return { text = req.query.name .. nil } end,
    summary = "It raises", answers = { [200] = "A text" } },
  { "GET", "/api/loops", function() while true do end end,
    summary = "It never ends", answers = { [200] = "A text" } },
}
`,
  })
  const { portal } = useWorld({ env: site.env })

  test('that raises or never ends is named in /health, also after a reload', async () => {
    portal.expect(/http\.handler_(failed|stopped)/)
    for (const path of ['/api/raises?name=a', '/api/raises', '/api/loops']) {
      assert.equal((await portal.api(path)).status, 500)
    }
    const places = async () => (await portal.api('/health')).json.degraded
      .find(({ code }) => code === 'script_faults').places
      .map(({ where, count }) => [where, count]).sort()
    const expected = [['site/routes/broken.lua:2', 2], ['site/routes/broken.lua:4', 1]]
    assert.deepEqual(await places(), expected)
    await portal.reload(() => site.write('config.lua', 'return {}'))
    assert.deepEqual(await places(), expected)
  })
})

describe('a rule that fails again and again', () => {
  const rule = (body) => `return { rules = {
    { name = "ours", before = "mode", decide = function(who, action, what) ${body} end } } }`
  const site = siteOf({
    'policy/access.lua': rule('if what.name == "no-way" then return false, "no_way" end'),
  })
  const { portal } = useWorld({ env: site.env })

  test('is left for the version before it, and everyone who should know does', async () => {
    portal.expect(/policy\.failed|site\.left|scripts\.rejected/)
    const failing = rule('if what.name == "berta" then return who.none.at_all end')
    await portal.reload(() => site.write('policy/access.lua', failing))
    assert.equal((await portal.deploy('berta')).json.code, 'policy_failed')
    await portal.deploy('berta')
    await portal.deploy('berta')
    const left = await portal.logged(({ event }) => event === 'site.left', 'it is left')
    assert.match(left.reason, /^site\/policy\/access\.lua: rule "ours" failed several times/)
    const answer = await until(async () => {
      const refused = await portal.deploy('no-way')
      return refused.status === 403 && refused
    }, 'the version before it is in force')
    assert.equal(answer.json.code, 'no_way')
    const { degraded } = (await portal.api('/health', admin)).json
    const codes = degraded.map(({ code }) => code)
    assert.deepEqual(codes.sort(), ['edit_rejected', 'script_faults'])
    const { entries } = (await portal.api('/api/audit?action=leave_version', admin)).json
    assert.deepEqual([entries.length, entries[0].who], [1, 'script'])
    await portal.kill9()
    await portal.restart()
    assert.equal((await portal.deploy('no-way')).json.code, 'no_way', 'also after a restart')
    await portal.ready('berta')
  })

  test('is left as well where it never ends', async () => {
    portal.expect(/http\.handler_stopped/)
    await portal.reload(() => site.write('policy/access.lua',
      rule('if what.name == "carla" then while true do end end')))
    const from = portal.log.length
    const isLeft = ({ event }) => event === 'site.left'
    await until(async () => { // a reload that was still under way begins the count again
      const { status, json } = await portal.deploy('carla')
      assert.ok(status === 202 || json.code === 'policy_failed', json.code)
      return portal.log.slice(from).some(isLeft)
    }, 'it is left')
    await until(async () => (await portal.deploy('no-way')).status === 403, 'the last one is back')
  })

  test('is left at once where it ends the portal in a library function', async () => {
    portal.expect(/portal\.stuck/)
    await portal.reload(() => site.write('policy/access.lua', rule(`
      if what.name == "dora" then return ("a"):rep(400):find(".-.-.-.-.-.-b") end`)))
    const request = portal.post('/api/deploy', { name: 'dora' }, { timeout: seconds(40) })
    await assert.rejects(request, /ECONNRESET|socket hang up/)
    assert.deepEqual(await portal.gone, { code: 70, signal: null })
    for (const start of ['first', 'second']) {
      await portal.restart()
      assert.equal((await portal.deploy('no-way')).json.code, 'no_way', start)
      const { degraded } = (await portal.api('/health', admin)).json
      assert.deepEqual(degraded.map(({ code }) => code), ['edit_rejected'])
      await portal.kill9()
    }
    await portal.restart()
    await portal.ready('dora')
    const { entries } = (await portal.api('/api/audit?action=leave_version', admin)).json
    assert.equal(entries.filter(({ rule: why }) => why === 'stuck').length, 1)
  })

  test('is in force again once it is corrected, and its mistakes are forgotten', async () => {
    const corrected = rule('if what.name == "other" then return false, "other" end')
    await portal.reload(() => site.write('policy/access.lua', corrected))
    assert.equal((await portal.deploy('other')).json.code, 'other')
    const codes = (await portal.api('/health')).json.degraded.map(({ code }) => code)
    assert.deepEqual(codes, [])
  })

  test('is not left where another version is in force by then', async () => {
    const failing = `
      local site, task = require "lib.base.site", require "core.task"
      return { { "GET", "/own/fail", function()
        local number = site.number()
        while site.number() == number do task.sleep(0.05) end
        local streak = require("lib.site.faults").streak()
        for _ = 1, 3 do streak:add "too late" end
        return { json = { number = number } }
      end } }`
    const routes = async () => (await portal.api('/api/openapi.json')).json.paths
    site.write('routes/fail.lua', failing)
    await until(async () => (await routes())['/own/fail'], 'its route is there')
    const late = portal.api('/own/fail')
    site.remove('routes/fail.lua')
    const { number } = (await late).json
    assert.equal((await portal.api('/api/admin/site', admin)).json.number, number + 1)
  })
})

test('--check finds what is wrong with rules and names, and says what to do', () => {
  const cases = {
    'return { rules = { { name = "x", before = "modes", decide = function() end } } }':
      /site\/policy\/access\.lua: rules\[1\]\.before: there is no rule "modes" \(known: /,
    'return { rules = { { name = "mode", after = "mode", decide = function() end } } }':
      /rules\[1\]\.name: there is a rule "mode" already/,
    'return { rules = { { name = "x", after = "mode", decide = true } } }':
      /rules\[1\]\.decide: invalid value "true" \(write a function\)/,
    'return { examples = { { "no", { kind = "visitor" }, "deploy" } } }':
      /site\/policy\/access\.lua: example 1: .* gives "yes"; the example says "no"/,
    'return { examples = { { "yes", { kind = "admin" }, "deploy" } },\n  rules = {':
      /site\/policy\/access\.lua:2:/,
  }
  for (const [text, message] of Object.entries(cases)) {
    const { status, text: said } = siteOf({ 'policy/access.lua': text }).check()
    assert.notEqual(status, 0, text)
    assert.match(said, message)
    assert.equal(said.match(new RegExp(message, 'g')).length, 1, `once:\n${said}`)
  }
})
