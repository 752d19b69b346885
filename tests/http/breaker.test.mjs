// Dokploy goes away: the breaker opens and /health says so; running work waits; when it is back, all goes on.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { seconds, startAll, startPortal, startRehearsal, until } from './harness.mjs'

const breaker = async (portal) => (await portal.api('/health')).json.dokploy.breaker

test('it opens while Dokploy fails, shows in /health, and closes when Dokploy is back', async () => {
  const world = await startAll({ speed: 100 })
  const { portal, rehearsal } = world
  try {
    assert.equal(await breaker(portal), 'closed')
    await rehearsal.faults({ at: '*', kind: 'status', status: 503, times: 0 })
    const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => portal.deploy(`storm-${i}`)))
    await until(async () => (await breaker(portal)) === 'open', 'the breaker is open', seconds(60))
    const { status, json } = await portal.api('/health')
    assert.equal(status, 200, 'the portal itself is alive')
    assert.equal(json.status, 'degraded')
    const ready = await portal.api('/ready')
    assert.equal(ready.status, 200, 'an outage of Dokploy is no reason to roll the portal back')
    await portal.logged((l) => /breaker/.test(l.event) && JSON.stringify(l).includes('open'), 'the change is logged')
    const { hits } = (await rehearsal.faults())[0]
    assert.ok(hits < 200, `an open breaker spares Dokploy: ${hits} calls`)
    await rehearsal.forgetFaults()
    await until(async () => (await breaker(portal)) === 'closed', 'the breaker is closed', seconds(90))
    const ends = await Promise.all(answers.map(({ json: { statusUrl } }) => portal.follow(statusUrl, { limit: seconds(120) })))
    for (const { last } of ends) {
      assert.ok(['ready', 'failed'].includes(last.event))
      if (last.event === 'failed') assert.equal(last.data.rolledBack, true, JSON.stringify(last))
    }
    const ready_ = ends.filter(({ last }) => last.event === 'ready').length
    assert.equal((await rehearsal.state()).projects.length, ready_)
    await until(async () => (await portal.api('/health')).json.status === 'healthy', '/health is well again')
    await portal.ready('calm')
  } finally {
    await world.stop()
  }
})

test('without Dokploy the portal serves its page and its checks, and says what is missing', async () => {
  const rehearsal = await startRehearsal()
  const portal = await startPortal({ rehearsal })
  try {
    await rehearsal.stop()
    const begun = Date.now()
    const health = await portal.api('/health')
    assert.equal(health.status, 200)
    assert.ok(Date.now() - begun < seconds(1), 'it does not wait for Dokploy')
    assert.equal((await portal.check('free')).json.available, true)
    assert.match((await portal.api('/')).text, /AI Stack Deployer/)
    const { json } = await portal.deploy('early')
    const followed = portal.follow(json.statusUrl, { limit: seconds(120) })
    await until(async () => (await portal.api('/health')).json.status === 'degraded', '/health tells that Dokploy is away')
    assert.match(JSON.stringify((await portal.api('/health')).json), /okploy/)
    await rehearsal.restart()
    const { last } = await followed
    assert.ok(['ready', 'failed'].includes(last.event), JSON.stringify(last))
    if (last.event === 'failed') assert.equal(last.data.code, 'dokploy_unreachable')
  } finally {
    await portal.stop()
    await rehearsal.stop()
  }
})
