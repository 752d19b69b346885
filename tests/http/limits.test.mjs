// Rate limits and quotas in production: each client has its own budgets, wherever a trusted proxy
// says it is; no client gets round them and a reload forgets nothing. (In development they hardly
// limit, as the other tests show.) And guesses of tokens, on every route.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMIN, dokployEnv, until, useWorld, withPortal } from './harness.mjs'

const production = (rehearsal) => ({
  ...dokployEnv(rehearsal), NODE_ENV: 'production', ACCESS: 'open',
})
const from = (address) => ({ headers: { 'x-forwarded-for': address } })

// Asks until it is refused. Returns how many were answered, and the refusal.
async function exhaust(ask, most = 400) {
  for (let n = 0; n < most; n++) {
    const answer = await ask(n)
    if (answer.status === 429) return { n, answer }
  }
  return { n: most }
}

function isBetween(n, least, most) {
  assert.ok(n >= least && n <= most, `${n} instead of ${least} to ${most}`)
}

describe('in production', () => {
  const { portal, rehearsal, tree } = useWorld({
    edits: {}, speed: 1000,
    env: (double) => ({ ...production(double), TRUSTED_PROXIES: '127.0.0.1' }),
  })
  const check = (address, options) => portal.check('anna', { ...from(address), ...options })
  const setLimit = (before, after) => portal.reload(() =>
    tree.edit('scripts/policy/limits.lua', (text) => text.replace(before, after)))

  test('name checks: up to the limit, then 429 with all that a client needs', async () => {
    const { n, answer } = await exhaust(() => check('203.0.113.1'))
    isBetween(n, 60, 70)
    const { json, headers } = answer
    assert.equal(json.code, 'rate_limited')
    assert.equal(Number(headers['retry-after']), json.retryAfter)
    isBetween(json.retryAfter, 1, 60)
    assert.equal(headers['ratelimit-policy'], '"check";q=60;w=60')
    assert.match(headers.ratelimit, /^"check";r=0;t=\d+$/)
    assert.equal((await check('203.0.113.2')).status, 200, 'another client is not limited')
    const health = await portal.api('/health', from('203.0.113.1'))
    assert.equal(health.status, 200, 'monitors never are')
    const titles = new Set()
    for (const language of ['nl', 'ar']) {
      titles.add((await check('203.0.113.1', { language })).json.title)
    }
    assert.equal(titles.size, 2)
  })

  test('only the address next to the trusted proxy counts', async () => {
    const { n } = await exhaust((i) => check(`198.51.100.${i % 250}, 203.0.113.3`))
    isBetween(n, 60, 70)
  })

  test('an IPv6 /64 is one client', async () => {
    const { n } = await exhaust((i) => check(`2001:db8:1:2::${i.toString(16)}`))
    isBetween(n, 60, 70)
    assert.equal((await check('2001:db8:1:3::1')).status, 200)
  })

  test('an IPv6 /48 has the budget of eight clients, not of 65,536', async () => {
    const { n } = await exhaust((i) => check(`2001:db8:9:${i.toString(16)}::1`), 1000)
    isBetween(n, 480, 520)
    assert.equal((await check('2001:db8:a:1::1')).status, 200)
    assert.equal((await check('203.0.113.9')).status, 200)
  })

  test('a reload forgets nothing', async () => {
    await portal.reload()
    const { n } = await exhaust(() => check('2001:db8:1:2::1'))
    isBetween(n, 0, 30) // a budget that was forgotten has 60
  })

  test('deploys: of each client and each owner; the answer says what is left', async () => {
    await setLimit('deploy = { 10, 3600 }', 'deploy = { 3, 3600 }')
    const { answer, key } = await portal.ready('limited-0', from('192.0.2.1'))
    assert.match(answer.headers.ratelimit, /^"deploy";r=2;t=\d+$/)
    const statuses = async (deploys) => {
      const answers = []
      for (const deploy of deploys) answers.push(await deploy())
      const accepted = answers.filter(({ status }) => status === 202)
      await Promise.all(accepted.map((it) => portal.finish(it, 'ready', { key: ADMIN })))
      return answers.map(({ status }) => status)
    }
    const ofOwner = (name, i) => () => portal.deploy(name, { key, ...from(`192.0.${i + 10}.1`) })
    const taken = [1, 2, 3, 4].map((i) => ofOwner('limited-0', i))
    const more = [5, 6, 7, 8].map((i) => ofOwner(`limited-${i}`, i))
    assert.deepEqual(await statuses([...taken, ...more]), [409, 409, 409, 409, 202, 202, 202, 429])
    const ofClient = (name) => () => portal.deploy(name, from('192.0.2.77'))
    const refused = ['x', 'admin', 'limited-0', 'y'].map(ofClient)
    const four = ['of-one-1', 'of-one-2', 'of-one-3', 'of-one-4'].map(ofClient)
    assert.deepEqual(await statuses([...refused, ...four]),
      [422, 422, 409, 422, 202, 202, 202, 429])
    const admins = await portal.deploy('admins-own', { key: ADMIN, ...from('192.0.2.77') })
    await portal.finish(admins, 'ready', { key: ADMIN }) // the admin is not limited
    await setLimit('deploy = { 3, 3600 }', 'deploy = { 10, 3600 }')
  })

  test('refused deploys count as changes', async () => {
    const { n, answer } = await exhaust((i) => portal.deploy(`x${i % 2}`, from('192.0.2.78')), 60)
    isBetween(n, 30, 35)
    assert.match(answer.headers['ratelimit-policy'], /^"change"/)
  })

  test('who guesses tokens is still let in at the log-in, and the other way round', async () => {
    const address = { 'x-forwarded-for': '192.0.2.98', accept: 'application/json' }
    await exhaust((i) => portal.api('/api/stacks', { key: `guess-${i}`, headers: address }), 40)
    const { csrf } = (await portal.api('/api/owner', { headers: from('192.0.2.97').headers })).json
    const logIn = (token) => portal.post('/admin/login', undefined,
      { form: { csrf, token }, headers: address })
    assert.equal((await logIn(ADMIN)).status, 303)
    isBetween((await exhaust((i) => logIn(`guess-${i}`), 40)).n, 9, 11)
    assert.equal((await logIn(ADMIN)).status, 429)
  })

  test('an admin with a session is not held up by requests from the same address', async () => {
    await setLimit('read = { 240, 60 }', 'read = { 4, 6000 }')
    const headers = { 'x-forwarded-for': '192.0.2.96', accept: 'application/json' }
    const { csrf } = (await portal.api('/api/owner', { headers })).json
    const form = { csrf, token: ADMIN }
    const entered = await portal.post('/admin/login', undefined, { form, headers })
    const cookie = entered.headers['set-cookie'][0].split(';')[0]
    await exhaust(() => portal.api('/', { headers }))
    assert.equal((await portal.api('/stacks', { headers })).status, 429)
    for (const path of ['/admin', '/']) {
      assert.equal((await portal.api(path, { headers: { ...headers, cookie } })).status, 200, path)
    }
    assert.equal((await portal.api('/admin/login', { headers })).status, 200, 'without a session')
    await setLimit('read = { 4, 6000 }', 'read = { 240, 60 }')
  })

  const guess = (key, address) => portal.api('/api/stacks', { key, ...from(address) })

  test('after ten wrong keys the right one is refused too', async () => {
    assert.equal((await guess(ADMIN, '192.0.2.99')).status, 200)
    isBetween((await exhaust((i) => guess(`guess-${i}`, '192.0.2.99'), 40)).n, 9, 11)
    assert.equal((await guess(ADMIN, '192.0.2.99')).status, 429)
    assert.equal((await guess(ADMIN, '192.0.2.100')).status, 200)
  })

  test('a fresh /64 of a /48 that guessed too often learns nothing either', async () => {
    const address = (site, i) => `2001:db8:${site}:${i.toString(16)}::1`
    for (let i = 0; i < 80; i++) { // 8 times 10
      const { json } = await guess(`guess-${i}`, address('bad', i))
      assert.equal(json.code, 'key_invalid', `guess ${i}`)
    }
    assert.equal((await guess('guess-80', address('bad', 80))).status, 429)
    assert.equal((await guess(ADMIN, address('bad', 81))).status, 429)
    assert.equal((await guess(ADMIN, address('bed', 1))).status, 200, 'another /48')
  })

  test('an edit of the policy applies at once', async () => {
    await setLimit('check = { 60, 60 }', 'check = { 3, 60 }')
    isBetween((await exhaust(() => check('203.0.113.50'))).n, 3, 4)
  })

  test('quotas: of an owner and of a network', async () => {
    await setLimit('owner = 5, network = 20, total = 500', 'owner = 2, network = 3, total = 500')
    const { key } = await portal.ready('quota-1', from('100.64.1.1'))
    await portal.ready('quota-2', { key, ...from('100.64.2.1') })
    const third = await portal.deploy('quota-3', { key, ...from('100.64.3.1') })
    assert.equal(third.json.code, 'quota_owner')
    const ofNetwork = [4, 5, 6, 7, 8].map((i) => portal.deploy(`quota-${i}`, from(`100.64.1.${i}`)))
    const answers = await Promise.all(ofNetwork)
    const codes = answers.map(({ status, json }) => json.code ?? status).sort()
    assert.deepEqual(codes, [202, 202, 'quota_network', 'quota_network', 'quota_network'])
    const accepted = answers.filter(({ status }) => status === 202)
    await Promise.all(accepted.map((answer) => portal.finish(answer, 'ready')))
  })

  test('quotas and streams: an IPv6 /48 has those of eight networks', async () => {
    await setLimit('owner = 2, network = 3,', 'owner = 2, network = 1,')
    await setLimit('site = 8,', 'site = 2,')
    const codes = []
    for (const [i, group] of ['1', '1', '2', '3'].entries()) {
      const answer = await portal.deploy(`site-${i}`, from(`2001:db8:c:${group}::${i}`))
      codes.push(answer.json.code ?? answer.status)
      if (answer.status === 202) await portal.finish(answer, 'ready')
    }
    assert.deepEqual(codes, [202, 'quota_network', 202, 'quota_network'])
    await setLimit('site = 2,', 'site = 8,')
  })

  test('streams: a limit for each client, and one for all together', async () => {
    await setLimit('client = 200, total = 3000', 'client = 3, total = 5')
    await rehearsal.hold('deploy', 'watched')
    const answer = await portal.deploy('watched', { key: ADMIN })
    const { statusUrl, deploymentId } = answer.json
    const open = []
    async function watch(address) {
      const stream = await portal.stream(statusUrl, from(address))
      if (stream.status === 200) open.push(stream)
      else stream.close()
      return stream.status
    }
    const watchAll = async (addresses) => {
      const statuses = []
      for (const address of addresses) statuses.push(await watch(address))
      return statuses
    }
    try {
      const one = '203.0.113.60'
      assert.deepEqual(await watchAll([one, one, one, one]), [200, 200, 200, 429])
      assert.deepEqual(await watchAll(['203.0.113.61', '203.0.113.62']), [200, 200])
      const headers = { accept: 'text/event-stream', ...from('203.0.113.63').headers }
      const refused = await portal.api(statusUrl, { headers })
      assert.deepEqual([refused.status, refused.json.code], [429, 'rate_limited'])
      assert.equal(refused.headers['retry-after'], '10')
      const document = await portal.status(statusUrl, from(one))
      assert.equal(document.status, 200, 'the document is available all the same')
      open.shift().close()
      await until(async () => await watch(one) === 200, 'there is room again')
    } finally {
      for (const stream of open) stream.close()
      await rehearsal.forgetFaults()
      await portal.cancel(deploymentId, { key: ADMIN })
      await portal.finish(answer, 'cancelled', { key: ADMIN })
    }
  })

  // One client's budgets would be too small for all, and the admin must get in to correct it.
  test('the clients of a proxy that is not trusted share budgets; not the admin',
    withPortal(() => ({
      rehearsal, root: tree.root, env: production(rehearsal),
    }), async (bare) => {
      const { n, answer } = await exhaust((i) => bare.check('anna', from(`203.0.113.${i % 250}`)))
      isBetween(n, 60, 65) // 20 times 3
      assert.equal(answer.headers['ratelimit-policy'], '"check";q=60;w=60')
      const wrong = (i) => bare.api('/api/stacks', { key: `guess-${i}`, ...from('203.0.113.1') })
      isBetween((await exhaust(wrong, 250)).n, 199, 202)
      const right = await bare.api('/api/stacks', { key: ADMIN, ...from('203.0.113.2') })
      assert.equal(right.status, 200)
      const ofMany = [1, 2, 3, 4].map((i) => bare.deploy(`shared-${i}`, from(`198.51.100.${i}`)))
      const answers = await Promise.all(ofMany)
      assert.deepEqual(answers.map(({ status }) => status), [202, 202, 202, 202], 'no quota')
      await Promise.all(answers.map((it) => bare.finish(it, 'ready')))
      const reported = async (options) => (await bare.api('/health', options)).json.degraded
        .find(({ code }) => code === 'limits_shared')
      assert.equal(await reported(), undefined)
      assert.match((await reported({ key: ADMIN })).detail, /127\.0\.0\.1.*PROXY_SECRET/)
      assert.equal((await bare.api('/ready')).json.limits, 'shared')
      const warnings = bare.log.filter(({ event }) => event === 'client.proxy_not_trusted')
      const shown = warnings.map(({ level, peer }) => [level, peer])
      assert.deepEqual(shown, [['warn', '127.0.0.1']], 'the operator is told, once')
    }))
})

// An admin's token may be short. After too many attempts no route answers the right token
// differently from a wrong one: not by its status, its page or a form's token.
describe('guessing a token', () => {
  let csrf
  const fewAttempts = (text) => text.replace('auth = { 1000, 60 }', 'auth = { 3, 600 }')
  const { portal } = useWorld({
    edits: { 'scripts/policy/limits.lua': fewAttempts },
    env: { TRUSTED_PROXIES: '127.0.0.1' },
    async prepare() { csrf = (await portal.api('/api/owner')).json.csrf },
  })

  async function routes() {
    const { paths } = (await portal.api('/api/openapi.json')).json
    return Object.entries(paths).flatMap(([pattern, methods]) => {
      const path = pattern.replace(/\{\w+\}/g, 'anna')
      return Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path }))
    })
  }
  const waysToPost = () => [{}, { json: {} }, { form: { csrf } }, { form: { csrf: '1.none' } }]
  const waysOf = (method) => (method === 'GET' ? [{}] : waysToPost())

  // What a client can tell apart; ids and numbers differ from one request to the next anyway.
  function visible({ status, headers, text }) {
    const { 'x-request-id': id, date, ...others } = headers
    return `${status} ${JSON.stringify(others)} ${text.replaceAll(id, '')}`.replace(/\d+/g, '0')
      .replace(/^0/, status)
  }

  let clients = 0
  function newClient() {
    const address = `203.0.${Math.floor(clients / 250)}.${clients++ % 250}`
    const headers = { 'x-forwarded-for': address, accept: 'application/json' }
    return ({ method, path }, key, way = {}) => portal.api(path, { method, key, headers, ...way })
  }
  const stacks = { method: 'GET', path: '/api/stacks' }

  test('after too many attempts, on any route, right and wrong look alike', async () => {
    const different = []
    const all = await routes()
    assert.ok(all.length > 60)
    for (const route of all) {
      for (const way of waysOf(route.method)) {
        for (const first of [route, stacks]) {
          const ask = newClient()
          for (let i = 0; i < 4; i++) await ask(first, `wrong-${i}`, first === route ? way : {})
          const wrong = visible(await ask(route, 'wrong-once-more', way))
          const right = visible(await ask(route, ADMIN, way))
          if (wrong === right) continue
          const where = `${route.method} ${route.path} ${JSON.stringify(way)}, after ${first.path}`
          different.push(`${where}:\n  ${wrong.slice(0, 300)}\n  ${right.slice(0, 300)}`)
        }
      }
    }
    assert.deepEqual(different, [])
  })

  test('one request is one attempt, on any page', async () => {
    for (const path of ['/', '/admin', '/stacks', '/stack/anna', '/metrics', '/api/stacks']) {
      const ask = newClient()
      const attempt = (i) => ask({ method: 'GET', path }, `wrong-${i}`)
      await attempt(0)
      await attempt(1)
      assert.equal((await ask(stacks, ADMIN)).status, 200, `${path}: two of three`)
      await attempt(2)
      assert.equal((await ask(stacks, ADMIN)).status, 429, `${path}: three of three`)
    }
  })
})
