// docs/secrets.md, row by row: each secret is rotated as it says, and what was to be void is. (Dokploy's key: tests/http/secrets.test.mjs.)
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { startPortal, startRehearsal, temporary, until } from '../http/harness.mjs'
import { commands, realLike } from './parts.mjs'

const folder = temporary('secrets'), file = (name) => join(folder, name)
const write = (name, text) => writeFileSync(file(name), `${text}\n`, { mode: 0o600 })
let rehearsal, portal
before(async () => {
  rehearsal = await startRehearsal()
  write('admin', 'the-first-admin-token')
  write('registry', 'the-first-password')
  portal = await startPortal({
    rehearsal, env: {
      ...realLike(rehearsal), ADMIN_TOKEN: '', ADMIN_TOKEN_FILE: file('admin'), STACK_REGISTRY_URL: 'registry.test',
      STACK_REGISTRY_USERNAME: 'puller', STACK_REGISTRY_PASSWORD_FILE: file('registry'),
    },
  })
})
after(async () => { await portal?.stop(); await rehearsal?.stop() })

const application = async (name) => {
  const { applications } = await rehearsal.state()
  const { applicationId } = applications.find((one) => JSON.stringify(one).includes(name))
  return rehearsal.dokploy('application.one', { applicationId })
}
const admits = async (key) => (await portal.api('/api/invites', { key })).status

test('the admin token: the file is replaced, and the old one is void without a restart', async () => {
  assert.deepEqual([await admits('the-first-admin-token'), await admits('the-second-admin-token')], [200, 401])
  write('admin', 'the-second-admin-token')
  await until(async () => await admits('the-second-admin-token') === 200, 'the new token is good')
  assert.equal(await admits('the-first-admin-token'), 401)
})

test('the registry\'s login: the next deployment takes the new one, and what runs is not touched', async () => {
  await portal.ready('before')
  write('registry', 'the-second-password')
  await until(async () => {
    await portal.ready(`after-${Date.now()}`)
    return (await application('after-')).password === 'the-second-password'
  }, 'the new password is used')
  assert.equal((await application('before')).password, 'the-first-password')
})

test('a stack\'s password: its owner makes a new one, and the old one opens nothing', async () => {
  const { key } = await portal.ready('mine')
  const password = async () => (await portal.stack('mine', { key })).json.password
  const old = await password()
  const { status, json } = await portal.api('/api/stack/mine/password', { method: 'POST', json: { action: 'rotate' }, key })
  assert.equal(status, 202)
  assert.equal((await portal.follow(json.statusUrl)).last.event, 'ready')
  assert.notEqual(await password(), old)
})

test('owner keys: without the secret all are void, and the admin\'s link makes an owner of somebody again', async () => {
  const { key } = await portal.ready('somebodys')
  assert.equal((await portal.stack('somebodys', { key })).status, 200)
  await portal.stop()
  rmSync(join(portal.env.DATA_DIR, 'secret'))
  await portal.restart()
  assert.equal((await portal.stack('somebodys', { key })).status, 404)
  const admin = 'the-second-admin-token'
  assert.equal((await portal.stack('somebodys', { key: admin })).json.state, 'ready')
  const owner = key.slice(4).split('.')[0]
  const { json: { link } } = await portal.api('/api/owner/link', { method: 'POST', json: { owner }, key: admin })
  const { json: { ownerKey } } = await portal.api('/api/owner/move', { method: 'POST', json: { link: link.slice('/move/'.length) } })
  assert.equal((await portal.stack('somebodys', { key: ownerKey })).json.state, 'ready')
})

test('of the portal in Dokploy: bootstrap puts the new ones into its environment, for the next rollout', async () => {
  const env = async (token) => {
    const args = ['bootstrap', '--image', 'portal:1', '--domain', 'rotated.test', '--http', '--no-start', '--name', 'rotated']
    const { status, all } = await commands(rehearsal)(args, { ADMIN_TOKEN: token, ACCESS: 'invite' })
    assert.equal(status, 0, all)
    assert.doesNotMatch(all, /token-of-the-portal/)
    const { environments } = await rehearsal.dokploy('project.one', { projectId: (await rehearsal.state()).projects.find((one) => /portal=rotated/.test(one.description)).projectId })
    return (await rehearsal.dokploy('application.one', { applicationId: environments[0].applications[0].applicationId })).env
  }
  assert.match(await env('first-token-of-the-portal'), /^ADMIN_TOKEN=.*first-token/m)
  const after = await env('second-token-of-the-portal')
  assert.match(after, /^ADMIN_TOKEN=.*second-token/m)
  assert.doesNotMatch(after, /first-token/)
})
