// What happens to a ready workspace is shown to its owner within 90 seconds, as what it is.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { TIME_SCALE, VERSIONS, seconds, until, useWorld } from './harness.mjs'

const LIMIT = 90 // seconds of the portal's clock

const task = (id, state, error = '') => ({
  containerId: id, name: `x.1.${id}`, state: 'shutdown', currentState: state, error,
})
const crashed = (id) => task(id, 'Failed 4 seconds ago', '"task: non-zero exit (3)"')

for (const version of VERSIONS) {
  describe(`Dokploy ${version}`, () => {
    const { portal, rehearsal } = useWorld({ version })
    const TASKS = version === '0.30.2' ? 'docker.getServiceContainersByAppName'
      : 'docker.getContainersByAppNameMatch'

    // Docker's answers about its tasks, one after the other; the last one stays.
    async function answers(...looks) {
      await rehearsal.faults(looks.map((rows, index) => ({
        at: TASKS, kind: 'status', status: 200, body: JSON.stringify(rows.map(seen)),
        times: index === looks.length - 1 ? 0 : 1,
      })))
    }
    const seen = (row) => {
      if (version === '0.30.2') return row
      const { containerId, name } = row
      return { containerId, name, state: row.error ? 'exited' : 'running' }
    }

    async function trouble(key, name, begun) {
      const look = async () => (await portal.stack(name, { key })).json.trouble
      const found = await until(look, 'trouble', seconds(60))
      const took = (Date.now() - begun) / 1000 * TIME_SCALE
      assert.ok(took < LIMIT, `${found.code} after ${took} s`)
      return found
    }

    test('a workspace whose container keeps ending', async () => {
      const { key } = await portal.ready('carl')
      await answers([task('new', 'Starting'), crashed('a')],
        [task('new', 'Starting'), crashed('b'), crashed('a')],
        [task('new', 'Starting'), crashed('c'), crashed('b'), crashed('a')])
      await rehearsal.faults({ at: 'stack', kind: 'status', status: 502, times: 0, name: 'carl' })
      assert.equal((await trouble(key, 'carl', Date.now())).code, 'stack_restarts')
      await rehearsal.forgetFaults()
    })

    test('one whose container ended once is not called so, however often it is seen', async () => {
      const { key } = await portal.ready('olga')
      await answers([task('new', 'Starting'), crashed('a')])
      await rehearsal.faults({ at: 'stack', kind: 'status', status: 502, times: 0, name: 'olga' })
      assert.equal((await trouble(key, 'olga', Date.now())).code, 'stack_silent')
      await rehearsal.forgetFaults()
    })

    test('one that was deleted in Dokploy', async () => {
      const { key } = await portal.ready('vera')
      const { applications } = await rehearsal.state()
      const { applicationId } = applications.find(({ name }) => name.includes('vera'))
      await rehearsal.change('application.delete', { applicationId })
      const found = await trouble(key, 'vera', Date.now())
      assert.equal(found.code, 'stack_vanished')
      assert.match(found.detail, /deleted in Dokploy/)
    })

    test('a first start whose container keeps ending fails before its time is up', async () => {
      await rehearsal.faults({ at: 'deploy', kind: 'crash_loop', name: 'lena' })
      const begun = Date.now()
      const { last } = await portal.finish(await portal.deploy('lena'), 'failed')
      assert.equal(last.data.code, 'stack_unhealthy')
      const took = (Date.now() - begun) / 1000 * TIME_SCALE
      assert.ok(took < 100, `after ${took} s`)
    })
  })
}
