// Clients that are slow, many, rude or gone: the portal answers the others meanwhile, and holds no more than its share of memory.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { PATIENCE, seconds, startAll, until } from '../http/harness.mjs'
import { Wire } from '../http/wire.mjs'

const MOST_MORE_MB = 32 // what one attack may take

let world, portal, host, get
before(async () => {
  world = await startAll({ speed: 0.05 })
  portal = world.portal
  host = `127.0.0.1:${portal.port}`
  get = `GET /health HTTP/1.1\r\nHost: ${host}\r\n\r\n`
})
after(() => world.stop())

const megabytes = () => Number(readFileSync(`/proc/${portal.child.pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]) / 1024
// Seconds of processor time.
const processor = () => { const field = readFileSync(`/proc/${portal.child.pid}/stat`, 'utf8').split(') ')[1].split(' '); return (Number(field[11]) + Number(field[12])) / 100 }
const pause = (ms) => new Promise((done) => setTimeout(done, ms))

async function health(times) {
  const took = []
  for (let i = 0; i < times; i++) {
    const start = performance.now()
    assert.equal((await portal.api('/health')).status, 200)
    took.push(performance.now() - start)
    await pause(20)
  }
  took.sort((a, b) => a - b)
  return { middle: took[Math.floor(took.length / 2)], most: took.at(-1) }
}

async function open(count) {
  const wires = Array.from({ length: count }, () => new Wire(portal.port))
  await Promise.all(wires.map((wire) => new Promise((done, failed) => wire.socket.on('connect', done).on('error', failed))))
  return wires
}

// Memory is given back late or never by the allocator; what is asked is that an attack takes no more than its share.
async function attack(name, act) {
  const before = megabytes()
  let most = before
  const watch = setInterval(() => { most = Math.max(most, megabytes()) }, 20)
  try { await act() } finally { clearInterval(watch) }
  console.log(`${name}: ${(most - before).toFixed(1)} MB at most`)
  assert.ok(PATIENCE > 1 || most - before < MOST_MORE_MB, `${name}: ${(most - before).toFixed(1)} MB`) // a sanitizer keeps what is freed
}

test('1,000 slow senders: /health answers beside them, and they are sent away', { timeout: seconds(60) }, async () => {
  const wires = await open(1000)
  const slow = `GET / HTTP/1.1\r\nHost: ${host}\r\nX-Slow: ${'a'.repeat(500)}`
  let at = 0
  const drip = setInterval(() => { for (const wire of wires) if (!wire.ended) wire.socket.write(slow[at]); at++ }, 400)
  try {
    await pause(500)
    const { middle, most } = await health(50) // how soon, is measured by tests/bench/slow.mjs
    console.log(`/health beside 1,000 slow senders: ${middle.toFixed(1)} ms, ${most.toFixed(1)} ms at most`)
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

test('slow readers: what waits for them stays small', async () => {
  await attack('50 who ask and never read', async () => {
    const wires = await open(50)
    for (const wire of wires) {
      wire.socket.pause()
      wire.socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`.repeat(2000))
    }
    await pause(500)
    await health(10)
    for (const wire of wires) wire.close()
  })
})

test('10,000 requests in one piece are answered in order', { timeout: seconds(60) }, async () => {
  await attack('10,000 requests in one piece', async () => {
    const wire = new Wire(portal.port)
    wire.socket.write(get.repeat(9999) + get.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
    let answers = 0
    let tail = ''
    wire.socket.on('data', (chunk) => { const text = tail + chunk; answers += text.split('HTTP/1.1 200 OK\r\n').length - 1; tail = text.slice(-16) })
    while (!wire.ended) { wire.text = ''; await wire.more() }
    assert.equal(answers, 10000)
  })
})

test('a flood during a stream is thrown away', async () => {
  const { json } = await portal.deploy('flooded')
  await attack('100 MB during a stream', async () => {
    const wire = new Wire(portal.port)
    await wire.send(`GET ${json.statusUrl} HTTP/1.1\r\nHost: ${host}\r\nAccept: text/event-stream\r\n\r\n`)
    while (!wire.text.includes('\r\n\r\n')) await wire.more()
    assert.match(wire.text, /^HTTP\/1\.1 200 /)
    const zeros = Buffer.alloc(1 << 20)
    for (let i = 0; i < 100 && !wire.ended; i++) await new Promise((go) => wire.socket.write(zeros, () => go()))
    assert.equal((await portal.api('/health')).status, 200)
    wire.close()
  })
  await portal.cancel(json.deploymentId, { key: json.ownerKey })
})

test('a flood behind a refusal is thrown away, and ends', async () => {
  await attack('a body of 100 MB', async () => {
    const wire = new Wire(portal.port)
    await wire.send(`POST /api/deploy HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 100000000\r\n\r\n`)
    const zeros = Buffer.alloc(1 << 20)
    for (let i = 0; i < 100 && !wire.error; i++) await Promise.race([new Promise((go) => wire.socket.write(zeros, () => go())), pause(3000)])
    assert.match(wire.text, /^HTTP\/1\.1 413 /)
    wire.close()
  })
})

test('clients that vanish in the middle leave nothing behind', async () => {
  const descriptors = async () => Number((await promisify(execFile)('sh', ['-c', `ls /proc/${portal.child.pid}/fd | wc -l`])).stdout)
  const before = await descriptors()
  for (const bytes of ['', 'GET /hea', get.slice(0, -2), `POST /api/deploy HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 99\r\n\r\n{`, get, get.repeat(50)]) {
    const wires = await open(50)
    for (const [index, wire] of wires.entries()) {
      wire.socket.write(bytes)
      if (index % 2) wire.socket.resetAndDestroy()
      else wire.socket.destroy()
    }
  }
  await until(async () => (await descriptors()) <= before + 2, 'their descriptors are closed')
  assert.equal((await portal.api('/health')).status, 200)
})

test('out of descriptors it waits, does not spin, and goes on', async () => {
  const limit = (n) => promisify(execFile)('prlimit', [`--pid=${portal.child.pid}`, `--nofile=${n}:`])
  const old = readFileSync(`/proc/${portal.child.pid}/limits`, 'utf8').match(/Max open files\s+(\d+)/)[1]
  const kept = new Wire(portal.port)
  await kept.send(get)
  assert.equal((await kept.answer()).status, 200)
  await limit(60)
  const wires = await open(100)
  try {
    for (const wire of wires) wire.socket.write(get)
    await pause(300)
    const [start, lines] = [processor(), portal.log.length]
    await pause(1000)
    assert.ok(processor() - start < 0.25 * PATIENCE, `${processor() - start} s of processor time in one second`)
    assert.ok(portal.log.length - lines < 50, `${portal.log.length - lines} lines were logged in one second`)
    await kept.send(get)
    assert.equal((await kept.answer()).status, 200, 'who is there is served')
  } finally {
    await limit(old)
  }
  for (const wire of wires) assert.equal((await wire.answer()).status, 200, 'and then the others')
  for (const wire of [kept, ...wires]) wire.close()
  assert.equal((await portal.api('/health')).status, 200)
})
