// Mistakes in an installation's own files, none of which is silently in force: one that shows when
// the files are loaded is refused, with its place and its cure; one that shows only while they run
// refuses safely, is counted by its place, and everything else goes on.
import { after, describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMIN, until, useWorld } from '../http/harness.mjs'
import { settableClock, skip as noClock } from '../http/clock.mjs'
import { logIn } from '../http/admin.mjs'
import { Receiver, WEBHOOK_SECRET } from '../http/receiver.mjs'
import { siteOf } from '../http/site.mjs'

const NOTICE = 'locales/en.json'
const notice = (text) => JSON.stringify({ 'own.notice': text })
// A folder that changes is looked at only when the test says so.
const edits = { 'config.lua': (text) => text.replace('watch = nil', 'watch = false') }
const asAdmin = { key: ADMIN }
const list = (...items) => `return {\n  ${items.join('\n  ')}\n}\n`
// A rule or a name check whose body is on line 3; the same for steps, hooks, schedules and routes.
const rule = (body, place = 'before = "mode"') => `return { rules = { { name = "ours", ${place},
  decide = function(who, action, what)
    ${body}
  end } } }
`
const nameCheck = (body) => `return {
  check = function(name, who)
    ${body}
  end }
`
const step = (body, more = '') => `return { after = "settings", deadline = 5, ${more}
  run = function(ctx)
    ${body}
  end }
`
const hook = (body) => `return { on = { "ready" }, deadline = 2,
  run = function(event, portal)
    ${body}
  end }
`
const route = (body) => `return { { "GET", "/api/own",
  function(req, values, who, portal)
    ${body}
  end } }
`
const texts = '{ en = "Own", nl = "Eigen", ar = "خاص" }'

const clientOf = (portal) => ({
  async put(files) {
    return portal.api('/api/admin/site', { method: 'PUT', json: { files }, ...asAdmin })
  },
  async degraded(code, options) {
    const { degraded } = (await portal.api('/health', options)).json
    return degraded.find((item) => item.code === code)
  },
  // Whether the admin page Scripts shows each text.
  async shows(...texts) {
    this.admin ??= await logIn(portal)
    const page = (await this.admin.get('/admin/scripts')).text
    for (const text of texts) assert.ok(page.includes(text), `the page shows ${text}`)
  },
  async isNoticed(text) {
    return (await portal.api('/', { headers: { accept: 'text/html' } })).text.includes(text)
  },
})

// [mistake, files, the place of the message, the message and its cure]
const atLoad = [
  ['a syntax error', { 'policy/names.lua': 'return {\n  words = { "x" }\n  prefixes = {} }' },
    'site/policy/names.lua:3', /'}' expected .*near 'prefixes'/],
  ['a misspelt key of names', { 'policy/names.lua': 'return { wrods = { "x" } }' },
    'site/policy/names.lua', /wrods: unknown key \(known here: check, .*words\)/],
  ['a misspelt key of a step', { 'steps/own.lua': step('return true', 'runn = 1,') },
    'site/steps/own.lua', /runn: unknown key \(known here: .*run, /],
  ['a misspelt key of a route', {
    'routes/own.lua': list('{ "GET", "/x", function() end, sum = 1 }'),
  }, 'site/routes/own.lua', /GET \/x: unknown key sum in its declaration/],
  ['a unit that there is not', { 'policy/templates.lua': list('{ id = "x", memory = "8 GiBB" }') },
    'site/policy/templates.lua', /\[1\]\.memory: invalid value "8 GiBB" \(write a size .*"2 GiB"/],
  ['a negative quota', { 'policy/limits.lua': 'return { quotas = { owner = -1 } }' },
    'site/policy/limits.lua', /quotas\.owner: invalid value "-1" \(write a whole number from 0/],
  ['an unknown rule as neighbour', { 'policy/access.lua': rule('', 'before = "modes"') },
    'site/policy/access.lua', /rules\[1\]\.before: there is no rule "modes" \(known: .*mode/],
  ['two rules of one name', { 'policy/access.lua': rule('').replace('ours', 'mode') },
    'site/policy/access.lua', /rules\[1\]\.name: there is a rule "mode" already \(give it another/],
  ['a step without run or make', { 'steps/own.lua': 'return { after = "settings" }' },
    'site/steps/own.lua', /needs either run, or kind, make and find/],
  ['steps in a circle', {
    'steps/one.lua': step('return true').replace('settings', 'two'),
    'steps/two.lua': step('return true').replace('settings', 'one'),
  }, 'site/steps/one.lua', /after: "two" waits for one, two in turn \(one of them must name/],
  ['an example that does not hold', {
    'policy/names.lua': 'return { prefixes = { "lab-" }, examples = { { "yes", "lab-1" } } }',
  }, 'site/policy/names.lua', /example 1: \("lab-1"\) gives "name_reserved".*\(fix the rule, or/],
  ['a test that fails', {
    'tests/own.lua': 'return { adds = function()\n  assert(1 + 1 == 3, "not three")\nend }',
  }, 'site/tests/own.lua', /adds: site\/tests\/own\.lua:2: not three/],
  ['a faulty pattern', { 'policy/names.lua': 'return { patterns = { "^[a-z" } }' },
    'site/policy/names.lua', /patterns\[1\]: "\^\[a-z" is not a Lua pattern: a \[ without its \]/],
  ['an undeclared name', {
    'hooks/own.lua': 'local x = 1\nreturn { on = { "ready" }, run = wlcome }',
  }, 'site/hooks/own.lua:2', /undeclared name "wlcome" \(misspelt, or a missing local/],
  ['a text that lacks a language', {
    'policy/templates.lua': list('{ id = "x", title = { en = "Own", nl = "Eigen" } }'),
  }, 'site/policy/templates.lua', /\[1\]\.title: has no text in the language ar \(write ar = /],
  ['a number as a text', { 'locales/nl.json': '{ "page.title": 3 }' },
    'site/locales/nl.json', /page\.title: is not a text \(write it in quotes\)/],
  ['an unknown event', { 'hooks/own.lua': hook('').replace('ready', 'redy') },
    'site/hooks/own.lua', /on\[1\]: invalid value "redy" \(write .*"ready"/],
  ['a time that there is not', {
    'policy/schedule.lua': list('{ name = "x", cron = "0 25 * * *", run = function() end }'),
  }, 'site/policy/schedule.lua', /\[1\]\.cron: hour: "25" is not from 0 to 23/],
  ['a route of the portal', {
    'routes/own.lua': route('').replace('/api/own', '/api/stack/:other'),
  }, 'site/routes/own.lua', /GET \/api\/stack\/:other is a route of the portal already/],
  ['a route that would be open to anyone', {
    'routes/own.lua': list('{ "GET", "/x", function() end, access = "admin" }'),
  }, 'site/routes/own.lua', /\[1\]: allow is missing: .*\(write allow = .*"oversee" for admins\)/],
  ['a date that never comes', {
    'policy/schedule.lua': list('{ name = "x", cron = "0 0 31 2 *", run = function() end }'),
  }, 'site/policy/schedule.lua', /\[1\]\.cron: "0 0 31 2 \*" is a date that never comes/],
  ['a placeholder that nothing fills in', { 'locales/nl.json': '{ "page.title": "{nam}" }' },
    'site/locales/nl.json', /page\.title: nothing is filled in for \{nam\} \(the product's text/],
  ['an unknown key of config.lua, and a file that nothing reads', {
    'config.lua': 'return { prot = 3000 }', 'policy/name.lua': 'return {}',
  }, 'site/config.lua', /prot: unknown key \(known here: .*port/],
  ['a loop without an end', { 'lib/own.lua': 'local i = 0\nwhile true do i = i + 1 end' },
    'site/lib/own.lua:2', /the script ran longer than 1000 ms without waiting/],
  ['too much memory', { 'lib/own.lua': 'return { ("x"):rep(1 << 30) }' },
    'site/lib/own.lua', /not enough memory/],
  ['a webhook without a secret', {
    'config.lua': 'return { webhooks = { { url = "https://crm.example.com/x" } } }',
  }, 'site/config.lua', /webhooks\[1\]\.secret: is missing \(write secret "WEBHOOK_SECRET"\)/],
]

describe(`${atLoad.length} mistakes that show when the files are loaded`, () => {
  const site = siteOf({ [NOTICE]: notice('as before') })
  const { portal } = useWorld({ env: site.env, edits })
  const client = clientOf(portal)

  for (const [mistake, files, place, message] of atLoad) {
    test(mistake, async (t) => {
      portal.expect(/scripts\.rejected/)
      const { number } = (await portal.api('/api/admin/site', asAdmin)).json
      const [file, line = '0'] = place.split(':')
      const isIt = (problem) => {
        assert.deepEqual([problem.file, String(problem.line)], [file, line], problem.message)
        assert.match(problem.message, message)
      }

      const pushed = await client.put({ ...files, [NOTICE]: notice(mistake) })
      assert.deepEqual([pushed.status, pushed.json.code], [422, 'site_invalid'], pushed.text)
      isIt(pushed.json.problems[0])

      const from = portal.log.length
      for (const [path, text] of Object.entries(files)) site.write(path, text)
      site.write(NOTICE, notice(mistake))
      t.after(() => {
        site.write(NOTICE, notice('as before'))
        for (const path of Object.keys(files)) site.remove(path)
      })
      const checked = site.check()
      assert.equal(checked.status, 1, checked.text)
      assert.match(checked.text, message)
      const places = checked.text.split('\n').filter((said) => said.startsWith(`${place}: `))
      assert.equal(places.length, 1, `once, with its place:\n${checked.text}`)

      portal.child.kill('SIGHUP')
      const isRejected = ({ event }) => event === 'scripts.rejected'
      isIt(await portal.logged(isRejected, 'the edit is rejected', { from }))
      isIt(await client.degraded('edit_rejected', asAdmin))
      isIt((await portal.api('/api/admin/site', asAdmin)).json.problems[0])
      await client.shows(file)
      const seen = await client.degraded('edit_rejected')
      assert.deepEqual([seen.file, seen.message], [file, undefined])

      assert.equal(await client.isNoticed('as before'), true, 'nothing of it is in force')
      const now = (await portal.api('/api/admin/site', asAdmin)).json
      assert.deepEqual([now.number, now.files], [number, { [NOTICE]: notice('as before') }])
    })
  }

  test('all is well once they are corrected', async () => {
    await portal.reload()
    assert.equal(await client.degraded('edit_rejected'), undefined)
  })
})


// What a mistake does to the deployment of NAME, or to a request.
const isSentence = (text) => assert.match(text, /^[A-Z].*\.$/)
const refused = (status = 503, code = 'policy_failed') => async ({ portal, name }) => {
  const { status: given, json } = await portal.deploy(name)
  assert.deepEqual([given, json.code], [status, code])
  isSentence(json.detail)
}
const failed = (code, leftovers = 0) => async ({ portal, rehearsal, name }) => {
  if (code === 'image_not_found') await rehearsal.faults({ at: 'deploy', kind: code, name })
  const { last } = await portal.finish(await portal.deploy(name), 'failed')
  const { rolledBack, detail } = last.data
  assert.deepEqual([last.data.code, last.data.leftovers.length, rolledBack],
    [code, leftovers, leftovers === 0])
  isSentence(detail)
  assert.doesNotMatch(JSON.stringify(last), /\bnil\b|traceback/)
  if (leftovers === 0) await rehearsal.holdsNothing(name)
}
const ready = async ({ portal, name }) => { await portal.ready(name) }
const asked = async ({ portal }) => {
  const { status, json } = await portal.api('/api/own')
  assert.deepEqual([status, json.code], [500, 'internal'])
  isSentence(json.detail)
}

const ACCESS = 'policy/access.lua', NAMES = 'policy/names.lua', STEP = 'steps/own.lua'
const HOOK = 'hooks/own.lua', ROUTE = 'routes/own.lua', SCHEDULE = 'policy/schedule.lua'
const only = (body) => rule(`if what.name == NAME then ${body} end`)
const stepOf = (body) => step(`if ctx.name == NAME then ${body} end return true`)
const hookOf = (body) => hook(`if event.workspace.name == NAME then ${body} end`)
const undoing = (body) => `return { after = "settings", kind = "seat", deadline = 5,
  make = function(ctx) return { id = ctx.name } end, find = function() return false end,
  undo = function(ctx, resource)
    ${body}
  end }
`

// [mistake, file, text, what happens, place]: the place after site/FILE.
const atRunTime = [
  ['a rule that raises for some', ACCESS, only('return who.none.at_all'), refused(), ':3'],
  ['a rule that returns a number', ACCESS, only('return 5'), refused(), ': rule "ours"'],
  ['a code that is none', ACCESS, only('return false, "Too late!"'), refused(), ': rule "ours"'],
  ['a misspelt name', ACCESS, only('return wo.kind == "user"'), refused(), ':3'],
  ['a rule that loops', ACCESS, only('while true do end'), refused(), ':3'],
  ['a rule that takes a gigabyte', ACCESS, only('return ("x"):rep(1 << 30)'), refused(),
    ': rule "ours"'],
  ['an error inside table.sort', ACCESS,
    only('table.sort({ 3, 1, 2 }, function(a, b) return a.x.y end)'), refused(), ':3'],
  ['a name check that indexes nil', NAMES,
    nameCheck('if name == NAME then return who.none.at_all end'), refused(), ':3'],
  ['an error inside gsub', NAMES,
    nameCheck('if name == NAME then name:gsub(".", function(c) return c .. nil end) end'),
    refused(), ':3'],
  ['a code without a text', NAMES, nameCheck('if name == NAME then return false, "own_code" end'),
    refused(403, 'own_code')],
  ['a step that returns nothing', STEP, step('if ctx.name ~= NAME then return true end'),
    failed('script_error'), ''],
  ['a step that never returns', STEP, stepOf('ctx:sleep(1e6)'), failed('step_timeout'), ''],
  ['a step that raises', STEP, stepOf('error "a bug"'), failed('script_error'), ':3'],
  ['a step that calls what there is not', STEP,
    stepOf('return ctx.dokploy:call("aplication.update", {})'), failed('dokploy_error'), ''],
  ['an undo that raises', STEP, undoing('if ctx.name == NAME then error "not today" end return 1'),
    failed('image_not_found', 1), ':4'],
  ['a hook that raises', HOOK, hookOf('event.none.at_all = 1'), ready, ':3'],
  ['a hook that never returns', HOOK, hookOf('require("core.task").sleep(1e6)'), ready, ''],
  ['a route that raises', ROUTE, route('return values.none.at_all'), asked, ':3'],
  ['a route that loops', ROUTE, route('while true do end'), asked, ':3'],
  ['a route that returns nonsense', ROUTE, route('return print'), asked, 'handler /api/own'],
]

const receiver = await new Receiver().start()
receiver.answer = () => undefined
const webhook = `return { webhooks = {
  { url = "${receiver.url}", secret = secret "WEBHOOK_SECRET" } } }`
const unheard = async ({ portal, name }) => {
  await portal.ready(name)
  await until(async () => {
    const { entries } = (await portal.api('/api/admin/outbox', asAdmin)).json
    return entries.some((entry) => entry.name === name && entry.target.startsWith('webhooks/')
      && entry.error)
  }, 'the failed delivery is listed')
}
atRunTime.push(['a webhook that hangs', 'config.lua', webhook, unheard])

const clock = settableClock()
const nightly = `return { { name = "nightly", cron = "* * * * *", run = function(portal)
  local count
  return count + 1 end } }
`
const aMinuteLater = () => clock.set(61)
if (!noClock) atRunTime.push(['a schedule that raises', SCHEDULE, nightly, aMinuteLater, ':3'])

describe(`${atRunTime.length} mistakes that show while the scripts run`, () => {
  const { portal, rehearsal } = useWorld({
    env: { ...clock.env, ...siteOf().env, WEBHOOK_SECRET }, speed: 500, edits,
  })
  const client = clientOf(portal)
  after(() => receiver.stop())
  const faults = async () => (await portal.api('/api/admin/faults', asAdmin)).json.faults

  for (const [index, [mistake, file, text, act, place]] of atRunTime.entries()) {
    test(mistake, async () => {
      portal.expect(/policy\.failed|http\.handler_|task\.(failed|stopped)/)
      const name = `mistake-${index}`
      const where = place?.startsWith('handler') ? place : `site/${file}${place}`
      const countOf = (list) => list.find((fault) => fault.where === where)?.count ?? 0
      const pushed = await client.put({ [file]: text.replaceAll('NAME', `"${name}"`) })
      assert.equal(pushed.status, 200, pushed.text)
      const before = countOf(await faults())

      await act({ portal, rehearsal, name })
      await portal.ready(`fine-${index}`)
      if (place !== undefined) {
        const list = await until(async () => {
          const now = await faults()
          return countOf(now) > before && now
        }, `${where} is counted`)
        const fault = list.find((each) => each.where === where)
        assert.ok(fault.message.length > 10, fault.message)
        if (place !== ': rule "ours"') await client.shows(where)
        const { places, detail } = await client.degraded('script_faults')
        assert.ok(places.some((each) => each.where === where), `${where}: ${detail}`)
        assert.ok(!JSON.stringify({ places, detail }).includes(fault.message), 'no source text')
      }
    })
  }
})
