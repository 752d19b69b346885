// Every kind of fault at every call of the deployment. What cannot succeed ends in a `failed` that a person can act on, and the double
// holds nothing of it; what can, ends in one stack and not two. Each case has processes of its own: a breaker that one opens is not the other's.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { impatient } from '../soak/house.mjs'
import { seconds, startAll, until } from './harness.mjs'

const calls = [
  'project.create', 'application.create', 'application.saveDockerProvider', 'application.saveEnvironment', 'mounts.create', 'domain.create',
  'application.update', 'application.deploy', 'deployment.all',
]
// kind -> the rule's other fields, and the codes it may end with ("ready": it may also succeed).
const kinds = {
  latency: { rule: { ms: 300 }, ends: ['ready'] },
  lost: { rule: {}, ends: ['ready', 'dokploy_unreachable', 'step_timeout'] },
  'status 500': { rule: { kind: 'status', status: 500, body: '{"message":"boom","code":"INTERNAL_SERVER_ERROR"}' }, ends: ['dokploy_error'] },
  'status 503': { rule: { kind: 'status', status: 503, body: 'no server' }, ends: ['dokploy_error', 'dokploy_unreachable', 'step_timeout'] },
  'status 401': { rule: { kind: 'status', status: 401, body: '{"message":"Unauthorized"}' }, ends: ['dokploy_refused'] },
  'status 400': { rule: { kind: 'status', status: 400, body: '{"message":"no","code":"BAD_REQUEST"}' }, ends: ['dokploy_error'] },
  cut: { rule: {}, ends: ['dokploy_unreachable', 'step_timeout'] },
  hang: { rule: {}, ends: ['dokploy_unreachable', 'step_timeout'] },
  half: { rule: {}, ends: ['ready', 'dokploy_unreachable', 'dokploy_unexpected_answer', 'step_timeout'] },
  wrong_json: { rule: {}, ends: ['ready', 'dokploy_unexpected_answer'] },
  wrong_type: { rule: {}, ends: ['ready', 'dokploy_unexpected_answer'] },
  html: { rule: {}, ends: ['ready', 'dokploy_unexpected_answer', 'dokploy_error'] },
}
// What goes wrong in the worker that deploys, and in the stack itself.
const later = {
  deploy: { deploy_error: ['deploy_failed'], image_not_found: ['image_not_found'], registry_login: ['registry_login'],
    crash_loop: ['stack_unhealthy'], never_ready: ['stack_unhealthy'] },
  stack: { unprotected: ['stack_unprotected'], wrong_password: ['stack_wrong_password'], never_ready: ['stack_unhealthy'], html: ['stack_unhealthy', 'stack_unprotected'],
    'status 502': ['stack_unhealthy'], cut: ['stack_unhealthy'], hang: ['stack_unhealthy'], wrong_json: ['stack_unhealthy'] },
}

// The same scripts with shorter patience: a hang need not be waited out in full, ninety times over.
const house = impatient({ quick: true })

function isClear(failed) {
  const { code, step, title, detail, advice } = failed.data
  for (const [name, text] of Object.entries({ code, step, title, detail, advice })) assert.ok(text?.length > 2, `${name} is missing: ${JSON.stringify(failed)}`)
  assert.doesNotMatch(`${title} ${detail} ${advice}`, /[{}]|\b(nil|null|undefined)\b|\.lua:|^(step|failure)\./, 'a text for people')
}

// Clean at the end. Where the fault is in what proves it, undoing may have to name leftovers; then the sweeper comes back to them.
async function isClean(failed, at, { portal, rehearsal }) {
  const { rolledBack, leftovers } = failed.data
  assert.equal(rolledBack, leftovers.length === 0, JSON.stringify(failed))
  if (!rolledBack) {
    assert.equal(at, 'deployment.all', JSON.stringify(failed))
    for (const { kind, id, detail } of leftovers) assert.ok(kind && id && detail.length > 10, JSON.stringify(leftovers))
    await until(async () => (await portal.check('fay')).json.available, 'the sweeper has taken it away')
  }
  await rehearsal.holdsNothing('fay')
  assert.deepEqual((await rehearsal.state()).volumes, [], 'its own new volume, which nobody has used, is gone too')
  assert.equal((await portal.check('fay')).json.available, true, 'the name is free again')
}

async function rehearse(rule, ends) {
  const world = await startAll({ speed: 1000, root: house.root, env: { NODE_ENV: 'test' } })
  const { portal, rehearsal } = world
  try {
    await rehearsal.faults({ times: 0, ...rule })
    const answer = await portal.deploy('fay')
    assert.equal(answer.status, 202, answer.text)
    // The fault ends when undoing begins: what reads the outcome is needed to prove that all is gone.
    let lifted
    const onEvent = (event) => { if (event.data.state === 'undoing') lifted ??= rehearsal.forgetFaults() }
    const { last } = await portal.follow(answer.json.statusUrl, { onEvent, limit: seconds(240) })
    const rules = lifted ? [] : await rehearsal.faults()
    await lifted
    assert.ok(rules.every((r) => r.hits > 0), `the fault never struck: ${JSON.stringify(rules)}`)
    assert.ok(['ready', 'failed'].includes(last.event), JSON.stringify(last))
    assert.ok(ends.includes(last.event === 'ready' ? 'ready' : last.data.code), `${JSON.stringify(last)}, not one of ${ends}`)
    if (last.event === 'failed') {
      isClear(last)
      await isClean(last, rule.at, world)
    } else {
      const state = await rehearsal.state()
      for (const kind of ['projects', 'applications', 'domains', 'mounts']) assert.equal(state[kind].length, 1, `${kind}: ${JSON.stringify(state[kind])}`)
    }
    assert.equal((await portal.api('/health')).status, 200)
  } finally {
    await world.stop()
  }
}

const ruleOf = (kind, rule = {}) => (kind.startsWith('status ') ? { kind: 'status', status: Number(kind.slice(7)), ...rule } : { kind, ...rule })

const cases = [
  ...calls.flatMap((at) => Object.entries(kinds).map(([kind, { rule, ends }]) => [at, kind, ruleOf(kind, rule), ends])),
  ...Object.entries(later).flatMap(([at, ofThat]) => Object.entries(ofThat).map(([kind, ends]) => [at, kind, ruleOf(kind), ends])),
]
describe(`${cases.length} faults`, { concurrency: 10 }, () => {
  for (const [at, kind, rule, ends] of cases) test(`${at}: ${kind}`, () => rehearse({ at, ...rule }, ends))
})
