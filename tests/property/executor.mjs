// Executes one sequence of commands against a portal and a double of its own, and then checks what
// must hold.
import { ADMIN, pause, queueLimits, request, seconds, startAll, until } from '../http/harness.mjs'
import {
  checkNames, checkOperation, checkPresent, checkTime, deadlines, listAll, settle,
} from '../soak/invariants.mjs'
import { collector, isCut } from '../soak/soak.mjs'
import { names } from './commands.mjs'
import { checkJournal, checkPromises, readJournal } from './journal.mjs'
import { Model } from './model.mjs'
import { ProcessControl } from './process_control.mjs'

const SETTLE = 60 // seconds after the last command

class Executor {
  constructor(tree, { version, cap, queue, commands }) {
    Object.assign(this, { tree, version, commands, queue }, collector())
    this.model = new Model()
    this.owners = []
    this.inFlight = new Set()
    this.isQuiet = true // no fault was set
    this.isBlind = version === '0.26.5' // knows nothing of volumes
    this.limit({ cap, queue })
  }

  limit({ cap, queue = this.queue }) {
    this.queue = queue
    const [[path, change]] = Object.entries(queueLimits(cap, queue))
    const config = this.tree.read(path)
    if (change(config) !== config) this.tree.write(path, change(config))
    this.model.limit({ cap, queue })
  }

  key(by) { return by === 'admin' ? ADMIN : this.owners[by]?.key }

  // Sends a request, and again when the connection breaks; with `isOnce` the answer is null then.
  async ask(fields, send, { isOnce = false } = {}) {
    const asked = this.model.ask({ key: null, ...fields })
    const answer = await this.#persistently(asked, () => send(this.key(asked.by)), isOnce)
    this.model.answered(asked)
    if (!answer || (asked.isRepeated && answer.status !== 202)) asked.isLost = true
    return { asked, answer }
  }

  async #persistently(asked, send, isOnce) {
    for (;;) {
      const crashesBefore = this.control.crashes.length
      try {
        return await send()
      } catch (error) {
        if (!isCut(error)) throw error
        await this.control.isBack(crashesBefore)
        if (isOnce) return null
        asked.isRepeated = true
      }
    }
  }

  // Reports a wrong answer; returns whether it accepts the request.
  isAccepted({ asked, answer }, verdict) {
    if (verdict) this.wrong(`${asked.act} ${asked.name} by ${asked.by}:`, verdict)
    // What the model cannot explain may be held by a call in the double of which nobody heard.
    if (asked.isDoubtful && this.isQuiet) {
      this.wrong(`${asked.act} ${asked.name}: it is free, no fault was set: ${answer.text}`)
    }
    return answer.status === 202
  }

  // The operation that an answer names: followed to its end from now on, through every cut.
  async accept({ asked, answer }, kind) {
    const { deploymentId: id, name, statusUrl } = answer.json
    const owner = asked.by === 'admin' ? await this.ownerOf(id) : asked.by
    let operation = this.model.operations.get(id)
    if (!operation) {
      operation = this.model.accepted(asked, id, { kind, name, owner, statusUrl })
      operation.watched = this.watch(operation)
    }
    operation.askedBy.add(asked.by)
    asked.id = id
    return operation
  }

  async ownerOf(id) {
    const path = `/api/admin/operations?search=${id}`
    const { answer } = await this.ask({ act: 'look', by: 'admin' },
      (key) => this.portal.api(path, { key }))
    const [operation] = answer.json.operations
    return this.owners.findIndex((owner) => owner.id === operation?.ownerId)
  }

  async watch(operation) {
    const onStream = (stream) => { operation.stream = stream }
    const options = { limit: seconds(120), onStream }
    try {
      const { events, last } = await this.portal.follow(operation.statusUrl, options)
      operation.seen = events
      this.model.ended(operation, last)
    } catch (error) {
      this.wrong(error.message)
    }
  }

  // The commands; see commands.mjs.

  async #deployOnce({ name, by, key }) {
    const headers = key === null ? {} : { 'idempotency-key': `key-${key}`.padEnd(32, '.') }
    const sent = await this.ask({ act: 'deploy', name, by, key },
      (bearer) => this.portal.deploy(name, { key: bearer, headers }), { isOnce: key === null })
    if (!sent.answer) return this.#find(sent.asked)
    const verdict = this.model.deploy(sent.asked, sent.answer)
    if (this.isAccepted(sent, verdict)) await this.accept(sent, 'deploy')
  }

  // Whether a deploy that was cut off was heard: what its owner sees.
  async #find(asked) {
    const { name, by } = asked
    const { answer } = await this.ask({ act: 'look', name, by },
      (key) => this.portal.stack(name, { key }))
    if (answer.status === 200) await this.accept({ asked, answer }, 'deploy')
  }

  async deploy(command) {
    const times = command.isTwice ? [command, command] : [command]
    await Promise.all(times.map((it) => this.#deployOnce(it)))
  }

  async make({ name, by }) {
    await this.#deployOnce({ name, by, key: null })
    await this.await({ name })
  }

  async await({ name }) { await this.model.newest(name)?.watched }

  async cancel({ name, by }) {
    const operation = this.model.newest(name)
    if (!operation) return
    const sent = await this.ask({ act: 'cancel', name, by },
      (key) => this.portal.cancel(operation.id, { key }))
    const verdict = this.model.cancel(sent.asked, sent.answer, operation)
    if (!this.isAccepted(sent, verdict)) return
    if (sent.answer.json.cancelled) operation.isCancelled = true
    else operation.refusedAt = Date.now() / 1000
  }

  async remove({ name, by, data }) {
    const sent = await this.ask({ act: 'remove', name, by },
      (key) => this.portal.remove(name, { key, data }))
    if (!this.isAccepted(sent, this.model.remove(sent.asked, sent.answer))) return null
    const { answer } = await this.ask({ act: 'look', name, by },
      () => this.portal.status(sent.answer.json.statusUrl))
    const operation = await this.accept(sent, answer.json.kind)
    operation.isRemoved = true
    return operation
  }

  async operate({ name, by, what }) {
    const [path, json] = what === 'rotate' ? ['password', { action: 'rotate' }] : [what]
    const sent = await this.ask({ act: 'operate', name, by, what },
      (key) => this.portal.post(`/api/stack/${name}/${path}`, json, { key }))
    const verdict = this.model.operate(sent.asked, sent.answer)
    if (this.isAccepted(sent, verdict)) await this.accept(sent, what)
  }

  async check({ name }) {
    const sent = await this.ask({ act: 'check', name }, () => this.portal.check(name))
    this.isAccepted(sent, this.model.check(sent.asked, sent.answer))
  }

  cut({ name }) { this.model.newest(name)?.stream?.close() }

  pause({ ms }) { return pause(ms) }

  // All of the owner's requests have ended before their key changes, so that it is certain which
  // key is valid.
  async newKey({ by }) {
    await Promise.all(this.inFlight)
    const owner = this.owners[by]
    const old = owner.key
    const { answer } = await this.ask({ act: 'newKey', by },
      () => this.portal.post('/api/owner/rotate', undefined, { key: old }), { isOnce: true })
    if (answer?.status === 200) owner.key = answer.json.ownerKey
    else if (answer) this.wrong(`a new key: ${answer.status} ${answer.text}`)
    else await this.#moveWith(owner, { key: ADMIN, json: { owner: owner.id } }) // the admin helps
    const { answer: { status, text } } = await this.ask({ act: 'look', by },
      () => this.portal.api('/api/owner', { key: old }))
    if (answer && status !== 401) this.wrong(`the old key is still valid: ${status} ${text}`)
  }

  async #moveWith(owner, options) {
    const post = (path, rest, how) => this.ask({ act: 'move' },
      () => this.portal.api(path, { method: 'POST', ...rest }), how)
    const { answer: made } = await post('/api/owner/link', options)
    if (made.status !== 201) return this.wrong(`a link: ${made.status} ${made.text}`)
    const json = { link: made.json.link.replace('/move#', '') }
    const { answer: moved } = await post('/api/owner/move', { json }, { isOnce: true })
    if (!moved) return this.#moveWith(owner, options) // the link may be used up
    if (moved.status !== 200) return this.wrong(`a move: ${moved.status} ${moved.text}`)
    owner.key = moved.json.ownerKey
    const { answer: again } = await post('/api/owner/move', { json })
    if (again.status !== 403) this.wrong(`a used link: ${again.status} ${again.text}`)
  }

  async move({ by }) {
    await Promise.all(this.inFlight)
    const owner = this.owners[by]
    await this.#moveWith(owner, { key: owner.key, json: {} })
  }

  async fault({ at, kind, times, skip, name, ms, status }) {
    this.isQuiet = this.isQuiet && kind === 'latency' && at === 'deploy' // slow is no failure
    const rule = { at, kind, times, skip, ...(name ? { name } : {}) }
    if (kind === 'latency' || kind === 'hang') rule.ms = ms
    if (kind === 'status') rule.status = status
    await this.rehearsal.faults(rule)
  }

  forgetFaults() { return this.rehearsal.forgetFaults() }

  kill({ crash }) {
    return this.control.restart('SIGKILL', crash ? `${crash.commit}:${crash.side}` : undefined)
  }

  terminate({ cap }) {
    if (cap) this.limit({ cap })
    return this.control.restart('SIGTERM')
  }

  reload({ cap }) {
    if (cap) this.limit({ cap })
    return this.control.reload()
  }

  // The whole sequence.

  async run() {
    const { tree, version } = this
    this.world = await startAll({ tree, speed: 1000, version, hooks: true })
    Object.assign(this, { portal: this.world.portal, rehearsal: this.world.rehearsal })
    this.control = new ProcessControl(this.portal, this.wrong)
    try {
      await this.#makeForeign()
      await Promise.all([this.#makeOwner(0), this.#makeOwner(1)])
      await this.#execute()
      await this.#check()
      await this.#removeAll()
    } catch (error) {
      this.wrong(error.stack)
    } finally {
      this.control.isEnding = true
      if (this.trouble.length > 0) this.log = [...this.portal.lines]
      await this.world.stop().catch((error) => this.wrong('at the end:', error.message))
    }
    return this
  }

  // Another user's things in the same Dokploy, under a name that the sequence uses.
  async #makeForeign() {
    const change = (procedure, json) => this.rehearsal.change(procedure, json)
    const made = await change('project.create', { name: 'ada', description: 'of another user' })
    const { environmentId } = made.environment
    const { applicationId } = await change('application.create',
      { name: 'ada', environmentId, description: 'this too' })
    await change('application.saveDockerProvider',
      { applicationId, dockerImage: 'nginx:1', username: '', password: '', registryUrl: '' })
    await change('mounts.create', {
      type: 'volume', volumeName: 'portal-ai-workspace-ada-theirs', mountPath: '/workspace',
      serviceId: applicationId,
    })
    await change('application.deploy', { applicationId, title: 'theirs' })
    this.foreign = (await this.rehearsal.api('/__rehearsal/settle', { method: 'POST' })).json
  }

  // The double's things without the foreign ones, which must not have changed.
  ours(state) {
    const without = (kind, id) => {
      const theirs = new Map(this.foreign[kind].map((it) => [it[id], JSON.stringify(it)]))
      const unchanged = state[kind].filter((it) => theirs.get(it[id]) === JSON.stringify(it))
      if (unchanged.length !== theirs.size) this.wrong(`another user's ${kind} have changed`)
      return state[kind].filter((it) => !theirs.has(it[id]))
    }
    return {
      projects: without('projects', 'projectId'),
      applications: without('applications', 'applicationId'),
      domains: without('domains', 'domainId'), mounts: without('mounts', 'mountId'),
      services: without('services', 'appName'), volumes: without('volumes', 'name'),
      routes: without('routes', 'host'), containers: state.containers,
    }
  }

  // A visitor becomes an owner by their first deployment; it is cancelled at once.
  async #makeOwner(by) {
    const name = `born-${by}`
    const headers = { 'idempotency-key': name.padEnd(32, '.') }
    const sent = await this.ask({ act: 'deploy', name, by, key: name },
      () => this.portal.deploy(name, { headers }))
    const operation = await this.accept(sent, 'deploy')
    const key = sent.answer.json.ownerKey
    const { json } = await this.portal.api('/api/owner', { key })
    this.owners[by] = { key, id: json.ownerId }
    await this.cancel({ name, by })
    await operation.watched
  }

  #lastOwner(name) {
    return this.model.of(name, ({ kind }) => kind === 'deploy').at(-1)?.owner ?? 0
  }

  async #execute() {
    for (const command of this.commands) {
      const by = command.by === 'its' ? this.#lastOwner(command.name) : command.by
      const done = Promise.resolve(this[command.do]({ ...command, by }))
        .catch((error) => this.wrong(`${command.do}: ${error.stack}`))
      this.inFlight.add(done)
      done.finally(() => this.inFlight.delete(done))
      if (command.wait !== false) await done
    }
    await Promise.all(this.inFlight)
  }

  async #settle() {
    const also = async (all) => {
      const duplicates = []
      const state = this.ours(await this.rehearsal.state())
      checkPresent(state, all, (...args) => duplicates.push(args))
      if (duplicates.length > 0) return duplicates // the sweeper still has to remove them
      const { json } = await this.portal.api('/api/admin/findings', { key: ADMIN })
      const found = json.findings.filter(({ kind }) => kind !== 'in_error')
      return found.length > 0 ? found : null
    }
    const { portal, rehearsal } = this
    const stateOf = (state) => this.ours(state)
    await settle({ portal, rehearsal, limit: SETTLE, stateOf, also }, this.wrong)
  }

  async #check() {
    const { portal, wrong, model } = this
    await this.control.disarm()
    await this.rehearsal.forgetFaults()
    await Promise.all([...model.operations.values()].map(({ watched }) => watched))
    const hasEnded = ({ ended_at: end }) => end
    await until(async () => (await readJournal(portal)).operations.every(hasEnded),
      'every operation has ended', seconds(SETTLE)).catch((error) => wrong(error.message))
    await this.#settle()
    const rows = await readJournal(portal)
    const { all } = await listAll(portal)
    const state = this.ours(await this.rehearsal.state())
    const unheard = rows.operations.filter(({ id }) => !model.operations.has(id))
      .map(({ id, kind, name }) => ({
        id, kind, name, statusUrl: `/api/status/${id}`, isUnheard: true,
      }))
    const documents = []
    const limits = { deadlines: deadlines(), crashes: this.control.crashes }
    for (const operation of [...model.operations.values(), ...unheard]) {
      const document = await checkOperation(portal, operation, wrong)
      checkTime(document, limits, wrong)
      documents.push(document)
    }
    this.ends = documents.map((it) => `${it.kind}: ${it.state}`)
    checkNames(all, documents, wrong)
    checkPresent(state, all, wrong)
    checkJournal(rows, { state, isBlind: this.isBlind }, wrong)
    const owners = this.owners.map(({ id }) => id)
    const operations = model.operations.values()
    checkPromises(rows, { operations, owners, isQuiet: this.isQuiet }, wrong)
    for (const stack of all) await this.#checkStack(stack, rows)
    for (const name of names) {
      const { available } = (await portal.check(name)).json
      const isListed = all.some((it) => it.name === name)
      if (available === isListed) wrong(`${name}: available ${available}, listed ${isListed}`)
    }
  }

  // It is what it says: locked, and open to its owner; or nothing of it runs.
  async #checkStack({ name, state }, rows) {
    const { owner_id: id } = rows.stacks.find((it) => it.name === name)
    const by = this.owners.findIndex((owner) => owner.id === id)
    const { json } = await this.portal.stack(name, { key: this.key(by) })
    if (json.state !== state) this.wrong(`${name}: ${state} to the admin, ${json.state} to them`)
    if (state !== 'ready') return
    const { password } = json
    const locked = await this.rehearsal.stack(name, '/global/health')
    const open = await this.rehearsal.stack(name, '/global/health', { password })
    if (locked.status === 401 && open.status === 200) return
    this.wrong(`${name} is ready: ${locked.status} to anyone, ${open.status} to its owner`)
  }

  // Whatever happened: its owner can remove it, with its files, and nothing is left.
  async #removeAll() {
    const remove = async (name, by) => {
      const operation = await this.remove({ name, by, data: 'delete' })
      await operation?.watched
      const end = operation?.last
      if (end?.event !== 'deleted') this.wrong(`${name} cannot be removed:`, end ?? 'refused')
    }
    const listed = async (key) => (await this.portal.api('/api/stacks', { key })).json
    const kept = async (key) => (await listed(key)).keptData.filter((it) => it.reason === 'kept')
    for (const [by, { key }] of this.owners.entries()) {
      for (const { name } of (await listed(key)).stacks) await remove(name, by)
      for (const name of new Set((await kept(key)).map((it) => it.name))) await remove(name, by)
      const still = await kept(key)
      if (still.length > 0) this.wrong('kept files cannot be removed:', still)
    }
    await this.#settle()
    const state = this.ours(await this.rehearsal.state())
    const isLeft = ([kind, list]) => list.length > 0 && !(kind === 'volumes' && this.isBlind)
    const left = Object.entries(state).filter(isLeft)
    if (left.length > 0) this.wrong('all was removed, and there is left:', Object.fromEntries(left))
    checkJournal(await readJournal(this.portal), { state, isBlind: this.isBlind }, this.wrong)
  }
}

// Executes it. Of the result: trouble: what is wrong; log: of the portal, when something is; ends:
// of each operation; control.crashes.
export const execute = (tree, sequence) => new Executor(tree, sequence).run()
