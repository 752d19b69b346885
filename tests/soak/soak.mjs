// Many deployments against the rehearsal, with faults, cancels, deletes, restarts of workspaces,
// and a portal that is killed now and then. Afterwards every accepted operation has one end, no
// name exists twice, the journal and the double agree, nothing is orphaned, nothing took longer
// than it may, and the portal's memory does not grow.
//
//   make soak JOBS=2000 FAULTS=5 (of a hundred) SEED= CONCURRENCY=24 KILLS=JOBS/50, at most 12
//   MOST_GROWTH_MB=2: from the maximum of the middle third to that of the last third
import { pathToFileURL } from 'node:url'
import { residentMb } from '../bench/measure.mjs'
import { pause, queueLimits, seconds, startAll } from '../http/harness.mjs'
import {
  checkNames, checkOperation, checkPresent, checkTime, deadlines, listAll, orphans, settle,
} from './invariants.mjs'
import { everyFault, ruleFor, seededRandom } from './faults.mjs'

const SETTLE = 120 // seconds after the last job in which the sweeper may still remove leftovers
const FIRST_KILLS = 0.4 // kills come in this part; then one process lives on, whose memory counts

export const isCut = (error) =>
  /ECONNREFUSED|ECONNRESET|EPIPE|socket hang up/.test(`${error.code} ${error.message}`)

// Collects what is wrong; wrong(text, ...details).
export function collector() {
  const trouble = []
  const text = (it) => (typeof it === 'string' ? it : JSON.stringify(it))
  return { trouble, wrong: (...parts) => { trouble.push(parts.map(text).join(' ')) } }
}

const work = ['stop', 'start', 'restart', 'password', 'sleep', 'wake']

class Soak {
  constructor({ jobs, faults, seed, concurrency, kills, growth, isQuiet }) {
    Object.assign(this, { jobs, faults, seed, concurrency, kills, growth, isQuiet }, collector())
    this.random = seededRandom(seed)
    this.faultsInOrder = everyFault(seededRandom(seed + 1))
    this.operations = new Map() // accepted: id -> { id, kind, name, seen: its events, last }
    this.memory = [] // MB after each job, of the process that lives to the end
    this.count = { refused: 0, retried: 0, cancels: 0, hits: 0 }
    this.done = 0
    this.rules = []
    this.crashes = [] // seconds since 1970
    this.deadlines = deadlines()
  }

  // A client repeats its request when the connection breaks: it cannot know whether it was heard.
  async persistently(send, onRepeat = () => {}) {
    for (let tries = 0; ; tries++) {
      try {
        return await send()
      } catch (error) {
        if (!isCut(error) || tries > 400) throw error
        this.count.retried++
        onRepeat()
        await pause(50)
      }
    }
  }

  accept(answer, kind, name, key) {
    const { deploymentId: id, statusUrl } = answer.json
    const operation = this.operations.get(id) ?? { id, kind, name, statusUrl, key }
    this.operations.set(id, operation)
    return operation
  }

  async follow(operation, onEvent) {
    const options = { limit: seconds(400), onEvent }
    const { events, last } = await this.portal.follow(operation.statusUrl, options)
    Object.assign(operation, { seen: events, last })
    return last
  }

  // All plans are made beforehand, so that they depend on the seed alone.
  plan(number) {
    const { random } = this
    const isContended = number > 0 && random.chance(0.06)
    const name = `w${isContended ? random.below(number) : number}-soak`
    const fault = random.chance(this.faults / 100) ? this.faultsInOrder.next().value : null
    return {
      number, name, rule: fault && ruleFor(name, fault, random),
      cancel: random.chance(0.1) ? { after: random.below(12) } : null,
      operate: random.chance(0.12) ? random.pick(work) : null,
      remove: random.chance(0.75) ? random.pick(['keep', 'delete']) : null,
      isTwice: random.chance(0.1),
    }
  }

  async deploy({ number, name, isTwice }) {
    const headers = { 'idempotency-key': `job-${this.seed}-${number}`.padEnd(32, '.') }
    const send = () => this.persistently(() => this.portal.deploy(name, { headers }))
    const answers = await Promise.all(isTwice ? [send(), send()] : [send()])
    for (let [i, answer] of answers.entries()) {
      while (answer.status === 429 || answer.status === 503) { // a full queue says when to retry
        this.count.refused++
        await pause(Math.min(Number(answer.headers['retry-after'] ?? 1), 2) * 1000)
        answers[i] = answer = await send()
      }
      if (answer.status !== 202 && answer.status !== 409) {
        this.wrong(`deploy ${name}: ${answer.status}`, answer.text)
      }
    }
    const good = answers.filter(({ status }) => status === 202)
    const ids = new Set(good.map(({ json }) => json.deploymentId))
    if (ids.size > 1) this.wrong(`${name}: one key, two deployments`)
    return good[0] ? this.accept(good[0], 'deploy', name, good[0].json.ownerKey) : null
  }

  async cancel(operation) {
    this.count.cancels++
    const { id, key, name } = operation
    const answer = await this.persistently(() => this.portal.cancel(id, { key }))
    if (answer.status !== 202) this.wrong(`cancel ${name}: ${answer.status}`, answer.text)
    else if (answer.json.cancelled) operation.isCancelled = true
  }

  async operate(name, what, key) {
    const json = what === 'password' ? { action: 'rotate' } : undefined
    const path = `/api/stack/${name}/${what}`
    let isRepeated = false
    const send = () => this.portal.post(path, json, { key })
    const answer = await this.persistently(send, () => { isRepeated = true })
    const { status, text } = answer
    if (status === 202) await this.follow(this.accept(answer, what, name, key))
    else if (status !== 409 && status !== 404) this.wrong(`${what} ${name}: ${status}`, text)
    else if (isRepeated) await this.settled(name, key) // the first request was heard
  }

  async settled(name, key) {
    const read = () => this.persistently(() => this.portal.stack(name, { key }))
    const ends = ['ready', 'stopped', 'asleep', 'unhealthy', undefined]
    while (!ends.includes((await read()).json.state)) {
      await pause(50)
    }
  }

  async remove(name, data, key) {
    const answer = await this.persistently(() => this.portal.remove(name, { key, data }))
    if (answer.status === 202) await this.follow(this.accept(answer, 'delete', name, key))
    else this.wrong(`delete ${name}: ${answer.status}`, answer.text)
  }

  async job(plan) {
    const { name, rule } = plan
    if (rule) {
      await this.rehearsal.faults(rule)
      this.rules.push(rule)
    }
    const operation = await this.deploy(plan)
    if (operation) await this.useWorkspace(plan, operation)
    this.done++
    const hasAllKills = this.crashes.length >= this.kills
    if (!this.isCrashing && hasAllKills) this.memory.push(residentMb(this.portal.child.pid))
    const nextKill = (this.crashes.length + 1) * (this.jobs * FIRST_KILLS) / this.kills
    if (!hasAllKills && this.done >= nextKill) await this.crash()
    const isShown = process.stdout.isTTY && !this.isQuiet
    if (isShown) process.stdout.write(`\r  ${this.done} of ${this.jobs}, ${name} `)
  }

  async useWorkspace({ name, cancel, operate, remove }, operation) {
    let events = 0
    let cancelling
    const onEvent = () => {
      if (cancel && events++ >= cancel.after) cancelling ??= this.cancel(operation)
    }
    const { event } = await this.follow(operation, onEvent)
    await cancelling
    if (operation.isCancelled && !['cancelled', 'failed'].includes(event)) {
      this.wrong(`${name}: the cancel was accepted, and it ended ${event}`)
    }
    if (event !== 'ready') return
    if (operate) await this.operate(name, operate, operation.key)
    if (remove) await this.remove(name, remove, operation.key)
  }

  async crash() {
    if (this.isCrashing) return
    this.isCrashing = true
    this.crashes.push(Date.now() / 1000)
    await this.portal.kill9()
    await this.portal.restart()
    this.isCrashing = false
  }

  // Runs act() for each item of the list, `lanes` at a time.
  async each(list, lanes, act) {
    const lane = async () => { for (let it; (it = list.shift());) await act(it) }
    await Promise.all(Array.from({ length: lanes }, lane))
  }

  async run() {
    this.world = await startAll({ edits: queueLimits(16), speed: 1000 })
    Object.assign(this, { portal: this.world.portal, rehearsal: this.world.rehearsal })
    const { portal, rehearsal, wrong } = this
    try {
      const plans = Array.from({ length: this.jobs }, (_, number) => this.plan(number))
      const start = Date.now()
      await this.each(plans, this.concurrency, (plan) => this.job(plan).catch((error) => {
        wrong(`job ${plan.number} (${plan.name}, ${JSON.stringify(plan.rule)}):`, error.message)
      }))
      this.seconds = (Date.now() - start) / 1000
      this.count.hits = await rehearsal.hits()
      await rehearsal.forgetFaults()
      this.settleSeconds = await settle({ portal, rehearsal, limit: SETTLE }, wrong)
      await this.check()
      this.checkMemory()
    } finally {
      if (this.trouble.length > 0 && process.env.SOAK_LOG) console.error(portal.tail(2000))
      await this.world.stop().catch((error) => wrong('at the end:', error.message))
    }
    return this
  }

  async check() {
    const { wrong } = this
    const { all, kept } = await listAll(this.portal)
    const documents = []
    await this.each([...this.operations.values()], 16, async (operation) => {
      documents.push(await checkOperation(this.portal, operation, wrong))
    })
    for (const document of documents) checkTime(document, this, wrong)
    checkNames(all, documents, wrong)
    const state = await this.rehearsal.state()
    for (const orphan of orphans(state, all, kept)) wrong('orphan:', orphan)
    checkPresent(state, all, wrong)
    this.left = all.length
    this.kept = kept.length
    this.slowest = this.#slowest(documents)
    this.ends = {}
    for (const { kind, state: end, result } of documents) {
      const key = `${kind}: ${end}${end === 'failed' ? ` ${result?.code}` : ''}`
      this.ends[key] = (this.ends[key] ?? 0) + 1
    }
  }

  #slowest(documents) {
    const took = ({ createdAt, endedAt }) => (Date.parse(endedAt) - Date.parse(createdAt)) / 1000
    const faults = (name) => this.rules.filter((rule) => rule.name === name)
      .map(({ at, kind, times }) => ` ${times} x ${kind} at ${at}`).join()
    return documents.filter(({ endedAt }) => endedAt).sort((a, b) => took(b) - took(a)).slice(0, 3)
      .map((it) => `${took(it).toFixed(1)} s ${it.kind} ${it.name} ${it.state}${faults(it.name)}`)
  }

  checkMemory() {
    const size = Math.floor(this.memory.length / 3)
    if (size < 3) return
    this.thirds = [0, 1, 2].map((i) => Math.max(...this.memory.slice(i * size, (i + 1) * size)))
    const growth = this.thirds[2] - this.thirds[1]
    if (growth > this.growth) this.wrong(`memory grew by ${growth.toFixed(1)} MB in the last third`)
  }

  table() {
    const numbers = (list) => list?.map((it) => it.toFixed(1)).join(', ') ?? '-'
    const rows = [
      ['seed', this.seed], ['jobs', this.jobs], ['at once', this.concurrency],
      ['operations accepted', this.operations.size],
      ...Object.entries(this.ends ?? {}).sort().map(([end, n]) => [`  ${end}`, n]),
      ['faults set, calls that met one', `${this.rules.length}, ${this.count.hits}`],
      ['cancels', this.count.cancels], ['kill -9 and restart', this.crashes.length],
      ['repeated after a cut', this.count.retried], ['refused for now', this.count.refused],
      ['workspaces left, data kept', `${this.left}, ${this.kept}`],
      ['seconds, and to settle', `${this.seconds?.toFixed(1)}, ${this.settleSeconds?.toFixed(1)}`],
      ...(this.slowest ?? []).map((text) => ['slowest', text]),
      [`MB, maximum of each third`, `${numbers(this.thirds)} (may grow by ${this.growth})`],
      ['broken rules', this.trouble.length],
    ]
    return rows.map(([what, value]) => `  ${what.padEnd(34)} ${value}`).join('\n')
  }
}

export async function soak(options = {}) {
  const jobs = options.jobs ?? 60
  const kills = Math.min(12, Math.max(1, Math.floor(jobs / 50)))
  const seed = Date.now() % 1000000
  return new Soak({ jobs, faults: 5, seed, concurrency: 24, kills, growth: 2, ...options }).run()
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const options = { jobs: 2000, seed: Date.now() % 1000000 }
  for (const name of ['jobs', 'faults', 'seed', 'concurrency', 'kills']) {
    const value = process.env[name.toUpperCase()]
    if (value) options[name] = Number(value)
  }
  if (process.env.MOST_GROWTH_MB) options.growth = Number(process.env.MOST_GROWTH_MB)
  console.log(`soak: SEED=${options.seed}`)
  const { trouble, ...soaked } = await soak(options).then((it) => ({ ...it, table: it.table() }))
  console.log(`\r${soaked.table}`)
  for (const text of trouble.slice(0, 50)) console.log(`BROKEN: ${text}`)
  if (trouble.length > 50) console.log(`... and ${trouble.length - 50} more`)
  process.exit(trouble.length > 0 ? 1 : 0)
}
