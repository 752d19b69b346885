// What an owner does with a stack that stands: stop, start, restart, a new password; each an operation with a stream and one end.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { impatient } from '../soak/house.mjs'
import { ADMIN, seconds, startAll, until } from './harness.mjs'

let world, portal, rehearsal
before(async () => {
  world = await startAll({ root: impatient({ quick: true }).root })
  ;({ portal, rehearsal } = world)
})
after(() => world.stop())

const act = (name, what, options) => portal.api(`/api/stack/${name}/${what}`, { method: 'POST', ...options })

async function done(name, what, options) {
  const answer = await act(name, what, options)
  assert.equal(answer.status, 202, answer.text)
  assert.equal(answer.headers.location, answer.json.statusUrl)
  const { events, last } = await portal.follow(answer.json.statusUrl)
  return { answer, events, last }
}

const state = async (name, key) => (await portal.stack(name, { key })).json.state
const reach = (name, password) => rehearsal.stack(name, '/global/health', { password })

test('stop, start and restart', async () => {
  const { key } = await portal.ready('anna')
  const { password } = (await portal.stack('anna', { key })).json
  const before = await rehearsal.state()

  const stopped = await done('anna', 'stop', { key })
  assert.equal(stopped.last.event, 'stopped')
  assert.equal(stopped.last.data.name, 'anna')
  assert.equal(await state('anna', key), 'stopped')
  assert.notEqual((await reach('anna', password)).status, 200)
  const document = (await portal.status(stopped.answer.json.statusUrl)).json
  assert.deepEqual([document.kind, document.state, document.percent, document.steps.map((s) => s.step)], ['stop', 'stopped', 100, ['stop']])

  const started = await done('anna', 'start', { key })
  assert.equal(started.last.event, 'ready')
  assert.equal(await state('anna', key), 'ready')
  assert.equal((await reach('anna', password)).status, 200)

  const restarted = await done('anna', 'restart', { key: ADMIN })
  assert.equal(restarted.last.event, 'ready')
  assert.equal((await portal.stack('anna', { key })).json.password, password)

  const after = await rehearsal.state()
  for (const kind of ['projects', 'applications', 'volumes', 'domains']) assert.equal(after[kind].length, before[kind].length, kind)
})

test('a new password, and the old one opens nothing', async () => {
  const { key } = await portal.ready('bert')
  const { password } = (await portal.stack('bert', { key })).json
  const { events, last } = await done('bert', 'password', { key, json: { action: 'rotate' } })
  assert.equal(last.event, 'ready')
  const revealed = await act('bert', 'password', { key, json: { action: 'reveal' } })
  assert.equal(revealed.status, 200)
  assert.notEqual(revealed.json.password, password)
  assert.equal((await reach('bert', password)).status, 401)
  assert.equal((await reach('bert', revealed.json.password)).status, 200)
  const told = JSON.stringify(events) + portal.lines.join('\n')
  for (const secret of [password, revealed.json.password]) assert.ok(!told.includes(secret))
})

test('a stack that does not come up with its new password gets the old one back', async () => {
  const { key } = await portal.ready('carl')
  const { password } = (await portal.stack('carl', { key })).json
  await rehearsal.faults({ at: 'application.reload', kind: 'status', status: 400, times: 1, body: '{"message":"no"}', name: 'carl' })
  const { last } = await done('carl', 'password', { key, json: { action: 'rotate' } })
  assert.equal(last.event, 'failed')
  assert.equal(last.data.rolledBack, true)
  assert.ok(last.data.detail.length > 10 && last.data.advice.length > 10)
  assert.equal(await state('carl', key), 'ready')
  assert.equal((await portal.stack('carl', { key })).json.password, password)
  assert.equal((await reach('carl', password)).status, 200)
})

test('one thing at a time, and only with a stack that stands', async () => {
  const { key } = await portal.ready('dora')
  const answers = await Promise.all(['stop', 'restart', 'stop', 'start', 'restart'].map((what) => act('dora', what, { key })))
  const begun = answers.filter((answer) => answer.status === 202)
  assert.equal(begun.length, 1, answers.map((answer) => answer.text).join('\n'))
  for (const answer of answers) if (answer.status !== 202) assert.equal(answer.json.code, 'stack_busy')
  const busy = await portal.remove('dora', { key })
  assert.deepEqual([busy.status, busy.json.code], [409, 'stack_busy'])
  const cancelled = await portal.cancel(begun[0].json.deploymentId, { key })
  assert.deepEqual([cancelled.status, cancelled.json.cancelled], [202, false])
  await portal.follow(begun[0].json.statusUrl)
  const removed = await portal.remove('dora', { key })
  assert.equal(removed.status, 202)
  const late = await act('dora', 'start', { key })
  assert.ok([404, 409].includes(late.status), late.text)
  assert.equal((await portal.follow(removed.json.statusUrl)).last.event, 'deleted')
  await rehearsal.holdsNothing('dora')
  const young = await portal.deploy('emil')
  const early = await act('emil', 'stop', { key: young.json.ownerKey })
  assert.deepEqual([early.status, early.json.code], [409, 'stack_unfit'])
  await portal.follow(young.json.statusUrl)
})

test('a stopped stack can be deleted, and gets a new password without a start', async () => {
  const { key } = await portal.ready('fred')
  await done('fred', 'stop', { key })
  const { password } = (await portal.stack('fred', { key })).json
  const rotated = await done('fred', 'password', { key, json: { action: 'rotate' } })
  assert.equal(rotated.last.event, 'stopped')
  const fresh = (await portal.stack('fred', { key })).json
  assert.deepEqual([fresh.state, fresh.password !== password], ['stopped', true])
  const removed = await portal.remove('fred', { key })
  assert.equal((await portal.follow(removed.json.statusUrl)).last.event, 'deleted')
  await rehearsal.holdsNothing('fred')
})

test('a failure is told, and the stack can be started again', async () => {
  const { key } = await portal.ready('gina')
  await done('gina', 'stop', { key })
  await rehearsal.faults({ at: 'application.reload', kind: 'status', status: 400, times: 1, body: '{"message":"no"}', name: 'gina' })
  const failed = await done('gina', 'start', { key })
  assert.equal(failed.last.event, 'failed')
  assert.equal(await state('gina', key), 'unhealthy')
  assert.equal((await done('gina', 'start', { key })).last.event, 'ready')
  assert.equal(await state('gina', key), 'ready')
})

test('a stop that failed leaves the state that is true', async () => {
  const { key } = await portal.ready('jan')
  const fault = (at) => rehearsal.faults({ at, kind: 'status', status: 400, times: 1, body: '{"message":"no"}', name: 'jan' })
  await fault('application.stop')
  assert.equal((await done('jan', 'stop', { key })).last.event, 'failed')
  assert.equal(await state('jan', key), 'ready', 'it was refused, and runs')
  await fault('docker.getContainersByAppNameMatch')
  assert.equal((await done('jan', 'stop', { key })).last.event, 'failed')
  assert.equal((await reach('jan')).status, 502)
  assert.equal(await state('jan', key), 'unhealthy', 'it was done, and that could not be seen')
  assert.equal((await done('jan', 'stop', { key })).last.event, 'stopped')
})

test('kill -9 in the middle: it goes on', async () => {
  const { key } = await portal.ready('hugo')
  for (const [what, json, end] of [['restart', undefined, 'ready'], ['password', { action: 'rotate' }, 'ready'], ['stop', undefined, 'stopped']]) {
    const { json: begun } = await act('hugo', what, { key, json })
    await until(async () => (await portal.status(begun.statusUrl)).json.steps.length > 0, 'it has begun', seconds(10))
    await portal.kill9()
    await portal.restart()
    assert.equal((await portal.follow(begun.statusUrl)).last.event, end, what)
  }
  assert.equal((await done('hugo', 'start', { key })).last.event, 'ready')
})

test('the words of it in three languages', async () => {
  const { key } = await portal.ready('ines')
  const { json } = await act('ines', 'stop', { key })
  await portal.follow(json.statusUrl)
  const titles = await Promise.all(['en', 'nl', 'ar'].map(async (language) => (await portal.status(json.statusUrl, { language })).json.steps[0].title))
  assert.equal(new Set(titles).size, 3, titles.join(', '))
})
