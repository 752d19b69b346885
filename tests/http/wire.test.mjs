// HTTP that cannot be tricked: bytes on a socket, sent whole and byte by byte, twice, to one process; then the table of what came back.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startAll } from './harness.mjs'
import { Wire, header, isSound } from './wire.mjs'
import { cases } from './wire_cases.mjs'

const SLOWEST = 1500 // longer cases go in larger pieces than a byte
const AT_ONCE = 8

let world, portal, host
before(async () => {
  world = await startAll()
  portal = world.portal
  host = `127.0.0.1:${portal.port}`
})
after(() => world.stop())

// What came back, as the table of cases writes it.
async function outcome(sent, piece, { heads = [], end = false } = {}) {
  const wire = new Wire(portal.port)
  try {
    const sending = wire.send(sent, piece).then(() => { if (end) wire.socket.end() })
    const statuses = []
    let answer
    const next = async () => {
      const isHead = heads.includes(statuses.filter((status) => status !== 100).length)
      answer = await wire.answer(isHead)
      if (!answer) return false
      isSound(answer, isHead)
      statuses.push(answer.status)
      return header(answer, 'connection') !== 'close'
    }
    // what is open stays so: a last request tells when all answers are there
    const last = sending.then(() => (end || wire.ended ? null : wire.send(`GET /health HTTP/1.1\r\nHost: ${host}\r\nX-Last: 1\r\nConnection: close\r\n\r\n`)))
    while (await next()) continue
    await last
    const rest = answer ? await wire.answer() : null
    assert.equal(rest, null, 'nothing comes behind a close')
    if (statuses.at(-1) >= 400) assert.equal(wire.error, null, 'a refusal is no reset')
    return statuses
  } finally {
    wire.close()
  }
}

// The last answer is to the last request when the connection was open until then.
function told(statuses, wanted) {
  const open = String(wanted).includes('open') && statuses.at(-1) === 200
  return [...(open ? statuses.slice(0, -1) : statuses), open ? 'open' : 'closed'].join(' ')
}

const matches = (got, wanted) => (wanted instanceof RegExp ? wanted.test(got) : got === wanted)
// Bytes as the table shows them: what is the same in many cases by a word in brackets.
const shown = (bytes, most) => {
  const short = bytes.slice(0, 2000).replaceAll(`GET /health HTTP/1.1\r\nHost: ${host}`, '(GET)').replaceAll(host, 'HOST')
    .replaceAll('POST /api/deploy HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/json', '(POST)')
  const text = JSON.stringify(short).slice(1, -1).replaceAll('\\"', '"')
  return text.length > most ? `${text.slice(0, most - 1)}…` : text
}

async function run([name, sent, wanted, options]) {
  const got = []
  for (let round = 0; round < 2; round++) {
    for (const piece of [sent.length, sent.length > SLOWEST ? 97 : 1]) {
      const how = piece === sent.length ? 'whole' : 'in pieces'
      try {
        got.push(told(await outcome(sent, piece, options), wanted))
      } catch (error) {
        throw new Error(`${name}, ${how}, round ${round + 1}: ${error.message}`, { cause: error })
      }
      assert.ok(matches(got.at(-1), wanted), `${name}, ${how}, round ${round + 1}: ${got.at(-1)} instead of ${wanted}`)
    }
  }
  return [...new Set(got)].join(' / ')
}

test('every case gets what it must, whole and byte by byte, twice', async () => {
  const all = cases(host)
  const rows = new Array(all.length)
  const faults = []
  const ahead = all.entries()
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (const [index, one] of ahead) {
      const [name, sent] = one
      let answer
      try { answer = await run(one) } catch (error) { faults.push(error.message); answer = `WRONG ${error.message}` }
      rows[index] = `${name.padEnd(44)} ${shown(sent, 100).padEnd(100)} ${answer}`
    }
  }))
  console.log(`${'case'.padEnd(44)} ${'sent'.padEnd(100)} answer\n${rows.join('\n')}`)
  console.log(`${all.length - faults.length} of ${all.length} cases, each four times`)
  assert.deepEqual(faults, [])
  assert.equal((await portal.api('/health')).status, 200)
})

test('Expect: 100-continue is told to go on, and then answered', async () => {
  const wire = new Wire(portal.port)
  await wire.send(`POST /api/deploy HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: 12\r\nExpect: 100-continue\r\n\r\n`)
  assert.equal((await wire.answer()).status, 100)
  await wire.send('{"name":"!"}')
  assert.equal((await wire.answer()).status, 422)
  wire.close()
})

test('what a refusal says: a problem, an id that is also in the log, and no body to a HEAD', async () => {
  const from = portal.log.length
  const wire = new Wire(portal.port)
  await wire.send(`HEAD /health HTTP/1.1\r\nHost: ${host}\r\nbad header\r\n\r\n`)
  const answer = await wire.answer(true)
  assert.equal(answer.status, 400)
  assert.equal(header(answer, 'connection'), 'close')
  assert.ok(Number(header(answer, 'content-length')) > 0)
  assert.equal(await wire.answer(), null)
  const line = await portal.logged((one) => one.event === 'httpd.refused' && one.request === header(answer, 'x-request-id'), 'the refusal', { from })
  assert.deepEqual([line.status, line.code, line.peer], [400, 'bad_request', '127.0.0.1'])
  wire.close()
})

test('405 says what is allowed', async () => {
  const wire = new Wire(portal.port)
  await wire.send(`TRACE / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  assert.match(header(await wire.answer(), 'allow'), /^GET, HEAD, POST/)
  wire.close()
})
