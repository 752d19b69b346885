// Measures the latency of /health next to 1,000 clients of each slow kind, as a monitor sees it:
// with a new connection for each request.
//   SLOW=1000 ASKED=200 MOST_MS=100
import { pause, startAll } from '../http/harness.mjs'
import { openWires } from '../http/wire.mjs'
import { number, processorSeconds, residentMb } from './measure.mjs'

const many = number('SLOW', 1000)
const asked = number('ASKED', 200)
const most = number('MOST_MS', 100)
const DRIP_MS = 400

const { portal, stop } = await startAll()
const host = `Host: 127.0.0.1:${portal.port}\r\n`

const post = `POST /api/deploy HTTP/1.1\r\n${host}Content-Type: application/json\r\n`

// What each kind sends first, and then now and again. `deaf` clients read nothing; serving their
// first requests is work, so the measurement begins after it.
const kinds = {
  'no slow clients': { count: 0 },
  'silent': { first: '' },
  'slow heads': { first: `GET / HTTP/1.1\r\n${host}X-Slow: `, drip: 'a' },
  'slow bodies': { first: `${post}Content-Length: 60000\r\n\r\n`, drip: ' ' },
  'slow chunks': { first: `${post}Transfer-Encoding: chunked\r\n\r\n`, drip: '1\r\n \r\n' },
  'slow readers': { first: `GET / HTTP/1.1\r\n${host}\r\n`.repeat(50), deaf: true },
}

async function open(count, { first = '', deaf }) {
  const wires = await openWires(portal.port, count)
  for (const wire of wires) {
    if (deaf) wire.socket.pause()
    wire.socket.write(first)
  }
  return wires
}

async function ask() {
  const took = []
  for (let i = 0; i < asked; i++) {
    const start = performance.now()
    const { status } = await portal.api('/health')
    if (status !== 200) throw new Error(`/health: ${status}`)
    took.push(performance.now() - start)
    await pause(10)
  }
  return took.sort((a, b) => a - b)
}

async function quiet() {
  for (let i = 0; i < 120; i++) {
    const before = processorSeconds(portal.child.pid)
    await pause(500)
    if (processorSeconds(portal.child.pid) - before < 0.05) return
  }
}

console.log(`/health next to ${many} slow clients, ${asked} times, in milliseconds`)
console.log('                       median      99 %   maximum   portal memory')
let missed = 0
for (const [name, kind] of Object.entries(kinds)) {
  const wires = await open(kind.count ?? many, kind)
  const drip = setInterval(() => {
    for (const wire of wires) {
      if (kind.drip && !wire.ended) wire.socket.write(kind.drip)
    }
  }, DRIP_MS)
  await quiet()
  const took = await ask()
  clearInterval(drip)
  const late = took[Math.floor(took.length * 0.99)]
  const times = [took[Math.floor(took.length / 2)], late, took.at(-1)]
    .map((ms) => ms.toFixed(1).padStart(9))
  const memory = residentMb(portal.child.pid).toFixed(1).padStart(10)
  console.log(`  ${name.padEnd(16)} ${times.join(' ')}   ${memory} MB`)
  if (late >= most) {
    missed = 1
    console.log(`MISSED: ${late.toFixed(1)} ms next to ${name}; the goal is ${most}`)
  }
  for (const wire of wires) wire.close()
}
await stop()
process.exit(missed)
