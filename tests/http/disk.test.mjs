// The disk under the journal: full, or one that refuses to be written. Nothing new is begun, what runs waits, everybody is told why; when
// the disk is well again, so is the portal, by itself, and every deployment has come to its end.
import { after, describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, readdirSync, renameSync, rmSync, truncateSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { copyRoot, seconds, startPortal, startRehearsal, temporary, until } from './harness.mjs'

const run = (program, ...args) => execFileSync(program, args, { stdio: ['ignore', 'pipe', 'pipe'] }).toString()
const mounted = []
after(() => {
  for (const place of mounted) spawnSync('umount', ['-l', place])
})

function mount(...args) {
  const place = temporary('disk')
  run('mount', ...args, place)
  mounted.push(place)
  return place
}

// Why this machine cannot play that disk; false when it can.
function cannot(play) {
  try {
    play()
    return false
  } catch (error) {
    return `this needs the right to mount: ${String(error.stderr ?? error.message).trim().split('\n')[0]}`
  }
}

const small = () => mount('-t', 'tmpfs', '-o', 'size=3m', 'tmpfs')

// An ext4 in a file: there a file can be made immutable, so that also who has it open already cannot write.
function ext4() {
  const image = join(temporary('image'), 'disk')
  run('truncate', '-s', '24M', image)
  run('mkfs.ext4', '-q', '-F', image)
  return { image, place: mount('-o', 'loop', image) }
}

function fill(place) {
  const file = openSync(join(place, 'filler'), 'w')
  const block = Buffer.alloc(4096)
  try {
    for (;;) writeSync(file, block)
  } catch (error) {
    assert.equal(error.code, 'ENOSPC')
  } finally {
    closeSync(file)
  }
}

// A route that asks SQLite itself.
const integrity = `
require("core.server").route("GET", "/integrity", function()
  local results = require("core.store").run { { "PRAGMA integrity_check" } }
  return { text = results and results[1][1].integrity_check or "unreadable" }
end)`

async function world(place) {
  const tree = copyRoot()
  tree.edit('scripts/init.lua', (text) => text + integrity)
  const rehearsal = await startRehearsal({ speed: 20 })
  const data = join(place, 'data')
  mkdirSync(data)
  const portal = await startPortal({ rehearsal, root: tree.root, env: { DATA_DIR: data, NODE_ENV: 'test' } })
  return { rehearsal, portal, data, stop: async () => { try { await portal.stop() } finally { await rehearsal.stop() } } }
}

// Every deployment has its one end, and the double holds the ready ones and nothing else.
async function allEnded({ portal, rehearsal }, answers) {
  const ready = []
  for (const { json } of answers) {
    const { last, events } = await portal.follow(json.statusUrl, { limit: seconds(120) })
    assert.ok(last.event === 'ready' || last.data.rolledBack, JSON.stringify(last))
    assert.deepEqual(events.map(({ id }) => id), events.map((_, i) => i + 1), 'no number is missing')
    if (last.event !== 'ready') continue
    ready.push(json.name)
    const { steps } = (await portal.status(json.statusUrl)).json
    assert.deepEqual(steps.map(({ state }) => state), steps.map(() => 'done'), 'what could not be written at once was written later')
  }
  const state = await rehearsal.state()
  for (const kind of ['projects', 'applications']) assert.deepEqual(state[kind].map(({ name }) => name).sort(), ready.sort(), kind)
  return ready
}

async function isWell({ portal }) {
  await until(async () => (await portal.api('/ready')).status === 200, 'the portal is ready again')
  await until(async () => (await portal.api('/health')).json.status === 'healthy', 'and healthy')
  assert.equal((await portal.api('/integrity')).text, 'ok')
}

// Does it while the program stands still. A sync that runs while its file system breaks may be told good by the kernel though what tells the
// file's length never came to the disk: no program can know that, so it is not what is tried here.
async function between(portal, act) {
  const tasks = `/proc/${portal.child.pid}/task`
  const stands = (id) => readFileSync(join(tasks, id, 'stat'), 'utf8').split(') ')[1][0] === 'T'
  portal.child.kill('SIGSTOP')
  await until(() => readdirSync(tasks).every(stands), 'all its threads stand still')
  act()
  portal.child.kill('SIGCONT')
}

async function tellsWhy({ portal }, code) {
  const health = await until(async () => {
    const { status, json } = await portal.api('/health')
    assert.equal(status, 200)
    return json.status === 'degraded' && json
  }, 'it is noticed')
  const told = health.degraded.find((entry) => entry.code === 'journal')
  assert.ok(told?.detail.includes(code), JSON.stringify(health.degraded))
  const ready = await portal.api('/ready')
  assert.equal(ready.status, 503)
  assert.deepEqual(ready.json.failing, ['journal'])
  assert.ok(ready.json.detail.includes('journal'))
  assert.ok(Number(ready.headers['retry-after']) > 0)
}

async function refuses({ portal }) {
  const texts = new Set()
  for (const language of ['en', 'nl', 'ar']) {
    const { status, headers, json } = await portal.deploy('refused', { language })
    assert.equal(status, 503, JSON.stringify(json))
    assert.equal(json.code, 'journal')
    assert.ok(Number(headers['retry-after']) > 0 && json.retryAfter > 0)
    texts.add(json.detail)
  }
  assert.equal(texts.size, 3)
  assert.equal((await portal.check('refused')).json.available, true, 'the name is not taken by what was refused')
  assert.equal((await portal.api('/')).status, 200, 'pages are served')
}

// Begins some, breaks the disk while they run, mends it.
async function suffer(all, code, harm, heal) {
  const { portal, rehearsal } = all
  const answers = [await portal.deploy('before')]
  await portal.follow(answers[0].json.statusUrl)
  for (let i = 0; i < 4; i++) answers.push(await portal.deploy(`running-${i}`))
  await portal.follow(answers[2].json.statusUrl, { until: ({ data }) => data.step === 'application' })
  await harm()
  await tellsWhy(all, code)
  await refuses(all)
  assert.equal((await portal.status(answers[0].json.statusUrl)).json.state, 'ready', 'what is written can be read')
  const during = (await rehearsal.state()).projects.length
  await refuses(all)
  assert.equal((await rehearsal.state()).projects.length, during, 'nothing is made that could not be written down before')
  await heal()
  await isWell(all)
  const ready = await allEnded(all, answers)
  await portal.ready('afterwards')
  await isWell(all)
  return ready
}

const noTmpfs = cannot(() => run('umount', mount('-t', 'tmpfs', '-o', 'size=1m', 'tmpfs')))
const noExt4 = cannot(() => {
  const { place } = ext4()
  const file = openSync(join(place, 'x'), 'w')
  run('chattr', '+i', join(place, 'x'))
  assert.throws(() => writeSync(file, 'y'), 'who has it open can still write')
  run('chattr', '-i', join(place, 'x'))
  closeSync(file)
  run('umount', place)
})

describe('the disk', { timeout: seconds(240) }, () => {
  test('is full', { skip: noTmpfs }, async () => {
    const place = small()
    const all = await world(place)
    try {
      await suffer(all, 'full', () => fill(place), () => rmSync(join(place, 'filler')))
    } finally {
      await all.stop()
    }
  })

  test('may not be written any more', { skip: noExt4 }, async () => {
    const all = await world(ext4().place)
    const files = ['', '-wal'].map((end) => join(all.data, `journal.db${end}`))
    try {
      await suffer(all, 'failed', () => run('chattr', '+i', ...files), () => run('chattr', '-i', ...files))
    } finally {
      spawnSync('chattr', ['-i', ...files])
      await all.stop()
    }
  })

  // A file system that finds itself broken: no program heals that. What counts is that nothing is lost once it is repaired.
  test('breaks, is repaired, and the portal started again', { skip: noExt4 }, async () => {
    const disk = ext4()
    const all = await world(disk.place)
    const { portal } = all
    try {
      const answers = [await portal.deploy('before')]
      await portal.follow(answers[0].json.statusUrl)
      for (let i = 0; i < 4; i++) answers.push(await portal.deploy(`running-${i}`))
      await portal.follow(answers[2].json.statusUrl, { until: ({ data }) => data.step === 'application' })
      await between(portal, () => run('mount', '-o', 'remount,abort', disk.place))
      await Promise.race([tellsWhy(all, '').then(() => refuses(all)), portal.gone])
      await portal.kill9()
      run('umount', disk.place)
      spawnSync('e2fsck', ['-p', disk.image])
      run('mount', '-o', 'loop', disk.image, disk.place)
      await portal.restart()
      await isWell(all)
      await allEnded(all, answers)
      await portal.ready('afterwards')
    } finally {
      await all.stop()
    }
  })

  // The index is a file in memory: where the disk takes a page of it away, no call fails, the program is struck.
  test('takes the journal\'s index away: the process ends with a sentence, and started again it goes on', async () => {
    const all = await world(temporary('disk'))
    const { portal } = all
    try {
      portal.expect(/portal\.disk_failed/)
      const answers = []
      for (let i = 0; i < 4; i++) answers.push(await portal.deploy(`running-${i}`))
      await portal.follow(answers[2].json.statusUrl, { until: ({ data }) => data.step === 'application' })
      truncateSync(join(all.data, 'journal.db-shm'))
      assert.deepEqual(await portal.gone, { code: 70, signal: null })
      assert.match(portal.tail(), /portal\.disk_failed.*journal\.db-shm.*to be started again/)
      await portal.restart()
      await isWell(all)
      await allEnded(all, answers)
    } finally {
      await all.stop()
    }
  })

  for (const end of ['-shm', '-wal'])
    test(`lets journal.db${end} be read alone: the portal does not start, and says what to look at`, { skip: noExt4 }, async () => {
      const all = await world(ext4().place)
      const { portal } = all
      const file = join(all.data, `journal.db${end}`)
      try {
        portal.expect(/portal\.start_failed/)
        const { json } = await portal.deploy('before')
        await portal.kill9()
        run('chattr', '+i', file)
        await assert.rejects(portal.restart(), /portal\.start_failed.*cannot be written \(it and the -wal and -shm beside it must be this user's/)
        assert.equal(portal.ended.code, 1)
        run('chattr', '-i', file)
        await portal.restart()
        assert.equal((await portal.follow(json.statusUrl)).last.event, 'ready')
      } finally {
        spawnSync('chattr', ['-i', file])
        await all.stop()
      }
    })

  // Somebody tidies up: what stands in the -wal alone is still at hand in the portal, but nobody would find it after a crash.
  test('loses the -wal of the journal: what was accepted is there after a kill -9', async () => {
    const place = temporary('disk')
    const all = await world(place)
    const { portal } = all
    try {
      const { key, answer } = await portal.ready('before')
      for (const end of ['-wal', '-shm']) rmSync(join(all.data, `journal.db${end}`))
      const next = await until(async () => {
        const asked = await portal.deploy('next')
        assert.ok(asked.status === 202 || asked.json.code === 'journal', asked.text)
        return asked.status === 202 && asked
      }, 'it is accepted again')
      await portal.kill9()
      await portal.restart()
      assert.equal((await portal.status(answer.json.statusUrl)).json.state, 'ready')
      assert.equal((await portal.stack('before', { key })).json.state, 'ready')
      assert.equal((await portal.follow(next.json.statusUrl)).last.event, 'ready')
      await isWell(all)
    } finally {
      await all.stop()
    }
  })

  test('is taken away with all that is on it, and put back', async () => {
    const place = temporary('disk')
    const all = await world(place)
    const away = join(place, 'elsewhere')
    try {
      await suffer(all, 'missing', () => renameSync(all.data, away), () => renameSync(away, all.data))
    } finally {
      await all.stop()
    }
  })
})
