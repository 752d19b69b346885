// Steps of an installation: in their place, undone when the deployment fails, when the workspace is
// deleted and after a crash; and what a mistake in one does.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMIN, LANGUAGES, inOrder, inWorld, until } from './harness.mjs'
import { siteOf, zone } from './site.mjs'

// Notes what it made by other means, and says in the log when it is undone.
const seat = (more = '') => `
return {
  after = "domain",
  run = function(ctx)
    ctx:log("owner " .. ctx.owner.kind .. " " .. ctx.owner.id)
    ${more}
    return ctx:record("seat", "seat-of-" .. ctx.name, { floor = 3 })
  end,
  undo = function(ctx, resource)
    ctx:log("freed " .. resource.kind .. " " .. resource.id .. " on " .. resource.data.floor)
    return true
  end,
}
`
const broken = { at: 'deploy', kind: 'deploy_error', times: 0 }
const world = (site, more) => ({ speed: 50, env: site.env, ...more })
const zones = async ({ rehearsal }) =>
  (await rehearsal.state()).projects.filter(({ name }) => name.startsWith('zone-'))
const lines = (events) =>
  events.filter(({ event }) => event === 'log').map(({ data }) => data.line)
const begins = (step, state = 'running') => ({ event, data }) =>
  event === 'progress' && data.step === step && data.state === state
const isEnd = ({ event }) => event === 'operation.ended'
const isFree = async (portal, name) => (await portal.check(name)).json.available

async function isGone({ portal, rehearsal }, name) {
  assert.deepEqual(await zones({ rehearsal }), [])
  await rehearsal.holdsNothing(name)
  assert.equal(await isFree(portal, name), true, 'the name is free')
  const { leftovers } = (await portal.api('/api/admin/leftovers', { key: ADMIN })).json
  assert.deepEqual(leftovers, [])
}

describe('a step of an installation', () => {
  test('is in its place, has its title in every language, and knows the owner',
    inWorld(world(siteOf({ 'steps/zone.lua': zone, 'steps/seat.lua': seat() })), async (it) => {
      const { portal } = it
      const answer = await portal.deploy('anna')
      const { events, key } = await portal.finish(answer, 'ready')
      inOrder(events)
      const order = events.filter(({ data }) => data.state === 'done').map(({ data }) => data.step)
      assert.deepEqual(order, ['project', 'application', 'settings', 'zone', 'domain', 'seat',
        'deploy', 'outcome', 'health'])
      const titles = []
      for (const language of LANGUAGES) {
        const { steps } = (await portal.status(answer.json.statusUrl, { language })).json
        titles.push(steps.find(({ step }) => step === 'zone').title)
      }
      assert.deepEqual(titles, ['Making the zone', 'De zone maken', 'إنشاء النطاق'])
      const { ownerId } = (await portal.api('/api/owner', { key })).json
      assert.ok(lines(events).includes(`owner owner ${ownerId}`), lines(events).join('\n'))
      assert.equal((await zones(it)).length, 1)
    }))

  test('may add a mount of its own to the application', inWorld(world(siteOf({
    'steps/notes.lua': `return {
      after = "settings", kind = "mount",
      make = function(ctx)
        return ctx.dokploy:mount_create(ctx.ids.application, "notes-of-" .. ctx.name, "/notes")
      end,
      find = function(ctx)
        local row = ctx.dokploy:query("application.one", { applicationId = ctx.ids.application })
        for _, mount in ipairs(row and row.mounts or {}) do
          if mount.mountPath == "/notes" then return { id = mount.mountId } end
        end
        return false
      end,
    }`,
    'steps/look.lua': `return {
      after = "notes",
      run = function(ctx)
        local isText = type(ctx.ids.notes) == "string" and ctx.ids.notes ~= ctx.ids.mount
        ctx:log("a mount of its own: " .. tostring(isText))
        return true
      end,
    }`,
  })), async (it) => {
    const { events, key } = await it.portal.ready('ben')
    assert.ok(lines(events).includes('a mount of its own: true'), lines(events).join('\n'))
    const { mounts } = await it.rehearsal.state()
    assert.deepEqual(mounts.map(({ mountPath }) => mountPath).sort(), ['/notes', '/workspace'])
    await it.portal.deleted('ben', { key })
    await it.rehearsal.holdsNothing('ben')
  }))

  test('is undone when the deployment fails', inWorld(
    world(siteOf({ 'steps/zone.lua': zone, 'steps/seat.lua': seat() })), async (it) => {
      await it.rehearsal.faults(broken)
      const { events, last } = await it.portal.finish(await it.portal.deploy('bob'), 'failed')
      assert.deepEqual([last.data.rolledBack, last.data.leftovers], [true, []])
      assert.ok(lines(events).includes('freed seat seat-of-bob on 3'), lines(events).join('\n'))
      const isUndone = ({ data }) => data.state === 'undone'
      const undone = events.filter(isUndone).map(({ data }) => data.step)
      assert.deepEqual(undone, ['seat', 'zone', 'application', 'project'], 'the newest first')
      await isGone(it, 'bob')
    }))

  test('is undone when the workspace is deleted, also after a restart', inWorld(
    world(siteOf({ 'steps/zone.lua': zone, 'steps/seat.lua': seat() })), async (it) => {
      const { key } = await it.portal.ready('carol')
      await it.portal.stop()
      await it.portal.restart()
      const { events } = await it.portal.finish(await it.portal.remove('carol', { key }), 'deleted')
      assert.ok(lines(events).includes('freed seat seat-of-carol on 3'), lines(events).join('\n'))
      await isGone(it, 'carol')
      await it.portal.ready('carol', { key })
    }))

  test('whose answer was lost is found, used once and undone', inWorld(
    world(siteOf({ 'steps/zone.lua': zone })), async (it) => {
      await it.rehearsal.faults({ at: 'project.create', kind: 'lost', skip: 1 })
      const { key } = await it.portal.ready('dora')
      assert.equal((await zones(it)).length, 1)
      await it.portal.deleted('dora', { key })
      await isGone(it, 'dora')
    }))

  test('is undone after a crash, whether it was done or under way', async (t) => {
    for (const state of ['running', 'done']) {
      await t.test(state, inWorld(world(siteOf({ 'steps/zone.lua': zone })), async (it) => {
        const { portal, rehearsal } = it
        if (state === 'running') {
          await rehearsal.faults({ at: 'project.create', kind: 'latency', skip: 1, ms: 300000 })
        }
        const answer = await portal.deploy('eric')
        await portal.follow(answer.json.statusUrl, { until: begins('zone', state) })
        if (state === 'running') {
          await until(async () => (await rehearsal.hits()) > 0, 'the zone is being made')
        }
        await portal.kill9()
        await rehearsal.forgetFaults() // the call goes on: the zone comes to exist
        if (state === 'running') await until(async () => (await zones(it)).length, 'the zone')
        await rehearsal.faults(broken)
        await portal.restart()
        const { last } = await portal.finish(answer, 'failed')
        assert.deepEqual([last.data.rolledBack, last.data.leftovers], [true, []])
        await isGone(it, 'eric')
      }))
    }
  })

  test('is undone by a crash that comes in the middle of the undoing', inWorld(
    world(siteOf({ 'steps/zone.lua': zone })), async (it) => {
      const { portal, rehearsal } = it
      await rehearsal.faults(
        [broken, { at: 'project.remove', kind: 'latency', times: 1, ms: 300000 }])
      const answer = await portal.deploy('fred')
      await portal.follow(answer.json.statusUrl, { until: begins('zone', 'undoing') })
      await portal.kill9()
      await rehearsal.forgetFaults()
      await portal.restart()
      const { last } = await portal.finish(answer, 'failed')
      assert.equal(last.data.rolledBack, true)
      await isGone(it, 'fred')
    }))
})

describe('what a step can no longer remove', () => {
  const leftoversOf = async (portal) =>
    (await portal.api('/api/admin/leftovers', { key: ADMIN })).json.leftovers

  async function left(it, site) {
    const { portal } = it
    const { key } = await portal.ready('gina')
    await portal.reload(() => site.remove('steps/zone.lua'))
    const { last } = await portal.finish(await portal.remove('gina', { key }), 'failed')
    const [{ kind, id, detail }, ...others] = last.data.leftovers
    assert.equal(last.data.code, 'undo_failed')
    assert.deepEqual([kind, id, others], ['zone', (await zones(it))[0].projectId, []])
    assert.match(detail, /no longer exists/)
    await it.rehearsal.holdsNothing('gina-') // the rest is gone
    const [entry] = await leftoversOf(portal)
    assert.deepEqual([entry.name, entry.byHand], ['gina', true])
    assert.equal(await isFree(portal, 'gina'), false)
    return entry
  }

  test('is named, and removed when the step is back', async (t) => {
    const site = siteOf({ 'steps/zone.lua': zone })
    await inWorld(world(site), async (it) => {
      const { deploymentId } = await left(it, site)
      await it.portal.reload(() => site.write('steps/zone.lua', zone))
      const path = `/api/admin/leftovers/${deploymentId}/try`
      await until(async () => {
        const { json } = await it.portal.post(path, undefined, { key: ADMIN })
        return json.gone || json.code === 'deployment_unknown' // the portal tries it by itself, too
      }, 'it is removed')
      await isGone(it, 'gina')
    })(t)
  })

  test('can be forgotten by the admin, who removed it by hand', async (t) => {
    const site = siteOf({ 'steps/zone.lua': zone })
    await inWorld(world(site), async (it) => {
      const { deploymentId } = await left(it, site)
      const [{ projectId }] = await zones(it)
      await it.rehearsal.change('project.remove', { projectId })
      const forget = () => it.portal.post(`/api/admin/leftovers/${deploymentId}/forget`, undefined,
        { key: ADMIN })
      assert.deepEqual((await forget()).json, { deploymentId, gone: true })
      await isGone(it, 'gina')
      assert.equal((await forget()).json.code, 'deployment_unknown')
      const { entries } = (await it.portal.api('/api/audit', { key: ADMIN })).json
      assert.ok(entries.some(({ action }) => action === 'forget_leftovers'))
    })(t)
  })

  test('does not keep the rest from being removed, and is tried again', async (t) => {
    const stubborn = zone.replace('undo = function(ctx, resource)', '$& error("not today")')
    const site = siteOf({ 'steps/zone.lua': stubborn })
    await inWorld(world(site), async (it) => {
      const { portal } = it
      await it.rehearsal.faults(broken)
      const { last } = await portal.finish(await portal.deploy('hugo'), 'failed')
      const { rolledBack, leftovers } = last.data
      assert.deepEqual([rolledBack, leftovers.map(({ kind }) => kind)], [false, ['zone']])
      assert.doesNotMatch(JSON.stringify(last), /not today/)
      assert.ok(portal.log.some(({ event, message }) => event === 'undo.incomplete'
        && /^step zone stopped at site\/steps\/zone\.lua:\d+: .*not today/.test(message)))
      await portal.reload(() => site.write('steps/zone.lua', zone))
      await until(async () => (await leftoversOf(portal)).length === 0, 'it is tried again')
      await isGone(it, 'hugo')
    })(t)
  })
})

describe('a mistake in a step', () => {
  const step = (run, more = '') => `return {
  after = "settings", ${more}
  run = function(ctx)
    ${run}
  end,
}
`
  // [what the step does, what the log says, what the page says]
  const mistakes = [
    ['local x = 1', /^step check: its function run in site\/steps\/check\.lua returned nothing/,
      'site/steps/check.lua'],
    ['error("a bug")', /^step check stopped at site\/steps\/check\.lua:4: .*a bug/,
      'site/steps/check.lua:4'],
    ['return ("x"):rep(-1, 7, 8).y.z', /^step check stopped at site\/steps\/check\.lua:4: /,
      'site/steps/check.lua:4'],
    ['require("core.json").decode(nil)', /^step check stopped at site\/steps\/check\.lua:4: /,
      'site/steps/check.lua:4'],
    ['ctx:record("mount", "m1") return true', /kind of the portal's own/, 'site/steps/check.lua:4'],
    ['while true do end', /^step check stopped at site\/steps\/check\.lua:4: /,
      'site/steps/check.lua:4'],
  ]
  for (const [run, sentence, where] of mistakes) {
    test(`fails cleanly and is named: ${run}`, inWorld(
      world(siteOf({ 'steps/check.lua': step(run) })), async ({ portal, rehearsal }) => {
        portal.expect(/too long|script/)
        const { last } = await portal.finish(await portal.deploy('ida'), 'failed')
        const { code, step: failed, rolledBack, detail } = last.data
        assert.deepEqual([code, failed, rolledBack], ['script_error', 'check', true])
        assert.ok(detail.includes(where), detail)
        assert.doesNotMatch(JSON.stringify(last), /\bnil\b|traceback|a bug/)
        const ended = await portal.logged(isEnd, 'the end')
        assert.match(ended.message, sentence)
        await rehearsal.holdsNothing('ida')
      }))
  }

  test('such as coming before what it needs is said, with the place that is right', inWorld(
    world(siteOf({ 'steps/early.lua': `return { before = "application", run = function(ctx)
  return ctx.dokploy:query("application.one", { applicationId = ctx.ids.application }) end }` })),
    async ({ portal }) => {
      const { last } = await portal.finish(await portal.deploy('lea'), 'failed')
      assert.ok(last.data.detail.includes('site/steps/early.lua:2'), last.data.detail)
      const { message } = await portal.logged(isEnd, 'the end')
      assert.match(message, /ctx\.ids\.application is not there yet: the step application makes it/)
      assert.match(message, /write after = "application"/)
    }))

  test('that never ends is ended at its deadline', inWorld(
    world(siteOf({ 'steps/check.lua': step('ctx:sleep(100000)', 'deadline = 5,') })),
    async ({ portal, rehearsal }) => {
      const { last } = await portal.finish(await portal.deploy('jan'), 'failed')
      assert.deepEqual([last.data.code, last.data.step], ['step_timeout', 'check'])
      const ended = await portal.logged(isEnd, 'the end')
      assert.equal(ended.message,
        'step check (site/steps/check.lua) did not end within its deadline of 5 s')
      await rehearsal.holdsNothing('jan')
    }))

  test('is a warning when the step is optional, on the page and after a restart', inWorld(
    world(siteOf({ 'steps/check.lua': step('error("a bug")',
      'optional = true, title = { en = "Greeting", nl = "Groeten", ar = "تحية" },') })),
    async ({ portal, rehearsal }) => {
      const answer = await portal.deploy('karl')
      await portal.follow(answer.json.statusUrl, { until: begins('deploy') })
      await portal.kill9()
      await portal.restart()
      const { events, last } = await portal.finish(answer, 'ready')
      assert.ok(events.some(begins('check', 'skipped')))
      assert.equal(last.data.warning,
        'The workspace is ready, but this step did not succeed: Greeting.')
      const page = await portal.api(`/deployment/${answer.json.deploymentId}`,
        { key: answer.json.ownerKey, language: 'nl', headers: { accept: 'text/html' } })
      assert.match(page.text, /deze stap is niet gelukt: Groeten/)
      const warned = portal.log.find(({ event }) => event === 'step.warning')
      assert.match(warned.message, /^step check stopped at site\/steps\/check\.lua:4: /)
      assert.equal((await rehearsal.stack('karl', '/global/health')).status, 401)
    }))

  test('that shows when it is loaded is refused by --check, with file, key and cure', () => {
    const cases = [
      ['return { after = "settings", runn = function() end }', /runn: unknown key \(known here: /],
      ['return { after = "setings", run = function() end }',
        /after: there is no step "setings" \(steps: project, application, /],
      ['return { run = function() end }', /after: write either after = "NAME" or before/],
      ['return { after = "settings", name = "domain", run = function() end }',
        /name: "domain" is the name of the step in scripts\/steps\/domain\.lua/],
      ['return { after = "settings", title = { en = "x" }, run = function() end }',
        /title: has no text in the language ar \(write ar = "\.\.\."\)/],
      ['return 7', /it returns no table/],
    ]
    for (const [text, expected] of cases) {
      const site = siteOf({ 'steps/check.lua': text })
      const { status, text: said } = site.check()
      assert.notEqual(status, 0, text)
      assert.match(said, expected)
      assert.match(said, /site\/steps\/check\.lua/)
    }
    assert.equal(siteOf({ 'steps/zone.lua': zone, 'steps/seat.lua': seat() }).check().status, 0)
  })
})
