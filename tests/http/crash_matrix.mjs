// Crashes at every commit. An operation runs once, while the data of the portal and of the double
// are copied before and after each commit: "before" is a write that was lost, "after" one whose
// sender never heard of it. Then a portal and a double are started on each copy, and the operation
// must come to the same end: one workspace or none, and no event missing or repeated.
import assert from 'node:assert/strict'
import { cpSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import {
  ADMIN, createPortal, inOrder, startPortal, startRehearsal, temporary, until, whileStopped,
} from './harness.mjs'
import { siteOf, zone } from './site.mjs'
import { findings, idsOf, loseJournal, removeByHand, removeProject } from './drift.mjs'

const LANES = Number(process.env.LANES ?? 4) // copies tried at the same time
const MOST = 200 // commits; an operation that needs more does not end
const NAME = 'amy'
const SPEED = 1000

const act = (what, json) => ({ portal, key }) =>
  portal.post(`/api/stack/${NAME}/${what}`, json, { key })
const remove = (data) => ({ portal, key }) => portal.remove(NAME, { key, data })
const onlyOnce = { headers: { 'idempotency-key': 'the-only-one'.repeat(3) } }
const deploy = ({ portal }) => portal.deploy(NAME, onlyOnce)
const isOfName = ({ name }) => name.includes(`-${NAME}-`)
const volumesOf = async ({ rehearsal }) => (await rehearsal.state()).volumes.filter(isOfName)

async function exists(world, state = 'ready') {
  const { portal, rehearsal, key } = world
  const held = await rehearsal.holds(NAME)
  for (const kind of ['projects', 'applications', 'domains']) {
    const count = held.filter((it) => it.kind === kind).length
    assert.equal(count, 1, `${kind}: ${JSON.stringify(held)}`)
  }
  const { json } = await portal.stack(NAME, { key })
  assert.equal(json.state, state)
  if (state !== 'ready') return
  const { password } = json
  assert.equal((await rehearsal.stack(NAME, '/global/health')).status, 401)
  assert.equal((await rehearsal.stack(NAME, '/global/health', { password })).status, 200)
}

async function isGone(world, keptVolumes) {
  const { portal, rehearsal } = world
  await rehearsal.holdsNothing(NAME)
  assert.equal((await rehearsal.stack(NAME)).status, 404)
  await until(async () => (await portal.check(NAME)).json.available, 'the name is free')
  assert.equal((await volumesOf(world)).length, keptVolumes)
}

async function vanish(world) {
  const { portal, rehearsal, key } = world
  world.volume = (await portal.stack(NAME, { key })).json.volume
  await removeByHand(rehearsal, NAME)
  const { findings: [finding] } = await findings(portal).look()
  world.finding = finding
}

async function fallAsleep({ portal, rehearsal, key }) {
  await rehearsal.activity(NAME, { idle: 3600 })
  await portal.finish(await portal.act(NAME, 'sleep', { key }), 'asleep')
}

// Its project is removed in Dokploy, and its administrator removes what that leaves running.
async function loseProject(world) {
  const { portal, rehearsal, key } = world
  world.volume = (await portal.stack(NAME, { key })).json.volume
  Object.assign(world, await removeProject(world, NAME))
  await rehearsal.docker(world.command)
}

async function becomeUnknown(world) {
  await loseJournal(world.portal)
  const { findings: [finding] } = await findings(world.portal).look()
  world.finding = finding
}

async function isRepaired(world) {
  const { portal, rehearsal, finding, volume } = world
  await exists(world)
  const { projectIds, applications } = await idsOf(rehearsal, NAME)
  assert.deepEqual([projectIds.length, applications.length], [1, 1])
  assert.deepEqual((await volumesOf(world)).map(({ name }) => name), [volume], 'its own files')
  const { findings: all } = await findings(portal).list('?all=true')
  assert.equal(all.find(({ id }) => id === finding.id).resolution, 'repaired')
}

// A pool of one, which the deploy claims.
const withPool = siteOf({ 'policy/templates.lua': 'return { { id = "default", pool = 1 } }' }).env

const isWarm = ({ portal }) => until(async () => {
  const { json } = await portal.api('/api/admin/summary', { key: ADMIN })
  return json.pool[0].warm === 1
}, 'one is ready')

async function isWarmButSilent(world) {
  await isWarm(world)
  const { applications: [{ applicationId }] } = await world.rehearsal.state()
  await world.rehearsal.change('application.stop', { applicationId })
}

// The operation that makes one ahead, as if it had been asked for.
async function makeAhead({ portal, rehearsal }) {
  await rehearsal.forgetFaults()
  const id = await until(async () => {
    const { json } = await portal.api('/api/admin/operations?kind=prepare', { key: ADMIN })
    return json.operations[0]?.deploymentId
  }, 'one is being made')
  return { status: 202, json: { deploymentId: id, statusUrl: `/api/status/${id}` } }
}

async function isAllThereIs({ portal, rehearsal }) {
  const { projects, applications, services, volumes, domains } = await rehearsal.state()
  const counts = [projects, applications, services, volumes, domains].map((list) => list.length)
  assert.deepEqual(counts, [1, 1, 1, 1, 0])
  assert.deepEqual((await findings(portal).look()).findings, [])
}

// Nobody else has what it has, and nothing but one that is ready is left beside it.
async function hasItsOwn(world) {
  await exists(world)
  await isWarm(world)
  await until(async () => {
    const { projects, applications, services, volumes } = await world.rehearsal.state()
    return [projects, applications, services, volumes].every((list) => list.length === 2)
  }, 'one is in use and one is ready')
  const { volume } = (await world.portal.stack(NAME, { key: world.key })).json
  const { mounts } = await world.rehearsal.state()
  assert.equal(mounts.filter(({ volumeName }) => volumeName === volume).length, 1)
  assert.deepEqual((await findings(world.portal).look()).findings, [])
}

const withZone = siteOf({ 'steps/zone.lua': zone }).env

async function isGoneWithZone(world, keptVolumes) {
  await isGone(world, keptVolumes)
  const { projects } = await world.rehearsal.state()
  assert.deepEqual(projects.map(({ name }) => name), [], 'the zone is gone')
}

async function leaveFiles(world) {
  const { portal, key } = world
  world.volume = (await portal.stack(NAME, { key })).json.volume
  await portal.deleted(NAME, { key })
}

const restore = ({ portal, key, volume }) =>
  portal.post('/api/deploy', { name: NAME, files: volume }, { key, ...onlyOnce })

async function isRestored(world) {
  await exists(world)
  assert.deepEqual((await volumesOf(world)).map(({ name }) => name), [world.volume])
  const { keptData } = (await world.portal.api('/api/stacks', { key: world.key })).json
  assert.deepEqual(keptData, [])
}

async function isKept(world) {
  await isGone(world, 1)
  const { keptData } = (await world.portal.api('/api/stacks', { key: world.key })).json
  assert.deepEqual(keptData.map(({ volume, state }) => [volume, state]), [[world.volume, 'kept']])
}

const drift = (action) => ({ portal, finding }) => findings(portal).act(finding, action)

// hasStack: a workspace exists before; prepare(world): what else comes before; faults: in force all
// the time; early: in force until it is asked for; ask(world): the request, which is the same
// operation when it is repeated, unless `isNew` (or, if `isOnce`, refused once it is done); env: of
// the portal; end: the terminal event; check(world, last): what holds then; least: commits.
// removesVolumes: only where Dokploy can (0.30 and later).
export const operations = {
  deploy: { ask: deploy, end: 'ready', check: (world) => exists(world), least: 10 },
  'claim of a warm workspace': {
    env: withPool, removesVolumes: true, prepare: isWarm, ask: deploy, end: 'ready',
    check: hasItsOwn, least: 10,
  },
  'claim of one that does not answer': {
    env: withPool, removesVolumes: true, prepare: isWarmButSilent, ask: deploy, end: 'ready',
    check: hasItsOwn, least: 20,
  },
  'a workspace made ahead': {
    env: withPool, removesVolumes: true, ask: makeAhead, end: 'ready', check: isAllThereIs,
    early: { at: 'deployment.queueList', kind: 'status', status: 503, times: 0 }, least: 10,
  },
  'failing deploy': {
    faults: { at: 'deploy', kind: 'deploy_error', times: 0 }, ask: deploy, end: 'failed', least: 10,
    async check(world, last) {
      // The older Dokploy cannot remove a volume to be sure that there is none.
      const { version } = await world.rehearsal.state()
      const isUnsure = ({ kind }) => kind === 'volume' && version.includes('0.26.5')
      assert.deepEqual(last.data.leftovers.filter((it) => !isUnsure(it)), [])
      await isGone(world, 0)
    },
  },
  "failing deploy with an installation's step": {
    env: withZone, faults: { at: 'deploy', kind: 'deploy_error', times: 0 }, ask: deploy,
    end: 'failed', least: 12, check: (world) => isGoneWithZone(world, 0),
  },
  "delete with an installation's step": {
    env: withZone, hasStack: true, ask: remove(), end: 'deleted', least: 5,
    check: (world) => isGoneWithZone(world, 1),
  },
  stop: {
    hasStack: true, ask: act('stop'), isNew: true, end: 'stopped', least: 2,
    check: (world) => exists(world, 'stopped'),
  },
  restart: {
    hasStack: true, ask: act('restart'), isNew: true, end: 'ready',
    check: (world) => exists(world), least: 4,
  },
  sleep: {
    hasStack: true, prepare: ({ rehearsal }) => rehearsal.activity(NAME, { idle: 3600 }),
    ask: act('sleep'), isNew: true, isOnce: true, end: 'asleep', least: 3,
    check: (world) => exists(world, 'asleep'),
  },
  wake: {
    hasStack: true, prepare: fallAsleep, ask: act('wake'), isNew: true, isOnce: true, end: 'ready',
    check: (world) => exists(world), least: 3,
  },
  'new password': {
    hasStack: true, ask: act('password', { action: 'rotate' }), isNew: true, end: 'ready',
    check: (world) => exists(world), least: 4,
  },
  delete: {
    hasStack: true, ask: remove(), end: 'deleted', check: (world) => isGone(world, 1), least: 4,
  },
  'delete with files': {
    hasStack: true, removesVolumes: true, ask: remove('delete'), end: 'deleted',
    check: (world) => isGone(world, 0), least: 4,
  },
  'delete of kept files': {
    hasStack: true, removesVolumes: true, isNew: true,
    prepare: ({ portal, key }) => portal.deleted(NAME, { key }),
    ask: remove('delete'), end: 'deleted', check: (world) => isGone(world, 0), least: 2,
  },
  'start with kept files': {
    hasStack: true, prepare: leaveFiles, ask: restore, end: 'ready', check: isRestored, least: 10,
  },
  'failing start with kept files': {
    hasStack: true, prepare: leaveFiles, faults: { at: 'deploy', kind: 'deploy_error', times: 0 },
    ask: restore, end: 'failed', check: isKept, least: 10,
  },
  'repair of a vanished workspace': {
    hasStack: true, prepare: vanish, ask: drift('repair'), end: 'ready', check: isRepaired,
    least: 10,
  },
  'repair of a workspace whose project was removed': {
    hasStack: true, prepare: loseProject, ask: drift('repair'), end: 'ready', check: isRepaired,
    least: 10,
  },
  'delete of a workspace whose service Dokploy left running': {
    hasStack: true, isNew: true,
    async prepare(world) { Object.assign(world, await removeProject(world, NAME)) },
    ask: remove(), end: 'failed', least: 4,
    async check(world, last) {
      assert.equal(last.data.code, 'service_remains')
      await world.rehearsal.docker(world.command)
      await isGone(world, 1)
    },
  },
  'removal of an unknown workspace': {
    hasStack: true, prepare: becomeUnknown, ask: drift('remove'), end: 'deleted',
    check: (world) => isGone(world, 1), least: 4,
  },
}

const copyData = (program, to) => cpSync(program.env.DATA_DIR, to, {
  recursive: true, filter: (path) => !path.endsWith('-shm'), // SQLite rebuilds the index
})

const filesBelow = (folder) => readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile()).map(({ path, name }) => join(path, name))

function isSameData(a, b) {
  const [of_a, of_b] = [filesBelow(a), filesBelow(b)]
  const isSame = (file, i) => readFileSync(file).equals(readFileSync(of_b[i]))
  return of_a.length === of_b.length && of_a.every(isSame)
}

// Runs the operation once. Returns what it needs to be asked for again, and the copies:
// { moment, portal, rehearsal: folders, heard: the answer that a client had, events: it had seen }.
async function record(operation, version) {
  const rehearsal = await startRehearsal({ version, speed: SPEED })
  const portal = createPortal({
    rehearsal, env: operation.env, onCommit: (moment) => copyBoth(moment),
  })
  const world = { portal, rehearsal, copies: [], commits: 0 }
  const seen = []
  let isRecording = false
  let heard
  let failure
  async function copyBoth(moment) {
    if (!isRecording) return
    const folder = temporary('commit')
    const copy = { moment, portal: join(folder, 'portal'), rehearsal: join(folder, 'rehearsal') }
    try {
      await whileStopped(rehearsal, () => copyData(rehearsal, copy.rehearsal))
      copyData(portal, copy.portal)
    } catch (error) {
      failure = error
    }
    if (moment.endsWith('after')) world.commits++
    const last = world.copies.at(-1)
    const isSame = last && moment.endsWith('before') && isSameData(last.rehearsal, copy.rehearsal)
    // Between two commits the journal is the same; where the double is too, it is one moment.
    if (isSame) world.copies.pop()
    world.copies.push({ ...copy, heard: heard?.json.deploymentId, events: [...seen] })
  }
  try {
    if (operation.early) await rehearsal.faults(operation.early)
    await portal.start()
    if (operation.hasStack) world.key = (await portal.ready(NAME)).key
    await operation.prepare?.(world)
    if (operation.faults) await rehearsal.faults({ ...operation.faults, name: NAME })
    isRecording = true
    heard = await operation.ask(world)
    const onEvent = (event) => seen.push(event)
    await portal.finish(heard, operation.end, { onEvent })
    isRecording = false
    assert.equal(failure, undefined, failure?.stack)
  } finally {
    await portal.stop()
    await rehearsal.stop()
  }
  return world
}

// Starts a portal and a double on the copy, asks again, and follows everything to its end.
async function resume(operation, recorded, copy, version) {
  const env = { DATA_DIR: copy.rehearsal }
  const rehearsal = await startRehearsal({ version, speed: SPEED, env })
  if (operation.faults) await rehearsal.faults({ ...operation.faults, name: NAME })
  const portal = await startPortal({
    rehearsal, env: { ...operation.env, DATA_DIR: copy.portal },
  })
  const world = { ...recorded, portal, rehearsal }
  const what = () => `${copy.moment}: ${portal.tail()}`
  try {
    let again
    do again = await operation.ask(world)
    while (operation.isNew && again.json.code === 'stack_busy') // still with the first
    const isDone = operation.isOnce && again.json.code === 'stack_unfit'
    assert.equal(again.status, isDone ? 409 : 202, `${again.text}\n${what()}`)
    const ids = new Set([copy.heard, again.json.deploymentId])
    ids.delete(undefined)
    if (isDone) await operation.check(world)
    if (!operation.isNew) assert.equal(ids.size, 1, `${copy.moment}: it is the same operation`)
    world.key ??= again.json.ownerKey
    for (const id of ids) {
      const { events, last } = await portal.follow(`/api/status/${id}`)
      assert.equal(last.event, operation.end, `${JSON.stringify(last)}\n${what()}`)
      inOrder(events)
      if (id === copy.heard) assert.deepEqual(events.slice(0, copy.events.length), copy.events)
      if (id === again.json.deploymentId) await operation.check(world, last)
    }
  } catch (error) {
    error.message = `${copy.moment}: ${error.message}`
    throw error
  } finally {
    await portal.stop()
    await rehearsal.stop()
  }
}

// Tries every copy of the operation; returns how many there were.
export async function crashAtEveryCommit(operation, version) {
  const recorded = await record(operation, version)
  const { copies, commits } = recorded
  assert.ok(commits >= operation.least && commits < MOST, `${commits} commits`)
  const rest = [...copies]
  const lane = async () => {
    for (let copy; (copy = rest.pop());) await resume(operation, recorded, copy, version)
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  return { commits, moments: copies.length }
}
