// model: what is known of the portal by what it told, and which answers are allowed by that. While commands overlap, several are; the
// model forbids only what cannot be. Moments are numbers of a clock of its own, which goes on by one at each thing that is seen.
//
// Each judgement is null, or what is wrong with the answer.
const work = new Set(['stop', 'start', 'restart', 'rotate'])
const text = (answer) => `${answer.status} ${answer.text.slice(0, 300)}`
const holdsName = ({ leftovers = [] }) => leftovers.some(({ reason }) => reason !== 'unable') // a volume alone keeps nobody from a name

export class Model {
  constructor() {
    this.now = 0
    this.asked = [] // every request: { act, name, by, ..., sent, answered: moments,
    // again: sent twice, as the connection broke, lost: nobody knows whether it was heard }
    this.operations = new Map() // id -> { id, kind, name, sent, accepted, ended: moments, last: its end, cancelled, removed }
    this.limits = { cap: Infinity, queue: Infinity } // the lowest that were in force
  }

  ask(request) {
    request.sent = ++this.now
    request.answered = Infinity
    this.asked.push(request)
    return request
  }

  answered(request) { request.answered = ++this.now }

  accepted(request, id, rest) {
    const operation = { id, ...rest, sent: request.sent, accepted: ++this.now, ended: Infinity, askedBy: new Set() }
    this.operations.set(id, operation)
    return operation
  }

  ended(operation, last) {
    operation.ended = ++this.now
    operation.last = last
  }

  limit({ cap, queue }) { this.limits = { cap: Math.min(this.limits.cap, cap), queue: Math.min(this.limits.queue, queue) } }

  of(name, test = () => true) { return [...this.operations.values()].filter((it) => it.name === name && test(it)) }

  newest(name) { return this.of(name).at(-1) }

  // Requests that were, or may have been, on their way at the same time; or after the moment `from`.
  overlapping(request, act, from = request.sent) {
    return this.asked.filter((it) => it !== request && it.act === act && it.name === request.name && (it.answered > from || it.lost))
  }

  // Whether that deploy had certainly let go of its name when the request was sent.
  #released(deploy, { sent }) {
    if (deploy.ended > sent) return false
    if (deploy.last.event !== 'ready') return !holdsName(deploy.last.data)
    return this.of(deploy.name, (it) => it.kind === 'delete' && it.sent > deploy.accepted && it.ended < sent && it.last.event === 'deleted').length > 0
  }

  mayBeTaken(request) {
    return this.of(request.name, ({ kind }) => kind === 'deploy').some((it) => !this.#released(it, request)) || this.overlapping(request, 'deploy').length > 0
  }

  // The deploy of a stack that certainly stands, and stood all the time.
  #holder(request) {
    return this.of(request.name, ({ kind, ended, last }) => kind === 'deploy' && ended < request.sent && last.event === 'ready')
      .find((it) => this.overlapping(request, 'remove', it.sent).length === 0)
  }

  #busy(request) {
    return this.of(request.name, ({ kind, ended }) => work.has(kind) && ended > request.sent).length > 0 || this.overlapping(request, 'operate').length > 0
  }

  #mayOpen(request) {
    const open = [...this.operations.values()].filter(({ kind, ended }) => kind === 'deploy' && ended > request.sent).length
    return open + this.asked.filter((it) => it !== request && it.act === 'deploy' && (it.answered > request.sent || it.lost)).length
  }

  #sameKey(request) { return this.asked.filter((it) => it !== request && it.act === 'deploy' && it.key === request.key && it.by === request.by) }

  // What is taken, though nobody known has it, is `doubtful`: the double may hold something of that name.
  deploy(request, answer) {
    const same = request.key === null ? [] : this.#sameKey(request)
    const bound = same.find(({ id, answered }) => id && answered < request.sent)
    const { status, json } = answer
    if (bound && bound.name === request.name) {
      return status === 202 && json.deploymentId === bound.id ? null : `a repeated key began ${bound.id}, and now: ${text(answer)}`
    }
    if (bound && status !== 409) return `a key with another body: ${text(answer)}`
    const known = status === 202 && this.operations.get(json.deploymentId)
    if (known && same.length === 0) return `an operation that is another's: ${text(answer)}`
    if (status === 202) return !known && this.#holder(request) ? `the name is taken, and is given again: ${text(answer)}` : null
    if (status === 409 && json.code === 'idempotency_conflict') return same.some(({ name }) => name !== request.name) ? null : `no such conflict: ${text(answer)}`
    if (status === 409 && json.code === 'name_taken') {
      if (!this.mayBeTaken(request)) request.doubtful = true
      return null
    }
    if (status === 429 && json.code === 'queue_full') return this.#mayOpen(request) >= this.limits.cap + this.limits.queue ? null : `the queue cannot be full: ${text(answer)}`
    return text(answer)
  }

  remove(request, answer) {
    const { status, json } = answer
    if (status === 202) return null
    if (status === 404 && json.code === 'stack_unknown') return this.#mustKnow(request) ? `it must be known to him: ${text(answer)}` : null
    if (status === 409 && json.code === 'stack_busy') return this.#busy(request) ? null : `nothing is done with it: ${text(answer)}`
    return text(answer)
  }

  #may({ by }, { owner }) { return by === 'admin' || by === owner }

  // It stands and is his; or he has deleted it once, whoever has the name now. The admin sees what anybody deleted last.
  #mustKnow(request) {
    const holder = this.#holder(request)
    if (holder && this.#may(request, holder)) return true
    return this.of(request.name, (it) => it.kind === 'delete' && it.ended < request.sent && it.last.event === 'deleted' && this.#may(request, it))
      .some((it) => request.by !== 'admin' || this.overlapping(request, 'deploy', it.sent).length === 0)
  }

  operate(request, answer) {
    const { status, json } = answer
    const holder = this.#holder(request)
    const stands = holder && this.#may(request, holder)
    if (status === 202) return null
    if (status === 404 && json.code === 'stack_unknown') return stands ? `it stands, and is his: ${text(answer)}` : null
    if (status === 409 && json.code === 'stack_unfit') return stands ? `it stands: ${text(answer)}` : null
    if (status === 409 && json.code === 'stack_busy') return request.again || this.#busy(request) ? null : `nothing is done with it: ${text(answer)}`
    return text(answer)
  }

  cancel(request, answer, operation) {
    const { status, json } = answer
    if (!this.#may(request, operation)) return status === 403 && json.code === 'not_owner' ? null : `another's: ${text(answer)}`
    if (status !== 202) return text(answer)
    if (json.cancelled && operation.kind !== 'deploy') return `that cannot be cancelled: ${text(answer)}`
    return json.cancelled && operation.ended < request.sent ? `it had ended: ${text(answer)}` : null
  }

  check(request, answer) {
    if (answer.status !== 200) return text(answer)
    if (answer.json.available) return this.#holder(request) ? `it is taken: ${text(answer)}` : null
    if (!this.mayBeTaken(request)) request.doubtful = true
    return null
  }
}
