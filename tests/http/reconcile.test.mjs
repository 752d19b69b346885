// The journal held against Dokploy: each kind of difference is found, told, and mended; nothing is changed by itself.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMIN, startAll, until } from './harness.mjs'
import { change, findings, forgetJournal, idsOf, markOf, takeAway } from './findings.mjs'

async function inWorld(options, act) {
  const world = await startAll(options)
  try {
    await act({ ...world, admin: findings(world.portal) })
  } finally {
    await world.stop()
  }
}

for (const version of ['0.30.2', '0.26.5']) {
  const removes = version === '0.30.2' // volumes
  const sameIn = (what, act) => test(`${version}: ${what}`, () => inWorld({ version }, act))

  describe(`Dokploy ${version}`, () => {
    sameIn('all is well: nothing is found', async ({ portal, admin }) => {
      await portal.ready('anna')
      const { findings: found, open, next } = await admin.look()
      assert.deepEqual([found, open, next], [[], 0, null])
      assert.ok(!(await portal.api('/health')).json.degraded.some(({ code }) => code === 'findings'))
    })

    sameIn('a stack that vanished is made again on its files', async ({ portal, rehearsal, admin }) => {
      const { key } = await portal.ready('vera')
      const { password, volume } = (await portal.stack('vera', { key })).json
      await takeAway(rehearsal, 'vera')
      const { findings: [finding], open } = await admin.look()
      assert.equal(open, 1)
      assert.deepEqual([finding.kind, finding.name, finding.volume, finding.actions], ['vanished', 'vera', volume, ['repair', 'remove']])
      const { last, answer } = await admin.acted(finding, 'repair')
      assert.equal(last.event, 'ready', JSON.stringify(last))
      assert.equal((await admin.act(finding, 'repair')).json.deploymentId, answer.json.deploymentId, 'asked again, the same')
      const shown = (await portal.stack('vera', { key })).json
      assert.deepEqual([shown.state, shown.volume], ['ready', volume])
      assert.notEqual(shown.password, password)
      assert.equal((await rehearsal.stack('vera', '/path', { password: shown.password })).status, 200)
      assert.deepEqual((await rehearsal.state()).volumes.map(({ name }) => name), [volume], 'the old files, and no others')
      assert.deepEqual((await admin.look()).findings, [])
      const { json } = await portal.remove('vera', { key, data: 'delete' })
      assert.equal((await portal.follow(json.statusUrl)).last.data.data, removes ? 'deleted' : 'left')
      await rehearsal.holdsNothing('vera')
      assert.equal((await portal.check('vera')).json.available, true)
    })

    sameIn('a stack that vanished can be forgotten; its files stay listed', async ({ portal, rehearsal, admin }) => {
      const { key } = await portal.ready('vito')
      await takeAway(rehearsal, 'vito')
      const { findings: [finding] } = await admin.look()
      const { last } = await admin.acted(finding, 'remove')
      assert.deepEqual([last.event, last.data.data], ['deleted', 'kept'])
      assert.equal((await portal.stack('vito', { key })).status, 404)
      assert.equal((await portal.check('vito')).json.available, true)
      assert.deepEqual((await portal.api('/api/stacks', { key })).json.keptData.map(({ volume }) => volume), [finding.volume])
      const [settled] = (await admin.list('?all=true')).findings
      assert.deepEqual([settled.resolution, settled.actions], ['removed', []])
    })

    sameIn('only the application vanished: its project is cleared before it is made again', async ({ portal, rehearsal, admin }) => {
      const { key } = await portal.ready('viola')
      const { projectIds, applications } = await idsOf(rehearsal, 'viola')
      await change(rehearsal, 'application.delete', { applicationId: applications[0].applicationId })
      const { findings: [finding] } = await admin.look()
      assert.equal(finding.kind, 'vanished')
      assert.equal((await admin.acted(finding, 'repair')).last.event, 'ready')
      const now = await idsOf(rehearsal, 'viola')
      assert.equal(now.projectIds.length, 1)
      assert.notEqual(now.projectIds[0], projectIds[0])
      assert.equal((await portal.stack('viola', { key })).json.state, 'ready')
    })

    sameIn('one that Dokploy could not start is deployed once more', async ({ portal, rehearsal, admin }) => {
      await portal.ready('erna')
      const { applications: [{ applicationId }] } = await idsOf(rehearsal, 'erna')
      await rehearsal.faults({ at: 'deploy', kind: 'deploy_error' })
      await change(rehearsal, 'application.deploy', { applicationId })
      await rehearsal.api('/__rehearsal/settle', { method: 'POST' })
      const { findings: [finding] } = await admin.look()
      assert.deepEqual([finding.kind, finding.name, finding.actions], ['in_error', 'erna', ['repair']])
      assert.equal((await admin.act(finding, 'remove')).json.code, 'finding_unfit')
      const { last, events } = await admin.acted(finding, 'repair')
      assert.equal(last.event, 'ready', JSON.stringify(last))
      assert.ok(events.some((event) => event.event === 'log'), "Dokploy's log, or that there is none")
      assert.equal((await idsOf(rehearsal, 'erna')).applications[0].applicationStatus, 'done')
      assert.deepEqual((await admin.look()).findings, [])
      assert.equal((await admin.list('?all=true')).findings[0].resolution, 'repaired')
    })

    sameIn('a repair that fails says why, and the finding stays', async ({ portal, rehearsal, admin }) => {
      const { key } = await portal.ready('emil')
      const { volume } = (await portal.stack('emil', { key })).json
      await takeAway(rehearsal, 'emil')
      const { findings: [finding] } = await admin.look()
      await rehearsal.faults({ at: 'deploy', kind: 'deploy_error' })
      const { last } = await admin.acted(finding, 'repair')
      assert.deepEqual([last.event, last.data.code, last.data.leftovers], ['failed', 'deploy_failed', []])
      await rehearsal.holdsNothing('emil')
      assert.deepEqual((await rehearsal.state()).volumes.map(({ name }) => name), [volume], 'its files are not touched by the way back')
      const again = (await admin.look()).findings
      assert.deepEqual(again.map(({ id }) => id), [finding.id])
      assert.equal((await admin.acted(finding, 'repair')).last.event, 'ready')
      assert.equal((await portal.stack('emil', { key })).json.volume, volume)
    })

    sameIn('a second project with the mark is told, and removed only when asked; the files of the first are safe', async ({ portal, rehearsal, admin }) => {
      const { key } = await portal.ready('dora')
      const { volume, deploymentId } = (await portal.stack('dora', { key })).json
      const [{ description }] = (await rehearsal.state()).projects
      const { project, environment } = await change(rehearsal, 'project.create', { name: 'dora', description, env: '' })
      const second = await change(rehearsal, 'application.create',
        { name: 'dora', appName: 'stack-dora', description, environmentId: environment.environmentId, serverId: null })
      await change(rehearsal, 'mounts.create',
        { type: 'volume', volumeName: volume, mountPath: '/workspace', serviceId: second.applicationId, serviceType: 'application' })
      const { findings: [finding, ...others] } = await admin.look()
      assert.deepEqual(others, [])
      assert.deepEqual([finding.kind, finding.projectId, finding.deploymentId, finding.actions],
        ['unknown', project.projectId, deploymentId, ['remove']])
      const adopted = await admin.act(finding, 'adopt')
      assert.deepEqual([adopted.status, adopted.json.code], [409, 'name_taken'])
      await portal.api('/api/stack/dora/stop', { method: 'POST', key }).then(({ json }) => portal.follow(json.statusUrl))
      const { last } = await admin.acted(finding, 'remove', { data: 'delete' })
      assert.equal(last.event, 'deleted')
      assert.deepEqual((await idsOf(rehearsal, 'dora')).projectIds.length, 1)
      assert.deepEqual((await rehearsal.state()).volumes.map(({ name }) => name), [volume])
      assert.equal((await portal.stack('dora', { key })).json.state, 'stopped')
      assert.deepEqual((await admin.look()).findings, [])
    })

    sameIn('a second application in a known project is told', async ({ portal, rehearsal, admin }) => {
      await portal.ready('dirk')
      const { projectIds: [projectId], applications: [first] } = await idsOf(rehearsal, 'dirk')
      const [{ description }] = (await rehearsal.state()).projects
      const { applicationId } = await change(rehearsal, 'application.create',
        { name: 'dirk', appName: 'stack-dirk', description, environmentId: first.environmentId, serverId: null })
      const { findings: [finding] } = await admin.look()
      assert.deepEqual([finding.kind, finding.projectId, finding.applicationId, finding.actions], ['unknown', projectId, applicationId, ['remove']])
      assert.equal((await admin.acted(finding, 'remove')).last.event, 'deleted')
      const now = await idsOf(rehearsal, 'dirk')
      assert.deepEqual([now.projectIds, now.applications.map((it) => it.applicationId)], [[projectId], [first.applicationId]])
    })
  })
}

test('more than a page of unknown projects: all are found, their names are taken, and the list is paged', () => inWorld({}, async ({ portal, rehearsal, admin }) => {
  const names = Array.from({ length: 130 }, (_, i) => `page-${String.fromCharCode(97 + Math.floor(i / 26))}${String.fromCharCode(97 + (i % 26))}x`)
  for (const name of names) await change(rehearsal, 'project.create', { name, description: markOf(name, `op${name}`, 'somebody'), env: '' })
  await change(rehearsal, 'project.create', { name: 'theirs', description: 'not of this portal', env: '' })
  await admin.look()
  const found = []
  let page = await admin.list('?limit=50')
  assert.deepEqual([page.findings.length, page.open], [50, 130])
  for (;;) {
    found.push(...page.findings)
    if (page.next === null) break
    page = await admin.list(`?limit=50&before=${page.next}`)
  }
  assert.deepEqual(found.map(({ name }) => name).sort(), names)
  assert.ok(found.every(({ kind, actions }) => kind === 'unknown' && actions.join() === 'remove'), 'nothing is in them to adopt')
  for (const name of [names[0], names[129]]) {
    assert.equal((await portal.check(name)).json.code, 'name_taken')
    assert.equal((await portal.deploy(name)).json.code, 'name_taken')
  }
  const told = (await portal.api('/health')).json.degraded.find(({ code }) => code === 'findings')
  assert.deepEqual([told.count, told.unknown, told.vanished], [130, 130, 0])
  assert.equal((await portal.api('/ready')).status, 200)
  assert.match((await portal.api('/metrics')).text, /deployer_findings\{kind="unknown"\} 130/)
  const one = found.find(({ name }) => name === names[0])
  assert.equal((await admin.acted(one, 'remove')).last.event, 'deleted')
  await until(async () => (await portal.check(names[0])).json.available, 'its name is free again')
  await portal.ready(names[0])
}))

test('what is being removed is not adopted beside it, nor removed twice', () => inWorld({}, async ({ portal, rehearsal, admin }) => {
  await portal.ready('rune')
  await portal.kill9()
  forgetJournal(portal)
  await portal.restart()
  const { findings: [finding] } = await admin.look()
  assert.deepEqual([finding.kind, finding.actions], ['unknown', ['adopt', 'remove']])
  await rehearsal.faults({ at: 'application.delete', kind: 'latency', ms: 6000 })
  const removing = await admin.act(finding, 'remove', { data: 'delete' })
  assert.equal(removing.status, 202, removing.text)
  const beside = await admin.act(finding, 'adopt')
  assert.deepEqual([beside.status, beside.json.code], [409, 'stack_busy'])
  for (const choice of [{ ids: [finding.id] }, { all: true }]) {
    const { adopted, refused } = (await admin.adopt(choice)).json
    assert.deepEqual([adopted, refused.map(({ code }) => code)], [[], ['stack_busy']], JSON.stringify(choice))
  }
  assert.equal((await admin.act(finding, 'remove', { data: 'delete' })).json.deploymentId, removing.json.deploymentId, 'asked again, the same')
  assert.equal((await portal.follow(removing.json.statusUrl)).last.event, 'deleted')
  const after = await admin.act(finding, 'adopt')
  assert.deepEqual([after.status, after.json.code], [409, 'finding_gone'])
  assert.deepEqual((await portal.api('/api/stacks', { key: ADMIN })).json.stacks, [])
  await rehearsal.holdsNothing('rune')
}))

test('while Dokploy is away nothing is concluded; what was found stays', () => inWorld({}, async ({ portal, rehearsal, admin }) => {
  await portal.ready('olaf')
  await portal.ready('odin')
  await takeAway(rehearsal, 'odin')
  const before = (await admin.look()).findings
  assert.deepEqual(before.map(({ name }) => name), ['odin'])
  for (const fault of [{ kind: 'status', status: 503 }, { kind: 'html' }, { kind: 'cut' }]) {
    await rehearsal.faults({ at: '*', times: 0, ...fault })
    const { findings: now, looked } = await admin.look()
    assert.ok(looked.trouble.code && looked.trouble.detail, JSON.stringify(looked))
    assert.deepEqual(now, before)
    const refused = await admin.act(before[0], 'repair')
    assert.deepEqual([refused.status, refused.json.code], [503, 'dokploy_unreachable'])
    await rehearsal.forgetFaults()
  }
  assert.deepEqual((await admin.list()).findings, before)
}))

test('one call that fails in the middle of a look gives nothing away', () => inWorld({}, async ({ portal, rehearsal, admin }) => {
  for (const name of ['mara', 'mina', 'mona']) await portal.ready(name)
  await admin.look()
  await rehearsal.faults({ at: 'project.one', kind: 'status', status: 500, times: 0, skip: 1 })
  const { findings: found, looked } = await admin.look()
  assert.ok(looked.trouble)
  assert.deepEqual(found, [])
  await rehearsal.forgetFaults()
  await takeAway(rehearsal, 'mina')
  await rehearsal.faults({ at: 'project.one', kind: 'wrong_json', times: 2 }) // it is asked twice
  const now = await admin.look()
  assert.deepEqual(now.findings.map(({ kind, name }) => `${kind} ${name}`), ['vanished mina'], 'of the others something can be said')
  assert.equal(now.looked.trouble.code, 'dokploy_unexpected_answer')
}))

test('work in flight is no finding', () => inWorld({}, async ({ portal, rehearsal, admin }) => {
  const { key } = await portal.ready('finn')
  await rehearsal.faults({ at: 'project.remove', kind: 'latency', ms: 3000 })
  await rehearsal.faults({ at: 'deploy', kind: 'latency', ms: 3000 })
  const deploying = (await portal.deploy('fritz')).json
  const deleting = (await portal.remove('finn', { key })).json
  await until(async () => (await idsOf(rehearsal, 'fritz')).applications.length > 0, 'fritz is being made')
  assert.deepEqual((await admin.look()).findings, [])
  await Promise.all([deploying, deleting].map(({ statusUrl }) => portal.follow(statusUrl)))
  assert.deepEqual((await admin.look()).findings, [])
}))

test('what mends itself is resolved by itself; what does not hold any more is not acted on', () => inWorld({}, async ({ portal, rehearsal, admin }) => {
  const mark = markOf('gina', 'opgina', 'somebody')
  const { project } = await change(rehearsal, 'project.create', { name: 'gina', description: mark, env: '' })
  const { project: other } = await change(rehearsal, 'project.create', { name: 'gerd', description: markOf('gerd', 'opgerd', 'x'), env: '' })
  const found = (await admin.look()).findings
  assert.equal(found.length, 2)
  await change(rehearsal, 'project.remove', { projectId: project.projectId })
  await change(rehearsal, 'project.remove', { projectId: other.projectId })
  const acted = await admin.act(found.find(({ name }) => name === 'gina'), 'remove')
  assert.deepEqual([acted.status, acted.json.code], [409, 'finding_gone'])
  assert.deepEqual((await admin.look()).findings, [])
  assert.deepEqual((await admin.list('?all=true')).findings.map(({ resolution }) => resolution), ['gone', 'gone'])
  assert.equal((await portal.check('gina')).json.available, true)
}))

test('two looks asked for at once are one; findings outlive a restart', () => inWorld({}, async ({ portal, rehearsal, admin }) => {
  await change(rehearsal, 'project.create', { name: 'rosa', description: markOf('rosa', 'oprosa', 'x'), env: '' })
  await admin.look()
  const looks = () => portal.log.filter(({ event }) => event === 'reconcile.looked').length
  const before = looks()
  await rehearsal.faults({ at: 'project.search', kind: 'latency', ms: 1000 })
  await Promise.all([1, 2, 3].map(() => portal.api('/api/admin/findings/look', { method: 'POST', key: ADMIN })))
  await until(async () => !(await admin.list()).looked.running, 'the look ended')
  assert.equal(looks(), before + 1)
  const [found] = (await admin.list()).findings
  await portal.kill9()
  await portal.restart()
  assert.deepEqual((await admin.list()).findings, [found])
  assert.equal((await portal.check('rosa')).json.code, 'name_taken')
}))

test('for the admin alone; each act is in the audit trail; in three languages', () => inWorld({}, async ({ portal, rehearsal, admin }) => {
  const { key } = await portal.ready('lena')
  await takeAway(rehearsal, 'lena')
  const { findings: [finding] } = await admin.look()
  for (const [bearer, status] of [[key, 403], [undefined, 401], ['wrong', 401]]) {
    assert.equal((await portal.api('/api/admin/findings', { key: bearer })).status, status)
    for (const action of ['adopt', 'repair', 'remove']) assert.equal((await admin.act(finding, action, undefined, { key: bearer })).status, status)
    assert.equal((await portal.api('/api/admin/findings/adopt', { method: 'POST', json: { all: true }, key: bearer })).status, status)
  }
  const details = new Set()
  for (const language of ['en', 'nl', 'ar']) details.add((await admin.list('', { language })).findings[0].detail)
  assert.equal(details.size, 3)
  for (const query of ['?limit=0', '?limit=x', '?before=x']) assert.equal((await portal.api(`/api/admin/findings${query}`, { key: ADMIN })).status, 422)
  for (const id of ['999', 'x', '-1']) assert.equal((await admin.act({ id }, 'adopt')).json.code, 'finding_unknown')
  assert.equal((await admin.adopt({})).status, 422)
  assert.equal((await admin.adopt({ ids: [999] })).json.refused[0].code, 'finding_unknown')
  await admin.acted(finding, 'remove')
  const { entries } = (await portal.api('/api/audit', { key: ADMIN })).json
  const trail = entries.map(({ who, action, name, allowed }) => `${who} ${action} ${name} ${allowed}`)
  assert.ok(trail.includes('admin remove_finding lena true') && trail.includes('owner remove_finding lena false'), trail.join('\n'))
}))
