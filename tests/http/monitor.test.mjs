// A ready workspace is watched: one that stops answering, or lost its lock, becomes unhealthy, with
// a reason, and ready again when it recovers. The portal's clock runs fast for this, as the rounds
// are minutes apart.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { TIME_SCALE, seconds, until, useWorld } from './harness.mjs'

let key
const { portal, rehearsal } = useWorld({
  async prepare() {
    key = (await portal.ready('wim')).key
    await portal.stop()
    await portal.restart({ TIME_SCALE: String(TIME_SCALE * 10) })
  },
})

const read = async (language) => (await portal.stack('wim', { key, language })).json
const becomes = (wanted, language) => until(async () => {
  const seen = await read(language)
  return seen.state === wanted && seen
}, `it is ${wanted}`)
const breaks = (rule) => rehearsal.faults({ at: 'stack', times: 0, name: 'wim', ...rule })

test('its last use is told to its owner, and kept when it does not answer', async () => {
  const { password, lastUsedAt } = await read()
  assert.equal(lastUsedAt, undefined, 'it was never used')
  const start = Date.now()
  const visit = await rehearsal.stack('wim', '/L3dvcmtzcGFjZQ/session', { password })
  assert.equal(visit.status, 200)
  const used = await until(async () => (await read()).lastUsedAt, 'its use is known')
  assert.ok(Math.abs(Date.parse(used) - start) < seconds(20), used)
  await breaks({ kind: 'wrong_password' })
  await until(async () => (await rehearsal.hits()) > 20, 'it is asked, and does not answer')
  assert.equal((await read()).lastUsedAt, used)
  await rehearsal.forgetFaults()
  const { stacks } = (await portal.api('/api/stacks', { key })).json
  assert.equal(stacks[0].lastUsedAt, used, 'in the list too')
})

test('it stops answering, and does again', async () => {
  await breaks({ kind: 'status', status: 502 })
  const { trouble, password } = await becomes('unhealthy', 'nl')
  assert.equal(trouble.code, 'stack_silent')
  assert.match(trouble.detail, /werk(plek|ruimte)/)
  assert.ok(Date.parse(trouble.since))
  assert.ok(password, 'its owner still gets the password')
  await rehearsal.forgetFaults()
  assert.equal((await becomes('ready')).trouble, undefined)
})

test('it answers without its lock', async () => {
  await breaks({ kind: 'unprotected' })
  const seen = await until(async () => (await read()).trouble, 'trouble')
  assert.equal(seen.code, 'stack_open')
  await rehearsal.forgetFaults()
  await becomes('ready')
})

test('an unhealthy one can be deleted', async () => {
  await breaks({ kind: 'status', status: 502 })
  await becomes('unhealthy')
  await portal.deleted('wim', { key })
  await rehearsal.holdsNothing('wim')
  await rehearsal.forgetFaults()
})
