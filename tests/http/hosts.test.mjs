// A workspace never gets a host that something else has: the portal, Dokploy, another application.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMIN, VERSIONS, dokployEnv, inWorld, until, useWorld, withPortal } from './harness.mjs'

// An application of somebody else; returns what gives it a domain.
async function foreign(rehearsal) {
  const { environment } = await rehearsal.change('project.create', { name: 'somebody else' })
  const { applicationId } = await rehearsal.change('application.create', {
    name: 'shop', environmentId: environment.environmentId,
  })
  return (host) => rehearsal.change('domain.create', { host, applicationId })
}

for (const version of VERSIONS) {
  describe(`on Dokploy ${version}`, () => {
    const { portal, rehearsal } = useWorld({ version })

    test("another application's host is refused, and the deployment undone", async () => {
      await (await foreign(rehearsal))('Shop.localhost')
      const { events, last } = await portal.deployed('shop')
      assert.deepEqual([last.event, last.data.code, last.data.step, last.data.rolledBack],
        ['failed', 'host_taken', 'domain', true])
      assert.match(last.data.detail, /address of shop already belongs to another application/)
      assert.ok(!events.some(({ data }) => data.step === 'deploy'), 'nothing was deployed')
      const { domains } = await rehearsal.state()
      assert.deepEqual(domains.map(({ host }) => host), ['Shop.localhost'], 'only theirs is left')
      await portal.ready('shop-2')
    })

    test('also when it takes the host at the same time', async () => {
      const takeHost = await foreign(rehearsal)
      await rehearsal.faults({ at: 'domain.create', kind: 'latency', ms: 9000, name: 'race' })
      const answer = await portal.deploy('race')
      await until(() => rehearsal.hits(), 'the portal makes its domain')
      await takeHost('race.localhost')
      const { last } = await portal.finish(answer, 'failed')
      assert.equal(last.data.code, 'host_taken')
      const { domains } = await rehearsal.state()
      assert.equal(domains.filter(({ host }) => host === 'race.localhost').length, 1)
    })
  })
}

test("the portal's own names are reserved", inWorld({}, async ({ rehearsal }) => {
  const hosts = 'my-portal.localhost., localhost, 127.0.0.1'
  const env = { ...dokployEnv(rehearsal), PORTAL_HOSTS: hosts }
  await withPortal({ rehearsal, env }, async (portal) => {
    assert.equal((await portal.check('my-portal')).json.code, 'name_reserved')
    assert.equal((await portal.deploy('my-portal', { key: ADMIN })).json.code, 'name_reserved')
    assert.equal((await portal.check('my-portal-2')).json.available, true)
  })()
}))

test('so is the one under which the portal is asked', inWorld({}, async ({ rehearsal }) => {
  const env = { ...dokployEnv(rehearsal), HOST: '0.0.0.0' }
  await withPortal({ rehearsal, env }, async (portal) => {
    const asked = { headers: { host: 'unnamed.localhost' } }
    assert.equal((await portal.check('unnamed', asked)).json.code, 'name_reserved')
    assert.equal((await portal.deploy('unnamed', asked)).json.code, 'name_reserved')
    assert.equal((await portal.check('unnamed-2', asked)).json.available, true)
    assert.equal((await portal.check('unnamed')).json.available, true)
  })()
}))
