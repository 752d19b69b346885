// The disk under the journal: full, or one that cannot be written. Nothing new begins, what runs
// waits, every client is told why. When the disk recovers so does the portal, by itself, and every
// deployment comes to its end.
import { after, describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import {
  closeSync, mkdirSync, openSync, renameSync, rmSync, truncateSync, writeSync,
} from 'node:fs'
import { join } from 'node:path'
import {
  LANGUAGES, inOrder, inWorld, seconds, temporary, until, whileStopped,
} from './harness.mjs'

const run = (program, ...args) =>
  execFileSync(program, args, { stdio: ['ignore', 'pipe', 'pipe'] }).toString()
const mounts = []
after(() => {
  for (const path of mounts) spawnSync('umount', ['-l', path])
})

function mount(...args) {
  const path = temporary('disk')
  run('mount', ...args, path)
  mounts.push(path)
  return path
}

// Why this machine cannot do that; false when it can.
function reasonNot(act) {
  try {
    act()
    return false
  } catch (error) {
    const [line] = String(error.stderr ?? error.message).trim().split('\n')
    return `this needs the right to mount: ${line}`
  }
}

// An ext4 in a file. There a file can be made immutable, also for who has it open already.
function ext4() {
  const image = join(temporary('image'), 'disk')
  run('truncate', '-s', '24M', image)
  run('mkfs.ext4', '-q', '-F', image)
  return { image, path: mount('-o', 'loop', image) }
}

function fill(path) {
  const file = openSync(join(path, 'filler'), 'w')
  const block = Buffer.alloc(4096)
  try {
    for (;;) writeSync(file, block)
  } catch (error) {
    assert.equal(error.code, 'ENOSPC')
  } finally {
    closeSync(file)
  }
}

// An admin's route that asks SQLite itself.
const addIntegrity = (text) => `${text}
require("core.server").route("GET", "/integrity", function()
  local results = require("core.store").run { { "PRAGMA integrity_check" } }
  return { text = results and results[1][1].integrity_check or "unreadable" }
end)`

// A test on a disk that makeDisk() makes: act({ ..., disk, data, file(suffix) }).
const onDisk = (makeDisk, act) => {
  let disk, data
  const env = () => {
    disk = makeDisk()
    data = join(disk.path, 'data')
    mkdirSync(data)
    return { DATA_DIR: data }
  }
  const edits = { 'scripts/init.lua': addIntegrity }
  return inWorld({ speed: 20, env, edits }, (world) => {
    return act({ ...world, disk, data, file: (suffix) => join(data, `journal.db${suffix}`) })
  })
}
const plain = () => ({ path: temporary('disk') })

// One deployment that is ready, and four of which one has reached the step "application".
async function begin({ portal }) {
  const before = await portal.deploy('before')
  await portal.finish(before, 'ready')
  const running = []
  for (let i = 0; i < 4; i++) running.push(await portal.deploy(`running-${i}`))
  const isInside = ({ data }) => data.step === 'application'
  await portal.follow(running[1].json.statusUrl, { until: isInside })
  return [before, ...running]
}

// Every deployment has one end, and the double holds those that are ready and nothing else.
async function allHaveEnded({ portal, rehearsal }, answers) {
  const ready = []
  for (const answer of answers) {
    const { last, events } = await portal.finish(answer, undefined, { limit: seconds(120) })
    assert.ok(last.event === 'ready' || last.data.rolledBack, JSON.stringify(last))
    inOrder(events)
    if (last.event !== 'ready') continue
    ready.push(answer.json.name)
    const { steps } = (await portal.status(answer.json.statusUrl)).json
    const states = new Set(steps.map(({ state }) => state))
    assert.deepEqual([...states], ['done'], 'what could not be written then was written later')
  }
  const state = await rehearsal.state()
  for (const kind of ['projects', 'applications']) {
    assert.deepEqual(state[kind].map(({ name }) => name).sort(), ready.sort(), kind)
  }
}

async function isWell({ portal }) {
  await until(async () => (await portal.api('/ready')).status === 200, 'the portal is ready')
  const isHealthy = async () => (await portal.api('/health')).json.status === 'healthy'
  await until(isHealthy, 'and healthy')
  assert.equal((await portal.api('/integrity')).text, 'ok')
}

async function reports({ portal }, code) {
  const health = await until(async () => {
    const { status, json } = await portal.api('/health')
    assert.equal(status, 200)
    return json.status === 'degraded' && json
  }, 'it is noticed')
  const entry = health.degraded.find((it) => it.code === 'journal')
  assert.ok(entry?.detail.includes(code), JSON.stringify(health.degraded))
  const { status, json, headers } = await portal.api('/ready')
  assert.deepEqual([status, json.failing], [503, ['journal']])
  assert.ok(json.detail.includes('journal'))
  assert.ok(Number(headers['retry-after']) > 0)
}

async function refuses({ portal }) {
  const details = new Set()
  for (const language of LANGUAGES) {
    const { status, headers, json } = await portal.deploy('refused', { language })
    assert.deepEqual([status, json.code], [503, 'journal'])
    assert.ok(Number(headers['retry-after']) > 0 && json.retryAfter > 0)
    details.add(json.detail)
  }
  assert.equal(details.size, 3)
  const { available } = (await portal.check('refused')).json
  assert.equal(available, true, 'a refused request does not take the name')
  assert.equal((await portal.api('/')).status, 200, 'pages are served')
}

// Breaks the disk while deployments run, and repairs it.
async function suffer(world, code, harm, heal) {
  const { portal, rehearsal } = world
  const answers = await begin(world)
  await harm()
  await reports(world, code)
  await refuses(world)
  const { state } = (await portal.status(answers[0].json.statusUrl)).json
  assert.equal(state, 'ready', 'what was written can be read')
  const count = async () => (await rehearsal.state()).projects.length
  const during = await count()
  await refuses(world)
  assert.equal(await count(), during, 'nothing is made that could not be recorded before')
  await heal()
  await isWell(world)
  await allHaveEnded(world, answers)
  await portal.ready('afterwards')
  await isWell(world)
}

const noTmpfs = reasonNot(() => run('umount', mount('-t', 'tmpfs', '-o', 'size=1m', 'tmpfs')))
const noExt4 = reasonNot(() => {
  const { path } = ext4()
  const name = join(path, 'x')
  const file = openSync(name, 'w')
  run('chattr', '+i', name)
  assert.throws(() => writeSync(file, 'y'), 'an open file can still be written')
  run('chattr', '-i', name)
  closeSync(file)
  run('umount', path)
})

describe('the disk', { timeout: seconds(240), concurrency: 3 }, () => {
  const small = () => ({ path: mount('-t', 'tmpfs', '-o', 'size=3m', 'tmpfs') })
  test('is full', { skip: noTmpfs }, onDisk(small, (world) => {
    const { path } = world.disk
    return suffer(world, 'full', () => fill(path), () => rmSync(join(path, 'filler')))
  }))

  test('becomes read-only', { skip: noExt4 }, onDisk(ext4, async (world) => {
    const files = [world.file(''), world.file('-wal')]
    const set = (flag) => spawnSync('chattr', [flag, ...files])
    try {
      await suffer(world, 'failed', () => set('+i'), () => set('-i'))
    } finally {
      set('-i')
    }
  }))

  // A file system that finds itself damaged: no program can repair that. What counts is that
  // nothing is lost once it is repaired. The portal is stopped meanwhile, because the kernel may
  // report a sync that runs at this moment as good though the file's length was not written.
  test('is damaged, repaired, and the portal started again', { skip: noExt4 },
    onDisk(ext4, async (world) => {
      const { portal, disk } = world
      const answers = await begin(world)
      await whileStopped(portal, () => run('mount', '-o', 'remount,abort', disk.path))
      await Promise.race([reports(world, '').then(() => refuses(world)), portal.gone])
      await portal.kill9()
      run('umount', disk.path)
      spawnSync('e2fsck', ['-p', disk.image])
      run('mount', '-o', 'loop', disk.image, disk.path)
      await portal.restart()
      await isWell(world)
      await allHaveEnded(world, answers)
      await portal.ready('afterwards')
    }))

  // The index is a file in memory: when a page of it disappears no call fails, the process is
  // struck by SIGBUS.
  test("loses the journal's index: the process ends with a message, and resumes when restarted",
    onDisk(plain, async (world) => {
      const { portal } = world
      portal.expect(/portal\.disk_failed/)
      const answers = await begin(world)
      truncateSync(world.file('-shm'))
      assert.deepEqual(await portal.gone, { code: 70, signal: null })
      assert.match(portal.tail(), /portal\.disk_failed.*journal\.db-shm.*to be started again/)
      await portal.restart()
      await isWell(world)
      await allHaveEnded(world, answers)
    }))

  for (const suffix of ['-shm', '-wal']) {
    test(`has a read-only journal.db${suffix}: the portal does not start, and says why`,
      { skip: noExt4 }, onDisk(ext4, async (world) => {
        const { portal } = world
        const file = world.file(suffix)
        portal.expect(/portal\.start_failed/)
        const answer = await portal.deploy('before')
        await portal.kill9()
        run('chattr', '+i', file)
        try {
          const advice = /start_failed.*cannot be written \(it and the -wal and -shm beside it/
          await assert.rejects(portal.restart(), advice)
          assert.equal(portal.ended.code, 1)
        } finally {
          run('chattr', '-i', file)
        }
        await portal.restart()
        await portal.finish(answer, 'ready')
      }))
  }

  // Somebody removes it: the portal still has it open, but after a crash it would be lost.
  test("loses the journal's -wal: what was accepted is there after a kill -9",
    onDisk(plain, async (world) => {
      const { portal } = world
      const { key, answer } = await portal.ready('before')
      for (const suffix of ['-wal', '-shm']) rmSync(world.file(suffix))
      const next = await until(async () => {
        const asked = await portal.deploy('next')
        assert.ok(asked.status === 202 || asked.json.code === 'journal', asked.text)
        return asked.status === 202 && asked
      }, 'it is accepted again')
      await portal.kill9()
      await portal.restart()
      assert.equal((await portal.status(answer.json.statusUrl)).json.state, 'ready')
      assert.equal((await portal.stack('before', { key })).json.state, 'ready')
      await portal.finish(next, 'ready')
      await isWell(world)
    }))

  test('disappears with all that is on it, and comes back', onDisk(plain, (world) => {
    const away = join(world.disk.path, 'elsewhere')
    const move = (from, to) => () => renameSync(from, to)
    return suffer(world, 'missing', move(world.data, away), move(away, world.data))
  }))
})
