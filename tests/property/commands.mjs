// The commands of a random sequence, as data, so that a failed one can be printed, shrunk and
// replayed. Names, owners and operations are few, so that commands meet; one that finds nothing to
// work on does nothing.
import fc from 'fast-check'
import { kinds, procedures } from '../soak/faults.mjs'
import { VERSIONS } from '../http/harness.mjs'

export const names = ['ada', 'bo-2', 'cleo']
const caps = [16, 1, 2]
const moreProcedures = [
  'application.stop', 'application.reload', 'application.cleanQueues', 'project.search',
  'deployment.queueList', 'deployment.readLogs', 'docker.getContainersByAppNameMatch',
  'docker.getServiceContainersByAppName', 'dockerVolume.removeVolume', 'domain.byApplicationId',
  '*',
]

const name = fc.constantFrom(names[0], ...names) // one of them more often than the others
const owner = fc.constantFrom(0, 1)
const anyone = fc.constantFrom('its', 0, 1, 'admin', 'its') // its: the owner of the last deployment
const wait = fc.boolean() // for the answer, before the next command
const cap = fc.option(fc.constantFrom(...caps))
const command = (what, fields) => fc.record({ do: fc.constant(what), ...fields })

const fault = (places, list, most) => command('fault', {
  at: fc.constantFrom(...places), kind: fc.constantFrom(...list),
  times: fc.integer({ min: 1, max: 3 }), skip: fc.constantFrom(0, 0, 1, 2),
  name: fc.constantFrom(null, null, null, ...names), ms: fc.integer({ min: 1000, max: most }),
  status: fc.constantFrom(500, 400, 429, 502, 503),
})
const crash = fc.record({
  commit: fc.integer({ min: 1, max: 40 }), side: fc.constantFrom('before', 'after'),
})

const weighted = [
  [8, command('make', { name, by: owner })], // deploys and waits for the end
  [8, command('deploy', {
    name, by: owner, key: fc.option(fc.nat(2), { freq: 2 }), wait, isTwice: fc.boolean(),
  })],
  [4, command('cancel', { name, by: anyone, wait })],
  [7, command('remove', { name, by: anyone, data: fc.constantFrom('keep', 'delete'), wait })],
  [6, command('operate', {
    name, by: anyone, wait,
    what: fc.constantFrom('stop', 'start', 'restart', 'rotate', 'sleep', 'wake'),
  })],
  [7, command('await', { name })], // the end of its newest operation
  [2, command('check', { name })],
  [2, command('cut', { name })], // the newest operation's stream; its client resumes
  [1, command('newKey', { by: owner })],
  [1, command('move', { by: owner })], // to another browser, by a link that is good once
  [4, command('pause', { ms: fc.integer({ min: 1, max: 400 }) })],
  [4, fault([...procedures, ...moreProcedures], kinds.calls, 30_000)],
  [2, fault(['stack'], kinds.stack, 30_000)],
  [2, fault(['deploy'], kinds.deploy, 40_000)],
  [2, command('forgetFaults', {})],
  [3, command('kill', { crash: fc.option(crash, { freq: 3 }) })], // restart; crash at that commit
  [1, command('terminate', { cap })], // and start with another limit
  [1, command('reload', { cap })],
]

const one = fc.oneof(...weighted.map(([weight, arbitrary]) => ({ weight, arbitrary })))

// A sequence { version, cap, queue, commands }. It is not fc.commands(), which decides at run time
// which commands count: with real time a second run would never be the first again.
export const sequence = (longest = 30) => fc.record({
  version: fc.oneof(
    { weight: 3, arbitrary: fc.constant(VERSIONS[0]) },
    { weight: 1, arbitrary: fc.constant(VERSIONS[1]) }),
  cap: fc.constantFrom(...caps), queue: fc.constantFrom(50, 1),
  commands: fc.array(one, { minLength: 1, maxLength: longest, size: 'max' }),
})

function describeCommand({ do: what, ...fields }) {
  const shown = Object.entries(fields)
    .filter(([, value]) => value !== null && value !== false)
    .map(([key, value]) => `${key}=${typeof value === 'object' ? JSON.stringify(value) : value}`)
  return [what, ...shown].join(' ')
}

// The sequence as text.
export function describeSequence({ version, cap: running, queue, commands }) {
  const lines = commands.map((it, i) => `${String(i + 1).padStart(3)}. ${describeCommand(it)}`)
  return [`Dokploy ${version}, ${running} at once, ${queue} waiting`, ...lines].join('\n')
}
