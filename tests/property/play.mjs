// play: one sequence of commands from beginning to end, against a portal and a double of its own, and then the books.
import { ADMIN, request as ask, seconds, startAll, until } from '../http/harness.mjs'
import { checkNames, checkOperation, checkPresent, checkTime, listed, settle } from '../soak/books.mjs'
import { names } from './commands.mjs'
import { checkJournal, checkPromises, read } from './journal.mjs'
import { Model } from './model.mjs'
import { Power } from './power.mjs'

const SETTLE = 60 // seconds after the last command
const cutOff = (error) => /ECONNREFUSED|ECONNRESET|EPIPE|socket hang up/.test(`${error.code} ${error.message}`)

class Player {
  constructor(house, { version, cap, queue, commands }) {
    Object.assign(this, { house, version, commands, trouble: [], model: new Model(), owners: [], flying: new Set(), quiet: true, blind: version === '0.26.5' })
    this.wrong = (text, ...more) => { this.trouble.push([text, ...more.map((it) => (typeof it === 'string' ? it : JSON.stringify(it)))].join(' ')) }
    this.limit({ cap, queue })
  }

  limit({ cap, queue = this.queue }) {
    this.queue = queue
    const before = this.house.read('config.lua')
    const after = before.replace(/running_deployments = \d+/, `running_deployments = ${cap}`).replace(/queue = \d+/, `queue = ${queue}`)
    if (after !== before) this.house.write('config.lua', after)
    this.model.limit({ cap, queue })
  }

  // Asking ----------------------------------------------------------------------------------------------------------------------

  key(by) { return by === 'admin' ? ADMIN : this.owners[by]?.key }

  // Asks, and again when the connection broke, unless that may be done only once: then null. Judged when the answer is there.
  async ask(fields, send, { once = false } = {}) {
    const request = this.model.ask({ key: null, ...fields })
    const answer = await this.#persistently(request, () => send(this.key(request.by)), once)
    this.model.answered(request)
    if (!answer || (request.again && answer.status !== 202)) request.lost = true
    return { request, answer }
  }

  async #persistently(request, send, once) {
    for (;;) {
      const before = this.power.crashes.length
      try {
        return await send()
      } catch (error) {
        if (!cutOff(error)) throw error
        await this.power.back(before)
        if (once) return null
        request.again = true
      }
    }
  }

  judge({ request, answer }, verdict) {
    if (verdict) this.wrong(`${request.act} ${request.name} by ${request.by}:`, verdict)
    return answer?.status === 202
  }

  // What the model cannot explain may be held by something unknown in the double: a call of which nobody heard.
  async doubt({ request, answer }) {
    if (!request.doubtful) return
    if (this.quiet) this.wrong(`${request.act} ${request.name}: it is free, and no fault was played: ${answer.text}`)
  }

  // An operation of which an answer told: followed to its end from now on, through every cut.
  async accept({ request, answer }, kind) {
    const { deploymentId: id, name, statusUrl } = answer.json
    const owner = request.by === 'admin' ? await this.ownerOf(id) : request.by
    const known = this.model.operations.get(id)
    const operation = known ?? this.model.accepted(request, id, { kind, name, owner, statusUrl })
    operation.askedBy.add(request.by)
    request.id = id
    if (!known) this.watch(operation)
    return operation
  }

  async ownerOf(id) {
    const { answer } = await this.ask({ act: 'look', by: 'admin' }, (key) => this.portal.api(`/api/admin/operations?search=${id}`, { key }))
    return this.owners.findIndex((owner) => owner.id === answer.json.operations[0]?.ownerId)
  }

  watch(operation) {
    const onStream = (stream) => { operation.stream = stream }
    operation.watched = this.portal.follow(operation.statusUrl, { limit: seconds(120), onStream }).then(({ events, last }) => {
      operation.seen = events
      this.model.ended(operation, last)
    }, (error) => this.wrong(error.message))
  }

  // Commands ----------------------------------------------------------------------------------------------------------------------

  async one({ name, by, key }) {
    const headers = key === null ? {} : { 'idempotency-key': `key-${key}` }
    const asked = await this.ask({ act: 'deploy', name, by, key }, (bearer) => this.portal.deploy(name, { key: bearer, headers }), { once: key === null })
    if (!asked.answer) return this.find(asked.request)
    if (this.judge(asked, this.model.deploy(asked.request, asked.answer))) await this.accept(asked, 'deploy')
    await this.doubt(asked)
  }

  // Whether a deploy that was cut off was heard: what somebody sees who looks.
  async find(request) {
    const { answer } = await this.ask({ act: 'look', name: request.name, by: request.by }, (bearer) => this.portal.stack(request.name, { key: bearer }))
    if (answer.status === 200) await this.accept({ request, answer }, 'deploy')
  }

  async deploy(command) { await Promise.all(command.twice ? [this.one(command), this.one(command)] : [this.one(command)]) }

  async cancel({ name, by }) {
    const operation = this.model.newest(name)
    if (!operation) return
    const asked = await this.ask({ act: 'cancel', name, by }, (bearer) => this.portal.cancel(operation.id, { key: bearer }))
    if (!this.judge(asked, this.model.cancel(asked.request, asked.answer, operation))) return
    if (asked.answer.json.cancelled) operation.cancelled = true
    else operation.refused = Date.now() / 1000
  }

  async remove({ name, by, data }) {
    const asked = await this.ask({ act: 'remove', name, by }, (bearer) => this.portal.remove(name, { key: bearer, data }))
    if (!this.judge(asked, this.model.remove(asked.request, asked.answer))) return null
    const { answer } = await this.ask({ act: 'look', name, by }, () => this.portal.status(asked.answer.json.statusUrl))
    const operation = await this.accept(asked, answer.json.kind)
    operation.removed = true
    return operation
  }

  async operate({ name, by, what }) {
    const action = what === 'rotate' ? ['password', { action: 'rotate' }] : [what]
    const asked = await this.ask({ act: 'operate', name, by }, (bearer) => this.portal.api(`/api/stack/${name}/${action[0]}`, { method: 'POST', key: bearer, json: action[1] }))
    if (this.judge(asked, this.model.operate(asked.request, asked.answer))) await this.accept(asked, what)
  }

  async check({ name }) {
    const asked = await this.ask({ act: 'check', name }, () => this.portal.check(name))
    this.judge(asked, this.model.check(asked.request, asked.answer))
    await this.doubt(asked)
  }

  async stand({ name, by }) {
    await this.one({ name, by, key: null })
    await this.await({ name })
  }

  async await({ name }) { await this.model.newest(name)?.watched }

  cut({ name }) { this.model.newest(name)?.stream?.close() }

  pause({ ms }) { return new Promise((done) => setTimeout(done, ms)) }

  // An owner's own requests are over before his key is another: which of two is good is no question then.
  async newKey({ by }) {
    await Promise.all(this.flying)
    const owner = this.owners[by]
    const before = owner.key
    const asked = await this.ask({ act: 'newKey', by }, () => this.portal.api('/api/owner/rotate', { method: 'POST', key: before }), { once: true })
    if (asked.answer?.status === 200) owner.key = asked.answer.json.ownerKey
    else if (asked.answer) this.wrong(`a new key: ${asked.answer.status} ${asked.answer.text}`)
    else await this.#moved(owner, { key: ADMIN, json: { owner: owner.id } }) // nobody knows which is good: the admin helps
    const { answer } = await this.ask({ act: 'look', by }, () => this.portal.api('/api/owner', { key: before }))
    if (asked.answer && answer.status !== 401) this.wrong(`the key from before is good still: ${answer.status} ${answer.text}`)
  }

  async #moved(owner, options) {
    const post = (path, more) => this.ask({ act: 'move' }, () => this.portal.api(path, { method: 'POST', ...more }))
    const { answer: link } = await post('/api/owner/link', options)
    if (link.status !== 201) return this.wrong(`a link: ${link.status} ${link.text}`)
    const json = { link: link.json.link.replace('/move/', '') }
    const { request, answer: moved } = await this.ask({ act: 'move' }, () => this.portal.api('/api/owner/move', { method: 'POST', json }), { once: true })
    if (!moved) return this.#moved(owner, options) // used up, perhaps
    if (moved.status !== 200) return this.wrong(`a move: ${moved.status} ${moved.text}`)
    owner.key = moved.json.ownerKey
    const { answer: again } = await post('/api/owner/move', { json })
    if (again.status !== 403) this.wrong(`a link that was used: ${again.status} ${again.text}`, request)
  }

  async move({ by }) {
    await Promise.all(this.flying)
    await this.#moved(this.owners[by], { key: this.owners[by].key, json: {} })
  }

  async fault({ at, kind, times, skip, name, ms, status }) {
    this.quiet = this.quiet && kind === 'latency' && at === 'deploy' // a slow worker is no fault
    const rule = { at, kind, times, skip, ...(name ? { name } : {}) }
    if (kind === 'latency' || kind === 'hang') rule.ms = ms
    if (kind === 'status') rule.status = status
    await this.rehearsal.faults(rule)
  }

  noFaults() { return this.rehearsal.forgetFaults() }

  kill({ crash }) { return this.power.again('SIGKILL', crash ? `${crash.commit}:${crash.side}` : undefined) }

  term({ cap }) {
    if (cap) this.limit({ cap })
    return this.power.again('SIGTERM')
  }

  reload({ cap }) {
    if (cap) this.limit({ cap })
    return this.power.reload()
  }

  // The whole -----------------------------------------------------------------------------------------------------------------------

  async run() {
    this.world = await startAll({ root: this.house.root, speed: 1000, version: this.version, hooks: true, env: { NODE_ENV: 'test' } })
    Object.assign(this, { portal: this.world.portal, rehearsal: this.world.rehearsal })
    this.power = new Power(this.portal, this.wrong)
    try {
      await this.strangers()
      await this.births()
      await this.play()
      await this.books()
      await this.emptied()
    } catch (error) {
      this.wrong(error.stack)
    } finally {
      this.power.ending = true
      if (this.trouble.length > 0) this.log = [...this.portal.lines]
      await this.world.stop().catch((error) => this.wrong('at the end:', error.message))
    }
    return this
  }

  // Somebody else's things in the same Dokploy, of a name that is played with.
  async strangers() {
    const post = async (procedure, json) => {
      const { status, json: made, text } = await ask(`${this.rehearsal.url}/api/${procedure}`, { method: 'POST', json, headers: { 'x-api-key': 'tests' } })
      if (status !== 200) throw new Error(`${procedure}: ${text}`)
      return made
    }
    const { environment } = await post('project.create', { name: 'ada', description: 'somebody else made this' })
    const { applicationId } = await post('application.create', { name: 'ada', environmentId: environment.environmentId, description: 'and this' })
    await post('application.saveDockerProvider', { applicationId, dockerImage: 'nginx:1', username: '', password: '', registryUrl: '' })
    await post('mounts.create', { type: 'volume', volumeName: 'portal-ai-workspace-ada-theirs', mountPath: '/workspace', serviceId: applicationId })
    await post('application.deploy', { applicationId, title: 'theirs' })
    this.foreign = (await this.rehearsal.api('/__rehearsal/settle', { method: 'POST' })).json
  }

  // The double's things without theirs, and whether theirs are as they were.
  ours(state) {
    const of = (kind, id) => {
      const theirs = new Map(this.foreign[kind].map((it) => [it[id], JSON.stringify(it)]))
      const ours = state[kind].filter((it) => !theirs.has(it[id]))
      const same = state[kind].filter((it) => theirs.get(it[id]) === JSON.stringify(it)).length === theirs.size
      if (!same) this.wrong(`somebody else's ${kind} are not what they were`)
      return ours
    }
    return {
      projects: of('projects', 'projectId'), applications: of('applications', 'applicationId'), domains: of('domains', 'domainId'),
      mounts: of('mounts', 'mountId'), services: of('services', 'appName'), volumes: of('volumes', 'name'),
      containers: state.containers, routes: of('routes', 'host'),
    }
  }

  // Owners come to be with what they deploy first; it is cancelled at once.
  async births() {
    const born = async (by) => {
      const name = `born-${by}`
      const asked = await this.ask({ act: 'deploy', name, by, key: `born-${by}` }, () => this.portal.deploy(name, { headers: { 'idempotency-key': name } }))
      const operation = await this.accept(asked, 'deploy')
      this.owners[by] = { key: asked.answer.json.ownerKey }
      this.owners[by].id = (await this.portal.api('/api/owner', { key: this.owners[by].key })).json.ownerId
      await this.cancel({ name, by })
      await operation.watched
    }
    await Promise.all([born(0), born(1)])
  }

  async play() {
    for (const command of this.commands) {
      const by = command.by === 'its' ? this.model.of(command.name, ({ kind }) => kind === 'deploy').at(-1)?.owner ?? 0 : command.by
      const done = Promise.resolve(this[command.do]({ ...command, by })).catch((error) => this.wrong(`${command.do}: ${error.stack}`))
      this.flying.add(done)
      done.finally(() => this.flying.delete(done))
      if (command.wait !== false) await done
    }
    await Promise.all(this.flying)
  }

  async ended() {
    await Promise.all([...this.model.operations.values()].map(({ watched }) => watched))
  }

  async settled() {
    const also = async (all) => {
      const twice = []
      checkPresent(this.ours(await this.rehearsal.state()), all, (...args) => twice.push(args))
      if (twice.length > 0) return twice // the sweeper takes away what a call without an answer made after all
      const { json } = await this.portal.api('/api/admin/findings', { key: ADMIN })
      const found = json.findings.filter(({ kind }) => kind !== 'in_error')
      return found.length > 0 ? found : null
    }
    await settle({ ...this.world, limit: SETTLE, stateOf: (state) => this.ours(state), also }, this.wrong)
  }

  async books() {
    await this.power.disarm()
    await this.rehearsal.forgetFaults()
    await this.ended()
    await until(async () => (await read(this.portal)).operations.every(({ ended_at: end }) => end), 'every operation has ended', seconds(SETTLE)).catch((error) => this.wrong(error.message))
    await this.settled()
    const rows = await read(this.portal)
    const { all } = await listed(this.portal)
    const state = this.ours(await this.rehearsal.state())
    const unknown = rows.operations.filter(({ id }) => !this.model.operations.has(id)) // nobody heard that they were accepted
      .map(({ id, kind, name }) => ({ id, kind, name, statusUrl: `/api/status/${id}`, unheard: true }))
    const documents = []
    for (const operation of [...this.model.operations.values(), ...unknown]) {
      const document = await checkOperation(this.portal, operation, this.wrong)
      checkTime(document, { late: this.house.late, crashes: this.power.crashes }, this.wrong)
      documents.push(document)
    }
    this.ends = documents.map(({ kind, state }) => `${kind}: ${state}`)
    checkNames(all, documents, this.wrong)
    checkPresent(state, all, this.wrong)
    checkJournal(rows, { state, blind: this.blind }, this.wrong)
    checkPromises(rows, { operations: this.model.operations.values(), owners: this.owners.map(({ id }) => id), quiet: this.quiet }, this.wrong)
    for (const stack of all) await this.checkStack(stack, rows)
    for (const name of names) {
      const { json } = await this.portal.check(name)
      if (json.available === all.some((it) => it.name === name)) this.wrong(`${name} is ${json.available ? '' : 'not '}free, the list says otherwise`)
    }
  }

  // It says what it is: locked, and open to its owner; or nothing of it runs.
  async checkStack({ name, state }, rows) {
    const by = this.owners.findIndex(({ id }) => id === rows.stacks.find((it) => it.name === name).owner_id)
    const { json } = await this.portal.stack(name, { key: this.key(by) })
    if (json.state !== state) this.wrong(`${name} is ${state} to the admin, and ${json.state} to its owner`)
    if (state !== 'ready') return
    const locked = await this.rehearsal.stack(name, '/global/health')
    const open = await this.rehearsal.stack(name, '/global/health', { password: json.password })
    if (locked.status !== 401 || open.status !== 200) this.wrong(`${name} is ready, and answers ${locked.status} to anybody, ${open.status} to its owner`)
  }

  // Whatever it was: its owner can take it away, with its files, and nothing is left.
  async emptied() {
    const away = async (name, by) => {
      const operation = await this.remove({ name, by, data: 'delete' })
      await operation?.watched
      if (operation?.last?.event !== 'deleted') this.wrong(`${name} cannot be taken away:`, operation?.last ?? 'refused')
    }
    const kept = async (key) => (await this.portal.api('/api/stacks', { key })).json.keptData.filter(({ reason }) => reason === 'kept')
    for (const [by, { key }] of this.owners.entries()) {
      for (const { name } of (await this.portal.api('/api/stacks', { key })).json.stacks) await away(name, by)
      for (const name of new Set((await kept(key)).map((it) => it.name))) await away(name, by)
      if ((await kept(key)).length > 0) this.wrong('files that were kept cannot be taken away:', await kept(key))
    }
    await this.settled()
    const state = this.ours(await this.rehearsal.state())
    const left = Object.entries(state).filter(([kind, list]) => list.length > 0 && !(kind === 'volumes' && this.blind))
    if (left.length > 0) this.wrong('all was taken away, and there is left:', Object.fromEntries(left))
    checkJournal(await read(this.portal), { state, blind: this.blind }, this.wrong)
  }
}

// Plays it; { trouble: what was wrong, log: of the portal, when there was trouble, ends: of each operation, power: how often it died }.
export function play(house, sequence) { return new Player(house, sequence).run() }
