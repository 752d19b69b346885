// HTTP as bytes on a socket: every case of wire_cases.mjs, sent whole and byte by byte, twice, to
// one process.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { useWorld, withPortal } from './harness.mjs'
import { Wire, header, isSound } from './wire.mjs'
import { cases } from './wire_cases.mjs'

const LONGEST = 1500 // longer cases are sent in larger pieces than a byte
const AT_ONCE = 8

const { portal } = useWorld()
const host = () => `127.0.0.1:${portal.port}`

// What comes back: the statuses, and "open" or "closed".
async function outcome(bytes, size, wanted, { heads = [], end = false } = {}) {
  const wire = new Wire(portal.port)
  const health = `GET /health HTTP/1.1\r\nHost: ${host()}\r\n`
  try {
    const sent = wire.send(bytes, size).then(() => {
      if (end) wire.socket.end()
      // An open connection answers one more request, after which all answers are there.
      return end || wire.ended ? null : wire.send(`${health}Connection: close\r\n\r\n`)
    })
    const statuses = []
    let answer
    do {
      const isHead = heads.includes(statuses.filter((status) => status !== 100).length)
      answer = await wire.answer(isHead)
      if (!answer) break
      isSound(answer, isHead)
      statuses.push(answer.status)
    } while (header(answer, 'connection') !== 'close')
    await sent
    const rest = answer ? await wire.answer() : null
    assert.equal(rest, null, 'nothing comes after a close')
    if (statuses.at(-1) >= 400) assert.equal(wire.error, null, 'a refusal is no reset')
    const isOpen = String(wanted).includes('open') && statuses.at(-1) === 200
    return [...(isOpen ? statuses.slice(0, -1) : statuses), isOpen ? 'open' : 'closed'].join(' ')
  } finally {
    wire.close()
  }
}

async function runCase([name, bytes, wanted, options]) {
  for (let round = 1; round <= 2; round++) {
    for (const size of [bytes.length, bytes.length > LONGEST ? 97 : 1]) {
      const how = `${name}, ${size === bytes.length ? 'whole' : 'in pieces'}, round ${round}`
      const got = await outcome(bytes, size, wanted, options)
        .catch((error) => { throw new Error(`${how}: ${error.message}`, { cause: error }) })
      const isRight = wanted instanceof RegExp ? wanted.test(got) : got === wanted
      assert.ok(isRight, `${how}: ${got} instead of ${wanted}`)
    }
  }
}

// First, since only the first refusals of a minute are logged one by one.
test('a refusal is a problem with an id that is logged; to HEAD without a body', async () => {
  const from = portal.log.length
  const wire = new Wire(portal.port)
  await wire.send(`HEAD /health HTTP/1.1\r\nHost: ${host()}\r\nbad header\r\n\r\n`)
  const answer = await wire.answer(true)
  assert.equal(answer.status, 400)
  assert.equal(header(answer, 'connection'), 'close')
  assert.ok(Number(header(answer, 'content-length')) > 0)
  assert.equal(await wire.answer(), null)
  const id = header(answer, 'x-request-id')
  const isRefusal = ({ event, request }) => event === 'httpd.refused' && request === id
  const { status, code, peer } = await portal.logged(isRefusal, 'the refusal', { from })
  assert.deepEqual([status, code, peer], [400, 'bad_request', '127.0.0.1'])
  wire.close()
})

test('every case is answered as it must be, whole and byte by byte, twice', async (t) => {
  const all = cases(host())
  const failures = []
  const queue = all.values()
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (const one of queue) await runCase(one).catch((error) => failures.push(error.message))
  }))
  t.diagnostic(`${all.length - failures.length} of ${all.length} cases, each four times`)
  assert.deepEqual(failures, [])
  assert.equal((await portal.api('/health')).status, 200)
})

test('Expect: 100-continue is told to continue, and then answered', async () => {
  const wire = new Wire(portal.port)
  await wire.send(`POST /api/deploy HTTP/1.1\r\nHost: ${host()}\r\n`
    + 'Content-Type: application/json\r\nContent-Length: 12\r\nExpect: 100-continue\r\n\r\n')
  assert.equal((await wire.answer()).status, 100)
  await wire.send('{"name":"!"}')
  assert.equal((await wire.answer()).status, 422)
  wire.close()
})

test('405 says what is allowed', async () => {
  const wire = new Wire(portal.port)
  await wire.send(`TRACE / HTTP/1.1\r\nHost: ${host()}\r\n\r\n`)
  assert.match(header(await wire.answer(), 'allow'), /^GET, HEAD, POST/)
  wire.close()
})

test('the rest of a client\'s refusals is one line with their number',
  withPortal({}, async (other) => {
    for (let i = 0; i < 80; i++) assert.equal((await other.api('/nothing')).status, 404)
    await other.stop()
    const isLine = ({ event, status }) => event === 'http.request' && status === 404
    assert.equal(other.log.filter(isLine).length, 50)
    const { peer, status, count } = other.log.find(({ event }) => event === 'httpd.refused_more')
    assert.deepEqual([peer, status, count], ['127.0.0.1', 404, 30])
  }))
