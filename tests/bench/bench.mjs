// Compares the portal's requests per second with a bare evhttp server. Rounds alternate, so that
// other load on the machine affects both; the ratio is the median of the rounds. Then measures the
// portal's memory: idle, after the load, and with 1,000 open streams.
//   ROUNDS=9 SECONDS=2 CONNECTIONS=32 STREAMS=1000
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { request, startPortal, startRehearsal, top } from '../http/harness.mjs'
import { median, number, processorSeconds, residentMb, startLogged } from './measure.mjs'

const rounds = number('ROUNDS', 9)
const seconds = number('SECONDS', 2)
const connections = number('CONNECTIONS', 32)
const streams = number('STREAMS', 1000)
// The goals: 0.7 of the bare server or more through Lua, and less than 16 MB when idle.
const least = number('LEAST_RATIO', 0.7)
const most = number('MOST_IDLE_MB', 16)

async function load({ url, pid }) {
  const before = processorSeconds(pid)
  const { stdout } = await promisify(execFile)('wrk',
    ['-t1', `-c${connections}`, `-d${seconds}s`, url])
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`${url}: ${stdout}`)
  return {
    rate: Number(stdout.match(/Requests\/sec:\s+([\d.]+)/)[1]),
    cost: (processorSeconds(pid) - before) * 1e6 / Number(stdout.match(/(\d+) requests in/)[1]),
  }
}

async function startBare() {
  const child = spawn(process.env.BARE, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [port] = await once(createInterface({ input: child.stdout }), 'line')
  return { url: `http://127.0.0.1:${port}/`, pid: child.pid, stop: () => child.kill() }
}

async function compare(targets) {
  const figures = Object.fromEntries(Object.keys(targets).map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const [name, target] of Object.entries(targets)) figures[name].push(await load(target))
    if (process.stdout.isTTY) process.stdout.write(`\r  round ${round + 1} of ${rounds} `)
  }
  if (process.stdout.isTTY) process.stdout.write('\r                     \r')
  const [base] = Object.values(figures)
  return Object.fromEntries(Object.entries(figures).map(([name, list]) => [name, {
    rate: median(list.map(({ rate }) => rate)),
    ratio: median(list.map(({ rate }, round) => rate / base[round].rate)),
    cost: median(list.map(({ cost }) => cost)),
    thrift: median(list.map(({ cost }, round) => base[round].cost / cost)),
  }]))
}

// A slow deployment with many subscribers.
async function withStreams(count) {
  const rehearsal = await startRehearsal({ speed: 0.05 })
  const portal = await startPortal({ rehearsal, env: { NODE_ENV: 'test' } })
  try {
    const { json } = await portal.deploy('watched')
    const before = residentMb(portal.child.pid)
    const open = []
    while (open.length < count) {
      open.push(...await Promise.all(Array.from({ length: Math.min(100, count - open.length) },
        () => portal.stream(json.statusUrl))))
    }
    const refused = open.find((stream) => stream.status !== 200)
    if (refused) throw new Error(`a stream was refused: ${refused.status}`)
    const firsts = await Promise.all(open.map((stream) => stream[Symbol.asyncIterator]().next()))
    if (firsts.some(({ done }) => done)) throw new Error('a stream ended at once')
    const memory = residentMb(portal.child.pid)
    for (const stream of open) stream.close()
    await portal.cancel(json.deploymentId, { key: json.ownerKey })
    await portal.follow(json.statusUrl)
    return { before, memory }
  } finally {
    await portal.stop()
    await rehearsal.stop()
  }
}

const rehearsal = await startRehearsal()
const portal = await startLogged(top, rehearsal, { LOG_LEVEL: process.env.LOG_LEVEL ?? 'info' })
const bare = await startBare()
await request(`${portal.url}/health`)
const idle = residentMb(portal.pid)
const figures = await compare({
  'bare evhttp': bare,
  '/health': { url: `${portal.url}/health`, pid: portal.pid },
  '/api/check/:name': { url: `${portal.url}/api/check/test-name`, pid: portal.pid },
})
const loaded = residentMb(portal.pid)
bare.stop()
await portal.end()
await rehearsal.stop()
const watched = await withStreams(streams)

console.log(`${connections} connections, median of ${rounds} rounds of ${seconds} s`)
console.log('                     requests/s   of bare   processor time   bare / it')
const column = (value, digits, width) => value.toFixed(digits).padStart(width)
for (const [name, { rate, ratio, cost, thrift }] of Object.entries(figures)) {
  console.log(`  ${name.padEnd(18)} ${column(rate, 0, 10)}   ${column(ratio, 2, 7)}   ` +
    `${column(cost, 1, 11)} us   ${column(thrift, 2, 9)}`)
}
const perStream = (watched.memory - watched.before) * 1024 / streams
console.log('resident memory of the portal alone')
console.log(`  idle               ${column(idle, 1, 7)} MB`)
console.log(`  after the load     ${column(loaded, 1, 7)} MB`)
console.log(`  ${String(streams).padStart(5)} streams      ${column(watched.memory, 1, 7)} MB   ` +
  `(${perStream.toFixed(1)} kB each)`)

const { ratio } = figures['/api/check/:name']
const misses = []
if (ratio < least) misses.push(`/api/check/:name is at ${ratio.toFixed(2)} of bare, not ${least}`)
if (idle >= most) misses.push(`${idle.toFixed(1)} MB idle, not under ${most}`)
for (const miss of misses) console.log(`MISSED: ${miss}`)
process.exit(misses.length > 0 ? 1 : 0)
