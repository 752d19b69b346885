// What must hold of the portal, its journal and the double when faults are over. Each function
// reports what does not by calling wrong(text, ...details).
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { ADMIN, TIME_SCALE, collect, pause, seconds, sse, terminal, top } from '../http/harness.mjs'

const settled = ['ready', 'stopped', 'unhealthy']
const scripts = (path) => readFileSync(join(top, 'scripts', path), 'utf8')

// The most real seconds that each state of an operation, and each step, may take.
export function deadlines() {
  const states = scripts('lib/operations/states.lua')
  const ofState = (name) =>
    Number(states.match(new RegExp(`\\b${name} = \\{[^}]*deadline = (\\d+)`))[1])
  const ofFile = (name) => Number(scripts(`steps/${name}`).match(/deadline = (\d+)/)?.[1] ?? 0)
  const steps = readdirSync(join(top, 'scripts/steps')).filter((name) => name !== 'init.lua')
  const inProgramTime = {
    queued: ofState('queued'), rolling_back: ofState('rolling_back'), deleting: ofState('deleting'),
    other: ofState('restarting'), step: Math.max(...steps.map(ofFile)), all: ofFile('init.lua'),
  }
  const toReal = ([name, value]) => [name, value / TIME_SCALE]
  return Object.fromEntries(Object.entries(inProgramTime).map(toReal))
}

// The admin's whole list, and the volumes that outlived their workspaces.
export async function listAll(portal) {
  const all = []
  let after
  let kept
  do {
    const path = `/api/stacks?limit=200${after ? `&after=${after}` : ''}`
    const { json } = await portal.api(path, { key: ADMIN })
    all.push(...json.stacks)
    after = json.next
    kept = json.keptData
  } while (after)
  return { all, kept }
}

// Waits until nothing is in progress and nothing is left over. `also(all)`: what else is not
// settled yet. Returns how many seconds it took.
export async function settle(options, wrong) {
  const { portal, rehearsal, limit, stateOf = (state) => state, also = async () => null } = options
  const start = Date.now()
  const unsettled = async () => {
    const { json } = await portal.api('/health')
    const { all } = await listAll(portal)
    const moving = all.filter(({ state }) => !settled.includes(state))
    if (moving.length > 0 || json.degraded.some(({ code }) => code === 'leftovers')) {
      return [json.degraded, moving]
    }
    const left = orphans(stateOf(await rehearsal.state()), all, null)
    return left.length > 0 ? left : also(all)
  }
  for (let why; (why = await unsettled()); await pause(50)) {
    if (Date.now() - start < seconds(limit)) continue
    wrong(`not settled in ${limit} s:`, why)
    break
  }
  return (Date.now() - start) / 1000
}

// One whole stream: numbered without a gap, one terminal event and that the last; the same as a
// client saw at the time, and the same when resumed in the middle. `isUnheard`: no client knew of
// the operation. Returns the operation's document.
export async function checkOperation(portal, operation, wrong) {
  const { kind, name, id, statusUrl, seen, isUnheard } = operation
  const what = `${kind} ${name} (${id}):`
  const { json: document } = await portal.status(statusUrl)
  if (!terminal.has(document.state)) {
    wrong(what, 'has not ended', document.state)
    return document
  }
  const stream = await sse(portal.url + statusUrl)
  const events = await collect(stream)
  if (!stream.isComplete) wrong(what, 'the stream of an ended operation does not end')
  const ends = events.filter(({ event }) => terminal.has(event))
  if (ends.length !== 1 || events.at(-1) !== ends[0]) {
    wrong(what, `${ends.length} ends:`, events.map(({ event }) => event).join(' '))
  }
  const ids = events.map((it) => it.id).join()
  if (ids !== events.map((_, i) => i + 1).join()) wrong(what, 'numbers', ids)
  if (document.lastEventId !== events.length) {
    wrong(what, `lastEventId ${document.lastEventId} of ${events.length}`)
  }
  if (ends[0] && ends[0].event !== document.state) {
    wrong(what, `the stream ends ${ends[0].event}, the document ${document.state}`)
  }
  const middle = events.length >> 1
  const rest = await collect(await sse(portal.url + statusUrl, { lastEventId: middle }))
  if (!isDeepStrictEqual(rest, events.slice(middle))) {
    wrong(what, `resumed after event ${middle}:`, rest.map((it) => it.id).join(), 'of', ids)
  }
  if (isUnheard) return document
  if (!seen) wrong(what, 'no client saw its end')
  else if (!isDeepStrictEqual(seen, events)) {
    const other = events.find((it, i) => !isDeepStrictEqual(it, seen[i]))
    wrong(what, 'seen were', seen.map((it) => it.id).join(), 'of', ids, 'other now:', other)
  }
  return document
}

// Nothing took longer than it may. A crash takes time, and the step starts again after it.
export function checkTime(document, { deadlines: most, crashes }, wrong) {
  const { kind, name, state, deploymentId, createdAt, startedAt, endedAt, steps } = document
  if (!endedAt) return
  const what = `${kind} ${name} (${deploymentId})`
  const at = (text) => Date.parse(text) / 1000
  const allowed = (from, to, limit) => {
    const restarts = crashes.filter((crash) => crash >= from - 1 && crash <= to).length
    return limit * (1 + restarts) + 5
  }
  const limits = { deploy: most.all + most.rolling_back, delete: most.deleting }
  const limit = limits[kind] ?? most.other
  const from = at(startedAt ?? createdAt)
  const to = at(endedAt)
  const waited = from - at(createdAt)
  if (startedAt && waited > most.queued) wrong(`${what} waited ${waited} s`)
  if (to - from > allowed(from, to, limit)) {
    wrong(`${what} took ${to - from} s to ${state}; ${limit} is the most`)
  }
  if (kind !== 'deploy') return
  for (const step of steps) {
    if (step.state !== 'done') continue
    const [begin, end] = [at(step.startedAt), at(step.endedAt)]
    if (end - begin > allowed(begin, end, most.step)) {
      wrong(`${what}: step ${step.step} took ${end - begin} s`)
    }
  }
}

// By its ended operations a name exists once or not at all, and the list agrees. A delete removes
// what exists, or what a failed deployment left.
export function checkNames(all, documents, wrong) {
  const existing = new Map()
  const left = new Set()
  const byTime = [...documents].sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1))
  for (const { kind, name, state, result } of byTime) {
    const count = existing.get(name) ?? 0
    if (kind === 'deploy' && state === 'ready') existing.set(name, count + 1)
    if (kind === 'deploy' && result?.leftovers?.length > 0) left.add(name)
    if (kind !== 'delete' || state !== 'deleted') continue
    if (count > 0 || !left.delete(name)) existing.set(name, count - 1)
  }
  const names = all.map(({ name }) => name)
  if (new Set(names).size !== names.length) wrong('a name is listed twice')
  for (const [name, count] of existing) {
    if (count !== 0 && count !== 1) wrong(`${name} exists ${count} times`)
    const isListed = names.includes(name)
    if ((count === 1) !== isListed) wrong(`${name}: exists ${count} times, listed: ${isListed}`)
  }
  for (const { name, state } of all) {
    if (!existing.has(name)) wrong(`${name} is listed (${state}), and nothing made it`)
  }
}

// What an existing workspace lacks in the double, or has twice.
export function checkPresent(state, all, wrong) {
  const count = (list, test) => list.filter(test).length
  for (const { name, state: listed } of all) {
    const applications = state.applications.filter((it) => it.name === name)
    const [application] = applications
    const counts = {
      projects: count(state.projects, (it) => it.name === name),
      applications: applications.length,
      domains: count(state.domains, (it) => it.host.split('.')[0] === name),
      mounts: count(state.mounts, (it) => it.applicationId === application?.applicationId),
      services: count(state.services, (it) => it.appName === application?.appName),
    }
    const isWrong = Object.values(counts).some((n) => n !== 1)
    if (isWrong) wrong('missing or duplicate:', { name, listed, ...counts })
  }
}

// What the double holds of names that do not exist. `kept`: the volumes that the portal lists as
// kept; null: volumes are not checked.
export function orphans(state, stacks, kept) {
  const names = new Set(stacks.map(({ name }) => name))
  const byId = new Map(state.applications.map((it) => [it.applicationId, it.name]))
  const byApp = new Map(state.applications.map((it) => [it.appName, it.name]))
  const nameOf = {
    projects: (it) => it.name, applications: (it) => it.name,
    domains: (it) => byId.get(it.applicationId), mounts: (it) => byId.get(it.applicationId),
    services: (it) => byApp.get(it.appName), containers: (it) => byApp.get(it.appName),
    routes: (it) => byApp.get(it.appName),
  }
  const found = Object.entries(nameOf).flatMap(([kind, ofThing]) => state[kind]
    .filter((thing) => !names.has(ofThing(thing)))
    .map((thing) => ({ kind, thing })))
  if (!kept) return found
  const mounted = state.mounts.map((it) => it.volumeName)
  const known = new Set([...mounted, ...kept.map((it) => it.volume)])
  const volumes = state.volumes.filter(({ name }) => !known.has(name))
  return [...found, ...volumes.map((thing) => ({ kind: 'volumes', thing }))]
}
