// What an owner does with a workspace that exists: stop, start, restart, a new password; each is an
// operation with a stream and one end.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMIN, useWorld } from './harness.mjs'

const { portal, rehearsal } = useWorld()
const rotate = { action: 'rotate' }

async function done(name, what, event, options) {
  const answer = await portal.post(`/api/stack/${name}/${what}`, options.json, options)
  assert.equal(answer.headers.location, answer.json.statusUrl)
  return portal.finish(answer, event)
}

const stackOf = async (name, key) => (await portal.stack(name, { key })).json
const reach = async (name, password) => {
  return (await rehearsal.stack(name, '/global/health', { password })).status
}
const refuse = (at, name) => {
  const body = '{"message":"no"}'
  return rehearsal.faults({ at, kind: 'status', status: 400, times: 1, body, name })
}

test('stop, start and restart', async () => {
  const { key } = await portal.ready('anna')
  const { password } = await stackOf('anna', key)
  const before = await rehearsal.state()

  const stopped = await done('anna', 'stop', 'stopped', { key })
  assert.equal(stopped.last.data.name, 'anna')
  assert.equal((await stackOf('anna', key)).state, 'stopped')
  assert.equal(await reach('anna', password), 502)
  const { kind, state, percent, steps } = (await portal.status(stopped.answer.json.statusUrl)).json
  assert.deepEqual([kind, state, percent], ['stop', 'stopped', 100])
  assert.deepEqual(steps.map(({ step }) => step), ['stop'])

  await done('anna', 'start', 'ready', { key })
  assert.equal((await stackOf('anna', key)).state, 'ready')
  assert.equal(await reach('anna', password), 200)

  await done('anna', 'restart', 'ready', { key: ADMIN })
  assert.equal((await stackOf('anna', key)).password, password)
  const after = await rehearsal.state()
  for (const list of ['projects', 'applications', 'volumes', 'domains']) {
    assert.equal(after[list].length, before[list].length, list)
  }
})

test('a new password, and the old one opens nothing', async () => {
  const { key } = await portal.ready('bert')
  const { password } = await stackOf('bert', key)
  const { events } = await done('bert', 'password', 'ready', { key, json: rotate })
  const revealed = await portal.reveal('bert', { key })
  assert.equal(revealed.status, 200)
  assert.notEqual(revealed.json.password, password)
  assert.equal(await reach('bert', password), 401)
  assert.equal(await reach('bert', revealed.json.password), 200)
  const written = JSON.stringify(events) + portal.lines.join('\n')
  for (const secret of [password, revealed.json.password]) assert.ok(!written.includes(secret))
})

test('a workspace that does not start with its new password gets the old one back', async () => {
  const { key } = await portal.ready('carl')
  const { password } = await stackOf('carl', key)
  await refuse('application.reload', 'carl')
  const { last } = await done('carl', 'password', 'failed', { key, json: rotate })
  assert.equal(last.data.rolledBack, true)
  assert.ok(last.data.detail.length > 10 && last.data.advice.length > 10)
  const now = await stackOf('carl', key)
  assert.deepEqual([now.state, now.password], ['ready', password])
  assert.equal(await reach('carl', password), 200)
})

test('one operation at a time, and only on a workspace that exists', async () => {
  const { key } = await portal.ready('dora')
  for (const at of ['application.stop', 'application.reload']) await rehearsal.hold(at, 'dora')
  const kinds = ['stop', 'restart', 'stop', 'start', 'restart']
  const answers = await Promise.all(kinds.map((what) => portal.act('dora', what, { key })))
  const [begun, ...others] = answers.filter(({ status }) => status === 202)
  assert.ok(begun && others.length === 0, answers.map(({ text }) => text).join('\n'))
  const refused = answers.filter((answer) => answer !== begun)
  assert.deepEqual(refused.map(({ json }) => json.code), Array(4).fill('stack_busy'))
  const busy = await portal.remove('dora', { key })
  assert.deepEqual([busy.status, busy.json.code], [409, 'stack_busy'])
  const cancel = await portal.cancel(begun.json.deploymentId, { key })
  assert.deepEqual([cancel.status, cancel.json.cancelled], [202, false])
  await rehearsal.forgetFaults()
  await portal.finish(begun)

  await rehearsal.faults({ at: 'application.delete', kind: 'hang', name: 'dora' })
  const removal = await portal.remove('dora', { key })
  const late = await portal.act('dora', 'start', { key })
  assert.deepEqual([late.status, late.json.code], [409, 'stack_unfit'], 'it is being deleted')
  await rehearsal.forgetFaults()
  await portal.finish(removal, 'deleted')
  await rehearsal.holdsNothing('dora')
  assert.equal((await portal.act('dora', 'start', { key })).status, 404)

  const young = await portal.deploy('emil')
  const early = await portal.act('emil', 'stop', { key: young.json.ownerKey })
  assert.deepEqual([early.status, early.json.code], [409, 'stack_unfit'], 'it is not ready yet')
  await portal.finish(young, 'ready')
})

test('a stopped workspace gets a new password without a start, and can be deleted', async () => {
  const { key } = await portal.ready('fred')
  await done('fred', 'stop', 'stopped', { key })
  const { password } = await stackOf('fred', key)
  await done('fred', 'password', 'stopped', { key, json: rotate })
  const fresh = await stackOf('fred', key)
  assert.deepEqual([fresh.state, fresh.password !== password], ['stopped', true])
  await portal.deleted('fred', { key })
  await rehearsal.holdsNothing('fred')
})

test('after a failed start it is unhealthy, and can be started again', async () => {
  const { key } = await portal.ready('gina')
  await done('gina', 'stop', 'stopped', { key })
  await refuse('application.reload', 'gina')
  await done('gina', 'start', 'failed', { key })
  assert.equal((await stackOf('gina', key)).state, 'unhealthy')
  await done('gina', 'start', 'ready', { key })
  assert.equal((await stackOf('gina', key)).state, 'ready')
})

test('a failed stop leaves the true state', async () => {
  const { key } = await portal.ready('jan')
  await refuse('application.stop', 'jan')
  await done('jan', 'stop', 'failed', { key })
  assert.equal((await stackOf('jan', key)).state, 'ready', 'it was refused, and runs')
  await refuse('docker.getContainersByAppNameMatch', 'jan')
  await done('jan', 'stop', 'failed', { key })
  assert.equal(await reach('jan'), 502)
  assert.equal((await stackOf('jan', key)).state, 'unhealthy', 'it was done, but not confirmed')
  await done('jan', 'stop', 'stopped', { key })
})

test('a volume that was removed while the workspace was stopped is told, once', async () => {
  const { key } = await portal.ready('lotte')
  const warning = async (what) => (await done('lotte', what, 'ready', { key })).last.data.warning
  assert.equal(await warning('restart'), undefined)
  await done('lotte', 'stop', 'stopped', { key })
  const [volumeName] = (await rehearsal.volumes()).filter((name) => name.includes('lotte'))
  await rehearsal.change('dockerVolume.removeVolume', { volumeName })
  const { last } = await done('lotte', 'start', 'ready', { key })
  assert.match(last.data.warning, /files and sessions are gone/)
  assert.equal(await warning('restart'), undefined)
})
