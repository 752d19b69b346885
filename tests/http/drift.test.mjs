// Drift: the journal compared with Dokploy. Each kind of difference is found, reported and can be
// repaired; nothing is changed without being asked for.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { logIn } from './admin.mjs'
import { ADMIN, LANGUAGES, VERSIONS, until } from './harness.mjs'
import { drift, idsOf, loseJournal, removeByHand, removeProject, tagOf } from './drift.mjs'

const project = (name, description = tagOf(name, `op${name}`, 'somebody')) =>
  ({ name, description, env: '' })

for (const version of VERSIONS) {
  const removesVolumes = version === '0.30.2'
  const sameIn = (what, run) => test(what, drift({ version }, run))

  describe(`Dokploy ${version}`, { concurrency: 4 }, () => {
    sameIn('without drift nothing is found', async ({ portal, admin }) => {
      await portal.ready('anna')
      const { findings: found, open, next } = await admin.look()
      assert.deepEqual([found, open, next], [[], 0, null])
      const { degraded } = (await portal.api('/health')).json
      assert.ok(!degraded.some(({ code }) => code === 'findings'))
    })

    sameIn('a vanished workspace is rebuilt on its files', async (world) => {
      const { portal, rehearsal, admin } = world
      const { key } = await portal.ready('vera')
      const { password, volume } = (await portal.stack('vera', { key })).json
      await removeByHand(rehearsal, 'vera')
      const { findings: [finding], open } = await admin.look()
      assert.equal(open, 1)
      const { kind, name, actions } = finding
      assert.deepEqual([kind, name, finding.volume], ['vanished', 'vera', volume])
      assert.deepEqual(actions, ['repair', 'remove'])
      const { answer } = await admin.finish(finding, 'repair', 'ready')
      const again = (await admin.act(finding, 'repair')).json
      assert.equal(again.deploymentId, answer.json.deploymentId, 'a second request is the same')
      const shown = (await portal.stack('vera', { key })).json
      assert.deepEqual([shown.state, shown.volume], ['ready', volume])
      assert.notEqual(shown.password, password)
      const open_ = await rehearsal.stack('vera', '/path', { password: shown.password })
      assert.equal(open_.status, 200)
      assert.deepEqual(await rehearsal.volumes(), [volume], 'the old files and no others')
      assert.deepEqual((await admin.look()).findings, [])
      const { last } = await portal.deleted('vera', { key, data: 'delete' })
      assert.equal(last.data.data, removesVolumes ? 'deleted' : 'left')
      await rehearsal.holdsNothing('vera')
      assert.equal((await portal.check('vera')).json.available, true)
    })

    sameIn('a vanished workspace is forgotten; its files stay listed', async (world) => {
      const { portal, rehearsal, admin } = world
      const { key } = await portal.ready('vito')
      await removeByHand(rehearsal, 'vito')
      const { findings: [finding] } = await admin.look()
      const { last } = await admin.finish(finding, 'remove', 'deleted')
      assert.equal(last.data.data, 'kept')
      assert.equal((await portal.stack('vito', { key })).status, 404)
      assert.equal((await portal.check('vito')).json.available, true)
      const { keptData } = (await portal.api('/api/stacks', { key })).json
      assert.deepEqual(keptData.map(({ volume }) => volume), [finding.volume])
      const [settled] = (await admin.list('?all=true')).findings
      assert.deepEqual([settled.resolution, settled.actions], ['removed', []])
    })

    // A project that is removed in Dokploy leaves its service and the route to it.
    sameIn('what a removed project leaves running: named, with its command; then repaired',
      async (world) => {
        const { portal, rehearsal, admin } = world
        const { key } = await portal.ready('roos')
        const { volume } = (await portal.stack('roos', { key })).json
        const { finding, service, command } = await removeProject(world, 'roos')
        assert.deepEqual([finding.kind, finding.service, finding.command],
          ['vanished', service, command])
        const seen = (await portal.stack('roos', { key })).json
        assert.deepEqual([seen.state, seen.trouble.code], ['ready', 'stack_vanished'])
        const browser = await logIn(portal)
        assert.ok((await browser.get('/admin/findings')).text.includes(command), 'on the page')
        const refused = await browser.form(`/admin/findings/${finding.id}/repair`)
        assert.equal(refused.status, 409)
        assert.ok(refused.text.includes(command), 'without JavaScript too')
        assert.ok((await browser.get('/admin/stacks/roos')).text.includes(seen.trouble.detail))
        for (const action of ['repair', 'remove']) {
          const { status, json } = await admin.act(finding, action)
          assert.deepEqual([status, json.code], [409, 'service_remains'])
          assert.ok(json.detail.includes(command), json.detail)
        }
        const { last } = await portal.finish(await portal.act('roos', 'restart', { key }), 'failed')
        assert.equal(last.data.code, 'stack_vanished')
        await rehearsal.docker(command.split('; ')[0])
        assert.equal((await admin.act(finding, 'repair')).json.code, 'service_remains', 'its route')
        await rehearsal.docker(command.split('; ')[1])
        const { findings: [same] } = await admin.look()
        assert.deepEqual([same.id, same.command], [finding.id, undefined])
        await admin.finish(finding, 'repair', 'ready')
        const again = (await portal.stack('roos', { key })).json
        assert.deepEqual([again.state, again.trouble, again.volume], ['ready', undefined, volume])
        const { routes, services } = await rehearsal.state()
        assert.deepEqual([routes.length, services.length], [1, 1])
        assert.notEqual(services[0].appName, service)
      })

    sameIn('its owner deletes it: it says what is left, and ends by itself after the command',
      async (world) => {
        const { portal, rehearsal } = world
        const { key } = await portal.ready('rita')
        const { service, command } = await removeProject(world, 'rita')
        const { last } = await portal.finish(await portal.remove('rita', { key }), 'failed')
        const { code, advice, leftovers } = last.data
        assert.equal(code, 'service_remains')
        assert.ok(advice.includes(command), advice)
        assert.deepEqual(leftovers.map(({ kind, id }) => [kind, id]), [['service', service]])
        const left = (await portal.api('/api/admin/leftovers', { key: ADMIN })).json.leftovers
        assert.ok(left[0].things.some(({ detail }) => detail.includes(command)))
        assert.equal((await portal.check('rita')).json.code, 'name_taken')
        await rehearsal.docker(command)
        await until(async () => (await portal.check('rita')).json.available, 'its name is free')
        await portal.ready('rita')
        await rehearsal.docker(command)
      })

    sameIn('a deploy does not take an address that is routed to something unknown',
      async (world) => {
        const { portal, rehearsal } = world
        const { key } = await portal.ready('rolf')
        const { finding, command } = await removeProject(world, 'rolf')
        await loseJournal(portal)
        const { last } = await portal.deployed('rolf')
        assert.deepEqual([last.data.code, last.data.rolledBack], ['host_routed', true])
        assert.ok(last.data.detail.includes('rolf.'), last.data.detail)
        await rehearsal.docker(command)
        await portal.ready('rolf')
        assert.ok(finding && key)
      })

    sameIn('only the application vanished: its project is removed before the rebuild',
      async ({ portal, rehearsal, admin }) => {
        const { key } = await portal.ready('viola')
        const { projectIds, applications } = await idsOf(rehearsal, 'viola')
        const { applicationId } = applications[0]
        await rehearsal.change('application.delete', { applicationId })
        const { findings: [finding] } = await admin.look()
        assert.equal(finding.kind, 'vanished')
        await admin.finish(finding, 'repair', 'ready')
        const now = await idsOf(rehearsal, 'viola')
        assert.equal(now.projectIds.length, 1)
        assert.notEqual(now.projectIds[0], projectIds[0])
        assert.equal((await portal.stack('viola', { key })).json.state, 'ready')
      })

    sameIn('a workspace that Dokploy could not start is deployed again', async (world) => {
      const { portal, rehearsal, admin } = world
      await portal.ready('erna')
      const { applications: [{ applicationId }] } = await idsOf(rehearsal, 'erna')
      await rehearsal.faults({ at: 'deploy', kind: 'deploy_error' })
      await rehearsal.change('application.deploy', { applicationId })
      await rehearsal.api('/__rehearsal/settle', { method: 'POST' })
      const { findings: [finding] } = await admin.look()
      const { kind, name, actions } = finding
      assert.deepEqual([kind, name, actions], ['in_error', 'erna', ['repair']])
      assert.equal((await admin.act(finding, 'remove')).json.code, 'finding_unfit')
      const { events } = await admin.finish(finding, 'repair', 'ready')
      assert.ok(events.some(({ event }) => event === 'log'), "Dokploy's log, or that there is none")
      const { applications: [application] } = await idsOf(rehearsal, 'erna')
      assert.equal(application.applicationStatus, 'done')
      assert.deepEqual((await admin.look()).findings, [])
      assert.equal((await admin.list('?all=true')).findings[0].resolution, 'repaired')
    })

    sameIn('a repair that fails gives the reason, and the finding stays', async (world) => {
      const { portal, rehearsal, admin } = world
      const { key } = await portal.ready('emil')
      const { volume } = (await portal.stack('emil', { key })).json
      await removeByHand(rehearsal, 'emil')
      const { findings: [finding] } = await admin.look()
      await rehearsal.faults({ at: 'deploy', kind: 'deploy_error' })
      const { last } = await admin.finish(finding, 'repair', 'failed')
      assert.deepEqual([last.data.code, last.data.leftovers], ['deploy_failed', []])
      await rehearsal.holdsNothing('emil')
      assert.deepEqual(await rehearsal.volumes(), [volume], 'undoing does not touch its files')
      assert.deepEqual((await admin.look()).findings.map(({ id }) => id), [finding.id])
      await admin.finish(finding, 'repair', 'ready')
      assert.equal((await portal.stack('emil', { key })).json.volume, volume)
    })

    sameIn('a second tagged project is reported and removed on request, the first kept whole',
      async ({ portal, rehearsal, admin }) => {
        const { key } = await portal.ready('dora')
        const { volume, deploymentId } = (await portal.stack('dora', { key })).json
        const [{ description }] = (await rehearsal.state()).projects
        const second = await rehearsal.change('project.create', project('dora', description))
        const { applicationId } = await rehearsal.change('application.create', {
          name: 'dora', appName: 'stack-dora', description, serverId: null,
          environmentId: second.environment.environmentId,
        })
        await rehearsal.change('mounts.create', {
          type: 'volume', volumeName: volume, mountPath: '/workspace', serviceId: applicationId,
          serviceType: 'application',
        })
        const { findings: [finding, ...others] } = await admin.look()
        assert.deepEqual(others, [])
        const { kind, projectId, actions } = finding
        assert.deepEqual([kind, projectId], ['unknown', second.project.projectId])
        assert.deepEqual([finding.deploymentId, actions], [deploymentId, ['remove']])
        const adopted = await admin.act(finding, 'adopt')
        assert.deepEqual([adopted.status, adopted.json.code], [409, 'name_taken'])
        await portal.finish(await portal.act('dora', 'stop', { key }), 'stopped')
        await admin.finish(finding, 'remove', 'deleted', { data: 'delete' })
        assert.equal((await idsOf(rehearsal, 'dora')).projectIds.length, 1)
        assert.deepEqual(await rehearsal.volumes(), [volume])
        assert.equal((await portal.stack('dora', { key })).json.state, 'stopped')
        assert.deepEqual((await admin.look()).findings, [])
      })

    sameIn('a second application in a known project is reported', async (world) => {
      const { portal, rehearsal, admin } = world
      await portal.ready('dirk')
      const { projectIds, applications: [first] } = await idsOf(rehearsal, 'dirk')
      const [{ description }] = (await rehearsal.state()).projects
      const { applicationId } = await rehearsal.change('application.create', {
        name: 'dirk', appName: 'stack-dirk', description, environmentId: first.environmentId,
        serverId: null,
      })
      const { findings: [finding] } = await admin.look()
      assert.deepEqual([finding.kind, finding.actions], ['unknown', ['remove']])
      assert.deepEqual([finding.projectId, finding.applicationId], [projectIds[0], applicationId])
      await admin.finish(finding, 'remove', 'deleted')
      const now = await idsOf(rehearsal, 'dirk')
      const ids = now.applications.map((it) => it.applicationId)
      assert.deepEqual([now.projectIds, ids], [projectIds, [first.applicationId]])
    })
  })
}

describe('whatever the version', { concurrency: 4 }, () => {
  test('more than a page of unknown projects: all are found, their names taken, the list paged',
    drift({}, async ({ portal, rehearsal, admin }) => {
      const letter = (n) => String.fromCharCode(97 + n)
      const nameOf = (_, i) => `page-${letter(Math.floor(i / 26))}${letter(i % 26)}x`
      const names = Array.from({ length: 130 }, nameOf)
      for (const name of names) await rehearsal.change('project.create', project(name))
      await rehearsal.change('project.create', project('theirs', 'not of this portal'))
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
      const isEmpty = ({ kind, actions }) => kind === 'unknown' && actions.join() === 'remove'
      assert.ok(found.every(isEmpty), 'there is nothing in them to adopt')
      for (const name of [names[0], names[129]]) {
        assert.equal((await portal.check(name)).json.code, 'name_taken')
        assert.equal((await portal.deploy(name)).json.code, 'name_taken')
      }
      const { degraded } = (await portal.api('/health')).json
      const { count, unknown, vanished } = degraded.find(({ code }) => code === 'findings')
      assert.deepEqual([count, unknown, vanished], [130, 130, 0])
      assert.equal((await portal.api('/ready')).status, 200)
      const { text } = await portal.api('/metrics')
      assert.match(text, /deployer_findings\{kind="unknown"\} 130/)
      await admin.finish(found.find(({ name }) => name === names[0]), 'remove', 'deleted')
      await until(async () => (await portal.check(names[0])).json.available, 'its name is free')
      await portal.ready(names[0])
    }))

  test('what is being removed is neither adopted meanwhile nor removed twice',
    drift({}, async ({ portal, rehearsal, admin }) => {
      await portal.ready('rune')
      await loseJournal(portal)
      const { findings: [finding] } = await admin.look()
      assert.deepEqual([finding.kind, finding.actions], ['unknown', ['adopt', 'remove']])
      await rehearsal.faults({ at: 'application.delete', kind: 'hang', times: 0 })
      const remove = () => admin.act(finding, 'remove', { data: 'delete' })
      const removing = await remove()
      assert.equal(removing.status, 202, removing.text)
      const adopt = async () => {
        const { status, json } = await admin.act(finding, 'adopt')
        return [status, json.code]
      }
      assert.deepEqual(await adopt(), [409, 'stack_busy'])
      for (const choice of [{ ids: [finding.id] }, { all: true }]) {
        const { adopted, refused } = (await admin.adopt(choice)).json
        assert.deepEqual([adopted, refused.map(({ code }) => code)], [[], ['stack_busy']])
      }
      assert.equal((await remove()).json.deploymentId, removing.json.deploymentId)
      await rehearsal.forgetFaults()
      await portal.finish(removing, 'deleted')
      assert.deepEqual(await adopt(), [409, 'finding_gone'])
      assert.deepEqual((await portal.api('/api/stacks', { key: ADMIN })).json.stacks, [])
      await rehearsal.holdsNothing('rune')
    }))

  test('while Dokploy is unreachable nothing is concluded; what was found stays',
    drift({}, async ({ portal, rehearsal, admin }) => {
      await portal.ready('olaf')
      await portal.ready('odin')
      await removeByHand(rehearsal, 'odin')
      const before = (await admin.look()).findings
      assert.deepEqual(before.map(({ name }) => name), ['odin'])
      const faults = [{ kind: 'status', status: 503 }, { kind: 'html' }, { kind: 'cut' }]
      for (const fault of faults) {
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

  test('a call that fails during the comparison reports no wrong drift',
    drift({}, async ({ portal, rehearsal, admin }) => {
      for (const name of ['mara', 'mina', 'mona']) await portal.ready(name)
      await admin.look()
      const at = 'project.one'
      await rehearsal.faults({ at, kind: 'status', status: 500, times: 0, skip: 1 })
      const { findings: found, looked } = await admin.look()
      assert.ok(looked.trouble)
      assert.deepEqual(found, [])
      await rehearsal.forgetFaults()
      await removeByHand(rehearsal, 'mina')
      await rehearsal.faults({ at, kind: 'wrong_json', times: 2 }) // it is asked twice
      const now = await admin.look()
      const kinds = now.findings.map(({ kind, name }) => `${kind} ${name}`)
      assert.deepEqual(kinds, ['vanished mina'], 'the other calls suffice for this')
      assert.equal(now.looked.trouble.code, 'dokploy_unexpected_answer')
    }))

  test('work in progress is no drift', drift({}, async ({ portal, rehearsal, admin }) => {
    const { key } = await portal.ready('finn')
    await rehearsal.hold('project.remove', 'finn')
    await rehearsal.hold('deploy', 'fritz')
    const deploying = await portal.deploy('fritz')
    const deleting = await portal.remove('finn', { key })
    const isMade = async () => (await idsOf(rehearsal, 'fritz')).applications.length > 0
    await until(isMade, 'fritz is being made')
    assert.deepEqual((await admin.look()).findings, [])
    await rehearsal.forgetFaults()
    await portal.finish(deploying, 'ready')
    await portal.finish(deleting, 'deleted')
    assert.deepEqual((await admin.look()).findings, [])
  }))

  test('drift that disappears is resolved; what is no longer true is not acted on',
    drift({}, async ({ portal, rehearsal, admin }) => {
      const ids = []
      for (const name of ['gina', 'gerd']) {
        const made = await rehearsal.change('project.create', project(name))
        ids.push(made.project.projectId)
      }
      const found = (await admin.look()).findings
      assert.equal(found.length, 2)
      for (const projectId of ids) await rehearsal.change('project.remove', { projectId })
      const acted = await admin.act(found.find(({ name }) => name === 'gina'), 'remove')
      assert.deepEqual([acted.status, acted.json.code], [409, 'finding_gone'])
      assert.deepEqual((await admin.look()).findings, [])
      const all = (await admin.list('?all=true')).findings
      assert.deepEqual(all.map(({ resolution }) => resolution), ['gone', 'gone'])
      assert.equal((await portal.check('gina')).json.available, true)
    }))

  test('simultaneous requests run one comparison; findings survive a restart',
    drift({}, async ({ portal, rehearsal, admin }) => {
      await rehearsal.change('project.create', project('rosa'))
      const isDone = ({ event }) => event === 'reconcile.done'
      const comparisons = () => portal.log.filter(isDone).length
      const hasRun = (count) => until(() => comparisons() >= count, `${count} comparisons`)
      const { looked: { at: first } } = await admin.look()
      await rehearsal.hold('project.search')
      const before = comparisons()
      const look = () => portal.post('/api/admin/findings/look', undefined, { key: ADMIN })
      const answers = await Promise.all([look(), look(), look()])
      assert.deepEqual(answers.map(({ status }) => status), [202, 202, 202])
      await rehearsal.forgetFaults()
      await hasRun(before + 1)
      const { findings: [found], looked } = await admin.look()
      await hasRun(before + 2)
      assert.equal(comparisons(), before + 2, 'one for the three, and one more')
      assert.notEqual(looked.at, first)
      await portal.kill9()
      await portal.restart()
      assert.deepEqual((await admin.list()).findings, [found])
      assert.equal((await portal.check('rosa')).json.code, 'name_taken')
    }))

  test('each act is audited, what is refused too; in three languages',
    drift({}, async ({ portal, rehearsal, admin }) => {
      const { key } = await portal.ready('lena')
      await removeByHand(rehearsal, 'lena')
      const { findings: [finding] } = await admin.look()
      const path = '/api/admin/findings'
      assert.equal((await admin.act(finding, 'remove', undefined, { key })).status, 403)
      const details = new Set()
      for (const language of LANGUAGES) {
        details.add((await admin.list('', { language })).findings[0].detail)
      }
      assert.equal(details.size, 3)
      for (const query of ['?limit=0', '?limit=x', '?before=x']) {
        assert.equal((await portal.api(path + query, { key: ADMIN })).status, 422)
      }
      for (const id of ['999', 'x', '-1']) {
        assert.equal((await admin.act({ id }, 'adopt')).json.code, 'finding_unknown')
      }
      assert.equal((await admin.adopt({})).status, 422)
      const oldPaths = { '/findings': [200, 'GET'], '/findings/look': [202, 'POST'] }
      for (const [old, [status, method]] of Object.entries(oldPaths)) {
        const answer = await portal.api(`/api/admin${old}`, { method, key: ADMIN })
        assert.deepEqual([answer.status, answer.headers.deprecation], [status, '@1796083200'])
      }
      const current = await portal.api('/api/admin/drift', { key: ADMIN })
      assert.equal(current.headers.deprecation, undefined)
      const { refused } = (await admin.adopt({ ids: [999] })).json
      assert.equal(refused[0].code, 'finding_unknown')
      await admin.finish(finding, 'remove', 'deleted')
      const { entries } = (await portal.api('/api/audit', { key: ADMIN })).json
      const audit = entries.map(({ who, action, name, allowed }) =>
        `${who} ${action} ${name} ${allowed}`)
      assert.ok(audit.includes('admin remove_finding lena true'), audit.join('\n'))
      assert.ok(audit.includes('owner remove_finding lena false'), audit.join('\n'))
    }))
})
