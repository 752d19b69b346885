// Files that a delete kept: listed to their owner and the admin, and removed when the owner asks.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMIN, VERSIONS, inWorld } from './harness.mjs'

const keptBy = async (portal, key) => (await portal.api('/api/stacks', { key })).json.keptData
const at = 'dockerVolume.removeVolume'

async function nothingIsLeft({ portal, rehearsal }, key) {
  assert.deepEqual([await rehearsal.volumes(), await keptBy(portal, key)], [[], []])
}

for (const version of VERSIONS) {
  const removes = version === '0.30.2' // older ones cannot remove a volume
  const result = removes ? 'deleted' : 'left'
  const remove = (portal, key) => portal.remove('paul', { key, data: 'delete' })

  describe(`Dokploy ${version}`, () => {
    test('kept first, removed later', inWorld({ version }, async ({ portal, rehearsal }) => {
      const { key } = await portal.ready('paul')
      const { volume } = (await portal.stack('paul', { key })).json
      const first = await portal.deleted('paul', { key })
      assert.equal(first.last.data.data, 'kept')
      for (const reader of [key, ADMIN]) {
        const rows = await keptBy(portal, reader)
        assert.deepEqual(rows.map((row) => [row.volume, row.reason]), [[volume, 'kept']])
      }
      const firstId = first.answer.json.deploymentId
      const again = (await portal.remove('paul', { key })).json
      assert.equal(again.deploymentId, firstId, 'without data=delete nothing new begins')

      const { answer, last } = await portal.finish(await remove(portal, key), 'deleted')
      assert.notEqual(answer.json.deploymentId, firstId)
      assert.deepEqual([last.data.data, last.data.volume], [result, volume])
      const document = (await portal.status(answer.json.statusUrl)).json
      const { kind, state, percent } = document
      assert.deepEqual([kind, state, percent], ['purge', 'deleted', 100])
      const rows = (await keptBy(portal, key)).map((row) => [row.volume, row.reason])
      const left = removes ? [[], []] : [[volume], [[volume, 'left']]]
      assert.deepEqual([await rehearsal.volumes(), rows], left)
      if (removes) {
        const twice = (await remove(portal, key)).json
        assert.equal(twice.deploymentId, answer.json.deploymentId, 'a second request is the same')
      }
      assert.equal((await portal.check('paul')).json.available, true)
    }))

    test('data=delete during a delete that keeps the files: one after the other',
      inWorld({ version }, async ({ portal, rehearsal }) => {
        const { key } = await portal.ready('paul')
        await rehearsal.hold('project.remove', 'paul')
        const keeping = await portal.remove('paul', { key })
        const purging = await remove(portal, key)
        assert.notEqual(purging.json.deploymentId, keeping.json.deploymentId)
        assert.equal((await remove(portal, key)).json.deploymentId, purging.json.deploymentId)
        await rehearsal.forgetFaults()
        assert.equal((await portal.finish(keeping)).last.data.data, 'kept')
        assert.equal((await portal.finish(purging)).last.data.data, result)
        assert.equal((await rehearsal.volumes()).length, removes ? 0 : 1)
        await rehearsal.holdsNothing('paul')
      }))
  })
}

test('of a name that was made and kept twice both volumes go, those of another owner stay',
  inWorld({}, async ({ portal, rehearsal }) => {
    const { key } = await portal.ready('quin')
    await portal.deleted('quin', { key })
    await portal.ready('quin', { key })
    await portal.deleted('quin', { key })
    const other = await portal.ready('quinn')
    await portal.deleted('quinn', { key: other.key })
    assert.equal((await keptBy(portal, key)).length, 2)
    assert.equal((await portal.remove('quin', { key: other.key, data: 'delete' })).status, 404)
    const { last } = await portal.deleted('quin', { key, data: 'delete' })
    assert.equal(last.data.data, 'deleted')
    assert.deepEqual(await keptBy(portal, key), [])
    const kept = (await keptBy(portal, other.key)).map(({ volume }) => volume)
    assert.deepEqual(await rehearsal.volumes(), kept)
  }))

test('another owner has the name by now: removing the old files leaves their workspace alone',
  inWorld({}, async ({ portal, rehearsal }) => {
    const { key } = await portal.ready('rolf')
    await portal.deleted('rolf', { key })
    await rehearsal.faults({ at, kind: 'latency', ms: 9000 })
    const purging = await portal.remove('rolf', { key, data: 'delete' })
    const other = await portal.ready('rolf')
    assert.equal((await portal.finish(purging)).last.data.data, 'deleted')
    assert.equal((await portal.check('rolf')).json.code, 'name_taken')
    const again = await portal.remove('rolf', { key, data: 'delete' })
    const { status, json: { deploymentId } } = again
    assert.deepEqual([status, deploymentId], [202, purging.json.deploymentId], 'their own deletion')
    assert.equal((await portal.stack('rolf', { key: other.key })).json.state, 'ready')
  }))

test('a failed delete, asked again with data=delete, removes the files that it had kept',
  inWorld({}, async (world) => {
    const { portal, rehearsal } = world
    const { key } = await portal.ready('sven')
    await rehearsal.faults({ at: 'project.remove', kind: 'status', status: 400, times: 0 })
    await portal.finish(await portal.remove('sven', { key }), 'failed')
    await rehearsal.forgetFaults()
    const { last } = await portal.deleted('sven', { key, data: 'delete' })
    assert.equal(last.data.data, 'deleted')
    await nothingIsLeft(world, key)
  }))

test('of a deployment that was never ready no files are kept: nobody has worked in them',
  inWorld({}, async (world) => {
    const { portal, rehearsal } = world
    const refused = { at, kind: 'status', status: 400, times: 0 }
    await rehearsal.faults([{ at: 'deploy', kind: 'unprotected', name: 'tilda' }, refused])
    const { key, last } = await portal.deployed('tilda')
    const leftovers = last.data.leftovers.map(({ kind }) => kind)
    assert.deepEqual([last.event, leftovers], ['failed', ['volume']], JSON.stringify(last))
    await rehearsal.forgetFaults()
    const { last: end } = await portal.deleted('tilda', { key })
    assert.equal(end.data.data, 'deleted')
    await nothingIsLeft(world, key)
  }))

test('a volume that Dokploy does not remove is named with the reason, and can be asked for again',
  inWorld({}, async ({ portal, rehearsal }) => {
    const { key } = await portal.ready('uwe')
    const { volume } = (await portal.stack('uwe', { key })).json
    await portal.deleted('uwe', { key })
    await rehearsal.faults({ at, kind: 'status', status: 400, times: 0 })
    const { last } = await portal.finish(await portal.remove('uwe', { key, data: 'delete' }))
    const { code, leftovers } = last.data
    assert.deepEqual([last.event, code], ['failed', 'dokploy_error'])
    assert.deepEqual(leftovers.map(({ id }) => id), [volume])
    assert.deepEqual((await keptBy(portal, key)).map((row) => row.volume), [volume])
    await rehearsal.forgetFaults()
    const { last: end } = await portal.deleted('uwe', { key, data: 'delete' })
    assert.equal(end.data.data, 'deleted')
  }))
