// Dokploy becomes unreachable: the circuit breaker opens and /health reports it; deployments wait,
// and continue when Dokploy is back.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMIN, TIME_SCALE, inWorld, seconds, until } from './harness.mjs'

const health = async (portal) => (await portal.api('/health')).json
const breakerOf = async (portal) => (await health(portal)).dokploy.breaker
const breakerIs = (portal, state) =>
  until(async () => await breakerOf(portal) === state, `the breaker is ${state}`, seconds(60))

test('the breaker opens while Dokploy fails, and closes when it is back',
  inWorld({ speed: 100 }, async ({ portal, rehearsal }) => {
    await breakerIs(portal, 'closed')
    await rehearsal.faults({ at: '*', kind: 'status', status: 503, times: 0 })
    const compare = '/api/admin/findings/look' // calls Dokploy, which fails
    while (await breakerOf(portal) !== 'open') await portal.post(compare, undefined, { key: ADMIN })
    const names = Array.from({ length: 8 }, (_, i) => `storm-${i}`)
    const answers = await Promise.all(names.map((name) => portal.deploy(name)))
    const { status, json } = await portal.api('/health')
    assert.deepEqual([status, json.status], [200, 'degraded'], 'the portal itself is alive')
    const ready = await portal.api('/ready')
    assert.equal(ready.status, 200, 'an outage of Dokploy is no reason to roll the portal back')
    const isOpened = (line) => /breaker/.test(line.event) && JSON.stringify(line).includes('open')
    await portal.logged(isOpened, 'the change is logged')
    const hits = await rehearsal.hits()
    assert.ok(hits < 200, `an open breaker spares Dokploy: ${hits} calls`)
    await rehearsal.forgetFaults()
    await breakerIs(portal, 'closed')
    for (const answer of answers) await portal.finish(answer, 'ready', { limit: seconds(120) })
    assert.equal((await rehearsal.state()).projects.length, 8)
    await until(async () => (await health(portal)).status === 'healthy', '/health is healthy')
    await portal.ready('calm')
  }))

test('the breaker closes within seconds of the return of Dokploy, though nobody calls it',
  inWorld({}, async ({ portal, rehearsal }) => {
    const ill = { kind: 'status', status: 503, times: 0 }
    await rehearsal.faults([{ at: '*', ...ill }, { at: 'trpc/settings.health', ...ill }])
    const compare = '/api/admin/findings/look'
    while (await breakerOf(portal) !== 'open') await portal.post(compare, undefined, { key: ADMIN })
    const hits = async () => (await rehearsal.faults()).map((rule) => rule.hits)
    const [calls, looks] = await hits()
    await until(async () => (await hits())[1] >= looks + 20, 'it looks again and again')
    assert.deepEqual([await breakerOf(portal), (await hits())[0]], ['open', calls])
    await rehearsal.forgetFaults()
    const isClosed = async () => await breakerOf(portal) === 'closed'
    await until(isClosed, 'it is closed', 6_000 / TIME_SCALE + seconds(1))
    assert.equal((await health(portal)).status, 'healthy')
  }))

test('without Dokploy the portal serves pages and checks, and reports what is missing',
  inWorld({}, async ({ portal, rehearsal }) => {
    await rehearsal.kill9()
    const start = Date.now()
    assert.equal((await portal.api('/health')).status, 200)
    assert.ok(Date.now() - start < seconds(1), 'it does not wait for Dokploy')
    assert.equal((await portal.check('free')).json.available, true)
    assert.match((await portal.api('/')).text, /AI Stack Deployer/)
    const answer = await portal.deploy('early')
    await until(async () => (await health(portal)).status === 'degraded', '/health reports it')
    assert.match(JSON.stringify(await health(portal)), /okploy/)
    await rehearsal.restart()
    await portal.finish(answer, 'ready', { limit: seconds(120) })
  }))
