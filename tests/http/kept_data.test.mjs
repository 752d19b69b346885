// Files that a delete kept: listed to their owner and the admin, used again, and removed when the
// owner asks.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMIN, LANGUAGES, VERSIONS, inWorld } from './harness.mjs'

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

describe('starting again with kept files', () => {
  const restore = (portal, name, volume, options) =>
    portal.post('/api/deploy', { name, files: volume }, options)
  const leave = async (portal, name, options) => {
    const { key } = await portal.ready(name, options)
    const { volume, template } = (await portal.stack(name, { key })).json
    await portal.deleted(name, { key })
    return { key, volume, template }
  }

  test('under another name: the same files, template and owner; they are no longer kept',
    inWorld({}, async ({ portal, rehearsal }) => {
      const { key, volume, template } = await leave(portal, 'vera')
      const answer = await restore(portal, 'vera-2', volume, { key })
      const { last, events } = await portal.finish(answer, 'ready')
      assert.equal(last.data.warning, undefined, 'the files are there')
      assert.ok(events.some(({ data }) => data.step === 'health'))
      const status = (await portal.status(answer.json.statusUrl)).json
      assert.deepEqual([status.kind, status.state, status.percent], ['restore', 'ready', 100])
      const stack = (await portal.stack('vera-2', { key })).json
      assert.deepEqual([stack.volume, stack.template], [volume, template])
      assert.deepEqual(await keptBy(portal, key), [])
      const twice = await restore(portal, 'vera-3', volume, { key })
      assert.deepEqual([twice.status, twice.json.code], [404, 'files_unknown'])
      assert.equal((await portal.check('vera')).json.available, true)
      const { entries } = (await portal.api('/api/audit', { key: ADMIN })).json
      const entry = entries.find(({ action }) => action === 'restore')
      assert.deepEqual([entry.allowed, entry.deploymentId], [true, answer.json.deploymentId])
      await portal.deleted('vera-2', { key })
      const [again] = await keptBy(portal, key)
      assert.deepEqual([again.volume, again.name, again.state], [volume, 'vera-2', 'kept'])
      assert.equal((await rehearsal.volumes()).join(), volume)
    }))

  test('only once, and by nobody else', inWorld({}, async ({ portal }) => {
    const { key, volume } = await leave(portal, 'wim')
    const other = (await portal.ready('not-wim')).key
    for (const options of [{ key: other }, {}]) {
      const { status, json } = await restore(portal, 'wim-2', volume, options)
      assert.deepEqual([status, json.code], [404, 'files_unknown'])
      const removal = await portal.api(`/api/kept/${volume}`, { method: 'DELETE', ...options })
      assert.equal(removal.status, options.key ? 404 : removal.status)
      assert.ok([401, 404].includes(removal.status))
    }
    const names = ['wim', 'wim-3', 'wim-4', 'wim-5']
    const answers = await Promise.all(names.map((name) => restore(portal, name, volume, { key })))
    const begun = answers.filter(({ status }) => status === 202)
    assert.equal(begun.length, 1, answers.map(({ text }) => text).join())
    for (const { status, json } of answers) {
      if (status !== 202) assert.ok(/^(stack_busy|files_unknown)$/.test(json.code), json.code)
    }
    await portal.finish(begun[0], 'ready')
  }))

  test('one that fails or is cancelled leaves them as they were',
    inWorld({}, async ({ portal, rehearsal }) => {
      const { key, volume } = await leave(portal, 'xena')
      await rehearsal.faults({ at: 'deploy', kind: 'deploy_error', times: 0, name: 'xena' })
      await portal.finish(await restore(portal, 'xena', volume, { key }), 'failed')
      await rehearsal.forgetFaults()
      await rehearsal.holdsNothing('xena')
      await rehearsal.hold('deploy', 'xena')
      const answer = await restore(portal, 'xena', volume, { key })
      const states = (await keptBy(portal, key)).map(({ state }) => state)
      assert.deepEqual(states, ['restoring'])
      const purging = await portal.api(`/api/kept/${volume}`, { method: 'DELETE', key })
      assert.equal((await portal.finish(purging, 'failed')).last.data.code, 'volume_in_use')
      await portal.cancel(answer.json.deploymentId, { key })
      await rehearsal.forgetFaults()
      await portal.finish(answer, 'cancelled')
      assert.deepEqual(await rehearsal.volumes(), [volume])
      assert.equal((await keptBy(portal, key))[0].volume, volume)
    }))

  test('what a failed one could not remove is deleted later, without the files',
    inWorld({}, async ({ portal, rehearsal }) => {
      const { key, volume } = await leave(portal, 'yves')
      await rehearsal.faults([
        { at: 'deploy', kind: 'deploy_error', times: 0, name: 'yves' },
        { at: 'project.remove', kind: 'status', status: 400, times: 0 },
      ])
      const answer = await restore(portal, 'yves', volume, { key })
      assert.ok((await portal.finish(answer, 'failed')).last.data.leftovers.length > 0)
      assert.equal((await keptBy(portal, key))[0].state, 'held')
      await rehearsal.forgetFaults()
      assert.equal((await portal.deleted('yves', { key })).last.data.data, 'kept')
      assert.deepEqual(await rehearsal.volumes(), [volume])
      const restored = await restore(portal, 'yves', volume, { key })
      await portal.finish(restored, 'ready')
    }))

  test('the admin may, for their owner, and gets no key of theirs', inWorld({},
    async ({ portal }) => {
      const { key, volume } = await leave(portal, 'zoe')
      const answer = await restore(portal, 'zoe-2', volume, { key: ADMIN })
      assert.equal(answer.json.ownerKey, undefined)
      await portal.finish(answer, 'ready')
      assert.equal((await portal.stack('zoe-2', { key })).json.volume, volume)
    }))

  test('one of several volumes of a name is deleted, and the page offers both in each language',
    inWorld({}, async ({ portal, rehearsal }) => {
      const first = await leave(portal, 'abel')
      const { key } = first
      const second = await leave(portal, 'abel', { key })
      for (const language of LANGUAGES) {
        const { text } = await portal.api('/stacks', { key, language })
        assert.equal(text.split('action="/api/deploy"').length - 1, 2, language)
        assert.ok(text.includes(`action="/api/kept/${first.volume}/delete"`), language)
      }
      const removal = await portal.api(`/api/kept/${first.volume}`, { method: 'DELETE', key })
      await portal.finish(removal, 'deleted')
      assert.deepEqual(await rehearsal.volumes(), [second.volume])
      assert.deepEqual((await keptBy(portal, key)).map(({ volume }) => volume), [second.volume])
    }))
})
