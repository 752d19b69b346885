// Clients that are slow, many, hostile or gone: the portal answers the others meanwhile, and uses
// only a bounded amount of memory for them.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { promisify } from 'node:util'
import { PATIENCE, pause, seconds, until, useWorld } from '../http/harness.mjs'
import { processorSeconds, residentMb } from '../bench/measure.mjs'
import { Wire, openWires } from '../http/wire.mjs'

const MOST_MORE_MB = 32 // that one attack may take
const PIECE = Buffer.alloc(1 << 20)

const { portal } = useWorld({ speed: 0.05 })
const proc = (name) => readFileSync(`/proc/${portal.child.pid}/${name}`, 'utf8')
const head = (line) => `${line}\r\nHost: 127.0.0.1:${portal.port}\r\n`
const get = () => `${head('GET /health HTTP/1.1')}\r\n`
const write = (wire, bytes) => new Promise((resolve) => wire.socket.write(bytes, () => resolve()))

async function healthTimes(times) {
  const took = []
  for (let i = 0; i < times; i++) {
    const start = performance.now()
    assert.equal((await portal.api('/health')).status, 200)
    took.push(performance.now() - start)
    await pause(20)
  }
  return took.sort((a, b) => a - b)
}

// The allocator returns memory late or never; an attack must take no more than its share.
async function attack(t, act) {
  const before = residentMb(portal.child.pid)
  let most = before
  const timer = setInterval(() => { most = Math.max(most, residentMb(portal.child.pid)) }, 20)
  try { await act() } finally { clearInterval(timer) }
  const more = most - before
  t.diagnostic(`${more.toFixed(1)} MB at most`)
  assert.ok(PATIENCE > 1 || more < MOST_MORE_MB, `${more} MB`) // a sanitizer keeps what is freed
}

test('/health answers beside 1,000 slow senders, which are sent away', async (t) => {
  const wires = await openWires(portal.port, 1000)
  const slow = `${head('GET / HTTP/1.1')}X-Slow: ${'a'.repeat(500)}`
  let at = 0
  const drip = setInterval(() => {
    for (const wire of wires) if (!wire.ended) wire.socket.write(slow[at])
    at++
  }, 400)
  try {
    const took = await healthTimes(50) // tests/bench/slow.mjs measures how soon
    t.diagnostic(`median ${took[25].toFixed(1)} ms, at most ${took.at(-1).toFixed(1)} ms`)
    const statuses = await Promise.all(wires.map(async (wire) => {
      while (!wire.ended) await wire.more(seconds(25))
      return wire.text.slice(0, 12)
    }))
    assert.deepEqual([...new Set(statuses)], ['HTTP/1.1 408'])
  } finally {
    clearInterval(drip)
    for (const wire of wires) wire.close()
  }
})

test('what waits for clients that never read stays small', (t) => attack(t, async () => {
  const wires = await openWires(portal.port, 50)
  for (const wire of wires) {
    wire.socket.pause()
    wire.socket.write(`${head('GET / HTTP/1.1')}\r\n`.repeat(2000))
  }
  await healthTimes(30)
  for (const wire of wires) wire.close()
}))

test('10,000 requests in one piece are answered in order', (t) => attack(t, async () => {
  const wire = new Wire(portal.port)
  const last = `${head('GET /health HTTP/1.1')}Connection: close\r\n\r\n`
  wire.socket.write(get().repeat(9999) + last)
  let answers = 0
  while (await wire.answer()) answers++
  assert.equal(answers, 10000)
}))

test('bytes that flood in during a stream are discarded', async (t) => {
  const { json } = await portal.deploy('flooded')
  await attack(t, async () => {
    const wire = new Wire(portal.port)
    await wire.send(`${head(`GET ${json.statusUrl} HTTP/1.1`)}Accept: text/event-stream\r\n\r\n`)
    while (!wire.text.includes('\r\n\r\n')) await wire.more()
    assert.match(wire.text, /^HTTP\/1\.1 200 /)
    for (let i = 0; i < 100 && !wire.ended; i++) await write(wire, PIECE)
    assert.equal((await portal.api('/health')).status, 200)
    wire.close()
  })
  await portal.cancel(json.deploymentId, { key: json.ownerKey })
})

test('a body that floods in after its refusal is discarded', (t) => attack(t, async () => {
  const wire = new Wire(portal.port)
  await wire.send(`${head('POST /api/deploy HTTP/1.1')}Content-Length: 100000000\r\n\r\n`)
  for (let i = 0; i < 100 && !wire.error; i++) {
    await Promise.race([write(wire, PIECE), pause(3000)])
  }
  assert.match(wire.text, /^HTTP\/1\.1 413 /)
  wire.close()
}))

test('clients that vanish leave nothing behind', async () => {
  const descriptors = () => readdirSync(`/proc/${portal.child.pid}/fd`).length
  const before = descriptors()
  const post = `${head('POST /api/deploy HTTP/1.1')}Content-Length: 99\r\n\r\n{`
  for (const bytes of ['', 'GET /hea', get().slice(0, -2), post, get(), get().repeat(50)]) {
    const wires = await openWires(portal.port, 50)
    for (const [index, { socket }] of wires.entries()) {
      socket.write(bytes)
      if (index % 2) socket.resetAndDestroy()
      else socket.destroy()
    }
  }
  await until(() => descriptors() <= before + 2, 'their descriptors are closed')
  assert.equal((await portal.api('/health')).status, 200)
})

test('without free descriptors it waits without spinning, and recovers', async () => {
  const limit = (n) =>
    promisify(execFile)('prlimit', [`--pid=${portal.child.pid}`, `--nofile=${n}:`])
  const [, old] = proc('limits').match(/Max open files\s+(\d+)/)
  const kept = new Wire(portal.port)
  await kept.send(get())
  assert.equal((await kept.answer()).status, 200)
  await limit(60)
  const wires = await openWires(portal.port, 100)
  try {
    for (const wire of wires) wire.socket.write(get())
    await pause(300)
    const [start, lines] = [processorSeconds(portal.child.pid), portal.log.length]
    await pause(1000)
    const used = processorSeconds(portal.child.pid) - start
    assert.ok(used < 0.25 * PATIENCE, `${used} s of processor time in one second`)
    const logged = portal.log.length - lines
    assert.ok(logged < 50, `${logged} lines were logged in one second`)
    await kept.send(get())
    assert.equal((await kept.answer()).status, 200, 'established connections are served')
  } finally {
    await limit(old)
  }
  for (const wire of wires) assert.equal((await wire.answer()).status, 200, 'then the others')
  for (const wire of [kept, ...wires]) wire.close()
  assert.equal((await portal.api('/health')).status, 200)
})
