// The process dies just before and just after every single commit of a deploy, and of a delete: N:before is a write that never was,
// N:after one whose sender never heard of it. Whatever the moment, the restart comes to the same end: one project, one application,
// one domain, and no event missing or told twice; or nothing at all.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { PATIENCE, startPortal, startRehearsal } from './harness.mjs'

const LANES = Number(process.env.LANES ?? 4) // moments tried at the same time, each with a portal and a journal of its own
const MOST = 200 // commits; a deploy that needs more has gone astray
let rehearsal

before(async () => { rehearsal = await startRehearsal() })
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

const one = async (name) => {
  const held = await rehearsal.holds(name)
  const count = (kind) => held.filter((it) => it.kind === kind).length
  for (const kind of ['projects', 'applications', 'domains']) assert.equal(count(kind), 1, `${kind} of ${name}: ${JSON.stringify(held)}`)
  assert.equal((await rehearsal.stack(name, '/global/health')).status, 401)
}

function inOrder(events) {
  assert.deepEqual(events.map((event) => Number(event.id)), events.map((_, i) => i + 1), 'no event is missing, none came twice')
}

async function deployUnder(name, at) {
  const portal = await startPortal({ rehearsal, env: { DEPLOYER_CRASH_AT: at } })
  try {
    const deploy = () => portal.deploy(name, { headers: { 'idempotency-key': `the-one-of-${name}` } })
    const first = await orDeath(deploy)
    const crashed = await died(portal, first?.json.statusUrl)
    if (crashed) await portal.restart({ DEPLOYER_CRASH_AT: undefined })
    const again = await deploy() // a client that heard nothing asks again; one that did gets the same answer
    assert.equal(again.status, 202, again.text)
    if (first) assert.equal(again.json.deploymentId, first.json.deploymentId)
    const { events, last } = await portal.follow(again.json.statusUrl)
    assert.equal(last.event, 'ready', `${at}: ${JSON.stringify(last)}\n${portal.tail()}`)
    inOrder(events)
    await one(name)
    return crashed
  } finally {
    await portal.stop()
  }
}

async function deleteUnder(name, at) {
  const portal = await startPortal({ rehearsal })
  try {
    const { key } = await portal.ready(name)
    await portal.stop()
    await portal.restart({ DEPLOYER_CRASH_AT: at })
    const remove = () => portal.remove(name, { key })
    const first = await orDeath(remove)
    const crashed = await died(portal, first?.json.statusUrl)
    if (crashed) await portal.restart({ DEPLOYER_CRASH_AT: undefined })
    const again = await remove()
    assert.equal(again.status, 202, again.text)
    const { events, last } = await portal.follow(again.json.statusUrl)
    assert.equal(last.event, 'deleted', `${at}: ${JSON.stringify(last)}\n${portal.tail()}`)
    inOrder(events)
    await rehearsal.holdsNothing(name)
    assert.equal((await rehearsal.stack(name)).status, 404)
    assert.equal((await portal.check(name)).json.available, true)
    return crashed
  } finally {
    await portal.stop()
  }
}

// Tries commit after commit until one is beyond the last; returns how many moments there were.
async function everyCommit(what, act) {
  let next = 1
  let last = MOST
  let moments = 0
  const lane = async () => {
    while (next <= last) {
      const commit = next++
      for (const side of ['before', 'after']) {
        if (await act(`${what}-${commit}-${side}`, `${commit}:${side}`)) moments++
        else last = Math.min(last, commit)
      }
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  assert.ok(last < MOST, 'the operation writes without end')
  return moments
}

test('a deploy, killed before and after each commit', { timeout: 400_000 * PATIENCE }, async (t) => {
  const moments = await everyCommit('deploy', deployUnder)
  t.diagnostic(`${moments} kill points: 0 orphans, 0 duplicates, 0 stuck`)
  assert.ok(moments >= 20, `only ${moments} kill points`)
})

test('a delete, killed before and after each commit', { timeout: 400_000 * PATIENCE }, async (t) => {
  const moments = await everyCommit('delete', deleteUnder)
  t.diagnostic(`${moments} kill points: 0 orphans, 0 duplicates, 0 stuck`)
  assert.ok(moments >= 8, `only ${moments} kill points`)
})
