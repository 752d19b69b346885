// The proxies of docs/install.md in front of the portal, with the very configurations shown there:
// a browser deploys, its stream arrives at once, each client counts by its own address, and nobody
// behind the proxy can speak for it.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import https from 'node:https'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { dokployEnv, temporary, top, until, useWorld, withPortal } from '../http/harness.mjs'
import { needs } from './programs.mjs'

const HOST = 'portal.example.com'
const SECRET = 'the-secret-between-proxy-and-portal'
const documented = readFileSync(join(top, 'docs/install.md'), 'utf8')
const shown = (language) =>
  documented.match(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'ms'))[1]

const folder = temporary('proxies')
const path = (name) => join(folder, name)
function write(name, text) {
  writeFileSync(path(name), text)
  return path(name)
}
execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
  '-nodes', '-days', '1', '-subj', `/CN=${HOST}`, '-keyout', path('key'), '-out', path('cert')],
{ stdio: 'ignore' })
write('both', readFileSync(path('cert'), 'utf8') + readFileSync(path('key'), 'utf8'))

// Replaces what an installation replaces; each must be in what is shown.
const adapted = (text, changes) => changes.reduce((done, [from, to]) => {
  assert.ok(done.includes(from), `docs/install.md no longer shows ${from}`)
  return done.replaceAll(from, to)
}, text)

// Each: the program, and its arguments for a port of its own and the portal's.
const proxies = {
  nginx: (port, portal) => ['nginx', '-p', folder, '-g', 'daemon off;', '-c', write('nginx.conf',
    `user root; pid ${path('nginx.pid')}; error_log stderr; events {}\n`
    + `http { access_log off; ${adapted(shown('nginx'), [
      ['listen 443 ssl', `listen 127.0.0.1:${port} ssl`], ['127.0.0.1:3000', `127.0.0.1:${portal}`],
      ['/etc/ssl/portal.pem', path('cert')], ['/etc/ssl/portal.key', path('key')],
      ['SECRET', SECRET],
    ])} }`)],
  caddy: (port, portal) => ['caddy', 'run', '--adapter', 'caddyfile', '--config', write('Caddyfile',
    `{\n  admin off\n  auto_https disable_redirects\n}\n${adapted(shown('caddy'), [
      [`${HOST} {`, `https://${HOST}:${port} {\n  bind 127.0.0.1\n`
        + `  tls ${path('cert')} ${path('key')}`],
      ['127.0.0.1:3000', `127.0.0.1:${portal}`], ['SECRET', SECRET],
    ])}`)],
  haproxy: (port, portal) => ['haproxy', '-db', '-f', write('haproxy.cfg',
    adapted(shown('haproxy'), [
      ['bind :443', `bind 127.0.0.1:${port}`], ['127.0.0.1:3000', `127.0.0.1:${portal}`],
      ['/etc/ssl/portal.pem', path('both')], ['SECRET', SECRET],
    ]))],
}

const freePort = () => new Promise((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address()
    server.close(() => resolve(port))
  })
})

// A client of the proxy. Each local address is another client.
function client(port) {
  const open = (where, { method = 'GET', headers = {}, json, from = '127.0.0.1' } = {}) =>
    new Promise((resolve, reject) => {
      const body = json && JSON.stringify(json)
      const request = https.request({
        host: '127.0.0.1', port, path: where, method, servername: HOST, agent: false,
        rejectUnauthorized: false, localAddress: from,
        headers: {
          host: `${HOST}:${port}`, ...(body ? { 'content-type': 'application/json' } : {}),
          ...(body ? { 'content-length': Buffer.byteLength(body) } : {}), ...headers,
        },
      }, resolve)
      request.on('error', reject)
      request.end(body)
    })
  const ask = async (where, options) => {
    const response = await open(where, options)
    let text = ''
    for await (const bytes of response) text += bytes
    return { status: response.statusCode, headers: response.headers, text }
  }
  return { open, ask }
}

async function behind(name, portal, use) {
  const port = await freePort()
  const [program, ...args] = proxies[name](port, portal.port)
  const child = spawn(program, args, {
    cwd: folder, stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => { said += bytes })
  const gone = new Promise((resolve) => child.on('close', resolve))
  try {
    const { open, ask } = client(port)
    const isUp = () => ask('/health').then(({ status }) => status === 200, () => false)
    await until(() => child.exitCode !== null || isUp(), `${name} answers`)
    assert.equal(child.exitCode, null, said)
    await use({ open, ask, origin: `https://${HOST}:${port}` })
  } finally {
    child.kill('SIGTERM')
    await gone
  }
}

const { rehearsal } = useWorld()
const env = () => ({
  ...dokployEnv(rehearsal), NODE_ENV: 'production', PROXY_SECRET: SECRET, PORTAL_HOSTS: HOST,
})

for (const name of Object.keys(proxies)) {
  describe(`behind ${name}`, needs(name), () => {
    test('a browser deploys, follows at once, and each client is one', withPortal(() => ({
      rehearsal, env: { ...env(), ACCESS: 'open' },
    }), (portal) => behind(name, portal, async ({ open, ask, origin }) => {
      await rehearsal.faults({ at: 'deploy', kind: 'hang', name: `by-${name}` })
      const headers = { origin, 'sec-fetch-site': 'same-origin' }
      const deploy = { method: 'POST', headers, json: { name: `by-${name}` } }
      const accepted = await ask('/api/deploy', deploy)
      assert.equal(accepted.status, 202, accepted.text)
      assert.match(accepted.headers['set-cookie'][0], /^__Host-owner[\w-]*=.*; Secure/)
      assert.match(accepted.headers['strict-transport-security'], /max-age/)
      const foreign = { ...headers, origin: 'https://evil.example.com' }
      assert.equal((await ask('/api/deploy', { ...deploy, headers: foreign })).status, 403)

      const { statusUrl, ownerKey, deploymentId } = JSON.parse(accepted.text)
      const stream = await open(statusUrl, { headers: { accept: 'text/event-stream' } })
      let seen = ''
      stream.on('data', (bytes) => { seen += bytes })
      await until(() => /^event: progress$/m.test(seen), 'events arrive while it hangs')
      assert.ok(!/^event: (ready|failed)$/m.test(seen))
      stream.destroy()
      await rehearsal.forgetFaults()
      await portal.cancel(deploymentId, { key: ownerKey })

      const guess = (from, more) => ask('/api/stacks', {
        from, headers: { authorization: 'Bearer wrong', ...more },
      })
      const statuses = []
      for (let i = 0; i < 12; i++) statuses.push((await guess('127.0.0.2')).status)
      assert.deepEqual([statuses[9], statuses[11]], [401, 429])
      assert.equal((await guess('127.0.0.3')).status, 401, 'another client')
      for (const field of ['x-forwarded-for', 'forwarded']) {
        const forged = { [field]: field === 'forwarded' ? 'for=192.0.2.7' : '192.0.2.7' }
        assert.equal((await guess('127.0.0.2', forged)).status, 429, field)
      }
    })))

    test('nobody behind it can name a user', withPortal(() => ({
      rehearsal, env: { ...env(), ACCESS: 'forward-auth', FORWARD_AUTH_ADMINS: 'root' },
    }), (portal) => behind(name, portal, async ({ ask }) => {
      const root = { 'remote-user': 'root' }
      assert.equal((await ask('/api/audit', { headers: root })).status, 401)
      const direct = { headers: { ...root, host: HOST, 'x-proxy-secret': SECRET } }
      assert.equal((await portal.api('/api/audit', direct)).status, 200, 'the proxy can')
    })))
  })
}
