// journal: the journal as it is on the disk, read beside the portal that writes it; and what must be true of it and of the double.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const tables = ['operations', 'events', 'stacks', 'resources', 'volumes', 'findings', 'tally']

// Every table as a list of rows; what is JSON in it, parsed.
export async function read(portal) {
  const rows = {}
  for (const table of tables) {
    const { stdout } = await run('sqlite3', ['-readonly', '-json', '-cmd', '.timeout 5000', join(portal.env.DATA_DIR, 'journal.db'), `SELECT * FROM ${table}`],
      { maxBuffer: 1 << 28 })
    rows[table] = stdout.trim() ? JSON.parse(stdout) : []
  }
  for (const operation of rows.operations) operation.params = JSON.parse(operation.params)
  return rows
}

const ended = new Set(['ready', 'failed', 'cancelled', 'deleted', 'stopped'])

function checkEvents({ operations, events }, wrong) {
  for (const { id, kind, name, state, ended_at: end } of operations) {
    const what = `${kind} ${name} (${id})`
    const own = events.filter((it) => it.operation_id === id).sort((a, b) => a.seq - b.seq)
    if (end === null || !ended.has(state)) wrong(`journal: ${what} has not ended:`, state)
    if (own.some(({ seq }, i) => seq !== i + 1)) wrong(`journal: ${what}: events`, own.map(({ seq }) => seq))
    if (own.filter(({ event }) => ended.has(event)).length !== 1 || own.at(-1)?.event !== state) wrong(`journal: ${what} is ${state}, its events`, own.map(({ event }) => event))
  }
}

// When what a deploy made was out of the way: the end of itself, or of the delete that took it away.
function gone(deploy, operations) {
  if (deploy.state !== 'ready') return deploy.ended_at
  return operations.find(({ kind, params, ended_at: end }) => kind === 'delete' && params.target === deploy.id && end)?.ended_at ?? Infinity
}

// At no moment two stacks of a name, nor two pieces of work on one.
function checkClaims({ operations, stacks, tally }, wrong) {
  const begun = (list) => list.sort((a, b) => a.created_at - b.created_at)
  const deploys = operations.filter(({ kind }) => kind === 'deploy')
  const work = operations.filter(({ kind }) => ['stop', 'start', 'restart', 'rotate'].includes(kind))
  const check = (list, end, what) => {
    for (const [i, next] of list.entries()) {
      if (i > 0 && !(end(list[i - 1]) <= next.created_at)) wrong(`journal: two ${what} of ${next.name}: ${list[i - 1].id} and ${next.id}`)
    }
  }
  for (const name of new Set(operations.map((it) => it.name))) {
    check(begun(deploys.filter((it) => it.name === name)), (it) => gone(it, operations), 'stacks')
    check(begun(work.filter((it) => it.name === name)), (it) => it.ended_at, 'pieces of work')
  }
  for (const { name, operation_id: id, owner_id: owner } of stacks) {
    const deploy = deploys.find((it) => it.id === id)
    if (!deploy || deploy.state !== 'ready' || deploy.owner_id !== owner) wrong(`journal: the stack ${name} is of`, deploy ?? 'nothing')
  }
  for (const { what, n } of tally) if (n !== 0) wrong(`journal: ${n} ${what} are counted`)
}

const id_of = { project: ['projects', 'projectId'], application: ['applications', 'applicationId'], domain: ['domains', 'domainId'], mount: ['mounts', 'mountId'] }
const over = new Set(['undone', 'lost', 'kept'])

// What is in the record of a stack is in the double; of all others nothing is, and the record says so.
function checkResources({ operations, stacks, resources }, state, wrong) {
  const live = new Map(stacks.map((it) => [it.operation_id, it]))
  for (const { operation_id: id, kind, key, id: thing, state: how } of resources) {
    const operation = operations.find((it) => it.id === id)
    const what = `${kind} ${key || thing || ''} of ${operation.name} (${id})`
    if (!live.has(id) && !over.has(how)) wrong(`journal: ${what} is "${how}"`)
    if (live.has(id) && !(how === 'created' || how === 'lost' || kind === 'volume')) wrong(`journal: ${what} of a stack that stands is "${how}"`)
    const [list, field] = id_of[kind] ?? []
    if (!list || !thing) continue
    const there = state[list].some((it) => it[field] === thing)
    if (there !== (how === 'created')) wrong(`journal: ${what} is "${how}", in the double ${thing} is ${there ? 'there' : 'not there'}`)
  }
  for (const { name, description } of state.projects) {
    if (!stacks.some((it) => description.includes(` operation=${it.operation_id} `))) wrong(`the double's project ${name} is no stack's:`, description)
  }
}

// Files that somebody may have made are there as long as nobody who may asked for their end; they are a stack's, or listed as kept.
// (A Dokploy that cannot remove volumes does not tell either whether one ever came to be.)
function checkVolumes({ operations, stacks, resources, volumes }, state, blind, wrong) {
  for (const { operation_id: id, key } of resources.filter(({ kind }) => kind === 'volume')) {
    const deploy = operations.find((it) => it.id === id)
    const asked = operations.some(({ kind, name, owner_id: owner, params }) => (kind === 'delete' && params.target === id && params.data === 'delete')
      || (kind === 'purge' && name === deploy.name && owner === deploy.owner_id))
    const there = state.volumes.some((it) => it.name === key)
    const listed = volumes.some(({ volume }) => volume === key)
    const live = stacks.some((it) => it.operation_id === id)
    if (deploy.state === 'ready' && !asked && !there) wrong(`the files of ${deploy.name} (${id}) are gone, and nobody asked for that`)
    if (there && !live && !listed) wrong(`the volume ${key} is there, and nobody is told`)
    if (listed && live) wrong(`the volume ${key} is listed as kept, and is a stack's`)
    if (listed && !there && !blind) wrong(`the volume ${key} is listed as kept, and is not there`)
  }
}

// `rows`: of read(); `state`: the double's, without what is not the portal's; `blind`: it knows nothing of volumes.
export function checkJournal(rows, { state, blind }, wrong) {
  checkEvents(rows, wrong)
  checkClaims(rows, wrong)
  checkResources(rows, state, wrong)
  checkVolumes(rows, state, blind, wrong)
}

// What was promised to those who asked. `operations`: the model's; `owners`: their ids; `quiet`: no fault was played.
export function checkPromises(rows, { operations, owners, quiet }, wrong) {
  const byId = new Map(rows.operations.map((it) => [it.id, it]))
  for (const { id, kind, name, cancelled, refused, removed, askedBy } of operations) {
    const row = byId.get(id)
    const what = `${kind} ${name} (${id})`
    if (!row) {
      wrong(`${what} was accepted, and is not in the journal`)
      continue
    }
    for (const by of askedBy) if (by !== 'admin' && owners[by] !== row.owner_id) wrong(`${what} is of ${row.owner_id}, and was done for ${owners[by]}`)
    if (cancelled && !['cancelled', 'failed'].includes(row.state)) wrong(`${what}: "cancelled" was said, and it ended ${row.state}`)
    if (removed && !['cancelled', 'failed', 'deleted'].includes(row.state)) wrong(`${what}: its delete was accepted, and it ended ${row.state}`)
    if (refused && kind === 'deploy' && row.ended_at > refused) wrong(`${what}: a cancel was refused, and it had not ended`)
  }
  if (!quiet) return
  for (const { id, kind, name, state, cancel, code } of rows.operations) {
    const expected = kind === 'deploy' && cancel ? ['ready', 'cancelled'] : { delete: ['deleted'], purge: ['deleted'] }[kind] ?? ['ready', 'stopped']
    if (expected.includes(state)) continue
    const removed = rows.operations.some((it) => it.kind === 'delete' && it.name === name) // from under it
    if (kind === 'deploy' || kind === 'delete' || !removed) wrong(`no fault was played, and ${kind} ${name} (${id}) ended ${state} (${code})`)
  }
}
