// The proxy in front: whom the portal trusts, and what a trusted one reports about a request.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { ADMIN, DEPLOYER, dokployEnv, top, useWorld, withPortal } from './harness.mjs'

const SECRET = 'a-secret-of-32-characters-at-all'
const proof = { 'x-proxy-secret': SECRET }
const production = (rehearsal) => ({ ...dokployEnv(rehearsal), NODE_ENV: 'production' })
const { rehearsal } = useWorld()

const statusOf = async (portal, path, headers) => (await portal.api(path, { headers })).status

describe('with PROXY_SECRET', () => {
  const { portal } = useWorld({
    rehearsal,
    env: (double) => ({
      ...production(double), ACCESS: 'forward-auth', FORWARD_AUTH_ADMINS: 'root',
      PROXY_SECRET: SECRET,
    }),
  })
  const root = { 'remote-user': 'root' }

  test('only a proxy that sends it names the user', async () => {
    assert.equal(await statusOf(portal, '/api/audit', root), 401)
    for (const wrong of ['', 'x', `${SECRET}x`, SECRET.slice(1), `${SECRET}, ${SECRET}`]) {
      assert.equal(await statusOf(portal, '/api/audit', { ...root, 'x-proxy-secret': wrong }), 401)
    }
    assert.equal(await statusOf(portal, '/api/audit', { ...root, ...proof }), 200)
  })

  test('a proxy is no client from nearby, which may read the metrics', async () => {
    assert.equal(await statusOf(portal, '/metrics', {}), 200)
    assert.equal(await statusOf(portal, '/metrics', proof), 401)
    for (const field of ['for', 'proto', 'host']) {
      assert.equal(await statusOf(portal, '/metrics', { [`x-forwarded-${field}`]: 'a' }), 401)
    }
  })

  test('only a proxy that sends it says who the client is', async () => {
    const ask = (from, headers) => portal.api('/api/owner/link', {
      method: 'POST', key: 'own_x.y', headers: { 'x-forwarded-for': from, ...headers },
    })
    for (let i = 0; i < 11; i++) await ask('203.0.113.1', proof)
    assert.equal((await ask('203.0.113.1', proof)).status, 429)
    assert.equal((await ask('203.0.113.2', proof)).status, 401)
    for (let i = 0; i < 11; i++) await ask(`203.0.113.${i}`, {})
    assert.equal((await ask('203.0.113.3', {})).status, 429, 'one client, whatever it says')
    assert.equal((await ask('203.0.113.3', proof)).status, 401)
  })
})

test('production does not start with forward-auth and no PROXY_SECRET', () => {
  const env = { PATH: process.env.PATH, ...production(rehearsal), ACCESS: 'forward-auth' }
  for (const proxies of ['127.0.0.1', '172.18.0.0/16']) {
    const check = () => execFileSync(DEPLOYER, ['--root', top, '--check'],
      { env: { ...env, TRUSTED_PROXIES: proxies }, encoding: 'utf8', stdio: 'pipe' })
    assert.throws(check, ({ status, stdout, stderr }) =>
      status !== 0 && /proxy_secret: forward-auth/.test(stdout + stderr)
        && /set PROXY_SECRET.*X-Proxy-Secret/.test(stdout + stderr))
  }
})

test('with TRUSTED_PROXIES as well, the address counts too', withPortal(() => ({
  rehearsal,
  env: {
    ...production(rehearsal), ACCESS: 'forward-auth', FORWARD_AUTH_ADMINS: 'root',
    PROXY_SECRET: SECRET, TRUSTED_PROXIES: '192.0.2.7,10.0.0.0/8',
  },
}), async (portal) => {
  assert.equal(await statusOf(portal, '/api/audit', { 'remote-user': 'root', ...proof }), 401)
}))

describe('what a trusted proxy reports', () => {
  const { portal } = useWorld({
    rehearsal,
    env: (double) => ({
      ...production(double), ACCESS: 'open', TRUSTED_PROXIES: '127.0.0.1, 203.0.113.0/24',
      PORTAL_HOSTS: 'portal.example.com.', STACK_SCHEME: 'http',
    }),
  })
  const host = 'portal.example.com'
  const isOverTls = async (headers) => {
    const answer = await portal.api('/api/check/anna', { headers: { host, ...headers } })
    assert.equal(answer.status, 200)
    return answer.headers['strict-transport-security'] !== undefined
  }

  test('TLS: what the outermost trusted proxy saw', async () => {
    for (const [expected, proto, addresses] of [
      [true, 'https'], [false, 'http'], [true, 'https,http'], [true, 'HTTPS , http'],
      [true, 'https, http', '198.51.100.1, 203.0.113.9'],
      [false, 'https, http', '198.51.100.1, 198.51.100.2'], // the left one may be forged
      [true, 'https,http', '198.51.100.1'], [false, 'ftp'], [false, ''],
    ]) {
      const headers = { 'x-forwarded-proto': proto }
      if (addresses) headers['x-forwarded-for'] = addresses
      assert.equal(await isOverTls(headers), expected, `${proto} ${addresses}`)
    }
  })

  test('RFC 7239 says the same; it counts alone only', async () => {
    for (const [expected, forwarded, others] of [
      [true, 'for=198.51.100.1;proto=https;host=portal.example.com'],
      [true, 'For="[2001:db8::1]:4711";Proto=https, for=203.0.113.9;proto=http'],
      [false, 'for=198.51.100.1;proto=https, for=198.51.100.2;proto=http'],
      [false, 'for=198.51.100.1;proto=https', { 'x-forwarded-for': '198.51.100.1' }],
      [false, 'for=198.51.100.1;proto=https,'], [false, 'proto="https'],
    ]) {
      assert.equal(await isOverTls({ forwarded, ...others }), expected, forwarded)
    }
    const guess = (forwarded) => portal.api('/api/stacks', {
      key: 'wrong', headers: { host, forwarded },
    })
    for (let i = 0; i < 11; i++) await guess('for="198.51.100.77:5000"')
    assert.equal((await guess('for=198.51.100.77')).status, 429)
    assert.equal((await guess('for=198.51.100.78')).status, 401)
  })

  test('the host that the browser asked counts for every check of hosts', async () => {
    const inner = { host: 'portal:3000', origin: `https://${host}` }
    const post = (headers) => portal.post('/api/status/none/cancel', undefined, {
      key: ADMIN, headers: { ...inner, ...headers },
    })
    const reported = { 'x-forwarded-host': host }
    assert.equal((await post(reported)).status, 404, 'no such deployment: it has come through')
    assert.equal((await post({ 'x-forwarded-host': `${host}:443` })).status, 404)
    assert.equal((await post({ 'x-forwarded-host': `${host}, inner.example.com` })).status, 404)
    assert.equal((await post({ 'x-forwarded-host': 'bad host' })).status, 421)
    assert.equal((await post({ 'x-forwarded-host': 'evil.example.com' })).status, 421)
    assert.equal((await post({ ...reported, origin: 'https://evil.example.com' })).status, 403)
    assert.equal((await post({ forwarded: `for=198.51.100.1;host="${host}"` })).status, 404)
  })

  test('a host may end with the dot of the root', async () => {
    for (const name of [`${host}.`, `${host}.:4200`, 'Portal.Example.COM']) {
      assert.equal(await statusOf(portal, '/api/check/anna', { host: name }), 200, name)
    }
    assert.equal(await statusOf(portal, '/api/check/anna', { host: `${host}..` }), 421)
  })

  test('a refusal logs origin, host and cure, once a minute for each client', async () => {
    const from = portal.log.length
    const headers = {
      host: `${host}:8443`, origin: 'https://portal.example.com', 'x-forwarded-for': '192.0.2.1',
    }
    for (let i = 0; i < 3; i++) {
      const answer = await portal.post('/api/deploy', { name: 'anna' }, { headers })
      assert.equal(answer.json.code, 'forbidden_origin')
      await portal.api('/', { headers: { ...headers, host: 'elsewhere' } })
    }
    const lines = portal.log.slice(from).filter(({ event }) => event.startsWith('request.f')
      || event === 'request.host_unknown')
    const shown = lines.map((it) => [it.event, it.origin, it.host])
    assert.deepEqual(shown, [
      ['request.forbidden_origin', headers.origin, headers.host],
      ['request.host_unknown', headers.origin, 'elsewhere'],
    ])
    assert.match(lines[0].cure, /X-Forwarded-Host/)
    assert.match(lines[1].cure, /PORTAL_HOSTS/)
  })
})
