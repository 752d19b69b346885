// Measures accepted (committed) deployments per second, and compares them with a bare INSERT and
// COMMIT loop on the same disk and with a loop that commits the rows of each deployment. Rounds
// alternate; the ratio is the median of the rounds. A run with one connection shows what many gain
// by sharing a commit. Accepted deployments queue up, because the rehearsal is slow; each round has
// a new portal.
//   ACCEPT_ROUNDS=3 ACCEPT_SECONDS=2 ACCEPT_CONNECTIONS=64
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { copyTree, queueLimits, request, startRehearsal, temporary } from '../http/harness.mjs'
import { median, number, startLogged } from './measure.mjs'

const rounds = number('ACCEPT_ROUNDS', 3)
const seconds = number('ACCEPT_SECONDS', 2)
const connections = number('ACCEPT_CONNECTIONS', 64)
const goal = 3
const run = promisify(execFile)

// The queue and the rate limits must not interfere.
const { root } = copyTree({
  ...queueLimits(1, 100_000),
  'scripts/policy/limits.lua': (text) => text
    .replace('deploy = { 10000, 60 }', 'deploy = { 10000000, 1 }')
    .replace('deploy_all = { 100000, 60 }', 'deploy_all = { 10000000, 1 }'),
})

// Every request has a name of its own.
const script = join(temporary('accept'), 'accept.lua')
writeFileSync(script, `local n = 0
local fields = { ["Content-Type"] = "application/json" }
function request()
  n = n + 1
  return wrk.format("POST", "/api/deploy", fields, ('{"name":"load-%d-x"}'):format(n))
end
`)

async function commits(path, sql = []) {
  const { stdout } = await run(process.env.COMMIT, [path, String(seconds), ...sql])
  const [rate, p99] = stdout.split(' ').map(Number)
  return { rate, p99: p99 / 1000 }
}

const bare = () => commits(join(temporary('commit'), 'rows.db'))

// The rows of a deployment, copied from an existing one.
const another = (table, changed) => `INSERT INTO ${table} (${Object.keys(changed).join(', ')})
  SELECT ${Object.values(changed).join(', ')} FROM ${table} ORDER BY rowid LIMIT 1`
const id = "printf('%032x', ?1)"
const owner = "printf('%026x', ?1)"
const name = "'again-' || ?1"
const rows = [
  another('operations', { id, kind: "'deploy'", name, owner_id: owner, template: 'template',
    url: 'url', params: 'params', state: "'queued'", created_at: 'created_at' }),
  `INSERT INTO stacks (name, owner_id, state, operation_id, url, image, template, created_at)
    SELECT ${name}, ${owner}, 'deploying', ${id}, url, image, template, created_at
    FROM stacks LIMIT 1`,
  `INSERT INTO origins (operation_id, network) SELECT ${id}, network FROM origins LIMIT 1`,
  another('audit', { at: 'at', who: 'who', network: 'network', action: 'action', name,
    operation_id: id, allowed: 'allowed', rule: 'rule', policy: 'policy',
    request_id: 'request_id' }),
]

const inMilliseconds = { us: 0.001, ms: 1, s: 1000, m: 60000 }

async function accepts(connections) {
  const rehearsal = await startRehearsal({ speed: 0.01 })
  const portal = await startLogged(root, rehearsal, { REHEARSAL_SPEED: '0.01' })
  try {
    await request(`${portal.url}/health`)
    const { stdout } = await run('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout',
      '20s', '--latency', '-s', script, portal.url])
    const good = portal.output().split('"operation.accepted"').length - 1
    const sent = Number(stdout.match(/(\d+) requests in/)[1])
    if (/Socket errors|Non-2xx/.test(stdout)) {
      const log = portal.output().slice(-2000)
      throw new Error(`only ${good} requests were accepted:\n${stdout}\n${log}`)
    }
    const [, figure, unit] = stdout.match(/99%\s+([\d.]+)(us|ms|s|m)/)
    return {
      rate: Number(stdout.match(/Requests\/sec:\s+([\d.]+)/)[1]),
      p99: Number(figure) * inMilliseconds[unit], sent, good,
      journal: join(portal.folder, 'journal.db'),
    }
  } finally {
    await portal.end('SIGKILL') // SIGTERM would cancel the queue first
    await rehearsal.kill9()
  }
}

const figures = []
for (let round = 0; round < rounds; round++) {
  const loop = await bare(), one = await accepts(1), many = await accepts(connections)
  figures.push({ loop, one, many, same: await commits(many.journal, rows) })
}
const of = (who, what) => median(figures.map((it) => it[who][what]))
const line = (name, who) => {
  const rate = of(who, 'rate').toFixed(0).padStart(10)
  const p99 = of(who, 'p99').toFixed(1).padStart(7)
  console.log(`  ${name.padEnd(32)}${rate}   ${p99} ms`)
}
const ratio = (a, b) => median(figures.map((it) => it[a].rate / it[b].rate)).toFixed(2).padStart(10)
console.log(`accepted and on disk, median of ${rounds} rounds of ${seconds} s`)
console.log('                                  per second       p99')
line('INSERT and COMMIT', 'loop')
line("a deployment's rows and COMMIT", 'same')
line('POST /api/deploy, 1 connection', 'one')
line(`POST /api/deploy, ${connections} connections`, 'many')
const gain = ratio('many', 'loop')
const verdict = Number(gain) < goal ? '   MISSED' : ''
console.log(`  all together / one alone        ${ratio('many', 'one')}`)
console.log(`  all together / its rows, COMMIT ${ratio('many', 'same')}`)
console.log(`  all together / INSERT and COMMIT${gain}   (the goal is ${goal})${verdict}`)
