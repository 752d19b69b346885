// The journal is lost and Dokploy has all workspaces: they are found, their names stay taken, and
// once adopted they are their owners' again.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { VERSIONS } from './harness.mjs'
import { drift, idsOf, loseJournal, tagOf } from './drift.mjs'

for (const version of VERSIONS) {
  test(`Dokploy ${version}: all are adopted; owners' old keys open, stop, start and delete them`,
    drift({ version }, async ({ portal, rehearsal, admin }) => {
      const { key } = await portal.ready('hugo')
      const second = await portal.ready('hilda')
      const before = (await portal.stack('hugo', { key })).json
      await portal.finish(await portal.act('hilda', 'stop', { key: second.key }), 'stopped')
      await loseJournal(portal)

      await admin.hasRun()
      const found = (await admin.look()).findings
      const kinds = found.map(({ kind, name, actions }) => [kind, name, actions.join()]).sort()
      const unknown = (name) => ['unknown', name, 'adopt,remove']
      assert.deepEqual(kinds, [unknown('hilda'), unknown('hugo')])
      for (const name of ['hugo', 'hilda']) {
        assert.equal((await portal.check(name)).json.code, 'name_taken')
      }
      const stranger = await portal.deploy('hugo')
      assert.deepEqual([stranger.status, stranger.json.code], [409, 'name_taken'])
      assert.equal((await portal.deploy('hugo', { key })).json.code, 'name_taken')
      assert.equal((await portal.stack('hugo', { key })).status, 404)

      const { status, json } = await admin.adopt({ all: true })
      assert.equal(status, 200)
      const adopted = json.adopted.map(({ name, resolution }) => `${name} ${resolution}`).sort()
      assert.deepEqual(adopted, ['hilda adopted', 'hugo adopted'])
      assert.deepEqual(json.refused, [])
      const shown = (await portal.stack('hugo', { key })).json
      const same = ['name', 'url', 'image', 'volume', 'deploymentId', 'password', 'state']
      for (const field of same) assert.equal(shown[field], before[field], field)
      const minute = (time) => Math.round(Date.parse(time) / 60000)
      assert.equal(minute(shown.createdAt), minute(before.createdAt))
      assert.equal((await portal.stack('hilda', { key })).status, 404, 'it has another owner')
      const stopped = (await portal.stack('hilda', { key: second.key })).json
      assert.equal(stopped.state, 'stopped')
      const document = (await portal.status(shown.statusUrl)).json
      const { kind, state, percent, result } = document
      assert.deepEqual([kind, state, percent, result.url], ['adopt', 'ready', 100, shown.url])

      await portal.finish(await portal.act('hilda', 'start', { key: second.key }), 'ready')
      assert.deepEqual((await admin.look()).findings, [])
      await portal.kill9()
      await portal.restart()
      const { last } = await portal.deleted('hugo', { key, data: 'delete' })
      assert.equal(last.data.data, version === '0.30.2' ? 'deleted' : 'left')
      await rehearsal.holdsNothing('hugo')
      assert.equal((await portal.check('hugo')).json.available, true)
      assert.deepEqual((await admin.look()).findings, [])
    }))
}

describe('whatever the version', { concurrency: 3 }, () => {
  test('before the first comparison has ended, a name that Dokploy has is not given away',
    drift({}, async ({ portal, rehearsal, admin }) => {
      await portal.ready('ida')
      await rehearsal.faults({ at: 'project.one', kind: 'status', status: 500, times: 0 })
      await loseJournal(portal)
      const { last } = await portal.finish(await portal.deploy('ida'), 'failed')
      assert.deepEqual([last.data.code, last.data.rolledBack], ['name_taken', true])
      const { projectIds } = await idsOf(rehearsal, 'ida')
      assert.equal(projectIds.length, 1, 'nothing was made beside it')
      const other = await portal.deploy('ivo')
      await rehearsal.forgetFaults()
      await portal.finish(other, 'ready')
      assert.deepEqual((await admin.look()).findings.map(({ name }) => name), ['ida'])
    }))

  test('incomplete workspaces and duplicates are left to people; the rest is adopted',
    drift({}, async ({ portal, rehearsal, admin }) => {
      const { key } = await portal.ready('karl')
      const make = (name, description) =>
        rehearsal.change('project.create', { name, description, env: '' })
      await make('kaja', tagOf('kaja', 'opkaja', 'x'))
      const { projects } = await rehearsal.state()
      await make('karl', projects.find(({ name }) => name === 'karl').description)
      await make('forged', 'ai-stack-deployer name=../x operation=a owner=b')
      await loseJournal(portal)
      await admin.hasRun()
      assert.equal((await admin.list()).open, 3)
      const { adopted, refused } = (await admin.adopt({ all: true })).json
      assert.deepEqual(adopted.map(({ name }) => name), ['karl'])
      const codes = refused.map(({ name, code }) => `${name} ${code}`).sort()
      assert.deepEqual(codes, ['kaja finding_unfit', 'karl finding_unfit'])
      assert.ok(refused.every(({ detail }) => detail.length > 20))
      assert.equal((await portal.stack('karl', { key })).json.state, 'ready')
      const again = (await admin.adopt({ ids: [adopted[0].id] })).json
      assert.deepEqual(again.adopted.map(({ id }) => id), [adopted[0].id], 'asked again: the same')
      const one = await admin.act(adopted[0], 'adopt')
      assert.deepEqual([one.status, one.json.resolution], [200, 'adopted'])
    }))

  test('an unknown workspace is removed, its files kept and listed, or removed too',
    drift({}, async ({ portal, rehearsal, admin }) => {
      const { key } = await portal.ready('nele')
      await portal.ready('nils')
      await loseJournal(portal)
      await admin.hasRun()
      const { findings: found } = await admin.list()
      const { nele, nils } = Object.fromEntries(found.map((finding) => [finding.name, finding]))
      const kept = await admin.finish(nele, 'remove', 'deleted')
      assert.deepEqual([kept.last.data.data, kept.last.data.volume], ['kept', nele.volume])
      const gone = await admin.finish(nils, 'remove', 'deleted', { data: 'delete' })
      assert.equal(gone.last.data.data, 'deleted')
      for (const name of ['nele', 'nils']) await rehearsal.holdsNothing(name)
      assert.deepEqual(await rehearsal.volumes(), [nele.volume])
      const { keptData } = (await portal.api('/api/stacks', { key })).json
      assert.deepEqual(keptData.map(({ volume }) => volume), [nele.volume], 'its owner sees it')
      assert.deepEqual((await admin.look()).findings, [])
    }))
})
