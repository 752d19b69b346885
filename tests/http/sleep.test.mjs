// A workspace that nobody uses falls asleep after its template's time, and wakes when asked; one
// that is in use, or does not say that it is not, stays awake.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMIN, LANGUAGES, TIME_SCALE, pause, until, useWorld } from './harness.mjs'
import { siteOf } from './site.mjs'

const MINUTES = 2 // without use, then it falls asleep
const AFTER_MS = MINUTES * 60_000 / TIME_SCALE
const ROUND_MS = 60_000 / TIME_SCALE
const site = siteOf({
  'policy/templates.lua': `return { { id = "default", sleep_after = "${MINUTES} minutes" },
    { id = "steady" } }`,
  'policy/limits.lua': 'return { sleep = { warn = "40 seconds", keep_awake = "20 minutes" } }',
  'hooks/soon.lua': `return { on = { "sleep_soon", "asleep", "woken" },
    run = function(event, portal)
      portal.log("seen", { type = event.type, id = event.id, of = event.workspace.name })
    end }`,
})
const { portal, rehearsal } = useWorld({ env: site.env, speed: 200 })

const stackOf = async (name, key) => (await portal.stack(name, { key })).json
const stateOf = async (name, key) => (await stackOf(name, key)).state
const sleeps = (name, key) =>
  until(async () => await stateOf(name, key) === 'asleep', `${name} falls asleep`)
const workOf = async (name) => {
  const path = `/api/admin/operations?name=${name}`
  const { operations } = (await portal.api(path, { key: ADMIN })).json
  return operations.map(({ kind, state }) => `${kind} ${state}`)
}

test('it falls asleep after its time, with a warning before, and wakes as it was', async () => {
  const { key } = await portal.ready('anna')
  const began = Date.now()
  const { password, sleepAfterSeconds } = await stackOf('anna', key)
  assert.equal(sleepAfterSeconds, MINUTES * 60)
  const at = await until(async () => (await stackOf('anna', key)).sleepsAt, 'the warning')
  assert.ok(Date.parse(at) >= began + AFTER_MS - 2000, 'not before its time')
  await sleeps('anna', key)
  const late = Date.now() - Date.parse(at)
  assert.ok(late > 0 && late < ROUND_MS + 3000, `${late} ms after the time that was announced`)
  assert.equal((await rehearsal.stack('anna', '/')).status, 502, 'its container is stopped')
  const { entries } = (await portal.api('/api/audit', { key: ADMIN })).json
  const entry = entries.find(({ action }) => action === 'sleep')
  assert.deepEqual([entry.who, entry.whoName, entry.rule],
    ['script', 'sleep_after', 'it was not used'])

  const { events } = await portal.finish(await portal.act('anna', 'wake', { key }), 'ready')
  assert.ok(events.some(({ data }) => data.step === 'health'))
  assert.equal(await stateOf('anna', key), 'ready')
  assert.equal((await rehearsal.stack('anna', '/path', { password })).status, 200)
  const seen = await until(() => {
    const lines = portal.log.filter((line) => line.event === 'seen')
    return lines.length >= 3 && lines
  }, 'the hooks')
  assert.deepEqual(seen.map(({ type }) => type), ['sleep_soon', 'asleep', 'woken'])
  await portal.deleted('anna', { key })
})

test('it stays awake while it is in use, or does not say that it is not', async () => {
  const uses = [{ session: 'busy' }, { session: 'retry' }, { report: false }, { idle: 0 }]
  await Promise.all(uses.map(async (use, i) => {
    const name = `bert-${i}`
    const { key } = await portal.ready(name)
    await rehearsal.activity(name, use)
    const { last } = await portal.finish(await portal.act(name, 'sleep', { key }), 'cancelled')
    assert.match(last.data.detail, /in use/)
    await pause(AFTER_MS + 2 * ROUND_MS)
    assert.deepEqual(await workOf(name), ['sleep cancelled', 'deploy ready'], JSON.stringify(use))
    assert.equal(await stateOf(name, key), 'ready')
    await portal.deleted(name, { key })
  }))
})

test('its owner keeps it awake, with and without JavaScript', async () => {
  const { key } = await portal.ready('cleo')
  await until(async () => (await stackOf('cleo', key)).sleepsAt, 'the warning')
  const kept = await portal.act('cleo', 'awake', { key })
  assert.equal(kept.status, 200)
  const seconds = (Date.parse(kept.json.awakeUntil) - Date.now()) / 1000
  assert.ok(Math.abs(seconds - 20 * 60 / TIME_SCALE) < 5, `${seconds} s`)
  const { sleepsAt, awakeUntil } = await stackOf('cleo', key)
  assert.deepEqual([sleepsAt, awakeUntil], [undefined, kept.json.awakeUntil])
  await pause(AFTER_MS + ROUND_MS)
  assert.equal(await stateOf('cleo', key), 'ready')
  for (const language of LANGUAGES) {
    const { text } = await portal.api('/stack/cleo', { key, language })
    assert.ok(text.includes('action="/api/stack/cleo/awake"'), language)
  }
  assert.equal((await portal.act('cleo', 'awake')).status, 404, 'nobody else')
  await portal.deleted('cleo', { key })
})

test('a template without a time never sleeps; by hand it can', async () => {
  const { key } = await portal.ready('dora', { template: 'steady' })
  assert.equal((await stackOf('dora', key)).sleepAfterSeconds, undefined)
  assert.equal((await portal.act('dora', 'wake', { key })).status, 409, 'it is awake')
  await rehearsal.activity('dora', { idle: 3600 })
  await portal.finish(await portal.act('dora', 'sleep', { key }), 'asleep')
  const { stacks, states } = (await portal.api('/api/admin/stacks', { key: ADMIN })).json
  assert.equal(stacks.find(({ name }) => name === 'dora').state, 'asleep')
  assert.equal(states.find(({ state }) => state === 'asleep').count, 1)
  const { memorySavedBytes } = (await portal.api('/api/admin/summary', { key: ADMIN })).json
  assert.ok(memorySavedBytes >= 2 ** 30, `${memorySavedBytes}`)
  for (const language of LANGUAGES) {
    const { text } = await portal.api('/stack/dora', { key, language })
    assert.ok(text.includes('id="act-wake"'), language)
  }
  // a new password while it sleeps, and everything else that a stopped one allows
  const { password } = await stackOf('dora', key)
  const rotated = await portal.post('/api/stack/dora/password', { action: 'rotate' }, { key })
  await portal.finish(rotated, 'stopped')
  assert.equal(await stateOf('dora', key), 'asleep')
  assert.notEqual((await stackOf('dora', key)).password, password)
  await portal.finish(await portal.act('dora', 'wake', { key: ADMIN }), 'ready')
  await portal.deleted('dora', { key })
})

test('one that is about to be stopped can be called back; deleting one that sleeps', async () => {
  const { key } = await portal.ready('emil')
  await rehearsal.activity('emil', { idle: 3600 })
  await rehearsal.faults({ at: 'stack', kind: 'latency', ms: 500, times: 0, name: 'emil' })
  const answer = await portal.act('emil', 'sleep', { key })
  assert.equal((await portal.cancel(answer.json.deploymentId, { key })).json.cancelled, true)
  await portal.finish(answer, 'cancelled')
  await rehearsal.forgetFaults()
  assert.equal(await stateOf('emil', key), 'ready')
  await portal.finish(await portal.act('emil', 'sleep', { key }), 'asleep')
  await portal.deleted('emil', { key })
  await rehearsal.holdsNothing('emil')
})
