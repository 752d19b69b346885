// --restore, killed before each call that changes something on the disk: the portal that is started
// then is wholly the old one or wholly the restored one, and the old data are whole as well.
import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ADMIN, DEPLOYER, startPortal, startRehearsal, temporary } from '../http/harness.mjs'
import { run, succeeds } from './fixture.mjs'

const FILES = ['journal.db', 'journal.db-wal', 'secret']
const skip = process.env.SANITIZED ? 'nothing can be preloaded beside the sanitizers' : false
let token, changed, since
let rehearsal, preload, backup, old, keys

async function portalWith(name) {
  const portal = await startPortal({ rehearsal })
  const { key } = await portal.ready(name)
  return { portal, key, data: portal.env.DATA_DIR }
}

before(async () => {
  preload = join(temporary('preload'), 'kill_at.so')
  const source = fileURLToPath(new URL('kill_at.c', import.meta.url))
  await succeeds(run('cc', ['-shared', '-fPIC', '-D_GNU_SOURCE', '-o', preload, source]))
  rehearsal = await startRehearsal()
  const restored = await portalWith('restored')
  const json = { label: 'to be revoked', scopes: 'read' }
  token = (await restored.portal.post('/api/tokens', json, { key: ADMIN })).json
  changed = (await restored.portal.ready('changed')).key
  backup = join(temporary('backup'), 'today')
  await succeeds(deployer(restored.data, ['--backup', backup]))
  await restored.portal.post(`/api/owner/rotate`, undefined, { key: changed })
  await restored.portal.api(`/api/tokens/${token.id}`, { method: 'DELETE', key: ADMIN })
  await restored.portal.kill9()
  since = restored.data
  const previous = await portalWith('before')
  await previous.portal.kill9() // so that a part of its journal is in the -wal
  old = previous.data
  keys = { restored: restored.key, before: previous.key }
})
after(() => rehearsal?.stop())

const deployer = (data, args, env = {}) =>
  run(DEPLOYER, args, { env: { PATH: process.env.PATH, DATA_DIR: data, ...env } })
const killAt = (n) => ({ LD_PRELOAD: preload, KILL_AT: String(n) })
const start = (data, env) =>
  deployer(data, [], { PORT: '0', REHEARSAL_PORT: String(rehearsal.port), ...env })

function copyOf(folder) {
  const copy = join(temporary('restored'), 'data')
  cpSync(folder, copy, { recursive: true })
  return copy
}

const isSame = (a, b) => readFileSync(a).equals(readFileSync(b))
const unfinished = (data) => readdirSync(data).filter((name) => /^restore/.test(name))

// Starts the portal on the data: "before" or "restored".
async function whichOne(data) {
  const portal = await startPortal({ rehearsal, env: { DATA_DIR: data } })
  const known = []
  for (const [name, key] of Object.entries(keys)) {
    if ((await portal.stack(name, { key })).json?.state === 'ready') known.push(name)
  }
  assert.deepEqual(unfinished(data), [], 'the interrupted restore is neither finished nor removed')
  await portal.stop()
  assert.equal(known.length, 1, `it knows ${known}`)
  return known[0]
}

function oldIsWhole(data) {
  const asides = readdirSync(data).filter((name) => name.startsWith('before-restore.'))
  assert.equal(asides.length, 1, asides.join())
  for (const name of FILES) {
    assert.ok(isSame(join(data, asides[0], name), join(old, name)), `${name} has changed`)
  }
}

let afterCommit // a folder whose restore was decided, and killed at once

test('killed anywhere, the portal is the one or the other', { skip }, async (t) => {
  const seen = []
  for (let n = 1; ; n++) {
    const data = copyOf(old)
    const { status, err } = await deployer(data, ['--restore', backup], killAt(n))
    if (existsSync(join(data, 'restore/new/journal.db'))) afterCommit ??= copyOf(data)
    const which = await whichOne(data)
    if (which === 'restored') oldIsWhole(data)
    else assert.ok(isSame(join(data, 'secret'), join(old, 'secret')))
    seen.push(which)
    if (status === 0) break
    assert.equal(status, null, `it was not killed at ${n}: ${err}`)
  }
  t.diagnostic(`${seen.length - 1} kill points`)
  const first = seen.indexOf('restored')
  assert.ok(first > 5 && seen.length - first > 5, seen.join())
  assert.deepEqual([...new Set(seen.slice(first))], ['restored'], 'once decided, it is final')
})

test('the start that finishes it may be killed too', { skip }, async (t) => {
  let points = 0
  for (let isFinished = false; !isFinished;) {
    const data = copyOf(afterCommit)
    points++
    await start(data, killAt(points))
    isFinished = unfinished(data).length === 0
    assert.equal(await whichOne(data), 'restored', `killed at ${points}`)
    oldIsWhole(data)
  }
  t.diagnostic(`${points} kill points`)
  assert.ok(points > 8)
})

test('another restore finishes the previous one, and then itself', { skip }, async () => {
  const data = copyOf(afterCommit)
  const half = await deployer(data, ['--backup', join(temporary('backup'), 'half')])
  assert.match(half.err, /a restore was interrupted here/)
  const { out, err } = await succeeds(deployer(data, ['--restore', backup]))
  const finished = new RegExp('an interrupted restore was finished; '
    + 'the data from before is in before-restore\\.\\S+\\n$')
  assert.match(err, finished)
  assert.match(out, /the data from before is in \S+before-restore/)
  assert.equal(await whichOne(data), 'restored')
})

test('a restore that it cannot finish keeps the portal from starting', { skip }, async () => {
  const data = copyOf(afterCommit)
  mkdirSync(join(data, 'restore/journal.db/in-the-way'), { recursive: true })
  const { status, out } = await start(data)
  assert.equal(status, 1)
  const cure = /a restore was interrupted in \S+ and cannot be finished: .*then start again/
  assert.match(out, cure)
})

test('what was revoked since the backup stays revoked; log-ins and links are void', async () => {
  const data = copyOf(since)
  const { all } = await succeeds(deployer(data, ['--restore', backup]))
  assert.match(all, /tokens and invites that stay revoked: 1; keys that stay changed: 1;/)
  const portal = await startPortal({ rehearsal, env: { DATA_DIR: data } })
  assert.equal((await portal.api('/api/stacks', { key: token.token })).json.code, 'key_revoked')
  assert.equal((await portal.api('/api/stacks', { key: changed })).json.code, 'key_invalid')
  assert.equal((await portal.stack('restored', { key: keys.restored })).status, 200)
  await portal.stop()
})

test('a journal that cannot be read stops no restore, which says what that means', async () => {
  const data = copyOf(since)
  for (const name of readdirSync(data)) {
    if (/^journal/.test(name)) writeFileSync(join(data, name), 'damaged')
  }
  const { all } = await succeeds(deployer(data, ['--restore', backup]))
  assert.match(all, /warning: what was revoked since the backup is valid again/)
})
