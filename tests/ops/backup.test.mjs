// --backup of a running portal, and --restore: what a portal must not lose.
import assert from 'node:assert/strict'
import { readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { DEPLOYER, temporary, useWorld, withPortal } from '../http/harness.mjs'
import { run, succeeds } from './fixture.mjs'

let owner
const { portal, rehearsal } = useWorld({
  async prepare() { owner = (await portal.ready('kept')).key },
})

const deployer = (data, ...args) =>
  run(DEPLOYER, args, { env: { PATH: process.env.PATH, DATA_DIR: data } })

async function backUp() {
  const folder = join(temporary('backup'), 'today')
  await succeeds(deployer(portal.env.DATA_DIR, '--backup', folder))
  return folder
}

const mode = (path) => (statSync(path).mode & 0o777).toString(8)

test('a working portal is copied whole, for no other user to read', async () => {
  const more = Array.from({ length: 5 }, (_, i) => portal.ready(`busy-${i}`))
  const folder = await backUp()
  await Promise.all(more)
  assert.deepEqual(readdirSync(folder).sort(), ['journal.db', 'secret'])
  const modes = [folder, join(folder, 'journal.db'), join(folder, 'secret')].map(mode)
  assert.deepEqual(modes, ['700', '600', '600'])
  assert.equal((await portal.api('/ready')).status, 200)
})

test('restored into an empty folder, it knows workspaces, owners and passwords', async () => {
  const data = join(temporary('restored'), 'data')
  await succeeds(deployer(data, '--restore', await backUp()))
  await withPortal({ rehearsal, env: { DATA_DIR: data } }, async (restored) => {
    const { status: found, json } = await restored.stack('kept', { key: owner })
    assert.deepEqual([found, json.state], [200, 'ready'])
    const { password } = json
    assert.equal((await rehearsal.stack('kept', '/path', { password })).status, 200)
  })()
})

test('what was there before is kept', async () => {
  const data = temporary('restored')
  const folder = await backUp()
  await withPortal({ rehearsal, env: { DATA_DIR: data } }, async (other) => {
    await other.ready('only-in-the-old')
    const running = await deployer(data, '--restore', folder)
    assert.equal(running.status, 1)
    assert.match(running.err, /a portal is using it; stop the portal first/)
  })()
  const { out } = await deployer(data, '--restore', folder)
  const [, aside] = out.match(/the data from before is in (\S+)/)
  const kept = readdirSync(aside)
  assert.ok(kept.includes('journal.db') && kept.includes('secret'), kept.join())
  await withPortal({ rehearsal, env: { DATA_DIR: data } }, async (restored) => {
    assert.equal((await restored.stack('kept', { key: owner })).status, 200)
  })()
})

test('a damaged backup changes nothing', async () => {
  const data = temporary('restored')
  const damages = [
    (folder) => truncateSync(join(folder, 'journal.db'), 20_000),
    (folder) => writeFileSync(join(folder, 'journal.db'), 'no database'),
    (folder) => truncateSync(join(folder, 'secret'), 5),
  ]
  for (const damage of damages) {
    const folder = await backUp()
    damage(folder)
    const { status, err } = await deployer(data, '--restore', folder)
    assert.equal(status, 1)
    assert.match(err, /^deployer: \S.*(malformed|not a database|not the secret)/)
    assert.deepEqual(readdirSync(data).filter((name) => name !== 'lock'), [])
  }
})

test('a backup never replaces another', async () => {
  const folder = await backUp()
  const { status, err } = await deployer(portal.env.DATA_DIR, '--backup', folder)
  assert.equal(status, 1)
  assert.match(err, /File exists/)
  const missing = await deployer(join(folder, 'nowhere'), '--backup', temporary('other'))
  assert.match(missing.err, /nowhere\/secret: No such file/)
})
