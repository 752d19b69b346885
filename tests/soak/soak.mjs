// soak: many deployments against the rehearsal, with faults, cancels, deletes, restarts of stacks, and a portal that is killed now and then.
// Then the books are checked: every accepted operation has one end, no name lives twice, the journal and the double agree, nothing is
// orphaned, nothing took longer than it may, and the portal's memory is flat. `make soak JOBS=2000 FAULTS=5 SEED=1`, or
// tests/http/soak.test.mjs for a short one.
//   JOBS=2000 FAULTS=5 (of a hundred deployments) SEED= CONCURRENCY=24 KILLS=JOBS/50, at most 12
//   MOST_GROWTH_MB=2, from the highest of the middle third to that of the last
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { seconds, startAll } from '../http/harness.mjs'
import { checkNames, checkOperation, checkPresent, checkTime, listed, orphans, settle } from './books.mjs'
import { dice, everyFault, ruleFor } from './faults.mjs'
import { impatient } from './house.mjs'

const SETTLE = 120 // seconds after the last job in which the sweeper may still come back to what a fault left
const FIRST_KILLS = 0.4 // the portal is killed in this part of the run; after it one process lives on, and its memory is looked at

// The run --------------------------------------------------------------------------------------------------------------------

const cutOff = (error) => /ECONNREFUSED|ECONNRESET|EPIPE|socket hang up/.test(`${error.code} ${error.message}`)

class Soak {
  constructor({ jobs, faults, seed, concurrency, kills, growth, quick }) {
    Object.assign(this, { jobs, faults, seed, concurrency, kills, growth, quick })
    this.random = dice(seed)
    this.faultsOf = everyFault(dice(seed + 1))
    this.operations = new Map() // every one that was accepted: id -> { id, kind, name, seen: events as they came, last }
    this.memory = [] // [jobs done, MB], of the process that lives to the end
    this.count = { refused: 0, retried: 0, cancels: 0, hits: 0 }
    this.trouble = []
    this.done = 0
    this.set = [] // the faults
    this.crashes = [] // when, in seconds since 1970
  }

  wrong(text, ...more) { this.trouble.push([text, ...more.map((it) => (typeof it === 'string' ? it : JSON.stringify(it)))].join(' ')) }

  // A client that asks again, with the same key, when the connection broke: it never knows whether it was heard.
  async persistently(ask) {
    for (let tries = 0; ; tries++) {
      try {
        return await ask()
      } catch (error) {
        if (!cutOff(error) || tries > 400) throw error
        this.count.retried++
        await sleep(50)
      }
    }
  }

  accepted(answer, kind, name, key) {
    const { deploymentId: id, statusUrl } = answer.json
    const known = this.operations.get(id)
    if (known) return known
    const operation = { id, kind, name, statusUrl, key, begun: Date.now() }
    this.operations.set(id, operation)
    return operation
  }

  async follow(operation, onEvent) {
    const { events, last } = await this.portal.follow(operation.statusUrl, { limit: seconds(400), onEvent })
    Object.assign(operation, { seen: events, last })
    return last
  }

  // A plan for each job is made beforehand, so that the seed decides it and not who comes first.
  plan(number) {
    const { random } = this
    const contended = number > 0 && random.chance(0.06)
    const name = `w${contended ? random.below(number) : number}-soak`
    const fault = random.chance(this.faults / 100) ? this.faultsOf.next().value : null
    return {
      number, name, fault, rule: fault && ruleFor(name, fault, random),
      cancel: random.chance(0.1) ? { after: random.below(12) } : null,
      operate: random.chance(0.12) ? random.pick(['stop', 'start', 'restart', 'password']) : null,
      remove: random.chance(0.75) ? random.pick(['keep', 'delete']) : null,
      twice: random.chance(0.1),
    }
  }

  async deploy({ number, name, twice }) {
    const headers = { 'idempotency-key': `job-${this.seed}-${number}` }
    const ask = () => this.persistently(() => this.portal.deploy(name, { headers }))
    const answers = await Promise.all(twice ? [ask(), ask()] : [ask()])
    for (let [i, answer] of answers.entries()) {
      while (answer.status === 429 || answer.status === 503) { // a full queue is no failure: it says when to come back
        this.count.refused++
        await sleep(Math.min(Number(answer.headers['retry-after'] ?? 1), 2) * 1000)
        answers[i] = answer = await ask()
      }
      if (answer.status !== 202 && answer.status !== 409) this.wrong(`deploy ${name}: ${answer.status}`, answer.text)
    }
    const [first, second] = answers
    if (second?.status === 202 && first.status === 202 && first.json.deploymentId !== second.json.deploymentId) this.wrong(`${name}: one key, two deployments`)
    const good = answers.find(({ status }) => status === 202)
    return good ? this.accepted(good, 'deploy', name, good.json.ownerKey) : null
  }

  async cancel(operation) {
    this.count.cancels++
    const answer = await this.persistently(() => this.portal.cancel(operation.id, { key: operation.key }))
    if (answer.status !== 202) this.wrong(`cancel ${operation.name}: ${answer.status}`, answer.text)
    else if (answer.json.cancelled) operation.cancelled = true
  }

  async operate(name, what, key) {
    const json = what === 'password' ? { action: 'rotate' } : undefined
    const answer = await this.persistently(() => this.portal.api(`/api/stack/${name}/${what}`, { method: 'POST', key, json }))
    if (answer.status === 202) await this.follow(this.accepted(answer, what, name, key))
    else if (answer.status !== 409 && answer.status !== 404) this.wrong(`${what} ${name}: ${answer.status}`, answer.text)
  }

  async remove(name, data, key) {
    const answer = await this.persistently(() => this.portal.remove(name, { key, data }))
    if (answer.status !== 202) return this.wrong(`delete ${name}: ${answer.status}`, answer.text)
    const operation = this.accepted(answer, 'delete', name, key)
    await this.follow(operation)
    return operation
  }

  async job(plan) {
    if (plan.rule) {
      await this.rehearsal.faults(plan.rule)
      this.set.push(plan.rule)
    }
    const operation = await this.deploy(plan)
    if (operation) {
      let events = 0
      let asked
      const onEvent = () => { if (plan.cancel && events++ >= plan.cancel.after) asked ??= this.cancel(operation) }
      const last = await this.follow(operation, onEvent)
      await asked
      if (operation.cancelled && !['cancelled', 'failed'].includes(last.event)) this.wrong(`${plan.name}: "cancelled" was said, and it ended ${last.event}`)
      if (last.event === 'ready') {
        if (plan.operate) await this.operate(plan.name, plan.operate, operation.key)
        if (plan.remove) await this.remove(plan.name, plan.remove, operation.key)
      }
    }
    this.done++
    if (!this.crashing && this.crashes.length >= this.kills) this.memory.push([this.done, this.resident()])
    if (this.crashes.length < this.kills && this.done >= (this.crashes.length + 1) * (this.jobs * FIRST_KILLS) / this.kills) await this.crash()
    if (process.stdout.isTTY && !this.quick) process.stdout.write(`\r  ${this.done} of ${this.jobs} `)
  }

  resident() { return Number(readFileSync(`/proc/${this.portal.child.pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]) / 1024 }

  async crash() {
    if (this.crashing) return
    this.crashing = true
    this.crashes.push(Date.now() / 1000)
    await this.portal.kill9()
    await this.portal.restart()
    this.crashing = false
  }

  async run() {
    const house = impatient()
    this.late = house.late
    this.world = await startAll({ root: house.root, speed: 1000 })
    Object.assign(this, { portal: this.world.portal, rehearsal: this.world.rehearsal })
    try {
      const plans = Array.from({ length: this.jobs }, (_, number) => this.plan(number))
      const begun = Date.now()
      const lane = async () => {
        for (let plan; (plan = plans.shift());) {
          await this.job(plan).catch((error) => this.wrong(`job ${plan.number} (${plan.name}${plan.rule ? `, ${JSON.stringify(plan.rule)}` : ''}):`, error.message))
        }
      }
      await Promise.all(Array.from({ length: this.concurrency }, lane))
      this.seconds = (Date.now() - begun) / 1000
      this.count.hits = (await this.rehearsal.faults()).reduce((sum, rule) => sum + rule.hits, 0)
      await this.rehearsal.forgetFaults()
      this.settled = await settle({ portal: this.portal, rehearsal: this.rehearsal, limit: SETTLE }, (...args) => this.wrong(...args))
      await this.check()
      this.checkMemory()
    } finally {
      if (this.trouble.length > 0 && process.env.SOAK_LOG) console.error(this.portal.tail(2000))
      await this.world.stop().catch((error) => this.wrong('at the end:', error.message))
    }
    return this
  }

  // The books ----------------------------------------------------------------------------------------------------------------

  async check() {
    const wrong = (...args) => this.wrong(...args)
    const { all, kept } = await listed(this.portal)
    const documents = new Map()
    const rest = [...this.operations.values()]
    const lane = async () => { for (let it; (it = rest.pop());) documents.set(it.id, await checkOperation(this.portal, it, wrong)) }
    await Promise.all(Array.from({ length: 16 }, lane))
    for (const document of documents.values()) checkTime(document, this, wrong)
    checkNames(all, [...documents.values()], wrong)
    const state = await this.rehearsal.state()
    for (const orphan of orphans(state, all, kept)) wrong('orphan:', orphan)
    checkPresent(state, all, wrong)
    const took = ({ createdAt, endedAt }) => (Date.parse(endedAt) - Date.parse(createdAt)) / 1000
    const fault = (name) => this.set.filter((rule) => rule.name === name).map(({ at, kind, times }) => ` ${times} x ${kind} at ${at}`).join()
    this.slowest = [...documents.values()].filter(({ endedAt }) => endedAt).sort((a, b) => took(b) - took(a)).slice(0, 3)
      .map((it) => ({ took: took(it), what: `${it.kind} ${it.name} ${it.state}${fault(it.name)}` }))
    this.left = all.length
    this.kept = kept.length
    this.ends = {}
    for (const { kind, state: end, result } of documents.values()) {
      const key = `${kind}: ${end}${end === 'failed' ? ` ${result?.code}` : ''}`
      this.ends[key] = (this.ends[key] ?? 0) + 1
    }
  }

  checkMemory() {
    const third = Math.floor(this.memory.length / 3)
    if (third < 3) return
    const peak = (from) => Math.max(...this.memory.slice(from, from + third).map(([, megabytes]) => megabytes))
    this.thirds = [peak(0), peak(third), peak(2 * third)]
    if (this.thirds[2] - this.thirds[1] > this.growth) this.wrong(`memory grew by ${(this.thirds[2] - this.thirds[1]).toFixed(1)} MB in the last third; ${this.growth} is the most`)
  }

  table() {
    const rows = [
      ['seed', this.seed], ['jobs', this.jobs], ['at once', this.concurrency],
      ['operations accepted', this.operations.size],
      ...Object.entries(this.ends ?? {}).sort().map(([end, n]) => [`  ${end}`, n]),
      ['faults set / played', `${this.set.length} / ${this.count.hits}`], ['cancels', this.count.cancels],
      ['kill -9 and restart', this.crashes.length], ['asked again after a cut', this.count.retried], ['told to come back', this.count.refused],
      ['stacks left, data kept', `${this.left}, ${this.kept}`],
      ['seconds, and to settle', `${this.seconds?.toFixed(1)}, ${this.settled?.toFixed(1)}`],
      ['slowest', this.slowest?.map(({ took, what }) => `${took.toFixed(1)} s ${what}`).join('\n' + ' '.repeat(37)) ?? '-'],
      ['memory, MB', this.memory.length ? `start ${this.memory[0][1].toFixed(1)}, middle ${this.memory[this.memory.length >> 1][1].toFixed(1)}, end ${this.memory.at(-1)[1].toFixed(1)}` : '-'],
      ['  highest of each third', this.thirds ? this.thirds.map((it) => it.toFixed(1)).join(', ') + ` (may grow ${this.growth} in the last)` : '-'],
      ['broken rules', this.trouble.length],
    ]
    return rows.map(([what, value]) => `  ${what.padEnd(34)} ${value}`).join('\n')
  }
}

export async function soak(options = {}) {
  const jobs = options.jobs ?? 60
  const soaked = new Soak({
    jobs, faults: 5, seed: Date.now() % 1000000, concurrency: 24, kills: Math.min(12, Math.max(1, Math.floor(jobs / 50))), growth: 2, ...options,
  })
  return soaked.run()
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const options = {}
  for (const name of ['jobs', 'faults', 'seed', 'concurrency', 'kills']) if (process.env[name.toUpperCase()]) options[name] = Number(process.env[name.toUpperCase()])
  if (process.env.MOST_GROWTH_MB) options.growth = Number(process.env.MOST_GROWTH_MB)
  options.seed ??= Date.now() % 1000000
  console.log(`soak: SEED=${options.seed}`)
  const soaked = await soak({ jobs: 2000, ...options })
  if (process.stdout.isTTY) process.stdout.write('\r                    \r')
  console.log(soaked.table())
  for (const text of soaked.trouble.slice(0, 50)) console.log(`BROKEN: ${text}`)
  if (soaked.trouble.length > 50) console.log(`... and ${soaked.trouble.length - 50} more`)
  process.exit(soaked.trouble.length > 0 ? 1 : 0)
}
