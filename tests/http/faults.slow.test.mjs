// Every kind of fault in every call of a deployment. What cannot succeed ends as a `failed` that a
// person can act on, and nothing of it is left in Dokploy; what can succeed ends as one workspace.
// Each case has processes of its own, because the circuit breaker is shared by all deployments.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMIN, TIME_SCALE, VERSIONS, inWorld, seconds, until, useWorld } from './harness.mjs'

const calls = [
  'project.create', 'application.create', 'application.saveDockerProvider',
  'application.saveEnvironment', 'mounts.create', 'domain.create', 'application.update',
  'application.deploy', 'deployment.all',
]
const away = ['dokploy_unreachable', 'step_timeout']
const status = (code, body) => ({ kind: 'status', status: code, body })
const boom = '{"message":"boom","code":"INTERNAL_SERVER_ERROR"}'

// Of each kind: the rule, and the codes it may end with ("ready": it may also succeed).
const kinds = {
  latency: [{ kind: 'latency', ms: 6000 }, ['ready']],
  lost: [{ kind: 'lost' }, ['ready', ...away]],
  'status 500': [status(500, boom), ['dokploy_error']],
  'status 503': [status(503, 'no server'), ['dokploy_error', ...away]],
  'status 401': [status(401, '{"message":"Unauthorized"}'), ['dokploy_refused']],
  'status 400': [status(400, '{"message":"no","code":"BAD_REQUEST"}'), ['dokploy_error']],
  cut: [{ kind: 'cut' }, away],
  hang: [{ kind: 'hang' }, away],
  half: [{ kind: 'half' }, ['ready', 'dokploy_unexpected_answer', ...away]],
  wrong_json: [{ kind: 'wrong_json' }, ['ready', 'dokploy_unexpected_answer']],
  wrong_type: [{ kind: 'wrong_type' }, ['ready', 'dokploy_unexpected_answer']],
  html: [{ kind: 'html' }, ['ready', 'dokploy_unexpected_answer', 'dokploy_error']],
  database: [{ kind: 'database', ms: 60_000, times: 1 }, ['ready']],
}
// What fails in the worker that deploys, and in the workspace itself.
const later = {
  deploy: {
    deploy_error: ['deploy_failed'], image_not_found: ['image_not_found'],
    registry_login: ['registry_login'], registry_denied: ['registry_denied'],
    crash_loop: ['stack_unhealthy'], never_ready: ['stack_unhealthy'],
  },
  stack: {
    unprotected: ['stack_unprotected'], wrong_password: ['stack_wrong_password'],
    never_ready: ['stack_unhealthy'], html: ['stack_unhealthy', 'stack_unprotected'],
    'status 502': ['stack_unhealthy'], cut: ['stack_unhealthy'], hang: ['stack_unhealthy'],
    wrong_json: ['stack_unhealthy'],
  },
}

function isClear({ data }) {
  const { code, step, title, detail, advice } = data
  for (const [name, text] of Object.entries({ code, step, title, detail, advice })) {
    assert.ok(text?.length > 2, `${name} is missing: ${JSON.stringify(data)}`)
  }
  const internals = /[{}]|\b(nil|null|undefined)\b|\.lua:|^(step|failure)\./
  assert.doesNotMatch(`${title} ${detail} ${advice}`, internals, 'a text for people')
}

// Nothing is left. Where the fault is in what proves that, undoing may have to name leftovers; the
// sweeper then comes back to them.
async function isClean(failed, at, { portal, rehearsal }) {
  const { rolledBack, leftovers } = failed.data
  assert.equal(rolledBack, leftovers.length === 0, JSON.stringify(failed))
  if (!rolledBack) {
    assert.equal(at, 'deployment.all', JSON.stringify(failed))
    for (const { kind, id, detail } of leftovers) {
      assert.ok(kind && id && detail.length > 10, JSON.stringify(leftovers))
    }
    await until(async () => (await portal.check('fay')).json.available, 'the sweeper removed it')
  }
  await rehearsal.holdsNothing('fay')
  assert.deepEqual((await rehearsal.state()).volumes, [], 'its new, unused volume is gone too')
  assert.equal((await portal.check('fay')).json.available, true, 'the name is free again')
}

async function isOnce(rehearsal, also = []) {
  const state = await rehearsal.state()
  for (const kind of ['projects', 'applications', 'domains', 'mounts', ...also]) {
    assert.equal(state[kind].length, 1, `${kind}: ${JSON.stringify(state[kind])}`)
  }
}

const play = (rule, ends) => inWorld({ speed: 1000 }, async (world) => {
  const { portal, rehearsal } = world
  await rehearsal.faults({ times: 0, ...rule })
  // The fault ends when undoing begins: reading the outcome is needed to prove that all is gone.
  let lifted
  const onEvent = ({ data }) => {
    if (data.state === 'undoing') lifted ??= rehearsal.forgetFaults()
  }
  const answer = await portal.deploy('fay')
  const { last } = await portal.finish(answer, undefined, { onEvent, limit: seconds(240) })
  const rules = lifted ? [] : await rehearsal.faults()
  await lifted
  assert.ok(rules.every(({ hits }) => hits > 0), `no call met the fault: ${JSON.stringify(rules)}`)
  const end = last.event === 'failed' ? last.data.code : last.event
  assert.ok(ends.includes(end), `${JSON.stringify(last)}, not one of ${ends}`)
  if (last.event === 'failed') {
    isClear(last)
    await isClean(last, rule.at, world)
  } else {
    await isOnce(rehearsal)
  }
  assert.equal((await portal.api('/health')).status, 200)
})

const laterRule = (kind) => (kind.startsWith('status ') ? status(Number(kind.slice(7))) : { kind })
const cases = [
  ...calls.flatMap((at) => Object.entries(kinds)
    .map(([kind, [rule, ends]]) => [`${at}: ${kind}`, { at, ...rule }, ends])),
  ...Object.entries(later).flatMap(([at, ofPlace]) => Object.entries(ofPlace)
    .map(([kind, ends]) => [`${at}: ${kind}`, { at, ...laterRule(kind) }, ends])),
]
describe(`${cases.length} faults`, { concurrency: 6 }, () => {
  for (const [name, rule, ends] of cases) test(name, play(rule, ends))
})

for (const version of VERSIONS) {
  const options = { version, speed: 1000 }

  // The work was done and its answer was lost: the portal looks before it repeats a call.
  describe(`Dokploy ${version}: one answer is lost`, { concurrency: 4 }, () => {
    for (const at of calls.slice(0, -1)) {
      test(`of ${at}`, inWorld(options, async ({ portal, rehearsal }) => {
        await rehearsal.faults({ at, kind: 'lost', times: 1 })
        await portal.ready('lena')
        assert.equal(await rehearsal.hits(), 1)
        await isOnce(rehearsal, ['deployments'])
      }))
    }

    for (const at of ['application.delete', 'project.remove']) {
      test(`of ${at}`, inWorld(options, async ({ portal, rehearsal }) => {
        const { key } = await portal.ready('lena')
        await rehearsal.faults({ at, kind: 'lost', times: 1 })
        await portal.deleted('lena', { key })
        assert.equal(await rehearsal.hits(), 1)
        await rehearsal.holdsNothing('lena')
      }))
    }

    test('Retry-After is obeyed', inWorld(options, async ({ portal, rehearsal }) => {
      const headers = { 'Retry-After': '40' }
      const at = 'deployment.all'
      await rehearsal.faults({ at, kind: 'status', status: 503, headers, times: 1 })
      const start = Date.now()
      await portal.ready('rita')
      assert.ok(Date.now() - start >= 40_000 / TIME_SCALE, 'it came back too early')
    }))
  })

  // A create takes longer than the portal waits for it, so that it is found missing and made again:
  // of the two the recorded one stays.
  describe(`Dokploy ${version}: a create is carried out late`, { concurrency: 4 }, () => {
    const { portal, rehearsal } = useWorld(options)
    const creates = {
      'project.create': 'projects', 'application.create': 'applications',
      'mounts.create': 'mounts', 'domain.create': 'domains',
    }
    for (const [at, kind] of Object.entries(creates)) {
      test(at, async () => {
        const name = `late-${kind}`
        await rehearsal.faults({ at, kind: 'latency', ms: 45_000, times: 1, name })
        const { key } = await portal.ready(name)
        const isRemoved = (line) => line.event === 'orphans.duplicate_removed'
          && kind.startsWith(line.kind)
        await portal.logged(isRemoved, `the duplicate of the ${kind} is removed`)
        const isOfName = (thing) => JSON.stringify(thing).includes(name)
        const count = async () => (await rehearsal.state())[kind].filter(isOfName).length
        await until(async () => (await count()) === 1, `one of the ${kind} is left`)
        const { json } = await portal.stack(name, { key })
        assert.equal(json.state, 'ready')
        const { password } = json
        assert.equal((await rehearsal.stack(name, '/global/health', { password })).status, 200)
        await portal.finish(await portal.act(name, 'restart', { key }), 'ready')
        const { findings } = (await portal.api('/api/admin/findings', { key: ADMIN })).json
        assert.deepEqual(findings, [])
        await portal.deleted(name, { key, data: 'delete' })
        await rehearsal.holdsNothing(name)
      })
    }
  })
}
