// --restore, cut off before each call that changes something on the disk: the portal that is started then is wholly the old one or wholly
// the restored one, and what was there before is whole as well.
import assert from 'node:assert/strict'
import { cpSync, existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { DEPLOYER, startPortal, startRehearsal, temporary } from '../http/harness.mjs'
import { run } from './parts.mjs'

const FILES = ['journal.db', 'journal.db-wal', 'secret']
let rehearsal, preload, backup, old, keys

// A portal with one stack; killed, so that a part of its journal is still beside it.
async function portalWith(name) {
  const portal = await startPortal({ rehearsal })
  const { key } = await portal.ready(name)
  return { portal, key, data: portal.env.DATA_DIR }
}

// What is preloaded does not go with the sanitizers' runtime.
const skip = process.env.SANITIZED ? 'under a sanitizer nothing can be preloaded' : false

before(async () => {
  preload = join(temporary('preload'), 'kill_at.so')
  const built = await run('cc', ['-shared', '-fPIC', '-D_GNU_SOURCE', '-o', preload, fileURLToPath(new URL('kill_at.c', import.meta.url))])
  assert.equal(built.status, 0, built.err)
  rehearsal = await startRehearsal()
  const restored = await portalWith('restored')
  backup = join(temporary('backup'), 'today')
  const { status, err } = await deployer(restored.data, ['--backup', backup])
  assert.equal(status, 0, err)
  await restored.portal.stop()
  const before = await portalWith('before')
  await before.portal.kill9()
  old = before.data
  keys = { restored: restored.key, before: before.key }
})
after(() => rehearsal?.stop())

const deployer = (data, args, env = {}) => run(DEPLOYER, args, { env: { PATH: process.env.PATH, DATA_DIR: data, ...env } })
const killAt = (n) => ({ LD_PRELOAD: preload, KILL_AT: String(n) })

function copyOf(folder) {
  const copy = join(temporary('restored'), 'data')
  cpSync(folder, copy, { recursive: true })
  return copy
}

const same = (a, b) => readFileSync(a).equals(readFileSync(b))
const cutOff = (data) => readdirSync(data).filter((name) => /^restore/.test(name))

// Starts the portal on what is there, and tells which one it is.
async function whichOne(data) {
  const portal = await startPortal({ rehearsal, env: { DATA_DIR: data } })
  const known = []
  for (const [name, key] of Object.entries(keys)) if ((await portal.stack(name, { key })).json?.state === 'ready') known.push(name)
  assert.deepEqual(cutOff(data), [], 'what was cut off is neither finished nor taken away')
  await portal.stop()
  assert.equal(known.length, 1, `it knows ${known.length} of the two: ${known}`)
  return known[0]
}

function oldIsWhole(data) {
  const asides = readdirSync(data).filter((name) => name.startsWith('before-restore.'))
  assert.equal(asides.length, 1, `${asides}`)
  for (const name of FILES) assert.ok(same(join(data, asides[0], name), join(old, name)), `${name} is not what it was`)
}

let afterCommit // a folder whose restore counted and was cut off at once

test('wherever it is cut off, the portal is the one or the other', { skip }, async (t) => {
  const seen = []
  for (let n = 1; ; n++) {
    const data = copyOf(old)
    const { status, err } = await deployer(data, ['--restore', backup], killAt(n))
    if (existsSync(join(data, 'restore/new/journal.db'))) afterCommit ??= copyOf(data)
    const which = await whichOne(data)
    if (which === 'restored') oldIsWhole(data)
    else assert.ok(same(join(data, 'secret'), join(old, 'secret')))
    seen.push(which)
    if (status === 0) break
    assert.equal(status, null, `it was not killed at ${n}: ${err}`)
  }
  t.diagnostic(`${seen.length - 1} places`)
  const first = seen.indexOf('restored')
  assert.ok(first > 5 && seen.length - first > 5, `${seen}`)
  assert.deepEqual([...new Set(seen.slice(first))], ['restored'], 'once it counts, it counts')
})

test('the start that finishes it may be cut off too', { skip }, async (t) => {
  let places = 0
  for (let n = 1, ended = false; !ended; n++, places++) {
    const data = copyOf(afterCommit)
    await deployer(data, [], { PORT: '0', REHEARSAL_PORT: String(rehearsal.port), ...killAt(n) })
    ended = cutOff(data).length === 0
    assert.equal(await whichOne(data), 'restored', `killed at ${n}`)
    oldIsWhole(data)
  }
  t.diagnostic(`${places} places`)
  assert.ok(places > 8)
})

test('another restore finishes the one before, and then itself', { skip }, async () => {
  const data = copyOf(afterCommit)
  assert.match((await deployer(data, ['--backup', join(temporary('backup'), 'half')])).err, /a restore was interrupted here/)
  const { status, out, err } = await deployer(data, ['--restore', backup])
  assert.equal(status, 0, err)
  assert.match(err, /an interrupted restore was finished; the data from before is in before-restore\.\S+\n$/)
  assert.match(out, /the data from before is in \S+before-restore/)
  assert.equal(await whichOne(data), 'restored')
})

test('the portal does not start on half a restore that it cannot finish, and says what to do', { skip }, async () => {
  const data = copyOf(afterCommit)
  await run('mkdir', ['-p', join(data, 'restore/journal.db/in-the-way')])
  const { status, out } = await deployer(data, [], { PORT: '0', REHEARSAL_PORT: String(rehearsal.port) })
  assert.equal(status, 1)
  assert.match(out, /a restore was interrupted in \S+ and cannot be finished: .*then start again/)
})
