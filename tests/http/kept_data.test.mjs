// Files that a delete kept: listed to their owner and the admin, and removed when the owner asks for it after all.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { impatient } from '../soak/house.mjs'
import { ADMIN, startAll, until } from './harness.mjs'

async function inWorld(options, act) {
  const world = await startAll(options)
  try {
    await act(world)
  } finally {
    await world.stop()
  }
}

const keptBy = async (portal, key) => (await portal.api('/api/stacks', { key })).json.keptData

async function removed(portal, name, options) {
  const answer = await portal.remove(name, options)
  assert.equal(answer.status, 202, answer.text)
  const { last, events } = await portal.follow(answer.json.statusUrl)
  return { answer, last, events }
}

for (const version of ['0.30.2', '0.26.5']) {
  const result = version === '0.30.2' ? 'deleted' : 'left' // older ones cannot remove a volume

  describe(`Dokploy ${version}`, () => {
    test(`${version}: kept first, removed later`, () => inWorld({ version }, async ({ portal, rehearsal }) => {
      const { key } = await portal.ready('paul')
      const { volume } = (await portal.stack('paul', { key })).json
      const first = await removed(portal, 'paul', { key })
      assert.equal(first.last.data.data, 'kept')
      for (const who of [key, ADMIN]) assert.deepEqual((await keptBy(portal, who)).map((row) => [row.volume, row.reason]), [[volume, 'kept']])
      assert.equal((await portal.remove('paul', { key })).json.deploymentId, first.answer.json.deploymentId, 'without data=delete nothing new')

      const { answer, last } = await removed(portal, 'paul', { key, data: 'delete' })
      assert.notEqual(answer.json.deploymentId, first.answer.json.deploymentId)
      assert.deepEqual([last.event, last.data.data, last.data.volume], ['deleted', result, volume])
      const status = (await portal.status(answer.json.statusUrl)).json
      assert.deepEqual([status.kind, status.state, status.percent], ['purge', 'deleted', 100])
      const volumes = (await rehearsal.state()).volumes.map(({ name }) => name)
      const rows = (await keptBy(portal, key)).map((row) => [row.volume, row.reason])
      if (result === 'deleted') {
        assert.deepEqual([volumes, rows], [[], []])
        assert.equal((await portal.remove('paul', { key, data: 'delete' })).json.deploymentId, answer.json.deploymentId, 'twice is fine')
      } else {
        assert.deepEqual([volumes, rows], [[volume], [[volume, 'left']]])
      }
      assert.equal((await portal.check('paul')).json.available, true)
    }))

    test(`${version}: data=delete while a delete that keeps them runs: first the one, then the other`, () => inWorld({ version }, async ({ portal, rehearsal }) => {
      const { key } = await portal.ready('pia')
      await rehearsal.faults({ at: 'project.remove', kind: 'latency', ms: 2000 })
      const keeping = (await portal.remove('pia', { key })).json
      const purging = (await portal.remove('pia', { key, data: 'delete' })).json
      assert.notEqual(purging.deploymentId, keeping.deploymentId, 'it is not said to be the one that keeps them')
      assert.equal((await portal.remove('pia', { key, data: 'delete' })).json.deploymentId, purging.deploymentId, 'twice is fine')
      assert.equal((await portal.follow(keeping.statusUrl)).last.data.data, 'kept')
      assert.equal((await portal.follow(purging.statusUrl)).last.data.data, result)
      assert.equal((await rehearsal.state()).volumes.length, result === 'deleted' ? 0 : 1)
      await rehearsal.holdsNothing('pia')
    }))
  })
}

test('of a name that was made and kept twice, both volumes go; those of somebody else stay', () => inWorld({}, async ({ portal, rehearsal }) => {
  const { key } = await portal.ready('quin')
  await removed(portal, 'quin', { key })
  await portal.ready('quin', { key })
  await removed(portal, 'quin', { key })
  const other = await portal.ready('quinn')
  await removed(portal, 'quinn', { key: other.key })
  assert.equal((await keptBy(portal, key)).length, 2)
  assert.equal((await portal.remove('quin', { key: other.key, data: 'delete' })).status, 404)
  assert.equal((await removed(portal, 'quin', { key, data: 'delete' })).last.data.data, 'deleted')
  assert.deepEqual(await keptBy(portal, key), [])
  const kept = (await keptBy(portal, other.key)).map(({ volume }) => volume)
  assert.deepEqual((await rehearsal.state()).volumes.map(({ name }) => name), kept)
}))

test('somebody else has taken the name meanwhile: the work on the old files leaves the new stack alone', () => inWorld({}, async ({ portal, rehearsal }) => {
  const { key } = await portal.ready('rolf')
  await removed(portal, 'rolf', { key })
  await rehearsal.faults({ at: 'dockerVolume.removeVolume', kind: 'latency', ms: 3000 })
  const purging = (await portal.remove('rolf', { key, data: 'delete' })).json
  const other = await portal.ready('rolf')
  assert.equal((await portal.follow(purging.statusUrl)).last.data.data, 'deleted')
  assert.equal((await portal.check('rolf')).json.code, 'name_taken')
  const again = await portal.remove('rolf', { key, data: 'delete' })
  assert.deepEqual([again.status, again.json.deploymentId], [202, purging.deploymentId], 'his own deletion once more')
  assert.equal((await portal.stack('rolf', { key: other.key })).json.state, 'ready')
}))

test('a delete that could not end, asked again with data=delete, takes the files it had kept', () => inWorld({}, async ({ portal, rehearsal }) => {
  const { key } = await portal.ready('sven')
  await rehearsal.faults({ at: 'project.remove', kind: 'status', status: 400, times: 0 })
  const stuck = await removed(portal, 'sven', { key })
  assert.equal(stuck.last.event, 'failed', JSON.stringify(stuck.last))
  await rehearsal.forgetFaults()
  const { last } = await removed(portal, 'sven', { key, data: 'delete' })
  assert.deepEqual([last.event, last.data.data], ['deleted', 'deleted'])
  assert.deepEqual([(await rehearsal.state()).volumes, await keptBy(portal, key)], [[], []])
}))

test('of a deploy that never was ready no files are kept: nobody has worked in them', () => {
  const house = impatient({ quick: true })
  house.edit('scripts/lib/workspaces/init.lua', (text) => text.replace('"round.sweeper", 1', '"round.sweeper", 600')) // it would do it too
  return inWorld({ root: house.root }, async ({ portal, rehearsal }) => {
    await rehearsal.faults([{ at: 'deploy', kind: 'unprotected', name: 'tilda' }, { at: 'dockerVolume.removeVolume', kind: 'status', status: 400, times: 0 }])
    const { key, last } = await portal.deployed('tilda')
    assert.deepEqual([last.event, last.data.leftovers.map(({ kind }) => kind)], ['failed', ['volume']], JSON.stringify(last))
    await rehearsal.forgetFaults()
    const away = await removed(portal, 'tilda', { key })
    assert.deepEqual([away.last.event, away.last.data.data], ['deleted', 'deleted'])
    assert.deepEqual([(await rehearsal.state()).volumes, await keptBy(portal, key)], [[], []])
  })
})

test('killed in the middle of removing, it goes on after the restart', () => inWorld({}, async ({ portal, rehearsal }) => {
  const { key } = await portal.ready('tom')
  await removed(portal, 'tom', { key })
  await rehearsal.faults({ at: 'dockerVolume.removeVolume', kind: 'hang' })
  const purging = (await portal.remove('tom', { key, data: 'delete' })).json
  await until(async () => (await rehearsal.faults())[0]?.hits > 0, 'it is at it')
  await portal.kill9()
  await rehearsal.forgetFaults()
  await portal.restart()
  const { last } = await portal.follow(purging.statusUrl)
  assert.deepEqual([last.event, last.data.data], ['deleted', 'deleted'])
  assert.deepEqual([(await rehearsal.state()).volumes, await keptBy(portal, key)], [[], []])
}))

test('what Dokploy does not let go is told with its reason, and can be asked for again', () => inWorld({}, async ({ portal, rehearsal }) => {
  const { key } = await portal.ready('uwe')
  const { volume } = (await portal.stack('uwe', { key })).json
  await removed(portal, 'uwe', { key })
  await rehearsal.faults({ at: 'dockerVolume.removeVolume', kind: 'status', status: 400, times: 0 })
  const { last } = await removed(portal, 'uwe', { key, data: 'delete' })
  assert.deepEqual([last.event, last.data.code, last.data.leftovers.map(({ id }) => id)], ['failed', 'dokploy_error', [volume]])
  assert.deepEqual((await keptBy(portal, key)).map((row) => row.volume), [volume])
  await rehearsal.forgetFaults()
  assert.equal((await removed(portal, 'uwe', { key, data: 'delete' })).last.data.data, 'deleted')
}))
