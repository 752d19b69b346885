// The journal is lost, and Dokploy has all the stacks: they are found, their names stay theirs, and adopted they are their owners' again.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { startAll, until } from './harness.mjs'
import { change, findings, forgetJournal, idsOf, markOf } from './findings.mjs'

async function inWorld(options, act) {
  const world = await startAll(options)
  try {
    await act({ ...world, admin: findings(world.portal) })
  } finally {
    await world.stop()
  }
}

// The installation's secret stays; the journal goes.
async function loseJournal(portal) {
  await portal.stop()
  forgetJournal(portal)
  await portal.restart()
}

for (const version of ['0.30.2', '0.26.5']) {
  describe(`Dokploy ${version}`, () => {
    test(`${version}: all stacks are adopted; the owners' old keys open, stop, start and delete them`, () => inWorld({ version }, async ({ portal, rehearsal, admin }) => {
      const first = await portal.ready('hugo')
      const second = await portal.ready('hilda')
      const { key } = first
      const before = (await portal.stack('hugo', { key })).json
      await portal.api('/api/stack/hilda/stop', { method: 'POST', key: second.key }).then(({ json }) => portal.follow(json.statusUrl))
      await loseJournal(portal)

      // Whether Dokploy has been looked through by now or not, nobody gets the name.
      const stranger = await portal.deploy('hugo')
      if (stranger.status === 202) {
        const { last } = await portal.follow(stranger.json.statusUrl)
        assert.deepEqual([last.event, last.data.code], ['failed', 'name_taken'])
      } else {
        assert.deepEqual([stranger.status, stranger.json.code], [409, 'name_taken'])
      }
      await until(async () => (await admin.list()).looked.at, 'Dokploy was looked through')
      const found = (await admin.look()).findings
      assert.deepEqual(found.map(({ kind, name, actions }) => [kind, name, actions.join()]).sort(),
        [['unknown', 'hilda', 'adopt,remove'], ['unknown', 'hugo', 'adopt,remove']])
      for (const name of ['hugo', 'hilda']) assert.equal((await portal.check(name)).json.code, 'name_taken')
      assert.equal((await portal.deploy('hugo', { key })).json.code, 'name_taken')
      assert.equal((await portal.stack('hugo', { key })).status, 404)

      const { status, json } = await admin.adopt({ all: true })
      assert.equal(status, 200)
      assert.deepEqual(json.adopted.map(({ name, resolution }) => `${name} ${resolution}`).sort(), ['hilda adopted', 'hugo adopted'])
      assert.deepEqual(json.refused, [])
      const shown = (await portal.stack('hugo', { key })).json
      for (const field of ['name', 'url', 'image', 'volume', 'deploymentId', 'password', 'state']) assert.equal(shown[field], before[field], field)
      assert.equal(Math.round(Date.parse(shown.createdAt) / 60000), Math.round(Date.parse(before.createdAt) / 60000))
      assert.equal((await portal.stack('hilda', { key })).status, 404, 'each is its own owner’s')
      assert.equal((await portal.stack('hilda', { key: second.key })).json.state, 'stopped')
      const told = (await portal.status(shown.statusUrl)).json
      assert.deepEqual([told.kind, told.state, told.percent, told.result.url], ['adopt', 'ready', 100, shown.url])

      const started = (await portal.api('/api/stack/hilda/start', { method: 'POST', key: second.key })).json
      assert.equal((await portal.follow(started.statusUrl)).last.event, 'ready')
      assert.deepEqual((await admin.look()).findings, [])
      await portal.kill9()
      await portal.restart()
      const removal = await portal.remove('hugo', { key, data: 'delete' })
      const { last } = await portal.follow(removal.json.statusUrl)
      assert.deepEqual([last.event, last.data.data], ['deleted', version === '0.30.2' ? 'deleted' : 'left'])
      await rehearsal.holdsNothing('hugo')
      assert.equal((await portal.check('hugo')).json.available, true)
      assert.deepEqual((await admin.look()).findings, [])
    }))
  })
}

test('asked before Dokploy was ever looked through, nobody gets a name that Dokploy has', () => inWorld({}, async ({ portal, rehearsal, admin }) => {
  await portal.ready('ida')
  await portal.stop()
  forgetJournal(portal)
  await rehearsal.faults({ at: 'project.one', kind: 'status', status: 500, times: 0 }) // no look comes to its end
  await portal.restart()
  const answer = await portal.deploy('ida')
  assert.equal(answer.status, 202, answer.text)
  const { last } = await portal.follow(answer.json.statusUrl)
  assert.deepEqual([last.event, last.data.code, last.data.rolledBack], ['failed', 'name_taken', true])
  assert.equal((await idsOf(rehearsal, 'ida')).projectIds.length, 1, 'nothing was made beside it')
  const other = await portal.deploy('ivo')
  assert.equal(other.status, 202)
  await rehearsal.forgetFaults()
  assert.equal((await portal.follow(other.json.statusUrl)).last.event, 'ready')
  assert.deepEqual((await admin.look()).findings.map(({ name }) => name), ['ida'])
}))

test('half-made things and second ones of a name are left to people; the rest is adopted', () => inWorld({}, async ({ portal, rehearsal, admin }) => {
  const { key } = await portal.ready('karl')
  await change(rehearsal, 'project.create', { name: 'kaja', description: markOf('kaja', 'opkaja', 'x'), env: '' })
  const { projects } = await rehearsal.state()
  const { description } = projects.find(({ name }) => name === 'karl')
  await change(rehearsal, 'project.create', { name: 'karl', description, env: '' })
  await change(rehearsal, 'project.create', { name: 'forged', description: 'ai-stack-deployer name=../x operation=a owner=b', env: '' })
  await loseJournal(portal)
  await until(async () => (await admin.list()).looked.at, 'Dokploy was looked through')
  assert.equal((await admin.list()).open, 3)
  const { adopted, refused } = (await admin.adopt({ all: true })).json
  assert.deepEqual(adopted.map(({ name }) => name), ['karl'])
  assert.deepEqual(refused.map(({ name, code }) => `${name} ${code}`).sort(), ['kaja finding_unfit', 'karl finding_unfit'])
  assert.ok(refused.every(({ detail }) => detail.length > 20))
  assert.equal((await portal.stack('karl', { key })).json.state, 'ready')
  const again = (await admin.adopt({ ids: [adopted[0].id] })).json
  assert.deepEqual(again.adopted.map(({ id }) => id), [adopted[0].id], 'asked again, the same')
  const one = await admin.act(adopted[0], 'adopt')
  assert.deepEqual([one.status, one.json.resolution], [200, 'adopted'])
}))

test('an unknown stack is removed, its files kept and listed; or with its files', () => inWorld({}, async ({ portal, rehearsal, admin }) => {
  const { key } = await portal.ready('nele')
  await portal.ready('nils')
  await loseJournal(portal)
  await until(async () => (await admin.list()).looked.at, 'Dokploy was looked through')
  const by = Object.fromEntries((await admin.list()).findings.map((finding) => [finding.name, finding]))
  const kept = await admin.acted(by.nele, 'remove')
  assert.deepEqual([kept.last.event, kept.last.data.data, kept.last.data.volume], ['deleted', 'kept', by.nele.volume])
  const gone = await admin.acted(by.nils, 'remove', { data: 'delete' })
  assert.deepEqual([gone.last.event, gone.last.data.data], ['deleted', 'deleted'])
  for (const name of ['nele', 'nils']) await rehearsal.holdsNothing(name)
  assert.deepEqual((await rehearsal.state()).volumes.map(({ name }) => name), [by.nele.volume])
  assert.deepEqual((await portal.api('/api/stacks', { key })).json.keptData.map(({ volume }) => volume), [by.nele.volume], 'its owner sees it')
  assert.deepEqual((await admin.look()).findings, [])
}))
