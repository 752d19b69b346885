// The journal held against Dokploy: each kind of difference is found, told, and mended; nothing is changed by itself.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMIN, startAll, until } from './harness.mjs'

// What the double is asked for as Dokploy: mutations by POST.
async function change(rehearsal, procedure, json) {
  const answer = await rehearsal.api(`/api/${procedure}`, { method: 'POST', json, headers: { 'x-api-key': 'tests' } })
  assert.equal(answer.status, 200, `${procedure}: ${answer.text}`)
  return answer.json
}

const list = async (portal, query = '') => {
  const { status, json, text } = await portal.api(`/api/admin/findings${query}`, { key: ADMIN })
  assert.equal(status, 200, text)
  return json
}

// Has Dokploy looked through, from now on, and the list of what was found.
async function look(portal) {
  await until(async () => !(await list(portal)).looked.running, 'the look that runs ended')
  const before = (await list(portal)).looked.at
  const asked = await portal.api('/api/admin/findings/look', { method: 'POST', key: ADMIN })
  assert.equal(asked.status, 202, asked.text)
  return until(async () => {
    const now = await list(portal)
    return now.looked.at !== before && !now.looked.running && now
  }, 'Dokploy was looked through')
}

const act = (portal, finding, action, json, options) =>
  portal.api(`/api/admin/findings/${finding.id}/${action}`, { method: 'POST', key: ADMIN, ...(json ? { json } : {}), ...options })

async function acted(portal, finding, action, json) {
  const answer = await act(portal, finding, action, json)
  assert.equal(answer.status, 202, answer.text)
  const { last } = await portal.follow(answer.json.statusUrl)
  return { answer, last }
}

const applicationOf = async (rehearsal, name) => (await rehearsal.state()).applications.find((it) => it.name === name)
const projectOf = async (rehearsal, name) => (await rehearsal.state()).projects.find((it) => it.name === name)

for (const version of ['0.30.2', '0.26.5']) {
  describe(`Dokploy ${version}`, () => {
    test(`${version}: all is well: nothing is found`, async () => {
      const world = await startAll({ version })
      try {
        await world.portal.ready('anna')
        assert.deepEqual((await look(world.portal)).findings, [])
        const health = (await world.portal.api('/health')).json
        assert.ok(!health.degraded.some(({ code }) => code === 'findings'))
      } finally {
        await world.stop()
      }
    })

    test(`${version}: a stack that vanished is made again on its files`, async () => {
      const world = await startAll({ version })
      const { portal, rehearsal } = world
      try {
        const { key } = await portal.ready('vera')
        const { password } = (await portal.stack('vera', { key })).json
        const { applicationId } = await applicationOf(rehearsal, 'vera')
        const { projectId } = await projectOf(rehearsal, 'vera')
        const { volume } = (await portal.stack('vera', { key })).json
        await change(rehearsal, 'application.delete', { applicationId })
        await change(rehearsal, 'project.remove', { projectId })
        const { findings: [finding], open } = await look(portal)
        assert.equal(open, 1)
        assert.equal(finding.kind, 'vanished')
        assert.equal(finding.name, 'vera')
        assert.equal(finding.volume, volume)
        assert.deepEqual(finding.actions, ['repair', 'remove'])
        const { last, answer } = await acted(portal, finding, 'repair')
        assert.equal(last.event, 'ready', JSON.stringify(last))
        assert.equal((await act(portal, finding, 'repair')).json.deploymentId, answer.json.deploymentId, 'asked again, the same')
        const shown = (await portal.stack('vera', { key })).json
        assert.equal(shown.state, 'ready')
        assert.equal(shown.volume, volume)
        assert.notEqual(shown.password, password)
        assert.equal((await rehearsal.stack('vera', '/path', { password: shown.password })).status, 200)
        const volumes = (await rehearsal.state()).volumes.map(({ name }) => name)
        assert.deepEqual(volumes, [volume], 'the old files, and no others')
        assert.deepEqual((await look(portal)).findings, [])
        const { json } = await portal.remove('vera', { key, data: 'delete' })
        const end = (await portal.follow(json.statusUrl)).last
        assert.equal(end.data.data, version === '0.30.2' ? 'deleted' : 'left')
        await rehearsal.holdsNothing('vera')
      } finally {
        await world.stop()
      }
    })
  })
}
