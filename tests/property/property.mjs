// property: random sequences of commands, faults, kills and restarts, and after each the books. One that breaks a rule is made smaller as
// long as it still does, and printed with what plays it again.
//
//   make property RUNS=200 SEED=     or: RUNS= SEED= REPLAY= LONGEST=30 SECONDS= SHRINK_SECONDS=300 node tests/property/property.mjs
//
// fast-check makes the sequences and shrinks them; each run has real processes and real time, so the second run of a sequence is never
// quite the first: while it is made smaller, each candidate is tried a few times. PROPERTY_LOG=file keeps the portal's log of the last
// run that failed.
import { writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { impatient } from '../soak/house.mjs'
import { sequence, told } from './commands.mjs'
import { play } from './play.mjs'

const TRIES = 3 // of each candidate, while a sequence is made smaller

// { runs, commands, kills, ends, seconds, failed: null, or what is printed }
export async function check({ runs, seed, path, longest, limit, shrink = 300, report = () => {} }) {
  const house = impatient({ quick: true })
  const begun = Date.now()
  const done = { seed, runs: 0, commands: 0, kills: 0, ends: new Map() }
  const last = begun + (limit ?? Infinity) * 1000 // no sequence begins after it
  let until = Infinity // nor, once one has failed, is made smaller after this
  const failed = (player, commands) => {
    if (until === Infinity) {
      until = Date.now() + shrink * 1000
      report(`broken, now to be made smaller:\n${told(commands)}\n${player.trouble.join('\n')}`)
    }
    if (process.env.PROPERTY_LOG) writeFileSync(process.env.PROPERTY_LOG, [told(commands), ...player.trouble, ...player.log ?? []].join('\n'))
    throw new Error(player.trouble.slice(0, 20).join('\n'))
  }
  const property = fc.asyncProperty(sequence(longest), async (commands) => {
    if (Date.now() > (until === Infinity ? last : until)) return
    for (let tries = until === Infinity ? 1 : TRIES; tries > 0; tries--) {
      const player = await play(house, commands)
      done.runs++
      done.commands += commands.commands.length
      done.kills += player.power?.crashes.length ?? 0
      for (const end of player.ends ?? []) done.ends.set(end, (done.ends.get(end) ?? 0) + 1)
      report(`${done.runs} played`)
      if (player.trouble.length > 0) failed(player, commands)
    }
  })
  const result = await fc.check(property, { seed, numRuns: runs, unbiased: true, ...(path ? { path } : {}), endOnFailure: shrink === 0 })
  done.seconds = (Date.now() - begun) / 1000
  done.failed = result.failed && result.counterexample ? [
    told(result.counterexample[0]), '', result.errorInstance?.message ?? '', '',
    `again: make property SEED=${result.seed} REPLAY=${result.counterexamplePath}${longest ? ` LONGEST=${longest}` : ''}`,
  ].join('\n') : null
  return done
}

// What was played, for people.
export function summary({ runs, commands, kills, seconds, ends }) {
  const rows = [...ends].sort().map(([end, n]) => `  ${end.padEnd(24)} ${n}`)
  return [`${runs} sequences, ${commands} commands, the portal ended ${kills} times, ${seconds.toFixed(0)} s`, ...rows].join('\n')
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const number = (name, value) => (process.env[name] ? Number(process.env[name]) : value)
  const seed = number('SEED', Date.now() % 1000000)
  console.log(`property: SEED=${seed}`)
  const report = (text) => (process.stdout.isTTY && !text.includes('\n') ? process.stdout.write(`\r  ${text} `) : text.includes('\n') && console.log(text))
  const done = await check({
    runs: number('RUNS', 200), seed, path: process.env.REPLAY, longest: number('LONGEST'), limit: number('SECONDS'), shrink: number('SHRINK_SECONDS', 300), report,
  })
  console.log(`\n${summary(done)}`)
  if (done.failed) console.log(`BROKEN:\n${done.failed}`)
  process.exit(done.failed ? 1 : 0)
}
