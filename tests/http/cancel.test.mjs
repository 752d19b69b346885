// Cancel, in each state: it ends in verified clean, and it never lies.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMIN, startAll, terminal, until } from './harness.mjs'

let world, portal, rehearsal
before(async () => {
  world = await startAll({ speed: 10 })
  ;({ portal, rehearsal } = world)
})
after(() => world.stop())

async function cancelled({ json }, key = json.ownerKey) {
  const answer = await portal.cancel(json.deploymentId, { key })
  assert.equal(answer.status, 202, answer.text)
  const { last } = await portal.follow(json.statusUrl)
  assert.equal(last.event, 'cancelled', JSON.stringify(last))
  assert.equal(last.data.rolledBack, true, JSON.stringify(last))
  assert.deepEqual(last.data.leftovers, [])
  await rehearsal.holdsNothing(json.name)
  assert.equal((await portal.check(json.name)).json.available, true)
  assert.equal((await portal.status(json.statusUrl)).json.state, 'cancelled')
}

test('at once after the deploy', async () => {
  await cancelled(await portal.deploy('carl'))
})

for (const step of ['project', 'application', 'deploy', 'health']) {
  test(`while the step ${step} runs`, async () => {
    const answer = await portal.deploy(`carl-${step}`)
    await portal.follow(answer.json.statusUrl, { until: (e) => (e.event === 'progress' && e.data.step === step) || terminal.has(e.event) })
    await cancelled(answer)
  })
}

test('while a create is on its way: what it made is found and taken away', async () => {
  for (const at of ['project.create', 'application.create']) {
    await rehearsal.faults({ at, kind: 'latency', ms: 1500, name: 'late' })
    const answer = await portal.deploy('late')
    await until(async () => (await rehearsal.faults()).some((rule) => rule.hits > 0), `${at} is on its way`)
    await cancelled(answer)
    await rehearsal.forgetFaults()
  }
})

test('while it waits in the queue: it leaves at once', async () => {
  const busy = await Promise.all(Array.from({ length: 8 }, (_, i) => portal.deploy(`busy-${i}`)))
  const waiting = await portal.deploy('waiting')
  await portal.follow(waiting.json.statusUrl, { until: (e) => e.event === 'queued' })
  await cancelled(waiting)
  for (const { json } of busy) assert.equal((await portal.follow(json.statusUrl)).last.event, 'ready')
})

test('while it is being rolled back: it stays failed, and clean', async () => {
  await rehearsal.faults([{ at: 'deploy', kind: 'deploy_error', name: 'rolf' }, { at: 'application.delete', kind: 'latency', ms: 1000 }])
  const answer = await portal.deploy('rolf')
  await portal.follow(answer.json.statusUrl, { until: (e) => e.data.state === 'undoing' || terminal.has(e.event) })
  const { status } = await portal.cancel(answer.json.deploymentId, { key: answer.json.ownerKey })
  assert.equal(status, 202)
  const { last } = await portal.follow(answer.json.statusUrl)
  assert.ok(['failed', 'cancelled'].includes(last.event), JSON.stringify(last))
  assert.equal(last.data.rolledBack, true)
  await rehearsal.forgetFaults()
  await rehearsal.holdsNothing('rolf')
})

test('after it has ended: nothing changes, and it says so', async () => {
  const { answer, key } = await portal.ready('done')
  const { status, json } = await portal.cancel(answer.json.deploymentId, { key })
  assert.equal(status, 202)
  assert.equal(json.state, 'ready')
  assert.equal(json.cancelled, false)
  assert.equal((await portal.stack('done', { key })).json.state, 'ready')
  assert.equal((await rehearsal.stack('done', '/global/health')).status, 401)
})

test('twice is once', async () => {
  const answer = await portal.deploy('twice')
  const key = answer.json.ownerKey
  const [one, two] = await Promise.all([portal.cancel(answer.json.deploymentId, { key }), portal.cancel(answer.json.deploymentId, { key })])
  assert.deepEqual([one.status, two.status], [202, 202])
  assert.equal((await portal.follow(answer.json.statusUrl)).last.event, 'cancelled')
  await rehearsal.holdsNothing('twice')
})

test('the admin may; a stranger may not', async () => {
  const answer = await portal.deploy('stranger')
  for (const key of [undefined, 'own_x.y', 'wrong']) {
    const { status } = await portal.cancel(answer.json.deploymentId, { key })
    assert.ok([401, 403, 404].includes(status), `${key}: ${status}`)
  }
  await cancelled(answer, ADMIN)
})
