// commands: what is thrown at the portal, as data: a sequence that failed can be printed, made smaller, and played again. Names, owners
// and the operations on a name are few, so that commands meet. One that finds nothing to work on does nothing.
import fc from 'fast-check'
import { kinds, procedures } from '../soak/faults.mjs'

export const names = ['ada', 'bo-2', 'cleo']
export const versions = ['0.30.2', '0.26.5']
const caps = [16, 1, 2]
const more = ['application.stop', 'application.reload', 'application.cleanQueues', 'project.search', 'deployment.queueList', 'deployment.readLogs',
  'docker.getContainersByAppNameMatch', 'docker.getServiceContainersByAppName', 'dockerVolume.removeVolume', 'domain.byApplicationId', '*']

const name = fc.constantFrom(names[0], ...names) // one of them more than the others
const owner = fc.constantFrom(0, 1)
const anybody = fc.constantFrom('its', 0, 1, 'admin', 'its') // its: whoever deployed it last
const wait = fc.boolean() // for the answer, before the next command
const command = (what, fields) => fc.record({ do: fc.constant(what), ...fields })

const faultAt = (places, list, most) => ({
  at: fc.constantFrom(...places), kind: fc.constantFrom(...list), times: fc.integer({ min: 1, max: 3 }), skip: fc.constantFrom(0, 0, 1, 2),
  name: fc.constantFrom(null, null, null, ...names), ms: fc.integer({ min: 50, max: most }), status: fc.constantFrom(500, 400, 429, 502, 503),
})
const crashAt = fc.record({ commit: fc.integer({ min: 1, max: 40 }), side: fc.constantFrom('before', 'after') })

const weighted = [
  [8, command('stand', { name, by: owner })], // deployed, and waited for
  [8, command('deploy', { name, by: owner, key: fc.option(fc.nat(2), { freq: 2 }), wait, twice: fc.boolean() })],
  [4, command('cancel', { name, by: anybody, wait })],
  [7, command('remove', { name, by: anybody, data: fc.constantFrom('keep', 'delete'), wait })],
  [6, command('operate', { name, by: anybody, what: fc.constantFrom('stop', 'start', 'restart', 'rotate'), wait })],
  [7, command('await', { name })], // until what was begun last on it has ended
  [2, command('check', { name })],
  [2, command('cut', { name })], // the stream of what was begun last on it; its client comes back with Last-Event-ID
  [1, command('newKey', { by: owner })],
  [1, command('move', { by: owner })], // to another browser, by a link that is good once
  [4, command('pause', { ms: fc.integer({ min: 1, max: 400 }) })],
  [4, command('fault', faultAt([...procedures, ...more], kinds.calls, 1500))],
  [2, command('fault', faultAt(['stack'], kinds.stack, 1500))],
  [2, command('fault', faultAt(['deploy'], kinds.deploy, 2000))],
  [2, command('noFaults', {})],
  [3, command('kill', { crash: fc.option(crashAt, { freq: 3 }) })], // and start; with `crash`, to die at that commit
  [1, command('term', { cap: fc.option(fc.constantFrom(...caps)) })], // and start, with as many running at once
  [1, command('reload', { cap: fc.option(fc.constantFrom(...caps)) })],
]

const one = fc.oneof(...weighted.map(([weight, arbitrary]) => ({ weight, arbitrary })))

// A sequence: { version, cap, queue, commands }. Not fc.commands(): that decides while it runs which commands count, and of what went by
// the clock the second run is never the first; data alone shrinks alike each time.
export const sequence = (longest = 30) => fc.record({
  version: fc.oneof({ weight: 3, arbitrary: fc.constant(versions[0]) }, { weight: 1, arbitrary: fc.constant(versions[1]) }),
  cap: fc.constantFrom(...caps), queue: fc.constantFrom(50, 1),
  commands: fc.array(one, { minLength: 1, maxLength: longest, size: 'max' }),
})

const words = ({ do: what, ...fields }) => `${what} ${Object.entries(fields).filter(([, value]) => value !== null && value !== false)
  .map(([key, value]) => `${key}=${typeof value === 'object' ? JSON.stringify(value) : value}`).join(' ')}`.trim()

// The sequence as a person reads it.
export function told({ version, cap, queue, commands }) {
  return [`Dokploy ${version}, ${cap} at once, ${queue} waiting`, ...commands.map((it, i) => `${String(i + 1).padStart(3)}. ${words(it)}`)].join('\n')
}
