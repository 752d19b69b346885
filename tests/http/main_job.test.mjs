// The whole job, as a client does it: deploy, follow, use, delete; and the commands that an existing installation is checked with.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMIN, request, startAll, until } from './harness.mjs'

let world, portal, rehearsal
before(async () => {
  world = await startAll()
  ;({ portal, rehearsal } = world)
})
after(() => world.stop())

test('a name is deployed, used and deleted, and nothing of it is left', async (t) => {
  let answer, key, password, ready

  await t.test('the name is free', async () => {
    const { status, json } = await portal.check('anna')
    assert.equal(status, 200)
    assert.deepEqual({ name: json.name, valid: json.valid, available: json.available }, { name: 'anna', valid: true, available: true })
  })

  await t.test('the deploy is accepted with all that a client needs', async () => {
    answer = await portal.deploy('anna')
    assert.equal(answer.status, 202, answer.text)
    const { deploymentId, name, url, statusUrl, ownerKey } = answer.json
    assert.equal(name, 'anna')
    assert.equal(url, `http://anna.localhost:${rehearsal.port}`)
    assert.match(deploymentId, /^[\w-]{16,}$/)
    assert.equal(statusUrl, `/api/status/${deploymentId}`)
    assert.equal(answer.headers.location, statusUrl)
    assert.ok(answer.headers['x-request-id'])
    assert.match(ownerKey, /^own_/)
    key = ownerKey
  })

  await t.test('its stream tells honest progress up to ready', async () => {
    const { events, last } = await portal.follow(answer.json.statusUrl)
    ready = last
    assert.equal(last.event, 'ready', JSON.stringify(last))
    assert.equal(last.data.url, answer.json.url)
    assert.equal(last.data.openUrl, `${answer.json.url}/L3dvcmtzcGFjZQ/session`)
    assert.deepEqual(events.map((e) => e.id), events.map((_, i) => events[0].id + i), 'numbers without a gap')
    const percents = events.filter((e) => e.event === 'progress' && e.data.percent !== undefined).map((e) => e.data.percent)
    assert.deepEqual(percents, [...percents].sort((a, b) => a - b), 'percents only grow')
    for (const event of events) assert.match(event.data.at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/, JSON.stringify(event))
    const steps = new Set(events.filter((e) => e.event === 'progress').map((e) => e.data.step))
    assert.ok(steps.size >= 5, `steps: ${[...steps]}`)
    for (const step of steps) {
      const states = events.filter((e) => e.data.step === step && e.event === 'progress').map((e) => e.data.state)
      assert.equal(states.at(-1), 'done', `${step}: ${states}`)
    }
    assert.ok(events.some((e) => e.event === 'log'), "Dokploy's log is passed on")
  })

  await t.test('the stream holds no secret', async () => {
    password = (await portal.stack('anna', { key })).json.password
    assert.ok(password.length >= 16)
    const { events } = await portal.follow(answer.json.statusUrl)
    const all = JSON.stringify(events)
    assert.ok(!all.includes(password))
    assert.ok(!all.includes(key))
  })

  await t.test("the stack's own address is locked, and opens with the password", async () => {
    const closed = await rehearsal.stack('anna', '/global/health')
    assert.equal(closed.status, 401)
    assert.match(closed.headers['www-authenticate'], /^Basic/)
    const wrong = await rehearsal.stack('anna', '/global/health', { password: 'wrong' })
    assert.equal(wrong.status, 401)
    const open = await rehearsal.stack('anna', '/global/health', { password })
    assert.equal(open.status, 200)
    assert.equal(open.json.healthy, true)
    assert.equal((await rehearsal.stack('anna', '/path', { password })).json.directory, '/workspace')
    assert.match((await request(ready.data.openUrl, { headers: { authorization: `Basic ${btoa(`opencode:${password}`)}` } })).text, /<html/i)
  })

  await t.test('Dokploy holds it as it should be', async () => {
    const state = await rehearsal.state()
    assert.equal(state.projects.length, 1)
    assert.equal(state.applications.length, 1)
    assert.equal(state.domains.length, 1)
    const application = await rehearsal.dokploy('application.one', { applicationId: state.applications[0].applicationId })
    assert.ok(state.projects[0].description.includes(answer.json.deploymentId), `our mark: ${state.projects[0].description}`)
    assert.equal(application.memoryLimit, String(2 * 1024 ** 3))
    assert.equal(application.updateConfigSwarm.Order, 'stop-first')
    assert.equal(application.domains[0].host, 'anna.localhost')
    assert.equal(application.domains[0].port, 8080)
    assert.equal(application.mounts[0].mountPath, '/workspace')
    assert.match(application.mounts[0].volumeName, /^portal-ai-workspace-anna-./)
    assert.deepEqual(state.volumes.map(({ name }) => name), [application.mounts[0].volumeName])
  })

  await t.test('the name is taken now', async () => {
    const { json } = await portal.check('anna')
    assert.deepEqual({ valid: json.valid, available: json.available, code: json.code }, { valid: true, available: false, code: 'name_taken' })
    assert.ok(json.suggestions.length > 0)
    const again = await portal.deploy('anna')
    assert.equal(again.status, 409)
    assert.equal(again.json.code, 'name_taken')
  })

  await t.test('its owner and the admin see it; to others it is not there', async () => {
    const mine = await portal.stack('anna', { key })
    assert.equal(mine.status, 200)
    assert.equal(mine.json.state, 'ready')
    assert.equal(mine.json.url, answer.json.url)
    assert.ok(mine.json.image)
    assert.ok(mine.json.createdAt)
    const admin = await portal.stack('anna', { key: ADMIN })
    assert.equal(admin.status, 200)
    assert.equal(admin.json.password, undefined, 'the admin sees no password')
    for (const other of [undefined, `${key}x`, 'own_nobody.nothing']) {
      const { status, headers } = await portal.stack('anna', { key: other })
      assert.equal(status, 404)
      assert.match(headers['content-type'], /^application\/problem\+json/)
    }
  })

  await t.test('a stranger cannot delete it', async () => {
    assert.equal((await portal.remove('anna')).status, 404)
    assert.equal((await portal.stack('anna', { key })).json.state, 'ready')
  })

  await t.test('its owner can, and its data are kept', async () => {
    const removal = await portal.remove('anna', { key })
    assert.equal(removal.status, 202, removal.text)
    const again = await portal.remove('anna', { key })
    assert.equal(again.status, 202, 'twice is fine')
    assert.equal(again.json.statusUrl, removal.json.statusUrl)
    const { last } = await portal.follow(removal.json.statusUrl)
    assert.equal(last.event, 'deleted', JSON.stringify(last))
    assert.equal(last.data.data, 'kept')
    assert.match(last.data.volume, /^portal-ai-workspace-anna/)
    await rehearsal.holdsNothing('anna')
    assert.equal((await rehearsal.stack('anna')).status, 404)
    assert.equal((await portal.check('anna')).json.available, true)
  })

  await t.test('the name can be taken again, by somebody who gets none of the old data', async () => {
    const volumes = async () => (await rehearsal.state()).volumes.map(({ name }) => name)
    const before_ = await volumes()
    const second = await portal.ready('anna')
    assert.notEqual(second.key, key)
    assert.equal((await portal.stack('anna', { key })).status, 404, 'the old key opens nothing')
    assert.equal((await volumes()).length, before_.length + 1, 'a volume of its own')
    const removal = await portal.remove('anna', { key: second.key, data: 'delete' })
    const { last } = await portal.follow(removal.json.statusUrl)
    assert.equal(last.data.data, 'deleted', JSON.stringify(last))
    assert.deepEqual(await volumes(), before_)
  })
})

test('the status is there as one JSON document too', async () => {
  const { answer } = await portal.ready('bert')
  const { status, json, headers } = await portal.status(answer.json.statusUrl)
  assert.equal(status, 200)
  assert.match(headers['content-type'], /^application\/json/)
  assert.equal(json.deploymentId, answer.json.deploymentId)
  assert.equal(json.kind, 'deploy')
  assert.equal(json.name, 'bert')
  assert.equal(json.state, 'ready')
  assert.equal(json.percent, 100)
  assert.equal(json.result.url, answer.json.url)
  assert.ok(json.lastEventId > 0)
  for (const step of json.steps) assert.equal(step.state, 'done', JSON.stringify(step))
})

test('an owner has several stacks under one key; lists tell each what is theirs', async () => {
  const first = await portal.ready('cleo-one')
  const second = await portal.ready('cleo-two', { key: first.key })
  assert.equal(second.key, first.key)
  const mine = await portal.api('/api/stacks', { key: first.key })
  assert.equal(mine.status, 200)
  const names = (json) => json.stacks.map(({ name }) => name)
  assert.deepEqual(names(mine.json).sort(), ['cleo-one', 'cleo-two'])
  const first_page = (await portal.api('/api/stacks?limit=1', { key: first.key })).json
  const last_page = (await portal.api(`/api/stacks?limit=1&after=${first_page.next}`, { key: first.key })).json
  assert.deepEqual([names(first_page), first_page.next, names(last_page), last_page.next], [['cleo-one'], 'cleo-one', ['cleo-two'], null])
  const all = await portal.api('/api/stacks', { key: ADMIN })
  assert.ok(names(all.json).length >= 3)
  assert.equal((await portal.api('/api/stacks')).status, 401)
})

test('the commands of an existing installation keep working', async () => {
  const health = await portal.api('/health')
  assert.equal(health.status, 200)
  assert.equal(health.json.status, 'healthy')
  assert.ok(health.json.version)

  const check = await portal.api('/api/check/test-name')
  assert.equal(check.status, 200)
  assert.equal(check.json.available, true)

  const deploy = await portal.api('/api/deploy', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"name":"smoke-test"}' })
  assert.equal(deploy.status, 202)
  assert.equal((await portal.follow(deploy.json.statusUrl)).last.event, 'ready')

  const page = await portal.api('/')
  assert.equal(page.status, 200)
  assert.match(page.headers['content-type'], /^text\/html/)
  assert.match(page.text, /AI Stack Deployer/)
})

test('it is ready, and says of itself what it is', async () => {
  const { status, json } = await portal.api('/ready')
  assert.equal(status, 200, JSON.stringify(json))
  const document = await portal.api('/api/openapi.json')
  assert.match(document.json.openapi, /^3\.1/)
})

test('the rehearsal outlives the portal with all it holds', async () => {
  await portal.ready('dora')
  const port = portal.port
  const document = (await portal.api('/api/openapi.json')).text
  await portal.stop()
  assert.ok((await rehearsal.holds('dora')).length > 0)
  assert.equal((await rehearsal.stack('dora', '/global/health')).status, 401)
  await portal.restart()
  assert.equal((await portal.api('/api/openapi.json')).text, document, 'its bytes are the same in every process')
  assert.equal(portal.port, port)
  await until(async () => (await portal.check('dora')).json.available === false, 'the claim is known after a restart')
})
