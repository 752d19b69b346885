// docs/secrets.md, row by row: each secret is rotated as it says, and the old one is void.
// Dokploy's key: tests/http/secrets.test.mjs.
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporary, until, useWorld } from '../http/harness.mjs'
import { commandEnv, commands, succeeds } from './fixture.mjs'

const folder = temporary('secrets')
const file = (name) => join(folder, name)
const write = (name, text) => writeFileSync(file(name), `${text}\n`, { mode: 0o600 })
write('admin', 'the-first-admin-token')
write('registry', 'the-first-password')

const { portal, rehearsal } = useWorld({
  env: (double) => ({
    ...commandEnv(double), STACK_DOMAIN_SUFFIX: 'localhost',
    ADMIN_TOKEN: '', ADMIN_TOKEN_FILE: file('admin'),
    STACK_IMAGE: 'registry.test/ai-stack:1', STACK_REGISTRY_USERNAME: 'puller',
    STACK_REGISTRY_PASSWORD_FILE: file('registry'),
  }),
})

async function applicationOf(name) {
  const { applications } = await rehearsal.state()
  const { applicationId } = applications.find((it) => JSON.stringify(it).includes(name))
  return rehearsal.dokploy('application.one', { applicationId })
}
const statusWith = async (key) => (await portal.api('/api/invites', { key })).status

test('replacing the admin token\'s file revokes the old token without a restart', async () => {
  const [first, second] = ['the-first-admin-token', 'the-second-admin-token']
  assert.deepEqual([await statusWith(first), await statusWith(second)], [200, 401])
  write('admin', second)
  await until(async () => await statusWith(second) === 200, 'the new token is valid')
  assert.equal(await statusWith(first), 401)
})

test("the registry's login: the next deployment uses the new one", async () => {
  await portal.ready('before')
  write('registry', 'the-second-password')
  await until(async () => {
    await portal.ready(`after-${Date.now()}`)
    return (await applicationOf('after-')).password === 'the-second-password'
  }, 'the new password is used')
  const { password } = await applicationOf('before')
  assert.equal(password, 'the-first-password', 'what runs is not touched')
})

test("a workspace's password: its owner rotates it, and the old one opens nothing", async () => {
  const { key } = await portal.ready('mine')
  const read = async () => (await portal.stack('mine', { key })).json.password
  const old = await read()
  const rotation = await portal.post('/api/stack/mine/password', { action: 'rotate' }, { key })
  await portal.finish(rotation, 'ready')
  const fresh = await read()
  assert.notEqual(fresh, old)
  const open = async (password) => (await rehearsal.stack('mine', '/path', { password })).status
  assert.deepEqual([await open(old), await open(fresh)], [401, 200])
})

test("owner keys: without the secret all are void; the admin's link makes one again", async () => {
  const { key } = await portal.ready('theirs')
  assert.equal((await portal.stack('theirs', { key })).status, 200)
  await portal.stop()
  rmSync(join(portal.env.DATA_DIR, 'secret'))
  await portal.restart()
  assert.equal((await portal.stack('theirs', { key })).status, 404)
  const admin = { key: 'the-second-admin-token' }
  assert.equal((await portal.stack('theirs', admin)).json.state, 'ready')
  const owner = key.slice('own_'.length).split('.')[0]
  const { link } = (await portal.post('/api/owner/link', { owner }, admin)).json
  const moved = await portal.post('/api/owner/move', { link: link.slice('/move#'.length) })
  const { ownerKey } = moved.json
  assert.equal((await portal.stack('theirs', { key: ownerKey })).json.state, 'ready')
})

test("the portal's own in Dokploy: bootstrap sets the new ones for the next rollout", async () => {
  const isOurs = ({ description }) => /portal=rotated/.test(description)
  async function envWith(ADMIN_TOKEN) {
    const args = ['bootstrap', '--image', 'portal:1', '--domain', 'rotated.test', '--http',
      '--no-start', '--name', 'rotated']
    const { all } = await succeeds(commands(rehearsal)(args, { ADMIN_TOKEN, ACCESS: 'invite' }))
    assert.doesNotMatch(all, /token-of-the-portal/)
    const { projectId } = (await rehearsal.state()).projects.find(isOurs)
    const { environments } = await rehearsal.dokploy('project.one', { projectId })
    const { applicationId } = environments[0].applications[0]
    return (await rehearsal.dokploy('application.one', { applicationId })).env
  }
  assert.match(await envWith('first-token-of-the-portal'), /^ADMIN_TOKEN=.*first-token/m)
  const second = await envWith('second-token-of-the-portal')
  assert.match(second, /^ADMIN_TOKEN=.*second-token/m)
  assert.doesNotMatch(second, /first-token/)
})
