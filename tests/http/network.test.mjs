// The network of the workspaces: nothing is deployed before Dokploy's proxy is in it, a new
// workspace is in it alone, and an older one moves with its next redeploy.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ADMIN, VERSIONS, inWorld } from './harness.mjs'

const CONNECT = 'docker network connect workspaces dokploy-traefik'
const create = {
  '0.30.2': (rehearsal) => rehearsal.change('network.create', {
    name: 'workspaces', driver: 'overlay', attachable: true,
  }),
  '0.26.5': (rehearsal) =>
    rehearsal.docker('docker network create --driver overlay --attachable workspaces'),
}
const inNetwork = (version) => ({ version, speed: 1000, env: { STACK_NETWORK: 'workspaces' } })

// The deployment fails, leaves nothing, and names the command in each language.
async function failsWith({ portal, rehearsal }, command) {
  const answer = await portal.deploy('nora')
  for (const language of ['en', 'nl', 'ar']) {
    const headers = { 'accept-language': language }
    const { data } = (await portal.finish(answer, 'failed', { headers })).last
    assert.equal(data.code, 'network_unready', JSON.stringify(data))
    assert.ok(data.advice.replace(/[\u2066-\u2069]/g, '').includes(command), data.advice)
    assert.match(data.detail, /workspaces/)
  }
  await rehearsal.holdsNothing('nora')
}

async function networksOf(rehearsal, name) {
  const { services } = await rehearsal.state()
  return services.find(({ appName }) => appName.startsWith(`stack-${name}-`)).networks
}

async function applicationOf(rehearsal, name) {
  const { applications } = await rehearsal.state()
  const { applicationId } = applications.find((it) => it.name === name)
  return rehearsal.dokploy('application.one', { applicationId })
}

for (const version of VERSIONS) {
  describe(`Dokploy ${version}`, () => {
    test('a workspace is in its network alone, once the proxy is', inWorld(inNetwork(version),
      async (world) => {
        const { portal, rehearsal } = world
        if (version === '0.30.2') await failsWith(world, 'deployer bootstrap')
        await create[version](rehearsal)
        await failsWith(world, CONNECT)
        await rehearsal.docker(CONNECT)
        await portal.ready('nora')
        assert.deepEqual(await networksOf(rehearsal, 'nora'), ['workspaces'])
        if (version !== '0.30.2') return
        await portal.ready('my-traefik')
        await rehearsal.docker(CONNECT.replace('connect', 'disconnect'))
        const { last } = await portal.deployed('noor')
        assert.equal(last.data.code, 'network_unready', 'a workspace passes for the proxy')
      }))

    if (version === '0.26.5') {
      test('it stays in force when Dokploy is upgraded', inWorld(inNetwork(version),
        async ({ portal, rehearsal }) => {
          await create[version](rehearsal)
          await rehearsal.docker(CONNECT)
          const upgrade = { method: 'POST', json: { version: '0.30.2' } }
          await rehearsal.api('/__rehearsal/version', upgrade)
          await portal.stop()
          await portal.restart()
          await portal.ready('nora')
          const { networkIds } = await applicationOf(rehearsal, 'nora')
          const [{ name, networkId }] = await rehearsal.dokploy('network.all')
          assert.deepEqual([name, networkIds], ['workspaces', [networkId]])
        }))
    }

    test('limits of processes and CPUs', inWorld({ version }, async ({ portal, rehearsal }) => {
      await portal.ready('nora')
      const { cpuLimit, ulimitsSwarm } = await applicationOf(rehearsal, 'nora')
      assert.equal(cpuLimit, '2000000000')
      const limits = [{ Name: 'nproc', Soft: 4096, Hard: 4096 }]
      assert.deepEqual(ulimitsSwarm, version === '0.30.2' ? limits : undefined)
      assert.deepEqual(await networksOf(rehearsal, 'nora'), ['dokploy-network'])
    }))

    test('an older workspace stays where it is until its redeploy', inWorld({ version },
      async ({ portal, rehearsal }) => {
        const { key } = await portal.ready('nora')
        await create[version](rehearsal)
        await rehearsal.docker(CONNECT)
        await portal.stop()
        await portal.restart({ STACK_NETWORK: 'workspaces' })
        await portal.post('/api/admin/drift/run', undefined, { key: ADMIN })
        const isCompared = ({ event }) => event === 'reconcile.done'
        await portal.logged(isCompared, 'Dokploy and the journal are compared')
        const { findings } = (await portal.api('/api/admin/drift', { key: ADMIN })).json
        assert.deepEqual(findings, [])
        await portal.finish(await portal.act('nora', 'restart', { key }), 'ready')
        const redeploy = async (end) => {
          const json = { action: 'redeploy', names: 'nora' }
          const { results } = (await portal.post('/api/admin/stacks', json, { key: ADMIN })).json
          return (await portal.finish({ status: 202, json: results[0] }, end)).last.data.code
        }
        if (version === '0.30.2') {
          await rehearsal.docker(CONNECT.replace('connect', 'disconnect'))
          assert.equal(await redeploy('failed'), 'network_unready')
          assert.equal((await portal.stack('nora', { key })).json.state, 'ready')
          await rehearsal.docker(CONNECT)
        }
        assert.deepEqual(await networksOf(rehearsal, 'nora'), ['dokploy-network'])
        await redeploy('ready')
        assert.deepEqual(await networksOf(rehearsal, 'nora'), ['workspaces'])
      }))
  })
}
