// Workspaces made ahead (`pool` of a template): a deploy that wants the same container gets one at
// once, and nobody else ever does; else it goes the ordinary way.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMIN, inWorld, inOrder, until, useWorld } from './harness.mjs'
import { siteOf } from './site.mjs'
import { findings } from './drift.mjs'

const templates = (pool, more = '') =>
  `return { { id = "default", pool = ${pool} ${more} }, { id = "plain", parameters = {
    { id = "colour", variable = "COLOUR", default = "red" } }, pool = 1 } }`
const site = (pool) => siteOf({ 'policy/templates.lua': templates(pool) })
const summary = async (portal) => (await portal.api('/api/admin/summary', { key: ADMIN })).json
const poolOf = async (portal, id = 'default') =>
  (await summary(portal)).pool.find(({ template }) => template === id)
const isFull = (portal, id) => until(async () => {
  const { warm, size } = await poolOf(portal, id)
  return warm === size
}, `the pool of ${id ?? 'default'} is full`)
const made = async (rehearsal) =>
  (await rehearsal.state()).projects.filter(({ name }) => name.startsWith('warm-'))
const claims = (portal) => portal.log.filter(({ event }) => event === 'pool.claimed')
const secondsOf = ({ events, last }) => (Date.parse(last.data.at) - Date.parse(
  events.find(({ event }) => event === 'progress').data.at)) / 1000

describe('a pool', () => {
  const { portal, rehearsal } = useWorld({
    env: site(2).env, speed: 200, prepare: ({ portal }) => isFull(portal),
  })

  test('is in no list and no drift, and the admin sees how full it is', async () => {
    await isFull(portal, 'plain')
    const doc = await summary(portal)
    assert.deepEqual(doc.stacks, [])
    assert.deepEqual(doc.pool, [{ template: 'default', warm: 2, size: 2 },
      { template: 'plain', warm: 1, size: 1 }])
    assert.ok(!(await portal.api('/api/admin/stacks', { key: ADMIN })).text.includes('warm-'))
    assert.equal((await made(rehearsal)).length, 3)
    assert.deepEqual((await rehearsal.state()).domains, [])
    assert.deepEqual((await findings(portal).look()).findings, [])
    const { text } = await portal.api('/metrics', { key: ADMIN })
    assert.match(text, /^deployer_pool\{template="default",state="warm"\} 2$/m)
    assert.match((await portal.api('/admin', { key: ADMIN })).text, /2 of 2 ready/)
  })

  test('its password is the owner\'s only; the volume is new and goes with it', async () => {
    await isFull(portal)
    const volumes = new Set(await rehearsal.volumes())
    const { key, events } = await portal.ready('anna')
    inOrder(events)
    assert.equal(claims(portal).length, 1)
    const { json } = await portal.stack('anna', { key })
    assert.ok(volumes.has(json.volume), 'it was made ahead')
    assert.equal((await rehearsal.stack('anna', '/path', { password: json.password })).status, 200)
    assert.equal((await rehearsal.stack('anna', '/path')).status, 401)
    assert.equal((await portal.stack('anna')).status, 404)
    const { projects, applications } = await rehearsal.state()
    const { applicationId } = applications.find(({ name }) => name === 'anna')
    const { description } = await rehearsal.dokploy('application.one', { applicationId })
    assert.match(description, new RegExp(`name=anna operation=${json.deploymentId} owner=`))
    assert.equal(projects.find(({ name }) => name === 'anna').description, description)
    assert.deepEqual((await findings(portal).look()).findings, [])
    await portal.finish(await portal.act('anna', 'restart', { key }), 'ready')
    assert.equal((await portal.stack('anna', { key })).json.volume, json.volume)
    await portal.deleted('anna', { key, data: 'delete' })
    await rehearsal.holdsNothing('anna')
    assert.ok(!(await rehearsal.volumes()).includes(json.volume))
  })

  test('never gives one to two, and refills', async () => {
    await isFull(portal)
    const before = claims(portal).length
    const names = ['bert-1', 'bert-2', 'bert-3', 'bert-4']
    const deployed = await Promise.all(names.map((name) => portal.ready(name)))
    assert.equal(claims(portal).length - before, 2, 'the others went the ordinary way')
    const stacks = await Promise.all(names.map(async (name, i) =>
      (await portal.stack(name, { key: deployed[i].key })).json))
    for (const field of ['volume', 'password']) {
      assert.equal(new Set(stacks.map((stack) => stack[field])).size, 4, field)
    }
    await isFull(portal)
    await Promise.all(names.map((name, i) =>
      portal.deleted(name, { key: deployed[i].key, data: 'delete' })))
  })

  test('serves nobody who wants another container', async () => {
    await isFull(portal, 'plain')
    const before = claims(portal).length
    const blue = { name: 'cleo', template: 'plain', parameters: { colour: 'blue' } }
    const { key } = await portal.finish(await portal.post('/api/deploy', blue), 'ready')
    assert.equal(claims(portal).length, before)
    await portal.deleted('cleo', { key })
  })

  test('one that does not answer is given back and removed', async () => {
    await isFull(portal)
    const gone = await made(rehearsal)
    for (const { appName } of (await rehearsal.state()).services) {
      await rehearsal.change('application.stop', { applicationId: (await rehearsal.state())
        .applications.find((it) => it.appName === appName).applicationId })
    }
    const { key, events } = await portal.ready('dora')
    inOrder(events)
    assert.ok(portal.log.some(({ event }) => event === 'pool.given_back'))
    const { password } = (await portal.stack('dora', { key })).json
    assert.equal((await rehearsal.stack('dora', '/path', { password })).status, 200)
    await until(async () => {
      const ids = (await made(rehearsal)).map(({ projectId }) => projectId)
      return gone.every(({ projectId }) => !ids.includes(projectId))
    }, 'they are removed')
    await isFull(portal)
    await portal.deleted('dora', { key, data: 'delete' })
  })

  test('the name is taken elsewhere: the deploy fails, and nothing is left', async () => {
    await isFull(portal)
    const { key } = await portal.ready('emil')
    const { applications } = await rehearsal.state()
    const { applicationId } = applications.find(({ name }) => name === 'emil')
    await rehearsal.change('domain.create', {
      applicationId, host: 'other.localhost', path: '/', port: 80, https: false,
      certificateType: 'none', domainType: 'application',
    })
    await isFull(portal)
    const { last } = await portal.deployed('other')
    assert.deepEqual([last.event, last.data.code, last.data.leftovers],
      ['failed', 'host_taken', []])
    await portal.deleted('emil', { key, data: 'delete' })
  })
})

test('a claim is ready within 2 s at real speed', inWorld(
  { env: site(1).env, speed: 1, rehearsalEnv: { TIME_SCALE: '1' } },
  async ({ portal }, t) => {
    const limit = 60_000
    await until(async () => (await poolOf(portal)).warm === 1, 'it is warm', limit)
    await portal.stop()
    await portal.restart({ TIME_SCALE: '1' })
    const began = Date.now()
    const { key } = await portal.ready('fast')
    const seconds = (Date.now() - began) / 1000
    t.diagnostic(`ready after ${seconds} s`)
    assert.equal(claims(portal).length, 1)
    assert.ok(seconds <= 2, `${seconds} s`)
    assert.ok(key)
  }))

test('a new image, or a smaller pool, replaces what was made', inWorld(
  { env: site(2).env, speed: 200 },
  async ({ portal, rehearsal }) => {
    await isFull(portal)
    await portal.stop()
    await portal.restart({ STACK_IMAGE: 'ghcr.io/example/stack:2' })
    const before = (await made(rehearsal)).map(({ projectId }) => projectId)
    await until(async () => (await made(rehearsal))
      .every(({ projectId }) => !before.includes(projectId)), 'they are removed')
    await isFull(portal)
    const { key } = await portal.ready('anna')
    assert.equal(claims(portal).length, 1)
    const { applications } = await rehearsal.state()
    assert.match(applications.find(({ name }) => name === 'anna').dockerImage, /:2$/)
    await portal.deleted('anna', { key, data: 'delete' })
    await isFull(portal)
    await portal.stop()
    await portal.restart(siteOf({ 'policy/templates.lua': 'return { { id = "default" } }' }).env)
    await until(async () => (await made(rehearsal)).length === 0, 'all are removed')
    assert.deepEqual(await rehearsal.volumes(), [])
    assert.deepEqual((await summary(portal)).pool, [])
  }))
