// --backup and --restore: what a portal must not lose, out of one that runs and into one that stands.
import assert from 'node:assert/strict'
import { readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { DEPLOYER, startAll, startPortal, temporary } from '../http/harness.mjs'
import { run } from './parts.mjs'

let world, owner
before(async () => {
  world = await startAll()
  owner = (await world.portal.ready('kept')).key
})
after(() => world?.stop())

const deployer = (data, ...args) => run(DEPLOYER, args, { env: { PATH: process.env.PATH, DATA_DIR: data } })
const backedUp = async () => {
  const folder = join(temporary('backup'), 'today')
  const { status, all } = await deployer(world.portal.env.DATA_DIR, '--backup', folder)
  assert.equal(status, 0, all)
  return folder
}
const mode = (path) => (statSync(path).mode & 0o777).toString(8)

test('a portal that works is copied whole, for nobody else to read', async () => {
  const more = Array.from({ length: 5 }, (_, i) => world.portal.ready(`busy-${i}`))
  const folder = await backedUp()
  await Promise.all(more)
  assert.deepEqual(readdirSync(folder).sort(), ['journal.db', 'secret'])
  assert.deepEqual([mode(folder), mode(join(folder, 'journal.db')), mode(join(folder, 'secret'))], ['700', '600', '600'])
  assert.equal((await world.portal.api('/ready')).status, 200)
})

test('restored onto an empty folder, the portal knows its stacks, its owners and their passwords', async () => {
  const data = join(temporary('restored'), 'data'), folder = await backedUp()
  const { status, all } = await deployer(data, '--restore', folder)
  assert.equal(status, 0, all)
  const portal = await startPortal({ rehearsal: world.rehearsal, env: { DATA_DIR: data } })
  const { status: found, json } = await portal.stack('kept', { key: owner })
  assert.deepEqual([found, json.state], [200, 'ready'])
  assert.equal((await world.rehearsal.stack('kept', '/path', { password: json.password })).status, 200)
  await portal.stop()
})

test('what was there before stays', async () => {
  const data = temporary('restored'), folder = await backedUp()
  const portal = await startPortal({ rehearsal: world.rehearsal, env: { DATA_DIR: data } })
  await portal.ready('only-in-the-old')
  const running = await deployer(data, '--restore', folder)
  assert.equal(running.status, 1)
  assert.match(running.err, /a portal is using it; stop the portal first/)
  await portal.stop()
  const { out } = await deployer(data, '--restore', folder)
  const aside = out.match(/the data from before is in (\S+)/)[1]
  assert.ok(readdirSync(aside).includes('journal.db') && readdirSync(aside).includes('secret'))
  const restored = await startPortal({ rehearsal: world.rehearsal, env: { DATA_DIR: data } })
  assert.equal((await restored.stack('kept', { key: owner })).status, 200)
  await restored.stop()
})

test('a backup that is no whole one changes nothing', async () => {
  const data = temporary('restored')
  for (const spoil of [(folder) => truncateSync(join(folder, 'journal.db'), 20_000), (folder) => writeFileSync(join(folder, 'journal.db'), 'no database'),
    (folder) => truncateSync(join(folder, 'secret'), 5)]) {
    const folder = await backedUp()
    spoil(folder)
    const { status, err } = await deployer(data, '--restore', folder)
    assert.equal(status, 1)
    assert.match(err, /^deployer: \S.*(malformed|not a database|not the secret)/)
    assert.deepEqual(readdirSync(data).filter((name) => name !== 'lock'), [])
  }
})

test('a backup never takes the place of another', async () => {
  const folder = await backedUp()
  const { status, err } = await deployer(world.portal.env.DATA_DIR, '--backup', folder)
  assert.equal(status, 1)
  assert.match(err, /File exists/)
  assert.match((await deployer(join(folder, 'nowhere'), '--backup', temporary('other'))).err, /nowhere\/secret: No such file/)
})
