// findings: what tests of reconcile share. `findings(portal)` lists, looks and acts as the admin; `change` edits the double behind the
// portal's back, as a person does in Dokploy.
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { ADMIN, until } from './harness.mjs'

// A mutation, as Dokploy takes it.
export async function change(rehearsal, procedure, json) {
  const answer = await rehearsal.api(`/api/${procedure}`, { method: 'POST', json, headers: { 'x-api-key': 'tests' } })
  assert.equal(answer.status, 200, `${procedure}: ${answer.text}`)
  return answer.json
}

export const markOf = (name, operation, owner) => `ai-stack-deployer name=${name} operation=${operation} owner=${owner}`

export const idsOf = async (rehearsal, name) => {
  const { projects, applications } = await rehearsal.state()
  return {
    projectIds: projects.filter((it) => it.name === name).map(({ projectId }) => projectId),
    applications: applications.filter((it) => it.name === name),
  }
}

// Takes a stack out of Dokploy by hand; its volume stays.
export async function takeAway(rehearsal, name) {
  const { projectIds, applications } = await idsOf(rehearsal, name)
  for (const { applicationId } of applications) await change(rehearsal, 'application.delete', { applicationId })
  for (const projectId of projectIds) await change(rehearsal, 'project.remove', { projectId })
}

export const forgetJournal = (portal) => {
  for (const end of ['', '-wal', '-shm']) rmSync(join(portal.env.DATA_DIR, `journal.db${end}`), { force: true })
}

export const findings = (portal) => ({
  async list(query = '', options = {}) {
    const { status, json, text } = await portal.api(`/api/admin/findings${query}`, { key: ADMIN, ...options })
    assert.equal(status, 200, text)
    return json
  },

  // Has Dokploy looked through, from now on; the list afterwards.
  async look(query = '') {
    await until(async () => !(await this.list()).looked.running, 'the look that runs ended')
    const before = (await this.list()).looked.at
    const asked = await portal.api('/api/admin/findings/look', { method: 'POST', key: ADMIN })
    assert.equal(asked.status, 202, asked.text)
    await until(async () => {
      const { looked } = await this.list()
      return !looked.running && (looked.at !== before || looked.trouble)
    }, 'Dokploy was looked through')
    return this.list(query)
  },

  act(finding, action, json, options) {
    return portal.api(`/api/admin/findings/${finding.id}/${action}`, { method: 'POST', key: ADMIN, ...(json ? { json } : {}), ...options })
  },

  // Repairs or removes, to its end.
  async acted(finding, action, json) {
    const answer = await this.act(finding, action, json)
    assert.equal(answer.status, 202, answer.text)
    const { last, events } = await portal.follow(answer.json.statusUrl)
    return { answer, last, events }
  },

  adopt(json) { return portal.api('/api/admin/findings/adopt', { method: 'POST', key: ADMIN, json }) },
})
