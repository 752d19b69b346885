// How often one may ask, in production: each client has buckets of its own, wherever a proxy says that it is; nobody gets round them, and a
// reload forgets nothing. (In development nothing is held up: the other tests show it.)
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMIN, copyRoot, startPortal, startRehearsal, until } from './harness.mjs'

let rehearsal, portal, root
const real = () => ({
  NODE_ENV: 'production', ACCESS: 'open', DOKPLOY_URL: rehearsal.url, DOKPLOY_API_TOKEN: 'x', STACK_DOMAIN_SUFFIX: 'localhost', STACK_SCHEME: 'http',
  STACK_CONNECT_TO: `127.0.0.1:${rehearsal.port}`, STACK_IMAGE: 'ghcr.io/example/stack:1',
})
before(async () => {
  rehearsal = await startRehearsal()
  root = copyRoot()
  portal = await startPortal({ rehearsal, root: root.root, env: { ...real(), TRUSTED_PROXIES: '127.0.0.1' } })
})
after(async () => {
  await portal.stop()
  await rehearsal.stop()
})

const from = (address) => ({ headers: { 'x-forwarded-for': address } })

// Asks until it is refused; how many were answered, and the refusal.
async function exhaust(ask, most = 400) {
  for (let n = 0; n < most; n++) {
    const answer = await ask(n)
    if (answer.status === 429) return { n, answer }
  }
  return { n: most }
}

const check = (address) => portal.check('anna', from(address))

test('name checks: as many as the policy says, then 429 with all that a client needs', async () => {
  const { n, answer } = await exhaust(() => check('203.0.113.1'))
  assert.ok(n >= 60 && n <= 70, `${n}`)
  assert.equal(answer.json.code, 'rate_limited')
  assert.equal(Number(answer.headers['retry-after']), answer.json.retryAfter)
  assert.ok(answer.json.retryAfter >= 1 && answer.json.retryAfter <= 60)
  assert.equal(answer.headers['ratelimit-policy'], '"check";q=60;w=60')
  assert.match(answer.headers.ratelimit, /^"check";r=0;t=\d+$/)
  assert.equal((await check('203.0.113.2')).status, 200, 'another client is not held up')
  assert.equal((await portal.api('/health', from('203.0.113.1'))).status, 200, 'monitors never are')
  const told = await Promise.all(['nl', 'ar'].map((language) => portal.check('anna', { ...from('203.0.113.1'), language })))
  assert.equal(new Set(told.map(({ json }) => json.title)).size, 2)
})

test('what stands left of the nearest address that is no proxy is anybody\'s invention', async () => {
  const { n } = await exhaust((i) => check(`198.51.100.${i % 250}, 203.0.113.3`))
  assert.ok(n <= 70, `${n} with an invented address in front`)
})

test('a household of IPv6 is one client', async () => {
  const { n } = await exhaust((i) => check(`2001:db8:1:2::${i.toString(16)}`))
  assert.ok(n <= 70, `${n}`)
  assert.equal((await check('2001:db8:1:3::1')).status, 200)
})

test('a whole /48 of IPv6 is not 65,536 clients', async () => {
  const { n } = await exhaust((i) => check(`2001:db8:9:${i.toString(16)}::1`), 1000)
  assert.ok(n >= 480 && n <= 520, `${n} in a moment`)
  assert.equal((await check('2001:db8:a:1::1')).status, 200)
  assert.equal((await check('203.0.113.9')).status, 200)
})

test('a reload forgets nothing', async () => {
  const from = portal.log.length
  portal.child.kill('SIGHUP')
  await portal.logged((line) => line.event === 'scripts.loaded', 'the reload', { from })
  const { n } = await exhaust(() => check('2001:db8:1:2::1'))
  assert.ok(n < 30, `${n} at once after the reload; a bucket that was forgotten has 60`)
})

test('deploys: each client and each owner; the answer tells what is left', async () => {
  const first = await portal.ready('limited-0', from('192.0.2.1'))
  assert.match(first.answer.headers.ratelimit, /^"deploy";r=\d+;t=\d+$/)
  const wide = await exhaust((i) => portal.deploy('limited-0', { key: first.key, ...from(`192.0.${i + 10}.1`) }), 30)
  assert.ok(wide.n >= 5 && wide.n <= 10, `${wide.n} by one owner from many addresses`)
  const one = await exhaust((i) => portal.deploy(`x${i}`, from('192.0.2.77')), 30) // names too short: each costs all the same
  assert.ok(one.n <= 10, `${one.n}`)
})

test('the admin is not held up', async () => {
  assert.equal((await portal.deploy('admins-own', from('192.0.2.77'))).status, 429)
  const { json, status } = await portal.deploy('admins-own', { key: ADMIN, ...from('192.0.2.77') })
  assert.equal(status, 202)
  await portal.follow(json.statusUrl)
})

test('guessing: after some wrong keys the right one is not told apart either', async () => {
  const guess = (key, address) => portal.api('/api/stacks', { key, ...from(address) })
  assert.equal((await guess(ADMIN, '192.0.2.99')).status, 200)
  const { n } = await exhaust((i) => guess(`guess-${i}`, '192.0.2.99'), 40)
  assert.ok(n >= 9 && n <= 11, `${n}`)
  assert.equal((await guess(ADMIN, '192.0.2.99')).status, 429)
  assert.equal((await guess(ADMIN, '192.0.2.100')).status, 200)
})

test('guessing: a fresh network of a /48 that guessed too often learns nothing either', async () => {
  const guess = (key, site, i) => portal.api('/api/stacks', { key, ...from(`2001:db8:${site}:${i.toString(16)}::1`) })
  for (let i = 0; i < 80; i++) assert.equal((await guess(`guess-${i}`, 'bad', i)).json.code, 'key_invalid', `guess ${i}`) // 8 times 10
  assert.equal((await guess('guess-80', 'bad', 80)).status, 429)
  assert.equal((await guess(ADMIN, 'bad', 81)).status, 429, 'the right one is not told from them')
  assert.equal((await guess(ADMIN, 'bed', 1)).status, 200, 'another site is not held up')
})

test('an edit of the policy counts at once', async () => {
  const since = portal.log.length
  root.edit('scripts/policy/limits.lua', (text) => text.replace('check = { 60, 60 }', 'check = { 3, 60 }'))
  portal.child.kill('SIGHUP')
  await portal.logged((line) => line.event === 'scripts.loaded', 'the reload', { from: since })
  assert.ok((await exhaust(() => check('203.0.113.50'))).n <= 4)
})

test('quotas: an owner has as many stacks as the policy says', async () => {
  const since = portal.log.length
  root.edit('scripts/policy/limits.lua', (text) => text.replace('{ owner = 5, network = 20, total = 500 }', '{ owner = 2, network = 3, total = 500 }'))
  portal.child.kill('SIGHUP')
  await portal.logged((line) => line.event === 'scripts.loaded', 'the reload', { from: since })
  const { key } = await portal.ready('quota-1', from('100.64.1.1'))
  await portal.ready('quota-2', { key, ...from('100.64.2.1') })
  assert.equal((await portal.deploy('quota-3', { key, ...from('100.64.3.1') })).json.code, 'quota_owner')
  const many = await Promise.all([4, 5, 6, 7, 8].map((i) => portal.deploy(`quota-${i}`, from(`100.64.1.${i}`))))
  assert.deepEqual(many.map(({ status, json }) => json.code ?? status).sort(), [202, 202, 'quota_network', 'quota_network', 'quota_network'])
  await Promise.all(many.filter(({ status }) => status === 202).map(({ json }) => portal.follow(json.statusUrl)))
})

test('streams: one client has as many as the policy says, and all together leave room for others', async () => {
  const since = portal.log.length
  root.edit('scripts/policy/limits.lua', (text) => text.replace('{ client = 200, total = 3000 }', '{ client = 3, total = 5 }'))
  portal.child.kill('SIGHUP')
  await portal.logged((line) => line.event === 'scripts.loaded', 'the reload', { from: since })
  await rehearsal.faults({ at: 'deploy', kind: 'hang', name: 'watched' })
  const { json } = await portal.deploy('watched', { key: ADMIN })
  const open = []
  const watch = async (address) => {
    const stream = await portal.stream(json.statusUrl, from(address))
    if (stream.status === 200) open.push(stream)
    else stream.close()
    return stream.status
  }
  const look = (address) => portal.status(json.statusUrl, from(address))
  try {
    assert.deepEqual([await watch('203.0.113.60'), await watch('203.0.113.60'), await watch('203.0.113.60')], [200, 200, 200])
    assert.equal(await watch('203.0.113.60'), 429)
    assert.deepEqual([await watch('203.0.113.61'), await watch('203.0.113.62')], [200, 200])
    const refused = await portal.api(json.statusUrl, from('203.0.113.63'))
    assert.deepEqual([refused.status, refused.json.code, refused.headers['retry-after']], [429, 'rate_limited', '10'])
    assert.equal((await look('203.0.113.60')).status, 200, 'the document is there all the same')
    open.shift().close()
    await until(async () => (await watch('203.0.113.60')) === 200, 'there is room again')
  } finally {
    for (const stream of open) stream.close()
    await rehearsal.forgetFaults() // what hangs would be waited for, if it has come that far
    await portal.cancel(json.deploymentId, { key: ADMIN })
    await portal.follow(json.statusUrl, { key: ADMIN })
  }
})

test('an address that no proxy of ours tells is not believed', async () => {
  const bare = await startPortal({ rehearsal, env: real() })
  try {
    const { n } = await exhaust((i) => bare.check('anna', from(`203.0.113.${i % 250}`)))
    assert.ok(n >= 60 && n <= 70, `${n} with invented addresses`)
    const told = bare.log.filter(({ event }) => event === 'client.proxy_not_trusted')
    assert.deepEqual(told.map(({ level, peer }) => [level, peer]), [['warn', '127.0.0.1']], 'the operator is told, once')
  } finally {
    await bare.stop()
  }
})
