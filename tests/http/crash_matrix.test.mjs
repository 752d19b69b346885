// The process dies just before and just after every single commit of whatever the portal does for somebody: N:before is a write that never
// was, N:after one whose sender never heard of it. Whatever the moment, the restart comes to the same end: one project, one application,
// one domain, and no event missing or told twice; or nothing at all.
import { after, before, describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { impatient } from '../soak/house.mjs'
import { PATIENCE, startPortal, startRehearsal } from './harness.mjs'

const LANES = Number(process.env.LANES ?? 4) // moments tried at the same time, each with a portal and a journal of its own
const MOST = 200 // commits; what needs more has gone astray
const { root } = impatient({ quick: true })
let rehearsal

before(async () => { rehearsal = await startRehearsal({ root, speed: 1000 }) })
after(() => rehearsal.stop())

const lost = (error) => /ECONNRESET|ECONNREFUSED|socket hang up|no answer/.test(`${error.code} ${error.message}`)

// What the call answers, or null when the process died first.
async function orDeath(call) {
  try {
    return await call()
  } catch (error) {
    if (!lost(error)) throw error
    return null
  }
}

// True when the armed crash came; false when the operation ended without it.
async function died(portal, statusUrl) {
  const ended = statusUrl ? portal.follow(statusUrl).then(() => false, () => new Promise(() => {})) : new Promise(() => {})
  const outcome = await Promise.race([portal.gone.then(() => true), ended])
  if (outcome) assert.equal(portal.ended.code, 137, portal.tail())
  return outcome
}

function inOrder(events) {
  assert.deepEqual(events.map((event) => Number(event.id)), events.map((_, i) => i + 1), 'no event is missing, none came twice')
}

const volumes = async (name) => (await rehearsal.state()).volumes.filter((it) => it.name.includes(`-${name}-`)).length

async function stands(portal, name, key, state = 'ready') {
  const held = await rehearsal.holds(name)
  const count = (kind) => held.filter((it) => it.kind === kind).length
  for (const kind of ['projects', 'applications', 'domains']) assert.equal(count(kind), 1, `${kind} of ${name}: ${JSON.stringify(held)}`)
  const { json } = await portal.stack(name, { key })
  assert.equal(json.state, state)
  if (state !== 'ready') return
  assert.equal((await rehearsal.stack(name, '/global/health')).status, 401)
  assert.equal((await rehearsal.stack(name, '/global/health', { password: json.password })).status, 200)
}

async function isGone(portal, name, kept) {
  await rehearsal.holdsNothing(name)
  assert.equal((await rehearsal.stack(name)).status, 404)
  assert.equal((await portal.check(name)).json.available, true)
  assert.equal(await volumes(name), kept)
}

const deploy = (portal, name) => portal.deploy(name, { headers: { 'idempotency-key': `the-one-of-${name}` } })
const act = (what, json) => (portal, name, key) => portal.api(`/api/stack/${name}/${what}`, { method: 'POST', key, json })

// before(portal, name, key): what comes first; ask: what is killed, and asked for again, the same work each time unless `anew`; end: the
// last event; then(portal, name, key): what is true then; least: kill points.
const works = {
  deploy: { ask: deploy, end: 'ready', then: (portal, name, key) => stands(portal, name, key), least: 20 },
  'failing deploy': {
    before: (portal, name) => rehearsal.faults({ at: 'deploy', kind: 'deploy_error', times: 0, name }),
    ask: deploy, end: 'failed', least: 20,
    async then(portal, name, _, last) {
      assert.deepEqual(last.data.leftovers, [])
      await isGone(portal, name, 0)
    },
  },
  stop: { stack: true, ask: act('stop'), anew: true, end: 'stopped', then: (portal, name, key) => stands(portal, name, key, 'stopped'), least: 4 },
  restart: { stack: true, ask: act('restart'), anew: true, end: 'ready', then: (portal, name, key) => stands(portal, name, key), least: 8 },
  'new password': {
    stack: true, ask: act('password', { action: 'rotate' }), anew: true, end: 'ready', then: (portal, name, key) => stands(portal, name, key), least: 8,
  },
  delete: { stack: true, ask: (portal, name, key) => portal.remove(name, { key }), end: 'deleted', then: (portal, name) => isGone(portal, name, 1), least: 8 },
  'delete with files': {
    stack: true, ask: (portal, name, key) => portal.remove(name, { key, data: 'delete' }), end: 'deleted', then: (portal, name) => isGone(portal, name, 0), least: 8,
  },
  'delete of kept files': {
    stack: true, anew: true,
    before: async (portal, name, key) => portal.follow((await portal.remove(name, { key })).json.statusUrl),
    ask: (portal, name, key) => portal.remove(name, { key, data: 'delete' }), end: 'deleted', then: (portal, name) => isGone(portal, name, 0), least: 4,
  },
}

// One moment: true when there was one, false when the work ended before that commit.
async function under(work, name, at) {
  const portal = await startPortal({ rehearsal, root, hooks: true })
  try {
    let key = work.stack ? (await portal.ready(name)).key : undefined
    await work.before?.(portal, name, key)
    await portal.stop()
    await portal.restart({ DEPLOYER_CRASH_AT: at })
    const first = await orDeath(() => work.ask(portal, name, key))
    const crashed = await died(portal, first?.json.statusUrl)
    if (!crashed) await portal.kill9() // the armed crash is not to come later
    await portal.restart({ DEPLOYER_CRASH_AT: undefined })
    // A client that heard nothing asks again; one that did gets the same answer. Work that is begun anew each time says when it is busy.
    let again
    do { again = await work.ask(portal, name, key) } while (work.anew && again.status === 409)
    assert.equal(again.status, 202, again.text)
    if (first && !work.anew) assert.equal(again.json.deploymentId, first.json.deploymentId)
    key ??= again.json.ownerKey
    for (const { json } of new Set([first ?? again, again])) {
      const { events, last } = await portal.follow(json.statusUrl)
      assert.equal(last.event, work.end, `${at}: ${JSON.stringify(last)}\n${portal.tail()}`)
      inOrder(events)
      if (json === again.json) await work.then(portal, name, key, last)
    }
    return crashed
  } finally {
    await portal.stop()
  }
}

// Tries commit after commit until one is beyond the last; returns how many moments there were.
async function everyCommit(what, work) {
  let next = 1
  let last = MOST
  let moments = 0
  const lane = async () => {
    while (next <= last) {
      const commit = next++
      for (const side of ['before', 'after']) {
        if (await under(work, `${what.replaceAll(' ', '-').slice(0, 20)}-${commit}-${side}`, `${commit}:${side}`)) moments++
        else last = Math.min(last, commit)
      }
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  assert.ok(last < MOST, 'the operation writes without end')
  return moments
}

describe('killed before and after each commit', () => {
  for (const [what, work] of Object.entries(works)) {
    test(what, { timeout: 400_000 * PATIENCE }, async (t) => {
      const moments = await everyCommit(what, work)
      t.diagnostic(`${moments} kill points: 0 orphans, 0 duplicates, 0 stuck`)
      assert.ok(moments >= work.least, `only ${moments} kill points`)
    })
  }
})
