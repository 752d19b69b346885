// books: what must be true of the portal, its journal and the double when faults are over. Each function tells what is not, by wrong(...).
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual as same } from 'node:util'
import { ADMIN, seconds, sse, terminal } from '../http/harness.mjs'

const stands = ['ready', 'stopped', 'unhealthy']

// The admin's whole list, and the volumes that outlived their stacks.
export async function listed(portal) {
  const all = []
  let after
  let kept
  do {
    const { json } = await portal.api(`/api/stacks?limit=200${after ? `&after=${after}` : ''}`, { key: ADMIN })
    all.push(...json.stacks)
    after = json.next
    kept = json.keptData
  } while (after)
  return { all, kept }
}

// Waits until nothing is under way and nothing is left over. `also(all)` says what else keeps it from being settled.
// In seconds, how long that took.
export async function settle({ portal, rehearsal, limit, stateOf = (state) => state, also = async () => null }, wrong) {
  const from = Date.now()
  const unsettled = async () => {
    const { json } = await portal.api('/health')
    const { all } = await listed(portal)
    const moving = all.filter(({ state }) => !stands.includes(state))
    if (moving.length > 0 || json.degraded.some(({ code }) => code === 'leftovers')) return [json.degraded, moving]
    const left = orphans(stateOf(await rehearsal.state()), all, null)
    return left.length > 0 ? left : also(all)
  }
  for (;;) {
    const why = await unsettled()
    if (!why) break
    if (Date.now() - from > seconds(limit)) {
      wrong(`not settled in ${limit} s:`, why)
      break
    }
    await sleep(50)
  }
  return (Date.now() - from) / 1000
}

const read = async (stream) => {
  const events = []
  for await (const event of stream) events.push(event)
  return events
}

// One whole stream: numbered without a gap, one end and that the last; what a client saw at the time is the same, and so is what it
// gets when it comes back in the middle. `unheard`: nobody was told of it. The operation's document.
export async function checkOperation(portal, operation, wrong) {
  const what = `${operation.kind} ${operation.name} (${operation.id})`
  const { json: document } = await portal.status(operation.statusUrl)
  if (!terminal.has(document.state)) {
    wrong(`${what} has not ended:`, document.state)
    return document
  }
  const stream = await sse(portal.url + operation.statusUrl)
  const events = await read(stream)
  if (!stream.isComplete) wrong(`${what}: the stream of what has ended does not end`)
  const ends = events.filter(({ event }) => terminal.has(event))
  if (ends.length !== 1 || events.at(-1) !== ends[0]) wrong(`${what}: ${ends.length} ends:`, events.map(({ event }) => event).join(' '))
  const ids = events.map(({ id }) => id).join()
  if (ids !== events.map((_, i) => i + 1).join()) wrong(`${what}: numbers`, ids)
  if (document.lastEventId !== events.length) wrong(`${what}: lastEventId ${document.lastEventId} of ${events.length}`)
  if (ends[0] && ends[0].event !== document.state) wrong(`${what}: the stream ends ${ends[0].event}, the document ${document.state}`)
  const middle = events.length >> 1
  const rest = await read(await sse(portal.url + operation.statusUrl, { lastEventId: middle }))
  if (!same(rest, events.slice(middle))) wrong(`${what}: after event ${middle} came`, rest.map(({ id }) => id).join(), 'of', ids)
  if (operation.unheard) return document
  if (!operation.seen) wrong(`${what}: nobody saw its end`)
  else if (operation.seen.map(({ id }) => id).join() !== ids) wrong(`${what}: seen were`, operation.seen.map(({ id }) => id).join(), 'of', ids)
  else if (!same(operation.seen, events)) wrong(`${what}: told again, it is another story:`, events.find((it, i) => !same(it, operation.seen[i])))
  return document
}

// Nothing took longer than it may. Each crash takes a while out of an operation, and a step begins anew after it.
export function checkTime(document, { late, crashes }, wrong) {
  const { kind, name, state, createdAt, startedAt, endedAt, steps: taken } = document
  if (!endedAt) return
  const what = `${kind} ${name} (${document.deploymentId})`
  const at = (text) => Date.parse(text) / 1000
  const allowed = (from, to, most) => most * (1 + crashes.filter((crash) => crash >= from - 1 && crash <= to).length) + 5
  const most = kind === 'deploy' ? late.all + late.rolling_back : kind === 'delete' ? late.deleting : late.other
  const from = at(startedAt ?? createdAt)
  if (startedAt && from - at(createdAt) > late.queued) wrong(`${what} waited ${from - at(createdAt)} s`)
  if (at(endedAt) - from > allowed(from, at(endedAt), most)) wrong(`${what} took ${at(endedAt) - from} s to ${state}; ${most} is the most`)
  if (kind !== 'deploy') return
  for (const step of taken) {
    if (step.state !== 'done') continue
    const took = at(step.endedAt) - at(step.startedAt)
    if (took > allowed(at(step.startedAt), at(step.endedAt), late.step)) wrong(`${what}: step ${step.step} took ${took} s`)
  }
}

// By the ends of its operations a name lives once or not at all; the list says the same. A delete takes away what lives, or what a deploy
// left that failed.
export function checkNames(all, documents, wrong) {
  const lives = new Map()
  const left = new Set()
  for (const { kind, name, state, result } of [...documents].sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1))) {
    if (kind === 'deploy' && state === 'ready') lives.set(name, (lives.get(name) ?? 0) + 1)
    if (kind === 'deploy' && result?.leftovers?.length > 0) left.add(name)
    if (kind !== 'delete' || state !== 'deleted') continue
    if (!lives.get(name) && left.delete(name)) continue
    lives.set(name, (lives.get(name) ?? 0) - 1)
  }
  const names = all.map(({ name }) => name)
  if (new Set(names).size !== names.length) wrong('a name is listed twice')
  for (const [name, n] of lives) {
    if (n !== 0 && n !== 1) wrong(`${name} lives ${n} times`)
    if ((n === 1) !== names.includes(name)) wrong(`${name}: by its operations it ${n === 1 ? 'lives' : 'is gone'}, the list has it ${names.includes(name)}`)
  }
  for (const { name, state } of all) if (!lives.has(name)) wrong(`${name} is listed (${state}), and nothing made it`)
}

// What a live stack lacks in the double, or has twice.
export function checkPresent(state, all, wrong) {
  const count = (list, test) => list.filter(test).length
  for (const { name, state: how } of all) {
    const application = state.applications.filter((it) => it.name === name)
    const counts = {
      projects: count(state.projects, (it) => it.name === name),
      applications: application.length,
      domains: count(state.domains, (it) => it.host.split('.')[0] === name),
      mounts: count(state.mounts, (it) => it.applicationId === application[0]?.applicationId),
      services: count(state.services, (it) => it.appName === application[0]?.appName),
    }
    if (Object.values(counts).some((n) => n !== 1)) wrong('missing, or there twice:', { name, how, ...counts })
  }
}

// What the double holds of names that do not live. `kept`: the volumes that the portal says it kept; null: volumes are not looked at.
export function orphans(state, stacks, kept) {
  const live = new Set(stacks.map(({ name }) => name))
  const found = []
  const look = (kind, list, nameOf) => {
    for (const thing of list) if (!live.has(nameOf(thing))) found.push({ kind, thing })
  }
  const application = new Map(state.applications.map((it) => [it.applicationId, it]))
  const byApp = new Map(state.applications.map((it) => [it.appName, it]))
  look('project', state.projects, (it) => it.name)
  look('application', state.applications, (it) => it.name)
  look('domain', state.domains, (it) => application.get(it.applicationId)?.name)
  look('mount', state.mounts, (it) => application.get(it.applicationId)?.name)
  look('service', state.services, (it) => byApp.get(it.appName)?.name)
  look('container', state.containers, (it) => byApp.get(it.appName)?.name)
  look('route', state.routes, (it) => byApp.get(it.appName)?.name)
  if (!kept) return found
  const mounted = new Set([...state.mounts.map((it) => it.volumeName), ...kept.map((it) => it.volume)])
  for (const volume of state.volumes) if (!mounted.has(volume.name)) found.push({ kind: 'volume', thing: volume })
  return found
}
