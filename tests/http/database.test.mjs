// Dokploy runs, and its database is away for a minute: it refuses the portal's key as if it were
// wrong, and creates as if they had failed. Whatever is under way waits, and goes on. (That it does
// so in each call of a deployment is in faults.test.mjs.)
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import {
  ADMIN, TIME_SCALE, VERSIONS, dokployEnv, inWorld, seconds, until,
} from './harness.mjs'

const MINUTE = 60_000
// A step has 90 seconds. A busy machine needs more of them than the half minute that is left.
const clock = { TIME_SCALE: String(TIME_SCALE / 2) }
const slow = { env: clock, rehearsalEnv: clock }
const away = (at, ms = MINUTE) => ({ at, kind: 'database', ms })
const degraded = async (portal, language) =>
  (await portal.api('/health', { language })).json.degraded
const asMember = (rehearsal) => ({ ...dokployEnv(rehearsal), DOKPLOY_API_TOKEN: 'member' })
const isHealthy = (portal) =>
  until(async () => (await degraded(portal)).length === 0, '/health is healthy again')

describe('the database is away for a minute', { concurrency: 4 }, () => {
  test('in the health check of a deployment', inWorld(slow, async ({ portal, rehearsal }) => {
    await rehearsal.faults([
      { at: 'stack', kind: 'never_ready', times: 60 },
      away('docker.getServiceContainersByAppName'),
    ])
    await portal.ready('anna')
    const [, outage] = await rehearsal.faults()
    assert.equal(outage.hits, 1)
  }))

  test('while many deployments run, and the stream and /health say what is wrong',
    inWorld(slow, async ({ portal, rehearsal }) => {
      await rehearsal.faults({ at: 'deploy', kind: 'latency', ms: 2 * MINUTE })
      const names = Array.from({ length: 6 }, (_, i) => `anna-${i}`)
      const answers = await Promise.all(names.map((name) => portal.deploy(name)))
      const { statusUrl } = answers[0].json
      await portal.follow(statusUrl, { until: ({ data }) => data.step === 'outcome' })
      await rehearsal.faults({ ...away('*'), times: 5 })
      const waits = ({ data }) => data.state === 'waiting' && /database/.test(data.detail)
      await portal.follow(statusUrl, { until: waits })
      const about = {
        en: /its database does not/, nl: /database ervan niet/, ar: /قاعدة بياناته/,
      }
      for (const [language, text] of Object.entries(about)) {
        const [first] = await degraded(portal, language)
        assert.equal(first.code, 'dokploy_unreachable')
        assert.match(first.detail, text)
      }
      for (const answer of answers) {
        const { events } = await portal.finish(answer, 'ready', { limit: seconds(300) })
        const count = events.filter(({ data }) => data.state === 'waiting').length
        assert.ok(count <= 8, `one event for each reason, not for each try: ${count}`)
      }
      assert.equal((await rehearsal.state()).projects.length, names.length)
      await isHealthy(portal)
    }))

  test('while a workspace is stopped, started, restarted, given a new password, deleted',
    inWorld(slow, async ({ portal, rehearsal }) => {
      const { key } = await portal.ready('anna')
      const rotate = () => portal.post('/api/stack/anna/password', { action: 'rotate' }, { key })
      const work = [
        [() => portal.act('anna', 'stop', { key }), 'stopped'],
        [() => portal.act('anna', 'start', { key }), 'ready'],
        [() => portal.act('anna', 'restart', { key }), 'ready'], [rotate, 'ready'],
        [() => portal.remove('anna', { key }), 'deleted'],
      ]
      for (const [begin, end] of work) {
        await rehearsal.faults(away('*'))
        await portal.finish(await begin(), end, { limit: seconds(240) })
      }
      await rehearsal.holdsNothing('anna')
    }))

  test('while a failed deployment is undone', inWorld(slow, async ({ portal, rehearsal }) => {
    await rehearsal.faults([{ at: 'deploy', kind: 'deploy_error' }, away('application.delete')])
    const { last } = await portal.deployed('anna', { limit: seconds(240) })
    assert.deepEqual([last.event, last.data.code, last.data.rolledBack],
      ['failed', 'deploy_failed', true])
    await rehearsal.holdsNothing('anna')
  }))
})

// It does not look at its database when it is asked for its health.
test('Dokploy 0.26.5 may be without its database for some seconds',
  inWorld({ version: '0.26.5' }, async ({ portal, rehearsal }) => {
    await rehearsal.faults(away('application.create', 20_000))
    await portal.ready('anna')
  }))

test('a key that is wrong is no outage', inWorld({}, async ({ portal, rehearsal }) => {
  const body = '{"message":"Unauthorized"}'
  await rehearsal.faults({ at: '*', kind: 'status', status: 401, body, times: 0 })
  const { last } = await portal.deployed('anna')
  assert.deepEqual([last.event, last.data.code], ['failed', 'dokploy_refused'])
  assert.deepEqual((await degraded(portal)).map(({ code }) => code), ['dokploy_refused'])
  await rehearsal.forgetFaults()
  await portal.post('/api/admin/findings/look', undefined, { key: ADMIN })
  await isHealthy(portal)
}))

for (const version of VERSIONS) {
  test(`Dokploy ${version}: a key whose user may not create is refused, and /health says so`,
    inWorld({ version, env: asMember }, async ({ portal }) => {
      const { last } = await portal.deployed('anna')
      const { code, causeCode, step, rolledBack } = last.data
      assert.deepEqual([last.event, code, causeCode, step, rolledBack],
        ['failed', 'dokploy_refused', 'dokploy_right', 'project', true])
      await until(async () => (await portal.check('anna')).json.available, 'the name is free')
      const texts = { en: /owner or admin/, nl: /eigenaar of beheerder/, ar: /لمالك/ }
      for (const [language, text] of Object.entries(texts)) {
        const [first, ...others] = await degraded(portal, language)
        assert.deepEqual([first.code, others], ['dokploy_refused', []])
        assert.match(first.detail, text)
        assert.ok(first.detail.includes('project.create'), first.detail)
      }
      await portal.stop()
      await portal.restart({ DOKPLOY_API_TOKEN: 'tests' })
      await portal.ready('anna')
      assert.deepEqual(await degraded(portal), [])
    }))
}
