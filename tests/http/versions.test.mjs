// Both recorded versions of Dokploy: the job, its end, and what each can and cannot do.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { startAll } from './harness.mjs'

for (const version of ['0.30.2', '0.26.5']) {
  describe(`Dokploy ${version}`, () => {
    test(`${version}: deploy, use, delete`, async () => {
      const world = await startAll({ version })
      const { portal, rehearsal } = world
      try {
        const { key, events } = await portal.ready('nora')
        const lines = events.filter((e) => e.event === 'log').map((e) => e.data.line)
        assert.ok(lines.length > 0 && lines.every((line) => typeof line === 'string'), 'log lines, or the line that there are none')
        const { password } = (await portal.stack('nora', { key })).json
        assert.equal((await rehearsal.stack('nora', '/path', { password })).status, 200)
        assert.ok((await rehearsal.state()).version.includes(version))
        const { json } = await portal.remove('nora', { key, data: 'delete' })
        const { last } = await portal.follow(json.statusUrl)
        assert.equal(last.event, 'deleted')
        assert.equal(last.data.data, version === '0.30.2' ? 'deleted' : 'left', 'older ones cannot remove a volume, and it says so')
        await rehearsal.holdsNothing('nora')
      } finally {
        await world.stop()
      }
    })

    test(`${version}: a failed deployment leaves nothing`, async () => {
      const world = await startAll({ version })
      const { portal, rehearsal } = world
      try {
        await rehearsal.faults({ at: 'deploy', kind: 'deploy_error' })
        const { last } = await portal.deployed('odin')
        assert.equal(last.event, 'failed')
        assert.equal(last.data.code, 'deploy_failed')
        assert.deepEqual([last.data.rolledBack, last.data.leftovers], [true, []], 'no container was started, and so there is no volume')
        await rehearsal.holdsNothing('odin')
        // The older one cannot remove a volume. Whether there is one is not known before the container has been seen.
        await rehearsal.faults({ at: 'deployment.all', kind: 'status', status: 400, body: '{"message":"no","code":"BAD_REQUEST"}' })
        const { leftovers } = (await portal.deployed('thor')).last.data
        if (version === '0.30.2') assert.deepEqual(leftovers, [])
        else assert.match(leftovers.map(({ detail }) => detail).join(), /^The volume \S+ may still be there/)
        await portal.ready('odin')
      } finally {
        await world.stop()
      }
    })
  })
}

test('a Dokploy that is upgraded while the portal runs is no trouble', async () => {
  const world = await startAll({ version: '0.26.5' })
  const { portal, rehearsal } = world
  try {
    const { key } = await portal.ready('olga')
    await rehearsal.api('/__rehearsal/version', { method: 'POST', json: { version: '0.30.2' } })
    await portal.ready('otto')
    const { json } = await portal.remove('olga', { key })
    assert.equal((await portal.follow(json.statusUrl)).last.event, 'deleted')
    await rehearsal.holdsNothing('olga')
  } finally {
    await world.stop()
  }
})
