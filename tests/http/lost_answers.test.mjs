// The answer to a call is lost once; the work was done. The portal looks before it repeats, so nothing is there twice. On both versions of Dokploy.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { impatient } from '../soak/house.mjs'
import { startAll } from './harness.mjs'

const { root } = impatient({ quick: true })
const calls = [
  'project.create', 'application.create', 'application.saveDockerProvider', 'application.saveEnvironment', 'mounts.create', 'domain.create',
  'application.update', 'application.deploy',
]

for (const version of ['0.30.2', '0.26.5']) {
  describe(`Dokploy ${version}`, { concurrency: 4 }, () => {
    for (const at of calls) {
      test(`${version}: the answer of ${at} is lost`, async () => {
        const world = await startAll({ version, speed: 1000, root })
        const { portal, rehearsal } = world
        try {
          await rehearsal.faults({ at, kind: 'lost', times: 1 })
          await portal.ready('lena')
          assert.equal((await rehearsal.faults())[0]?.hits ?? 1, 1)
          const state = await rehearsal.state()
          for (const kind of ['projects', 'applications', 'domains', 'mounts']) {
            assert.equal(state[kind].length, 1, `${kind}: ${JSON.stringify(state[kind])}`)
          }
          assert.equal(state.deployments.length, 1, JSON.stringify(state.deployments))
        } finally {
          await world.stop()
        }
      })
    }

    for (const at of ['application.delete', 'project.remove']) {
      test(`${version}: the answer of ${at} is lost`, async () => {
        const world = await startAll({ version, speed: 1000, root })
        const { portal, rehearsal } = world
        try {
          const { key } = await portal.ready('lena')
          await rehearsal.faults({ at, kind: 'lost', times: 1 })
          const { json } = await portal.remove('lena', { key })
          assert.equal((await portal.follow(json.statusUrl)).last.event, 'deleted')
          await rehearsal.holdsNothing('lena')
        } finally {
          await world.stop()
        }
      })
    }

    test(`${version}: a refused Retry-After is obeyed`, async () => {
      const world = await startAll({ version, speed: 1000, root })
      const { portal, rehearsal } = world
      try {
        await rehearsal.faults({ at: 'deployment.all', kind: 'status', status: 503, headers: { 'Retry-After': '2' }, times: 1 })
        const begun = Date.now()
        await portal.ready('rita')
        assert.ok(Date.now() - begun >= 2000, 'it came back before it was told to')
      } finally {
        await world.stop()
      }
    })
  })
}
