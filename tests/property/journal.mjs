// The journal on the disk, read beside the portal that writes it; and what must hold of it.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { terminal } from '../http/harness.mjs'

const tables = ['operations', 'events', 'stacks', 'resources', 'volumes', 'findings', 'tally']

// Every table as a list of rows.
export async function readJournal(portal) {
  const rows = {}
  const file = join(portal.env.DATA_DIR, 'journal.db')
  const options = ['-readonly', '-json', '-cmd', '.timeout 5000', file]
  for (const table of tables) {
    const { stdout } = await promisify(execFile)('sqlite3', [...options, `SELECT * FROM ${table}`],
      { maxBuffer: 1 << 28 })
    rows[table] = stdout.trim() ? JSON.parse(stdout) : []
  }
  for (const operation of rows.operations) operation.params = JSON.parse(operation.params)
  return rows
}

function checkEvents({ operations, events }, wrong) {
  for (const { id, kind, name, state, ended_at: end } of operations) {
    const what = `journal: ${kind} ${name} (${id})`
    const own = events.filter((it) => it.operation_id === id).sort((a, b) => a.seq - b.seq)
    if (end === null || !terminal.has(state)) wrong(what, 'has not ended:', state)
    if (own.some(({ seq }, i) => seq !== i + 1)) wrong(what, 'events', own.map(({ seq }) => seq))
    const ends = own.filter(({ event }) => terminal.has(event))
    if (ends.length !== 1 || own.at(-1)?.event !== state) {
      wrong(what, `is ${state}, its events`, own.map(({ event }) => event))
    }
  }
}

// When what a deploy made was gone: at its own end, or at that of the delete that removed it.
function goneAt(deploy, operations) {
  if (deploy.state !== 'ready') return deploy.ended_at
  const isItsDelete = ({ kind, params, ended_at: end }) =>
    kind === 'delete' && params.target === deploy.id && end
  return operations.find(isItsDelete)?.ended_at ?? Infinity
}

// At no moment are there two workspaces of a name, or two operations on one.
function checkReservations({ operations, stacks, tally }, wrong) {
  const work = new Set(['stop', 'start', 'restart', 'rotate', 'sleep', 'wake'])
  const deploys = operations.filter(({ kind }) => kind === 'deploy')
  const onStacks = operations.filter(({ kind }) => work.has(kind))
  const check = (list, endOf, what) => {
    const inOrder = list.sort((a, b) => a.created_at - b.created_at)
    for (const [i, next] of inOrder.entries()) {
      if (i === 0 || endOf(inOrder[i - 1]) <= next.created_at) continue
      wrong(`journal: two ${what} of ${next.name}: ${inOrder[i - 1].id} and ${next.id}`)
    }
  }
  for (const name of new Set(operations.map((it) => it.name))) {
    const ofName = (list) => list.filter((it) => it.name === name)
    check(ofName(deploys), (it) => goneAt(it, operations), 'workspaces')
    check(ofName(onStacks), (it) => it.ended_at, 'operations at once')
  }
  for (const { name, operation_id: id, owner_id: owner } of stacks) {
    const deploy = deploys.find((it) => it.id === id)
    if (!deploy || deploy.state !== 'ready' || deploy.owner_id !== owner) {
      wrong(`journal: the workspace ${name} belongs to`, deploy ?? 'nothing')
    }
  }
  for (const { what, n } of tally) if (n !== 0) wrong(`journal: ${n} ${what} are counted`)
}

const listOf = {
  project: ['projects', 'projectId'], application: ['applications', 'applicationId'],
  domain: ['domains', 'domainId'], mount: ['mounts', 'mountId'],
}
const over = new Set(['undone', 'lost', 'kept'])

// What the record of a workspace names is in the double; of all others nothing is.
function checkResources({ operations, stacks, resources }, state, wrong) {
  const live = new Set(stacks.map((it) => it.operation_id))
  for (const { operation_id: id, kind, key, id: thing, state: recorded } of resources) {
    const { name } = operations.find((it) => it.id === id)
    const what = `journal: ${kind} ${key || thing || ''} of ${name} (${id}) is "${recorded}"`
    const isLive = live.has(id)
    const isLiveState = recorded === 'created' || recorded === 'lost' || kind === 'volume'
    if (isLive ? !isLiveState : !over.has(recorded)) wrong(what, `workspace exists: ${isLive}`)
    const [list, field] = listOf[kind] ?? []
    if (!list || !thing) continue
    const isThere = state[list].some((it) => it[field] === thing)
    if (isThere !== (recorded === 'created')) wrong(what, `${thing} in the double: ${isThere}`)
  }
  for (const { name, description } of state.projects) {
    const isKnown = stacks.some((it) => description.includes(` operation=${it.operation_id} `))
    if (!isKnown) wrong(`the double's project ${name} belongs to no workspace:`, description)
  }
}

// Files that a user may have made stay until someone who may asks for their removal; they belong to
// a workspace or are listed as kept. `isBlind`: this Dokploy cannot tell whether a volume exists.
function checkVolumes({ operations, stacks, resources, volumes }, state, isBlind, wrong) {
  for (const { operation_id: id, key } of resources.filter(({ kind }) => kind === 'volume')) {
    const deploy = operations.find((it) => it.id === id)
    const isAskedFor = operations.some(({ kind, name, owner_id: owner, params }) => {
      if (kind === 'delete') return params.target === id && params.data === 'delete'
      return kind === 'purge' && name === deploy.name && owner === deploy.owner_id
    })
    const isThere = state.volumes.some((it) => it.name === key)
    const isListed = volumes.some(({ volume }) => volume === key)
    const isLive = stacks.some((it) => it.operation_id === id)
    const isLost = deploy.state === 'ready' && !isAskedFor && !isThere
    if (isLost) wrong(`the files of ${deploy.name} (${id}) are gone, and nobody asked for that`)
    if (isThere && !isLive && !isListed) wrong(`the volume ${key} exists and is not listed`)
    if (isListed && isLive) wrong(`the volume ${key} is listed as kept, and belongs to a workspace`)
    if (isListed && !isThere && !isBlind) wrong(`the volume ${key} is listed, and does not exist`)
  }
}

// `state`: the double's, without what is not the portal's.
export function checkJournal(rows, { state, isBlind }, wrong) {
  checkEvents(rows, wrong)
  checkReservations(rows, wrong)
  checkResources(rows, state, wrong)
  checkVolumes(rows, state, isBlind, wrong)
}

// What clients were promised. `operations`: the model's; `owners`: their ids; `isQuiet`: no fault.
export function checkPromises(rows, { operations, owners, isQuiet }, wrong) {
  const byId = new Map(rows.operations.map((it) => [it.id, it]))
  for (const { id, kind, name, isCancelled, refusedAt, isRemoved, askedBy } of operations) {
    const row = byId.get(id)
    const what = `${kind} ${name} (${id}):`
    if (!row) {
      wrong(what, 'was accepted, and is not in the journal')
      continue
    }
    for (const by of askedBy) {
      if (by !== 'admin' && owners[by] !== row.owner_id) {
        wrong(what, `belongs to ${row.owner_id}, and was done for ${owners[by]}`)
      }
    }
    const endsWith = (...states) => states.includes(row.state)
    if (isCancelled && !endsWith('cancelled', 'failed')) wrong(what, 'cancelled, ended', row.state)
    if (isRemoved && !endsWith('cancelled', 'failed', 'deleted')) {
      wrong(what, 'its delete was accepted, and it ended', row.state)
    }
    if (refusedAt && kind === 'deploy' && row.ended_at > refusedAt) {
      wrong(what, 'a cancel was refused, and it had not ended')
    }
  }
  if (isQuiet) checkQuiet(rows, wrong)
}

// Without faults everything succeeds, except work on a workspace that was deleted meanwhile.
function checkQuiet({ operations }, wrong) {
  const expected = {
    delete: ['deleted'], purge: ['deleted'], deploy: ['ready'], sleep: ['asleep', 'cancelled'],
  }
  for (const { id, kind, name, state, cancel, code } of operations) {
    const states = expected[kind] ?? ['ready', 'stopped']
    if (states.includes(state) || (kind === 'deploy' && cancel && state === 'cancelled')) continue
    const isRemoved = operations.some((it) => it.kind === 'delete' && it.name === name)
    if (isRemoved && kind !== 'deploy' && kind !== 'delete') continue
    wrong(`no fault was set, and ${kind} ${name} (${id}) ended ${state} (${code})`)
  }
}
