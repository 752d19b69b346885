// The whole job as a client does it: deploy, follow, use, delete; on both versions of Dokploy; and
// the requests that existing installations are checked with.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMIN, VERSIONS, inWorld, request, until, useWorld } from './harness.mjs'

const { portal, rehearsal } = useWorld()
const volumeNames = () => rehearsal.volumes()
const pick = (object, ...keys) => Object.fromEntries(keys.map((key) => [key, object[key]]))

test('a name is deployed, used and deleted, and nothing of it is left', async (t) => {
  let answer, key, password, ready

  await t.test('the name is free', async () => {
    const { status, json } = await portal.check('anna')
    assert.equal(status, 200)
    const expected = { name: 'anna', valid: true, available: true }
    assert.deepEqual(pick(json, 'name', 'valid', 'available'), expected)
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

  await t.test('its stream reports honest progress up to ready', async () => {
    const { events, last } = await portal.finish(answer, 'ready')
    ready = last
    assert.equal(last.data.url, answer.json.url)
    assert.equal(last.data.openUrl, `${answer.json.url}/L3dvcmtzcGFjZQ/session`)
    assert.deepEqual(events.map(({ id }) => id), events.map((_, i) => events[0].id + i))
    const progress = events.filter(({ event }) => event === 'progress').map(({ data }) => data)
    const percents = progress.map(({ percent }) => percent).filter((it) => it !== undefined)
    assert.deepEqual(percents, [...percents].sort((a, b) => a - b), 'percents only grow')
    for (const { data } of events) assert.match(data.at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/)
    const lastStates = Object.fromEntries(progress.map(({ step, state }) => [step, state]))
    assert.ok(Object.keys(lastStates).length >= 5, JSON.stringify(lastStates))
    for (const [step, state] of Object.entries(lastStates)) assert.equal(state, 'done', step)
    assert.ok(events.some(({ event }) => event === 'log'), "Dokploy's log is passed on")
  })

  await t.test('its address is locked, and opens with the password', async () => {
    password = (await portal.stack('anna', { key })).json.password
    const closed = await rehearsal.stack('anna', '/global/health')
    assert.equal(closed.status, 401)
    assert.match(closed.headers['www-authenticate'], /^Basic/)
    const wrong = await rehearsal.stack('anna', '/global/health', { password: 'wrong' })
    assert.equal(wrong.status, 401)
    const open = await rehearsal.stack('anna', '/global/health', { password })
    assert.deepEqual([open.status, open.json.healthy], [200, true])
    const path = await rehearsal.stack('anna', '/path', { password })
    assert.equal(path.json.directory, '/workspace')
    const headers = { authorization: `Basic ${btoa(`opencode:${password}`)}` }
    assert.match((await request(ready.data.openUrl, { headers })).text, /<html/i)
  })

  await t.test('Dokploy holds it as it should be', async () => {
    const state = await rehearsal.state()
    for (const kind of ['projects', 'applications', 'domains']) {
      assert.equal(state[kind].length, 1, kind)
    }
    const { description } = state.projects[0]
    assert.ok(description.includes(answer.json.deploymentId), `the tag: ${description}`)
    const { applicationId } = state.applications[0]
    const application = await rehearsal.dokploy('application.one', { applicationId })
    assert.equal(application.memoryLimit, String(2 * 1024 ** 3))
    assert.equal(application.updateConfigSwarm.Order, 'stop-first')
    const { domains: [domain], mounts: [mount] } = application
    assert.deepEqual([domain.host, domain.port], ['anna.localhost', 8080])
    assert.equal(mount.mountPath, '/workspace')
    assert.match(mount.volumeName, /^portal-ai-workspace-anna-./)
    assert.deepEqual(await volumeNames(), [mount.volumeName])
  })

  await t.test('the name is taken now', async () => {
    const { json } = await portal.check('anna')
    const expected = { valid: true, available: false, code: 'name_taken' }
    assert.deepEqual(pick(json, 'valid', 'available', 'code'), expected)
    assert.ok(json.suggestions.length > 0)
    const again = await portal.deploy('anna')
    assert.deepEqual([again.status, again.json.code], [409, 'name_taken'])
  })

  await t.test('its owner sees it', async () => {
    const mine = await portal.stack('anna', { key })
    assert.equal(mine.status, 200)
    assert.deepEqual(pick(mine.json, 'state', 'url'), { state: 'ready', url: answer.json.url })
    assert.ok(mine.json.image && mine.json.createdAt)
  })

  await t.test('its owner can, and its data are kept', async () => {
    const removal = await portal.remove('anna', { key })
    const again = await portal.remove('anna', { key })
    assert.equal(again.status, 202, 'a second request is fine')
    assert.equal(again.json.statusUrl, removal.json.statusUrl)
    const { last } = await portal.finish(removal, 'deleted')
    assert.equal(last.data.data, 'kept')
    assert.match(last.data.volume, /^portal-ai-workspace-anna/)
    await rehearsal.holdsNothing('anna')
    assert.equal((await rehearsal.stack('anna')).status, 404)
    assert.equal((await portal.check('anna')).json.available, true)
  })

  await t.test('another owner can take the name, and gets none of the old data', async () => {
    const before = await volumeNames()
    const second = await portal.ready('anna')
    assert.notEqual(second.key, key)
    assert.equal((await portal.stack('anna', { key })).status, 404, 'the old key opens nothing')
    assert.equal((await volumeNames()).length, before.length + 1, 'a volume of its own')
    const { last } = await portal.deleted('anna', { key: second.key, data: 'delete' })
    assert.equal(last.data.data, 'deleted')
    assert.deepEqual(await volumeNames(), before)
  })
})

test('the status is available as one JSON document', async () => {
  const { answer } = await portal.ready('bert')
  const { deploymentId, statusUrl, url } = answer.json
  const { status, json, headers } = await portal.status(statusUrl)
  assert.equal(status, 200)
  assert.match(headers['content-type'], /^application\/json/)
  const expected = { deploymentId, kind: 'deploy', name: 'bert', state: 'ready', percent: 100 }
  assert.deepEqual(pick(json, ...Object.keys(expected)), expected)
  assert.equal(json.result.url, url)
  assert.ok(json.lastEventId > 0)
  for (const { step, state } of json.steps) assert.equal(state, 'done', step)
})

test('an owner has several workspaces under one key; lists show only what is theirs', async () => {
  const { key } = await portal.ready('cleo-one')
  const second = await portal.ready('cleo-two', { key })
  assert.equal(second.key, key)
  const list = async (query, reader = key) => {
    const { status, json } = await portal.api(`/api/stacks${query}`, { key: reader })
    assert.equal(status, 200)
    return [json.stacks.map(({ name }) => name), json.next]
  }
  assert.deepEqual((await list(''))[0].sort(), ['cleo-one', 'cleo-two'])
  assert.deepEqual(await list('?limit=1'), [['cleo-one'], 'cleo-one'])
  assert.deepEqual(await list('?limit=1&after=cleo-one'), [['cleo-two'], null])
  assert.ok((await list('', ADMIN))[0].length >= 3)
  assert.equal((await portal.api('/api/stacks')).status, 401)
})

test('the requests that existing installations are checked with keep working', async () => {
  const health = await portal.api('/health')
  assert.deepEqual([health.status, health.json.status], [200, 'healthy'])
  assert.ok(health.json.version)
  const check = await portal.api('/api/check/test-name')
  assert.deepEqual([check.status, check.json.available], [200, true])
  const headers = { 'Content-Type': 'application/json' }
  const body = '{"name":"smoke-test"}'
  await portal.finish(await portal.api('/api/deploy', { method: 'POST', headers, body }), 'ready')
  const page = await portal.api('/')
  assert.equal(page.status, 200)
  assert.match(page.headers['content-type'], /^text\/html/)
  assert.match(page.text, /AI Stack Deployer/)
})

test('it is ready, and describes its API', async () => {
  const { status, json } = await portal.api('/ready')
  assert.equal(status, 200, JSON.stringify(json))
  assert.match((await portal.api('/api/openapi.json')).json.openapi, /^3\.1/)
})

test('the rehearsal outlives the portal, with all it holds', async () => {
  await portal.ready('dora')
  const { port } = portal
  const document = (await portal.api('/api/openapi.json')).text
  await portal.stop()
  assert.ok((await rehearsal.holds('dora')).length > 0)
  assert.equal((await rehearsal.stack('dora', '/global/health')).status, 401)
  await portal.restart()
  assert.equal(portal.port, port)
  const again = (await portal.api('/api/openapi.json')).text
  assert.equal(again, document, 'its bytes are the same in every process')
  await until(async () => !(await portal.check('dora')).json.available, 'the name is known again')
})

test(`Dokploy ${VERSIONS[1]}: deploy, use, delete`,
  inWorld({ version: VERSIONS[1] }, async (world) => {
    const { key, events } = await world.portal.ready('nora')
    const lines = events.filter(({ event }) => event === 'log').map(({ data }) => data.line)
    assert.ok(lines.length > 0, 'log lines, or the line that there are none')
    assert.ok(lines.every((line) => typeof line === 'string'))
    const { password } = (await world.portal.stack('nora', { key })).json
    assert.equal((await world.rehearsal.stack('nora', '/path', { password })).status, 200)
    assert.ok((await world.rehearsal.state()).version.includes(VERSIONS[1]))
    const { last } = await world.portal.deleted('nora', { key, data: 'delete' })
    assert.equal(last.data.data, 'left', 'it cannot remove a volume')
    await world.rehearsal.holdsNothing('nora')
  }))

for (const version of VERSIONS) {
  test(`${version}: a failed deployment leaves nothing`, inWorld({ version }, async (world) => {
    const { portal, rehearsal } = world
    await rehearsal.faults({ at: 'deploy', kind: 'deploy_error' })
    const { last } = await portal.finish(await portal.deploy('odin'), 'failed')
    const { code, rolledBack, leftovers } = last.data
    assert.deepEqual([code, rolledBack], ['deploy_failed', true])
    assert.deepEqual(leftovers, [], 'no container was started, so there is no volume')
    await rehearsal.holdsNothing('odin')
    // Whether there is a volume is unknown before the container has been seen; the older Dokploy
    // cannot remove one to be sure.
    const body = '{"message":"no","code":"BAD_REQUEST"}'
    await rehearsal.faults({ at: 'deployment.all', kind: 'status', status: 400, body })
    const thor = await portal.finish(await portal.deploy('thor'), 'failed')
    const details = thor.last.data.leftovers.map(({ detail }) => detail).join()
    if (version === '0.30.2') assert.equal(details, '')
    else assert.match(details, /^The volume \S+ may still exist/)
    await portal.ready('odin')
  }))
}

test('Dokploy can be upgraded while the portal runs',
  inWorld({ version: '0.26.5' }, async ({ portal, rehearsal }) => {
    const { key } = await portal.ready('olga')
    const json = { version: '0.30.2' }
    await rehearsal.api('/__rehearsal/version', { method: 'POST', json })
    await portal.ready('otto')
    await portal.deleted('olga', { key })
    await rehearsal.holdsNothing('olga')
  }))

const withAgents = (text) =>
  text.replace('id = "default"', `$&, env = { STACK_AGENTS = '{"Oracle":"opencode/big-pickle"}' }`)
test("a template's variables reach the container, beside the password",
  inWorld({ edits: { 'scripts/policy/templates.lua': withAgents } }, async (world) => {
    await world.portal.ready('another-model')
    const { applications: [{ applicationId }] } = await world.rehearsal.state()
    const { env } = await world.rehearsal.dokploy('application.one', { applicationId })
    assert.match(env, /^STACK_AGENTS='\{"Oracle":"opencode\/big-pickle"\}'$/m)
    assert.match(env, /^OPENCODE_SERVER_PASSWORD=/m)
  }))
