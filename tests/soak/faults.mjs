// faults: which there are to be played, and dice that fall alike for the same seed.

// The same figures for the same seed.
export function dice(seed) {
  let state = seed >>> 0
  const next = () => { // mulberry32
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  const below = (n) => Math.floor(next() * n)
  return { next, below, chance: (share) => next() < share, pick: (list) => list[below(list.length)], order: (list) => list.map((it) => [next(), it]).sort((a, b) => a[0] - b[0]).map(([, it]) => it) }
}

// Faults ---------------------------------------------------------------------------------------------------------------------

export const procedures = ['project.create', 'application.create', 'application.saveDockerProvider', 'application.saveEnvironment', 'mounts.create',
  'domain.create', 'application.update', 'application.deploy', 'application.one', 'deployment.all', 'project.one', 'application.delete', 'project.remove']
export const kinds = {
  calls: ['latency', 'status', 'hang', 'cut', 'html', 'half', 'wrong_json', 'wrong_type', 'lost'],
  stack: ['latency', 'status', 'hang', 'cut', 'html', 'half', 'wrong_json', 'wrong_type', 'lost', 'never_ready', 'unprotected', 'wrong_password'],
  deploy: ['latency', 'hang', 'deploy_error', 'image_not_found', 'registry_login', 'crash_loop', 'never_ready', 'unprotected', 'wrong_password', 'html'],
}

// Every kind at every place once, in an order of the seed's, and again from the start. Each kind of a place comes before any comes twice.
export function* everyFault(random) {
  const calls = kinds.calls.map((kind) => random.order(procedures).map((at) => ({ at, kind })))
  for (let round = 0; ; round++) {
    const some = calls.map((list) => list[round % list.length])
    const others = ['stack', 'deploy'].flatMap((at) => kinds[at].map((kind) => ({ at, kind })))
    for (const rule of random.order([...some, ...others])) yield rule
  }
}

// The rule as it is sent: for one stack only. A slow or hanging worker keeps everybody waiting, so it may not for long.
export function ruleFor(name, { at, kind }, random) {
  const rule = { at, kind, name, times: 1 + random.below(3) }
  if (kind === 'latency') rule.ms = 200 + random.below(1500)
  if (kind === 'hang' && at === 'deploy') rule.ms = 2000
  if (kind === 'status') rule.status = random.pick([400, 429, 500, 502, 503])
  return rule
}
