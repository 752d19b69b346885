// A create that seems to have failed is carried out after all, when the portal has long looked for it in vain and made another: of the two
// one stays, the one in the record, and the stack is none the worse. On both versions of Dokploy.
import { after, before, describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { impatient } from '../soak/house.mjs'
import { ADMIN, startPortal, startRehearsal, until } from './harness.mjs'

const { root } = impatient({ quick: true }) // waits 2 s for the answer to a create
const kinds = { 'project.create': 'projects', 'application.create': 'applications', 'mounts.create': 'mounts', 'domain.create': 'domains' }

for (const version of ['0.30.2', '0.26.5']) {
  describe(`Dokploy ${version}`, { concurrency: 4 }, () => {
    let rehearsal, portal
    before(async () => {
      rehearsal = await startRehearsal({ version, root, speed: 1000 })
      portal = await startPortal({ rehearsal, root })
    })
    after(async () => {
      await portal.stop()
      await rehearsal.stop()
    })

    for (const [at, kind] of Object.entries(kinds)) {
      test(`${version}: ${at}`, async () => {
        const name = `late-${kind}`
        await rehearsal.faults({ at, kind: 'latency', ms: 3200, times: 1, name })
        const { key } = await portal.ready(name)
        await portal.logged((line) => line.event === 'sweeper.duplicate_removed' && kind.startsWith(line.kind), `the second of the ${kind} is taken away`)
        await until(async () => (await rehearsal.state())[kind].filter((it) => JSON.stringify(it).includes(name)).length === 1, `one of the ${kind} is left`)
        const { json } = await portal.stack(name, { key })
        assert.equal(json.state, 'ready')
        assert.equal((await rehearsal.stack(name, '/global/health', { password: json.password })).status, 200)
        const restart = await portal.api(`/api/stack/${name}/restart`, { method: 'POST', key })
        assert.equal((await portal.follow(restart.json.statusUrl)).last.event, 'ready', 'what stays is whole')
        assert.deepEqual((await portal.api('/api/admin/findings', { key: ADMIN })).json.findings, [])
        const removal = await portal.remove(name, { key, data: 'delete' })
        assert.equal((await portal.follow(removal.json.statusUrl)).last.event, 'deleted')
        await rehearsal.holdsNothing(name)
      })
    }
  })
}
