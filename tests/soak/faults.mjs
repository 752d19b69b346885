// The faults that random tests inject, and random numbers that are the same for the same seed.

export function seededRandom(seed) {
  let state = seed >>> 0
  const next = () => { // mulberry32
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  const below = (n) => Math.floor(next() * n)
  const shuffle = (list) => list.map((it) => [next(), it]).sort((a, b) => a[0] - b[0])
    .map(([, it]) => it)
  const pick = (list) => list[below(list.length)]
  return { below, chance: (share) => next() < share, pick, shuffle }
}

export const procedures = [
  'project.create', 'application.create', 'application.saveDockerProvider',
  'application.saveEnvironment', 'mounts.create', 'domain.create', 'application.update',
  'application.deploy', 'application.one', 'deployment.all', 'project.one', 'application.delete',
  'project.remove',
]
const calls = [
  'latency', 'status', 'hang', 'cut', 'html', 'half', 'wrong_json', 'wrong_type', 'lost',
]
export const kinds = {
  calls,
  stack: [...calls, 'never_ready', 'unprotected', 'wrong_password'],
  deploy: [
    'latency', 'hang', 'deploy_error', 'image_not_found', 'registry_login', 'registry_denied',
    'crash_loop', 'never_ready', 'unprotected', 'wrong_password', 'html',
  ],
}

// Yields { at, kind } for ever: every kind of a place comes once, in random order, before any comes
// again; each round pairs a kind of call with another procedure.
export function* everyFault(random) {
  const pairs = kinds.calls.map((kind) => random.shuffle(procedures).map((at) => ({ at, kind })))
  for (let round = 0; ; round++) {
    const ofCalls = pairs.map((list) => list[round % list.length])
    const others = ['stack', 'deploy'].flatMap((at) => kinds[at].map((kind) => ({ at, kind })))
    yield* random.shuffle([...ofCalls, ...others])
  }
}

// The rule as it is sent, for one workspace only. The worker of deployments is shared by all, so it
// may be slow or hang for a short time only.
export function ruleFor(name, { at, kind }, random) {
  const rule = { at, kind, name, times: 1 + random.below(3) }
  if (kind === 'latency') rule.ms = 4000 + random.below(30_000)
  if (kind === 'hang' && at === 'deploy') rule.ms = 40_000
  if (kind === 'status') rule.status = random.pick([400, 429, 500, 502, 503])
  return rule
}
