// Cancel, in each state: it ends verifiably clean, and its answer is true.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMIN, terminal, until, useWorld } from './harness.mjs'

const { portal, rehearsal } = useWorld({ speed: 10 })

async function cancel(answer, key = answer.json.ownerKey) {
  const { deploymentId, name, statusUrl } = answer.json
  const cancelled = await portal.cancel(deploymentId, { key })
  assert.equal(cancelled.status, 202, cancelled.text)
  await rehearsal.forgetFaults()
  const { last } = await portal.finish(answer, 'cancelled')
  assert.deepEqual([last.data.rolledBack, last.data.leftovers], [true, []])
  await rehearsal.holdsNothing(name)
  assert.equal((await portal.check(name)).json.available, true)
  assert.equal((await portal.status(statusUrl)).json.state, 'cancelled')
}

const reach = ({ json }, isReached) => portal.follow(json.statusUrl, {
  until: (event) => isReached(event) || terminal.has(event.event),
})

test('at once after the deploy', async () => cancel(await portal.deploy('carl')))

for (const step of ['project', 'application', 'deploy', 'health']) {
  test(`in the step ${step}`, async () => {
    const answer = await portal.deploy(`carl-${step}`)
    await reach(answer, ({ event, data }) => event === 'progress' && data.step === step)
    await cancel(answer)
  })
}

for (const at of ['project.create', 'application.create']) {
  test(`during ${at}: what it makes is found and removed`, async () => {
    await rehearsal.hold(at, 'late')
    const answer = await portal.deploy('late')
    await until(async () => (await rehearsal.hits()) > 0, 'the call is in flight')
    await cancel(answer)
  })
}

test('in the queue: it leaves at once', async () => {
  await rehearsal.faults({ at: 'stack', kind: 'never_ready', times: 0 })
  const names = Array.from({ length: 8 }, (_, i) => `busy-${i}`)
  const busy = await Promise.all(names.map((name) => portal.deploy(name)))
  const waiting = await portal.deploy('waiting')
  await reach(waiting, ({ event }) => event === 'queued')
  await cancel(waiting)
  for (const answer of busy) await portal.finish(answer, 'ready')
})

test('during the rollback of a failure: it ends cancelled, and clean', async () => {
  await rehearsal.faults({ at: 'deploy', kind: 'deploy_error', name: 'rolf' })
  await rehearsal.hold('application.delete', 'rolf')
  const answer = await portal.deploy('rolf')
  await reach(answer, ({ data }) => data.state === 'undoing')
  await cancel(answer)
})

test('after the end nothing changes, and the answer says so', async () => {
  const { answer, key } = await portal.ready('done')
  const { status, json } = await portal.cancel(answer.json.deploymentId, { key })
  assert.deepEqual([status, json.state, json.cancelled], [202, 'ready', false])
  assert.equal((await portal.stack('done', { key })).json.state, 'ready')
  assert.equal((await rehearsal.stack('done', '/global/health')).status, 401)
})

test('twice is once', async () => {
  const answer = await portal.deploy('twice')
  const { deploymentId, ownerKey: key } = answer.json
  const both = [portal.cancel(deploymentId, { key }), portal.cancel(deploymentId, { key })]
  const statuses = (await Promise.all(both)).map(({ status }) => status)
  assert.deepEqual(statuses, [202, 202])
  await portal.finish(answer, 'cancelled')
  await rehearsal.holdsNothing('twice')
})

test('the admin may; others may not', async () => {
  const answer = await portal.deploy('stranger')
  const statuses = []
  for (const key of [undefined, 'own_x.y', 'wrong']) {
    statuses.push((await portal.cancel(answer.json.deploymentId, { key })).status)
  }
  assert.deepEqual(statuses, [401, 401, 401])
  await cancel(answer, ADMIN)
})
