// Random sequences of commands, faults, kills and restarts, and after each the invariants. A
// sequence that breaks one is shrunk as long as it still does, and printed with what replays it.
//
//   make property RUNS=200 SEED=        also REPLAY= LONGEST=30 SECONDS= SHRINK_SECONDS=300
//
// fast-check makes and shrinks the sequences. Each run has real processes and real time, so no two
// runs are alike: while shrinking, each candidate is tried a few times. PROPERTY_LOG=file keeps the
// portal's log of the last run that failed.
import { writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { copyTree } from '../http/harness.mjs'
import { describeSequence, sequence } from './commands.mjs'
import { execute } from './executor.mjs'

const TRIES = 3 // of each candidate while shrinking

// Returns { runs, commands, kills, ends, seconds, failed: null or the text to print }.
export async function check(options) {
  const { runs, seed, path, longest, limit = Infinity, shrink = 300, report = () => {} } = options
  const tree = copyTree()
  const start = Date.now()
  const lastStart = start + limit * 1000
  const done = { seed, runs: 0, commands: 0, kills: 0, ends: new Map() }
  let shrinkEnd // set when a sequence has failed

  function fail(executed, commands) {
    const text = describeSequence(commands)
    if (!shrinkEnd) {
      shrinkEnd = Date.now() + shrink * 1000
      report(`broken, shrinking:\n${text}\n${executed.trouble.join('\n')}`)
    }
    const log = [text, ...executed.trouble, ...(executed.log ?? [])].join('\n')
    if (process.env.PROPERTY_LOG) writeFileSync(process.env.PROPERTY_LOG, log)
    throw new Error(executed.trouble.slice(0, 20).join('\n'))
  }

  async function tryOnce(commands) {
    const executed = await execute(tree, commands)
    done.runs++
    done.commands += commands.commands.length
    done.kills += executed.control?.crashes.length ?? 0
    for (const end of executed.ends ?? []) done.ends.set(end, (done.ends.get(end) ?? 0) + 1)
    report(`${done.runs} run`)
    if (executed.trouble.length > 0) fail(executed, commands)
  }

  const property = fc.asyncProperty(sequence(longest), async (commands) => {
    if (Date.now() > (shrinkEnd ?? lastStart)) return
    const tries = shrinkEnd ? TRIES : 1
    for (let i = 0; i < tries; i++) await tryOnce(commands)
  })
  const result = await fc.check(property, {
    seed, numRuns: runs, unbiased: true, endOnFailure: shrink === 0, ...(path ? { path } : {}),
  })
  done.seconds = (Date.now() - start) / 1000
  done.failed = null
  if (result.failed && result.counterexample) {
    const replay = `SEED=${result.seed} REPLAY=${result.counterexamplePath}`
    done.failed = [
      describeSequence(result.counterexample[0]), '', result.errorInstance?.message ?? '', '',
      `again: make property ${replay}${longest ? ` LONGEST=${longest}` : ''}`,
    ].join('\n')
  }
  return done
}

export function summary({ runs, commands, kills, seconds, ends }) {
  const rows = [...ends].sort().map(([end, n]) => `  ${end.padEnd(24)} ${n}`)
  const head = `${runs} sequences, ${commands} commands, ${kills} ends of the portal`
  return [`${head}, ${seconds.toFixed(0)} s`, ...rows].join('\n')
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const number = (name, value) => (process.env[name] ? Number(process.env[name]) : value)
  const seed = number('SEED', Date.now() % 1000000)
  console.log(`property: SEED=${seed}`)
  const report = (text) => {
    if (text.includes('\n')) console.log(text)
    else if (process.stdout.isTTY) process.stdout.write(`\r  ${text} `)
  }
  const done = await check({
    runs: number('RUNS', 200), seed, path: process.env.REPLAY, longest: number('LONGEST'),
    limit: number('SECONDS'), shrink: number('SHRINK_SECONDS', 300), report,
  })
  console.log(`\n${summary(done)}`)
  if (done.failed) console.log(`BROKEN:\n${done.failed}`)
  process.exit(done.failed ? 1 : 0)
}
