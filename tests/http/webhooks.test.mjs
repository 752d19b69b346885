// Webhooks: each event is delivered at least once, signed, in order for each workspace, whatever
// the receiver does and whenever the portal dies; no operation waits for it.
import { spawnSync } from 'node:child_process'
import { after, beforeEach, describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMIN, DEPLOYER, copyTree, seconds, until, useWorld } from './harness.mjs'
import { Receiver, WEBHOOK_SECRET, toReceiver } from './receiver.mjs'
import { putInForce, siteOf } from './site.mjs'

const receiver = await new Receiver().start()
after(() => receiver.stop())

const TIME_SCALE = '5'
const site = siteOf()
const { portal, rehearsal } = useWorld({
  edits: { 'config.lua': toReceiver(receiver) }, speed: 200,
  env: { WEBHOOK_SECRET, ...site.env, TIME_SCALE },
})
beforeEach(() => { receiver.answer = () => 204 })

const outbox = async () => (await portal.api('/api/admin/outbox', { key: ADMIN })).json
const change = (id, act) => portal.post(`/api/admin/outbox/${id}/${act}`, undefined, { key: ADMIN })
const isEmpty = () => until(async () => (await outbox()).entries.length === 0, 'all is delivered')

test('a workspace from its creation to its end, signed, in order', async () => {
  const { key } = await portal.ready('anna')
  await portal.finish(await portal.act('anna', 'stop', { key }), 'stopped')
  await portal.finish(await portal.act('anna', 'start', { key }), 'ready')
  await portal.deleted('anna', { key })
  await receiver.hears('anna', 'created', 'ready', 'stopped', 'started', 'deleted')
  const ready = receiver.messages.find(({ type }) => type === 'workspace.ready')
  const { workspace, operation } = ready.data
  assert.equal(ready.id, ready.data.id)
  assert.match(ready.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  assert.deepEqual([workspace.name, workspace.template], ['anna', 'default'])
  assert.match(workspace.url, /^http:\/\/anna\.localhost/)
  assert.ok(workspace.owner.id && operation.seconds >= 0)
  assert.deepEqual([operation.kind, operation.state], ['deploy', 'ready'])
  assert.doesNotMatch(JSON.stringify(ready), /own_|password/i)
  await isEmpty()
})

test('a failure and a cancellation are told with their code', async () => {
  await rehearsal.faults({ at: 'deploy', kind: 'image_not_found', name: 'bob' })
  await portal.finish(await portal.deploy('bob'), 'failed')
  await receiver.hears('bob', 'created', 'failed')
  const failed = receiver.messages.find(({ type }) => type === 'workspace.failed')
  assert.equal(failed.data.operation.code, 'image_not_found')
  assert.match(failed.data.operation.reason, /^The (Docker )?image .+\.$/)
})

test('down for an hour: no deployment waits, and then everything comes, in order', async () => {
  receiver.answer = ({ data }) => data.workspace.name === 'dave' ? undefined : null
  const names = ['carl', 'dave', 'edna']
  const keys = await Promise.all(names.map(async (name) => (await portal.ready(name)).key))
  await Promise.all(names.map((name, i) => portal.deleted(name, { key: keys[i] })))
  assert.deepEqual(names.flatMap((name) => receiver.told(name)), [])
  const waiting = (await outbox()).entries
  assert.equal(waiting.length, 9)
  assert.ok(waiting.every(({ state }) => state === 'waiting'))
  assert.match((await portal.api('/metrics')).text, /deployer_outbox\{state="waiting"\} 9/)
  receiver.answer = () => 503
  await until(async () => (await outbox()).entries
    .some(({ error }) => error === 'it answered 503'), 'the error is listed')
  await portal.stop()
  await portal.restart({ TIME_SCALE: '400' })
  // The pauses before attempt 12 add up to more than an hour.
  const isHour = async () => (await outbox()).entries
    .filter(({ attempts }) => attempts >= 12).length >= names.length
  await until(isHour, 'an hour has passed', seconds(60))
  await portal.stop()
  receiver.answer = () => 204
  await portal.restart({ TIME_SCALE })
  for (const name of names) await receiver.hears(name, 'created', 'ready', 'deleted')
  await isEmpty()
})

test('killed before the delivery: it comes after the restart, with the same id', async () => {
  const ids = []
  receiver.answer = ({ id, data }) => {
    if (data.workspace.name === 'finn') ids.push(id)
    return undefined
  }
  await portal.ready('finn')
  await until(() => ids.length > 0, 'it is being told')
  await portal.kill9()
  receiver.answer = () => 204
  await portal.restart()
  await receiver.hears('finn', 'created', 'ready')
  assert.equal(receiver.messages.find(({ data }) => data.workspace.name === 'finn').id, ids[0])
  await isEmpty()
})

test('what fails is listed, and can be retried or dropped', async () => {
  receiver.answer = () => 500
  await portal.ready('gina')
  const entries = await until(async () => {
    const list = (await outbox()).entries
    return list.some(({ error }) => error) && list
  }, 'a failure is listed')
  const [ready, created] = entries
  assert.deepEqual([ready.type, created.type], ['ready', 'created'])
  assert.deepEqual([created.target, created.name], ['webhooks/127.0.0.1', 'gina'])
  assert.equal((await change(ready.id, 'drop')).status, 200)
  receiver.answer = () => 200
  assert.equal((await change(created.id, 'retry')).status, 200)
  await receiver.hears('gina', 'created')
  await isEmpty()
  assert.equal((await change(ready.id, 'drop')).status, 404)
  assert.equal((await change('x', 'retry')).json.code, 'outbox_unknown')
})

test('410 disables a receiver until a retry', async () => {
  receiver.answer = () => 410
  const { key } = await portal.ready('hans')
  await portal.logged(({ event }) => event === 'webhook.disabled', 'it is disabled')
  const isDisabled = async () => (await outbox()).disabled.includes('webhooks/127.0.0.1')
  await until(isDisabled, 'it is listed')
  receiver.answer = () => 204
  await portal.finish(await portal.act('hans', 'stop', { key }), 'stopped')
  const { entries } = await outbox()
  assert.ok(entries.every(({ state, type }) => state === 'failed' && type !== 'stopped'))
  await change(entries.at(-1).id, 'retry')
  await receiver.hears('hans', 'created')
  for (const { id } of entries.slice(0, -1)) await change(id, 'drop')
  await isEmpty()
  await portal.finish(await portal.act('hans', 'start', { key }), 'ready')
  await receiver.hears('hans', 'created', 'started')
})

test('a receiver in the site\'s own config.lua, added by a reload', async () => {
  await putInForce(portal, () => site.write('config.lua', `return { webhooks = { {
    name = "own", url = "${receiver.url}", secret = secret "WEBHOOK_SECRET", on = { "stopped" },
  } } }`))
  const { key } = await portal.ready('ines')
  await portal.finish(await portal.act('ines', 'stop', { key }), 'stopped')
  await receiver.hears('ines', 'stopped')
  await isEmpty()
})

describe('a faulty receiver is refused by --check', () => {
  const check = (more, env = { WEBHOOK_SECRET }) => spawnSync(DEPLOYER, ['--check', '--root',
    copyTree({ 'config.lua': toReceiver(receiver, more) }).root], {
    encoding: 'utf8', env: { PATH: process.env.PATH, ...env },
  })
  const cases = {
    'an unknown event':
      ['on = { "redy" }', {}, /webhooks\[1\]\.on: unknown event "redy" \(known: /],
    'no secret': ['', { WEBHOOK_SECRET: '' }, /webhooks\[1\]\.secret: is missing/],
    'a weak secret': ['', { WEBHOOK_SECRET: 'whsec_YWJj' }, /24 to 64 random bytes/],
    'an unknown key': ['event = {}', {}, /webhooks\[1\]\.event: unknown key/],
  }
  for (const [name, [more, env, message]] of Object.entries(cases)) {
    test(name, () => {
      const { status, stderr } = check(more, { WEBHOOK_SECRET, ...env })
      assert.equal(status, 1)
      assert.match(stderr, message)
    })
  }
  test('a good one is not', () => assert.equal(check('on = { "ready" }, name = "crm"').status, 0))
})
