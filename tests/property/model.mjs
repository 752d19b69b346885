// What is known of the portal by its answers, and which answers that allows. While commands
// overlap, several are possible; the model forbids only what cannot be. Moments are numbers of a
// clock of its own, which advances by one at each thing that is seen.
//
// Each judgement is null, or a text that says what is wrong with the answer.
const work = new Set(['stop', 'start', 'restart', 'rotate', 'sleep', 'wake'])
// Only in some states of a workspace, which are not modelled.
const stateful = new Set(['sleep', 'wake'])
const text = ({ status, text: body }) => `${status} ${body.slice(0, 300)}`
// A volume alone does not keep a name taken.
const keepsName = ({ leftovers = [] }) => leftovers.some(({ reason }) => reason !== 'unable')

export class Model {
  constructor() {
    this.now = 0
    // Every request: { act, name, by, ..., sentAt, answeredAt, isRepeated: sent again after a cut,
    // isLost: it is not known whether it was heard }.
    this.requests = []
    // id -> { id, kind, name, sentAt, acceptedAt, endedAt, last: its terminal event, isCancelled }
    this.operations = new Map()
    this.limits = { cap: Infinity, queue: Infinity } // the lowest that were in force
  }

  ask(request) {
    request.sentAt = ++this.now
    request.answeredAt = Infinity
    this.requests.push(request)
    return request
  }

  answered(request) { request.answeredAt = ++this.now }

  accepted({ sentAt }, id, fields) {
    const moments = { sentAt, acceptedAt: ++this.now, endedAt: Infinity }
    const operation = { id, ...fields, ...moments, askedBy: new Set() }
    this.operations.set(id, operation)
    return operation
  }

  ended(operation, last) { Object.assign(operation, { endedAt: ++this.now, last }) }

  limit({ cap, queue }) {
    this.limits.cap = Math.min(this.limits.cap, cap)
    this.limits.queue = Math.min(this.limits.queue, queue)
  }

  of(name, test = () => true) {
    return [...this.operations.values()].filter((it) => it.name === name && test(it))
  }

  newest(name) { return this.of(name).at(-1) }

  // Other requests that were, or may have been, in flight at the same time or after `from`.
  overlapping(request, act, from = request.sentAt) {
    const isOther = (it) => it !== request && it.act === act && it.name === request.name
    return this.requests.filter((it) => isOther(it) && (it.answeredAt > from || it.isLost))
  }

  // Whether that deploy had certainly released its name when the request was sent.
  #hasReleased(deploy, { sentAt }) {
    if (deploy.endedAt > sentAt) return false
    if (deploy.last.event !== 'ready') return !keepsName(deploy.last.data)
    const isDelete = ({ kind, last }) => kind === 'delete' && last?.event === 'deleted'
    return this.of(deploy.name, (it) => isDelete(it) && it.sentAt > deploy.acceptedAt
      && it.endedAt < sentAt).length > 0
  }

  mayBeTaken(request) {
    const deploys = this.of(request.name, ({ kind }) => kind === 'deploy')
    return deploys.some((it) => !this.#hasReleased(it, request))
      || this.overlapping(request, 'deploy').length > 0
  }

  // The deploy of a workspace that certainly exists, and existed all the time.
  #holder(request) {
    const isReady = ({ kind, endedAt, last }) =>
      kind === 'deploy' && endedAt < request.sentAt && last.event === 'ready'
    return this.of(request.name, isReady)
      .find((it) => this.overlapping(request, 'remove', it.sentAt).length === 0)
  }

  #isBusy(request) {
    const isWork = ({ kind, endedAt }) => work.has(kind) && endedAt > request.sentAt
    return this.of(request.name, isWork).length > 0
      || this.overlapping(request, 'operate').length > 0
  }

  // How many deployments may be running or waiting at most.
  #mayBeOpen(request) {
    const isOpen = ({ kind, endedAt }) => kind === 'deploy' && endedAt > request.sentAt
    const mayBegin = (it) => it !== request && it.act === 'deploy'
      && (it.answeredAt > request.sentAt || it.isLost)
    return [...this.operations.values()].filter(isOpen).length
      + this.requests.filter(mayBegin).length
  }

  #sameKey(request) {
    if (request.key === null) return []
    return this.requests.filter((it) => it !== request && it.act === 'deploy'
      && it.key === request.key && it.by === request.by)
  }

  // A name that is taken though no known operation has it is `isDoubtful`: the double may hold
  // something of that name.
  deploy(request, answer) {
    const same = this.#sameKey(request)
    const bound = same.find(({ id, answeredAt }) => id && answeredAt < request.sentAt)
    const { status, json } = answer
    if (bound && bound.name === request.name) {
      if (status === 202 && json.deploymentId === bound.id) return null
      return `a repeated key began ${bound.id}, and now: ${text(answer)}`
    }
    if (bound && status !== 409) return `a key with another body: ${text(answer)}`
    if (status === 202) {
      const isKnown = this.operations.has(json.deploymentId)
      if (isKnown && same.length === 0) return `another request's operation: ${text(answer)}`
      if (!isKnown && this.#holder(request)) return `the name is taken: ${text(answer)}`
      return null
    }
    if (status === 409 && json.code === 'idempotency_conflict') {
      const hasConflict = same.some(({ name }) => name !== request.name)
      return hasConflict ? null : `there is no such conflict: ${text(answer)}`
    }
    if (status === 409 && json.code === 'name_taken') {
      request.isDoubtful = !this.mayBeTaken(request)
      return null
    }
    if (status === 429 && json.code === 'queue_full') {
      const isFull = this.#mayBeOpen(request) >= this.limits.cap + this.limits.queue
      return isFull ? null : `the queue cannot be full: ${text(answer)}`
    }
    return text(answer)
  }

  remove(request, answer) {
    const { status, json } = answer
    if (status === 202) return null
    if (status === 404 && json.code === 'stack_unknown') {
      return this.#mustKnow(request) ? `they must know it: ${text(answer)}` : null
    }
    if (status === 409 && json.code === 'stack_busy') {
      return this.#isBusy(request) ? null : `nothing is done with it: ${text(answer)}`
    }
    return text(answer)
  }

  #may({ by }, { owner }) { return by === 'admin' || by === owner }

  // It exists and is theirs, or they once deleted one of this name, which another may have now. The
  // admin sees the last deleted one.
  #mustKnow(request) {
    const holder = this.#holder(request)
    if (holder && this.#may(request, holder)) return true
    const isDeleted = (it) => it.kind === 'delete' && it.endedAt < request.sentAt
      && it.last.event === 'deleted' && this.#may(request, it)
    const isLast = (it) => request.by !== 'admin'
      || this.overlapping(request, 'deploy', it.sentAt).length === 0
    return this.of(request.name, isDeleted).some(isLast)
  }

  operate(request, answer) {
    const { status, json } = answer
    const holder = this.#holder(request)
    const exists = holder && this.#may(request, holder)
    if (status === 202) return null
    const isUnknown = status === 404 && json.code === 'stack_unknown'
    const isUnfit = status === 409 && json.code === 'stack_unfit'
    if (isUnfit && stateful.has(request.what)) return null
    if (isUnknown || isUnfit) return exists ? `it exists and is theirs: ${text(answer)}` : null
    if (status === 409 && json.code === 'stack_busy') {
      const isBusy = request.isRepeated || this.#isBusy(request)
      return isBusy ? null : `nothing is done with it: ${text(answer)}`
    }
    return text(answer)
  }

  cancel(request, answer, operation) {
    const { status, json } = answer
    if (!this.#may(request, operation)) {
      const isRefused = status === 403 && json.code === 'not_owner'
      return isRefused ? null : `it belongs to another owner: ${text(answer)}`
    }
    if (status !== 202) return text(answer)
    if (!json.cancelled) return null
    if (operation.kind !== 'deploy') return `that cannot be cancelled: ${text(answer)}`
    return operation.endedAt < request.sentAt ? `it had ended: ${text(answer)}` : null
  }

  check(request, answer) {
    if (answer.status !== 200) return text(answer)
    if (answer.json.available) return this.#holder(request) ? `it is taken: ${text(answer)}` : null
    request.isDoubtful = !this.mayBeTaken(request)
    return null
  }
}
