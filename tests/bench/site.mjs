// Measures how soon an edit of the installation's own files is in force, and how long the event
// loop is held up meanwhile: by SIGHUP, by PUT /api/admin/site, and going back to a version, with
// open status streams of which none may be dropped. The check runs in a process of its own, whose
// share is measured apart.
//   SITE_ROUNDS=15 STREAMS=1000
import { writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { ADMIN, copyTree, pause, request, sse, startRehearsal, temporary, until }
  from '../http/harness.mjs'
import { childSeconds, median, number, processorSeconds, startLogged } from './measure.mjs'

const rounds = number('SITE_ROUNDS', 15)
const streams = number('STREAMS', 1000)
const goal = number('MOST_MS', 100)
const PROBE_MS = 5

const site = temporary('site')
const rehearsal = await startRehearsal()
await rehearsal.hold('deploy')
// As in production: a portal that watches its files would load each edit once more.
const { root } = copyTree({ 'config.lua': (text) => text.replace('watch = nil', 'watch = false') })
const portal = await startLogged(root, rehearsal, { SITE_DIR: site })
const ask = async (method, path, json, expected = 200) => {
  const answer = await request(portal.url + path, { method, json, key: ADMIN })
  if (answer.status !== expected) throw new Error(`${path}: ${answer.status} ${answer.text}`)
  return answer.json
}

// Each edit is of another content, as a real one is.
let edits = 0
const filesOfNext = () => ({
  'policy/names.lua': `return { words = { "reserved-${++edits}" }, prefixes = { "exam-" } }\n`,
})
const isInForce = async (word) =>
  (await request(`${portal.url}/api/check/${word}`)).json.code === 'name_reserved'

// Every edit ends with this line, which has the moment it was in force.
async function activatedAt(from) {
  const line = await until(() => portal.output().slice(from).split('\n')
    .find((it) => it.includes('"site.activated"') || it.includes('"scripts.rejected"')), 'an edit')
  if (line.includes('rejected')) throw new Error(line)
  return Date.parse(JSON.parse(line).at)
}

// What the loop takes for the smallest request, every few milliseconds.
function probe() {
  const took = []
  let goes = true
  const done = (async () => {
    while (goes) {
      const start = performance.now()
      await request(`${portal.url}/health`)
      took.push(performance.now() - start)
      await pause(PROBE_MS)
    }
  })()
  return async () => {
    goes = false
    await done
    return took
  }
}

const { statusUrl, deploymentId, ownerKey } = await ask('POST', '/api/deploy',
  { name: 'watched' }, 202)
const open = []
while (open.length < streams) {
  open.push(...await Promise.all(Array.from({ length: Math.min(100, streams - open.length) },
    () => sse(portal.url + statusUrl))))
}
const lasts = open.map(async (stream) => {
  let last
  for await (const event of stream) last = event
  return last?.event
})

const ways = {
  async 'SIGHUP'() {
    const from = portal.output().length, start = Date.now()
    writeFileSync(join(site, 'policy/names.lua'), filesOfNext()['policy/names.lua'])
    process.kill(portal.pid, 'SIGHUP')
    return await activatedAt(from) - start
  },
  async 'PUT, to its answer'() {
    const start = performance.now()
    await ask('PUT', '/api/admin/site', { files: filesOfNext() })
    return performance.now() - start
  },
  async 'going back, to its answer'() {
    const { versions } = await ask('GET', '/api/admin/site/versions')
    const start = performance.now()
    await ask('POST', `/api/admin/site/versions/${versions[1].number}/activate`)
    return performance.now() - start
  },
  async 'of these: the check alone'() {
    const start = performance.now()
    await ask('POST', '/api/admin/site/check', { files: filesOfNext() })
    return performance.now() - start
  },
}

const figures = Object.fromEntries(Object.keys(ways).map((name) => [name, []]))
await ask('PUT', '/api/admin/site', { files: filesOfNext() })
const stop = probe()
for (let round = 0; round < rounds; round++) {
  for (const [name, act] of Object.entries(ways)) {
    const own = processorSeconds(portal.pid), childs = childSeconds(portal.pid)
    const ms = await act()
    if (name.startsWith('PUT') && !await isInForce(`reserved-${edits}`)) {
      throw new Error('an edit was answered before it was in force')
    }
    figures[name].push({
      ms, own: (processorSeconds(portal.pid) - own) * 1000,
      child: (childSeconds(portal.pid) - childs) * 1000,
    })
    await pause(100)
  }
}
const lag = (await stop()).sort((a, b) => a - b)
await request(`${portal.url}/api/status/${deploymentId}/cancel`,
  { method: 'POST', key: ownerKey })
const dropped = (await Promise.all(lasts)).filter((event) => event !== 'cancelled').length
await portal.end('SIGTERM')
await rehearsal.stop()

const column = (value, width = 9) => value.toFixed(0).padStart(width)
console.log(`an edit, with ${streams} open streams; ${rounds} rounds; load ` +
  loadavg().map((it) => it.toFixed(1)).join(' '))
console.log('                                median        best  portal CPU   check CPU')
for (const [name, list] of Object.entries(figures)) {
  const of = (what) => list.map((it) => it[what])
  const times = [median(of('ms')), Math.min(...of('ms')), median(of('own')), median(of('child'))]
  console.log(`  ${name.padEnd(27)}${times.map((ms) => ` ${column(ms)} ms`).join('')}`)
}
const at = (share) => lag[Math.min(lag.length - 1, Math.floor(lag.length * share))].toFixed(1)
console.log(`  /health meanwhile: median ${at(0.5)} ms, p99 ${at(0.99)} ms, at most ${at(1)} ms`)
console.log(`  streams dropped: ${dropped}`)
const late = Object.entries(figures).filter(([, list]) => median(list.map(({ ms }) => ms)) > goal)
for (const [name] of late) console.log(`MISSED: ${name} takes more than ${goal} ms`)
if (dropped > 0) console.log('MISSED: streams were dropped')
process.exit(late.length > 0 || dropped > 0 ? 1 : 0)
