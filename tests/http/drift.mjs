// What tests of drift between the journal and Dokploy share.
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { ADMIN, inWorld, until } from './harness.mjs'

// The tag that the portal puts into Dokploy's descriptions.
export const tagOf = (name, operation, owner) =>
  `ai-stack-deployer name=${name} operation=${operation} owner=${owner}`

export async function idsOf(rehearsal, name) {
  const { projects, applications } = await rehearsal.state()
  return {
    projectIds: projects.filter((it) => it.name === name).map(({ projectId }) => projectId),
    applications: applications.filter((it) => it.name === name),
  }
}

// Removes a workspace from Dokploy by hand; its volume stays.
export async function removeByHand(rehearsal, name) {
  const { projectIds, applications } = await idsOf(rehearsal, name)
  for (const { applicationId } of applications) {
    await rehearsal.change('application.delete', { applicationId })
  }
  for (const projectId of projectIds) await rehearsal.change('project.remove', { projectId })
}

// Removes a workspace's project in Dokploy, which leaves its service and the route to it. Returns
// the row of drift, the service, and the command that removes what is left.
export async function removeProject({ portal, rehearsal }, name) {
  const { projectIds: [projectId], applications: [{ appName }] } = await idsOf(rehearsal, name)
  await rehearsal.change('project.remove', { projectId })
  const { findings: [finding] } = await findings(portal).look()
  const file = `/etc/dokploy/traefik/dynamic/${appName}.yml`
  return { finding, service: appName, command: `docker service rm ${appName}; rm -f ${file}` }
}

// The journal is lost; the installation's secret stays.
export async function loseJournal(portal) {
  await portal.kill9()
  for (const suffix of ['', '-wal', '-shm']) {
    rmSync(join(portal.env.DATA_DIR, `journal.db${suffix}`), { force: true })
  }
  await portal.restart()
}

export const findings = (portal) => ({
  async list(query = '', options = {}) {
    const path = `/api/admin/drift${query}`
    const { status, json, text } = await portal.api(path, { key: ADMIN, ...options })
    assert.equal(status, 200, text)
    return json
  },

  async hasRun() {
    await until(async () => (await this.list()).looked.at, 'Dokploy was compared with the journal')
  },

  // Compares Dokploy with the journal from now on; returns the list afterwards.
  async look(query = '') {
    await until(async () => !(await this.list()).looked.running, 'the running comparison ended')
    const { at } = (await this.list()).looked
    const answer = await portal.post('/api/admin/drift/run', undefined, { key: ADMIN })
    assert.equal(answer.status, 202, answer.text)
    await until(async () => {
      const { looked } = await this.list()
      return !looked.running && (looked.at !== at || looked.trouble)
    }, 'the comparison ended')
    return this.list(query)
  },

  act({ id }, action, json, options) {
    return portal.post(`/api/admin/drift/${id}/${action}`, json, { key: ADMIN, ...options })
  },

  // Repairs or removes, to the end.
  async finish(finding, action, event, json) {
    return portal.finish(await this.act(finding, action, json), event)
  },

  adopt(json) { return portal.post('/api/admin/drift/adopt', json, { key: ADMIN }) },
})

// The function of a test with a world of its own and its findings: run({ portal, ..., admin }).
export const drift = (options, run) =>
  inWorld(options, (world) => run({ ...world, admin: findings(world.portal) }))
