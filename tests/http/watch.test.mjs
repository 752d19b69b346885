// After "ready": a stack that stops answering, is open, or keeps ending is told as unhealthy, with a reason, and is ready again when it is well.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { copyRoot, startAll, until } from './harness.mjs'

let world, key
const state = async (language) => (await world.portal.stack('wim', { key, language })).json
const becomes = (wanted, language) => until(async () => {
  const seen = await state(language)
  return seen.state === wanted && seen
}, `wim is ${wanted}`)

before(async () => {
  const tree = copyRoot()
  tree.edit('scripts/lib/workspaces/monitor.lua', (text) => text.replace('round = 60', 'round = 0.1'))
  tree.edit('scripts/lib/workspaces/monitor.lua', (text) => text.replace('usage_round = 600', 'usage_round = 0.1'))
  world = await startAll({ root: tree.root })
  key = (await world.portal.ready('wim')).key
})
after(() => world.stop())

test('one that is worked in, as its owner is told; and one that does not say keeps what was known', async () => {
  assert.equal((await state()).lastUsedAt, undefined, 'nobody has been there')
  const { password } = await state()
  const before = Date.now()
  assert.equal((await world.rehearsal.stack('wim', '/L3dvcmtzcGFjZQ/session', { password })).status, 200)
  const used = await until(async () => (await state()).lastUsedAt, 'last used')
  assert.ok(Math.abs(Date.parse(used) - before) < 5000, used)
  await world.rehearsal.faults({ at: 'stack', kind: 'wrong_password', times: 0, name: 'wim' })
  await until(async () => (await world.rehearsal.faults())[0].hits > 20, 'it was asked, and did not say')
  assert.equal((await state()).lastUsedAt, used)
  await world.rehearsal.forgetFaults()
  const { json } = await world.portal.api('/api/stacks', { key })
  assert.equal(json.stacks[0].lastUsedAt, used, 'in the list too')
})

test('one that does not answer, and then does again', async () => {
  await world.rehearsal.faults({ at: 'stack', kind: 'status', status: 502, times: 0, name: 'wim' })
  const seen = await becomes('unhealthy', 'nl')
  assert.equal(seen.trouble.code, 'stack_silent')
  assert.match(seen.trouble.detail, /werkruimte/)
  assert.ok(Date.parse(seen.trouble.since))
  assert.ok(seen.password, 'its owner still gets the password')
  await world.rehearsal.forgetFaults()
  assert.equal((await becomes('ready')).trouble, undefined)
})

test('one that answers without its lock', async () => {
  await world.rehearsal.faults({ at: 'stack', kind: 'unprotected', times: 0, name: 'wim' })
  const seen = await until(async () => (await state()).trouble, 'trouble')
  assert.equal(seen.code, 'stack_open')
  await world.rehearsal.forgetFaults()
  await becomes('ready')
})

test('one that can be deleted while it is unhealthy', async () => {
  await world.rehearsal.faults({ at: 'stack', kind: 'status', status: 502, times: 0, name: 'wim' })
  await becomes('unhealthy')
  const { json } = await world.portal.remove('wim', { key })
  assert.equal((await world.portal.follow(json.statusUrl)).last.event, 'deleted')
  await world.rehearsal.holdsNothing('wim')
})
