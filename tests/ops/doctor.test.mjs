// The doctor: what it finds, by command and in the portal, whose /ready summarises it.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer as createPlain, request as send } from 'node:http'
import { createServer } from 'node:https'
import { connect } from 'node:net'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import {
  ADMIN, TIME_SCALE, UNKNOWN_PORT, startPortal, startRehearsal, temporary, top, until,
} from '../http/harness.mjs'
import { versions } from '../contract/recordings.mjs'
import { commandEnv, commands, run } from './fixture.mjs'

let rehearsal, command
before(async () => {
  rehearsal = await startRehearsal()
  command = commands(rehearsal)
})
after(() => rehearsal?.stop())
beforeEach(() => rehearsal.forgetFaults())

// Its address, as of a plain server.
async function listenFor(t, server) {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${server.address().port}`
}

// Runs it. Every line that is not ok must come with its cure.
async function doctor(env, ...args) {
  // Its deadlines are short enough: at full speed a busy machine misses them.
  const result = await command(['doctor', ...args], { TIME_SCALE: '4', ...env })
  const { status, out } = result
  const lines = out.trim().split('\n')
  for (const [i, line] of lines.entries()) {
    if (/^(warn|fail) /.test(line)) assert.match(lines[i + 1], /^ +-> \S/, `no cure: ${line}`)
  }
  const isStrict = args.includes('--strict') && /^warn /m.test(out)
  assert.equal(status, /^fail /m.test(out) || isStrict ? 1 : 0, result.all)
  return result
}

test('it finds everything in order, and what deserves attention', async () => {
  const { status, out } = await doctor({ ADMIN_TOKEN: 'x'.repeat(40) })
  assert.equal(status, 0, out)
  for (const what of ['dokploy', 'token', 'version', 'rights', 'clock', 'network', 'dns']) {
    assert.match(out, new RegExp(`^ok +${what} `, 'm'))
  }
  assert.match(out, /^warn +concurrency .*one deployment at a time\b.*\n +-> /m)
  assert.equal((await doctor({}, '--strict')).status, 1)
  const { 'health.access_unopened': unopened } =
    JSON.parse(readFileSync(join(top, 'locales/en.json'), 'utf8'))
  assert.ok((await doctor({ NODE_ENV: 'production' })).out.includes(`admin        ${unopened}\n`))
})

test('it tells failures apart, each with its cure', async () => {
  const wrong = await doctor({ DOKPLOY_API_TOKEN: 'wrong' })
  assert.equal(wrong.status, 1)
  assert.match(wrong.out, /fail +token +Dokploy refuses it\n +-> make a new key/)
  await rehearsal.faults({ at: '*', kind: 'database', ms: 3_600_000 })
  const down = await doctor()
  assert.match(down.out, /fail +token +refused, but Dokploy's own database fails\n +-> start /)
  await rehearsal.forgetFaults()
  const nothing = `127.0.0.1:${UNKNOWN_PORT}`
  const away = await doctor({ DOKPLOY_URL: `http://${nothing}` })
  assert.match(away.out, /fail +dokploy .*\n +-> check DOKPLOY_URL/)
  const nowhere = await doctor({ STACK_CONNECT_TO: nothing })
  assert.match(nowhere.out, /fail +dns .*\n +-> .*STACK_CONNECT_TO/)
  const registry = await doctor()
  assert.match(registry.out, /warn +image +the registry .* does not answer/)
  assert.doesNotMatch(wrong.all + away.all, /x-api-key|wrong-token/)
})

test("a key with Dokploy's default rate limit is reported before it is used up", async () => {
  const { out } = await doctor({ DOKPLOY_API_TOKEN: 'limited' })
  assert.match(out, /^fail +token +refused after 5 calls: .* rate limit\n +-> make a new key/m)
  assert.doesNotMatch(out, /^\w+ +rights /m)
})

test("a member's key is reported", async () => {
  const { out } = await doctor({ DOKPLOY_API_TOKEN: 'member' })
  assert.match(out, /^fail +rights .*canCreateProjects.*\n +-> use a key of an owner or admin$/m)
})

test('a DOKPLOY_URL that redirects is reported with the address to set', async (t) => {
  const front = createPlain((request, response) =>
    response.writeHead(301, { location: `https://dokploy.test${request.url}` }).end())
  const url = await listenFor(t, front)
  assert.match((await doctor({ DOKPLOY_URL: url })).out,
    /^fail +dokploy .*: it redirects to https:\/\/dokploy\.test; set DOKPLOY_URL to that$/m)
  assert.match((await doctor({ DOKPLOY_URL: `${rehearsal.url}/dashboard/projects?a=b` })).out,
    new RegExp(`^ok +dokploy +${rehearsal.url} answers`, 'm'))
})

// A registry that asks for a token of another server.
async function registryWith(t, realm) {
  const seen = []
  const server = createPlain((request, response) => {
    seen.push(request.headers.authorization)
    response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}",service="x"` }).end()
  })
  return { image: `${(await listenFor(t, server)).slice('http://'.length)}/team/stack:1`, seen }
}

test('the password goes to the registry, and to no server of another site', async (t) => {
  const login = { STACK_REGISTRY_USERNAME: 'me', STACK_REGISTRY_PASSWORD: 'the-password' }
  const { image, seen } = await registryWith(t, 'https://tokens.test/token')
  const { out } = await doctor({ STACK_IMAGE: image, ...login })
  assert.match(out, /^warn +image .* sends logins to tokens\.test, which is not of its site/m)
  assert.deepEqual(seen, [`Basic ${Buffer.from('me:the-password').toString('base64')}`])
})

test('a registry that refuses a login is told from one that needs a login', async (t) => {
  const server = createPlain((_, response) =>
    response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end())
  const STACK_IMAGE = `${(await listenFor(t, server)).slice('http://'.length)}/team/stack:1`
  assert.match((await doctor({ STACK_IMAGE })).out,
    /^fail +image .*requires a login\n +-> set STACK_REGISTRY_USERNAME/m)
  const login = { STACK_REGISTRY_USERNAME: 'me', STACK_REGISTRY_PASSWORD: 'the-password' }
  const { out } = await doctor({ STACK_IMAGE, ...login })
  assert.match(out, /^fail +image .*refuses the login of me\n +-> check STACK_REGISTRY_USERNAME/m)
  assert.doesNotMatch(out, /the-password|-> set STACK_REGISTRY/)
})

test('calls go through OUTGOING_PROXY alone, TLS by CONNECT', async (t) => {
  const { STACK_CONNECT_TO, ...certified } = await proxy(t, 90)
  const asked = []
  const front = createPlain((request, response) => {
    const { host, pathname, search } = new URL(request.url)
    asked.push(host)
    const { method, headers } = request
    request.pipe(send({ port: rehearsal.port, path: pathname + search, method, headers }, (it) =>
      it.pipe(response.writeHead(it.statusCode, it.headers))))
  }).on('connect', (request, socket) => {
    asked.push(`CONNECT ${request.url.replace(/^doctor-\w+/, 'NAME')}`)
    const through = connect(STACK_CONNECT_TO.split(':')[1], '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\nx-of-the-proxy: 1\r\n\r\n')
      socket.pipe(through).pipe(socket)
    })
    for (const end of [socket, through]) end.on('error', () => end.destroy())
  })
  const url = await listenFor(t, front)
  const env = { ...certified, STACK_CONNECT_TO: '', DOKPLOY_URL: 'http://dokploy.far.test' }
  const { out } = await doctor({ ...env, OUTGOING_PROXY: url })
  assert.match(out, /^ok +outgoing +calls go through http.*; to Dokploy: as well$/m)
  assert.match(out, /^ok +dokploy +http:\/\/dokploy\.far\.test answers/m)
  assert.match(out, /^ok +certificate /m)
  assert.deepEqual([...new Set(asked)], ['dokploy.far.test', 'CONNECT NAME.ai.test:443'])
  asked.length = 0
  const ignored = await doctor({ ...env, https_proxy: url, http_proxy: url, all_proxy: url })
  const cure = /^fail +dokploy .*\n +-> .*https_proxy is not read: set OUTGOING_PROXY/m
  assert.match(ignored.out, cure)
  assert.deepEqual(asked, [])
})

test('a token whose rights cannot be read is reported', async () => {
  await rehearsal.faults({ at: 'user.get', kind: 'wrong_json', times: 0 })
  assert.match((await doctor()).out, /^(warn|fail) +rights /m)
})

test('a version outside of those with recordings is reported', async () => {
  const [oldest, newest] = [versions[0], versions.at(-1)]
  const range = `this portal was tried with \\(${oldest} to ${newest}\\)`
  const live = `make contract-live DOKPLOY_URL=${rehearsal.url}`
  const expected = [
    ['9.0.0', `^warn +version +v9.0.0 is newer than what ${range}\\n +-> .*${live}`],
    ['0.26.4', `^warn +version +v0.26.4 is older than what ${range}\\n +-> upgrade`],
    ['0.24.0', '^fail +version +v0.24.0 is too old'], [newest, `^ok +version +v${newest}$`],
  ]
  for (const [version, line] of expected) {
    const body = JSON.stringify(`v${version}`)
    const at = 'settings.getDokployVersion'
    await rehearsal.faults({ at, kind: 'status', status: 200, times: 0, body })
    assert.match((await doctor()).out, new RegExp(line, 'm'))
    await rehearsal.forgetFaults()
  }
})

const serverHealth = (capacity, subnet) => ({
  at: 'docker.getServerHealth', kind: 'status', status: 200, times: 0, headers: {},
  body: JSON.stringify({
    dockerNetworks: {
      usage: [
        { name: 'bridge', subnet: '172.17.0.0/16', capacity: 65534 },
        { name: 'dokploy-network', subnet, capacity },
      ],
    },
  }),
})
const setVersion = (version) =>
  rehearsal.api('/__rehearsal/version', { method: 'POST', json: { version } })

test("the network's room is what Dokploy says of it, or unknown", async () => {
  const first = /^ok +network +about \d+ of 254 addresses of 10\.0\.1\.0\/24 in use/m
  assert.match((await doctor()).out, first)
  const networks = [
    ['ok', 65534, '10.7.0.0/16'], ['warn', 7, '10.7.0.0/29'], ['fail', 5, '10.7.0.0/29'],
  ]
  for (const [level, capacity, subnet] of networks) {
    await rehearsal.faults(serverHealth(capacity, subnet))
    const text = `^${level} +network +about 6 of ${capacity} addresses of ${subnet} in use`
    assert.match((await doctor()).out, new RegExp(text, 'm'))
    await rehearsal.forgetFaults()
  }
  await setVersion('0.26.5')
  const unknown = new RegExp('^ok +network +about 6 addresses in use \\(0 services\\); '
    + 'this Dokploy does not report the capacity', 'm')
  assert.match((await doctor()).out, unknown)
  await setVersion('0.30.2')
})

test('stopped workspaces, whose files Docker takes for unused, are counted', async () => {
  const { project, environment } = await rehearsal.change('project.create', {
    name: 'anna', description: 'ai-stack-deployer name=anna operation=op1 owner=somebody', env: '',
  })
  await rehearsal.change('application.create', {
    name: 'anna', appName: 'stack-anna', environmentId: environment.environmentId, serverId: null,
  })
  assert.match((await doctor()).out, /^warn +volumes +1 workspaces are stopped.*\n +-> .*clean/m)
  await rehearsal.change('project.remove', { projectId: project.projectId })
  assert.doesNotMatch((await doctor()).out, /volumes/)
})

test('workspaces beside Dokploy are reported, and a network whose proxy is missing', async () => {
  const beside = await doctor({ NODE_ENV: 'production' })
  assert.match(beside.out, /^warn +isolation .*in dokploy-network.*\n +-> .*bootstrap/m)
  assert.match(beside.out, /^ok +backends .*dokploy-redis:6379 do not answer this command/m)
  assert.doesNotMatch((await doctor()).out, /isolation/, 'a trial needs no network')
  const own = { STACK_NETWORK: 'apart' }
  assert.match((await doctor(own)).out, /^fail +isolation .*no overlay network apart\n/m)
  const network = { name: 'apart', driver: 'overlay', attachable: true }
  const { networkId } = await rehearsal.change('network.create', network)
  const connect = 'docker network connect apart dokploy-traefik'
  const away = await doctor(own)
  assert.match(away.out, new RegExp(`^fail +isolation .*not in apart.*\\n +-> .*${connect}`, 'm'))
  assert.match(away.out, /^ok +network +about 6 of 254 addresses of 10\.0\.2\.0\/24 in use/m)
  await rehearsal.docker(connect)
  assert.match((await doctor(own)).out, /^ok +isolation .*apart, and dokploy-traefik is in it$/m)
  await setVersion('0.26.5')
  assert.match((await doctor(own)).out, new RegExp(`^warn +isolation .*\\n +-> .*${connect}`, 'm'))
  await setVersion('0.30.2')
  await rehearsal.docker(connect.replace('connect', 'disconnect'))
  await rehearsal.change('network.remove', { networkId })
})

test('a limit of processes that the workspaces soon use up is reported', async () => {
  const description = 'ai-stack-deployer name=anna operation=b owner=c'
  const applications = Array.from({ length: 205 }, () => ({}))
  const body = JSON.stringify([
    { description: 'another', environments: [{ applications }] },
    { description, environments: [{ applications }] },
  ])
  await rehearsal.faults({ at: 'project.all', kind: 'status', status: 200, times: 0, body })
  const shared = /^warn +processes +205 workspaces share a limit of 4096 .*\n +-> .*stack\.proc/m
  assert.match((await doctor()).out, shared)
})

test('a limit of CPUs that the machine does not have is reported', async () => {
  const body = JSON.stringify({ resources: { cpuCount: 1 } })
  const at = 'docker.getServerHealth'
  await rehearsal.faults({ at, kind: 'status', status: 200, times: 0, headers: {}, body })
  assert.match((await doctor()).out, /^fail +cpus .*2 CPUs.* has 1\n +-> .*stack\.cpus/m)
})

test('a network where workspaces may be is no trusted proxy', async () => {
  const proxies = { TRUSTED_PROXIES: '10.0.0.0/8' }
  assert.match((await doctor(proxies)).out,
    /^fail +trust +TRUSTED_PROXIES contains 10\.0\.1\.0\/24.*\n +-> .*PROXY_SECRET/m)
  assert.match((await doctor({ ...proxies, NODE_ENV: 'production' })).out,
    /^fail +trust +TRUSTED_PROXIES names 10\.0\.0\.0\/8, where workspaces may be.*\n +-> /m)
  const secret = { PROXY_SECRET: 'x'.repeat(32), NODE_ENV: 'production' }
  assert.doesNotMatch((await doctor({ ...proxies, ...secret })).out, /^\w+ +trust /m)
  assert.match((await doctor({ PROXY_SECRET: 'x' })).out, /^warn +trust +PROXY_SECRET is short/m)
})

// A proxy for *.ai.test with a certificate that is valid for `days`. Returns the variables that
// make the portal use it, and trust it or not.
async function proxy(t, days, isTrusted = true) {
  const folder = temporary('certificate')
  const file = (name) => join(folder, name)
  const openssl = async (...args) => {
    const { status, all } = await run('openssl', args)
    assert.equal(status, 0, all)
  }
  await openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
    '-nodes', '-keyout', file('key'), '-out', file('request'), '-subj', '/CN=ai.test',
    '-addext', 'subjectAltName=DNS:*.ai.test')
  await openssl('x509', '-req', '-in', file('request'), '-signkey', file('key'),
    '-days', String(days), '-copy_extensions', 'copy', '-out', file('certificate'))
  const options = { key: readFileSync(file('key')), cert: readFileSync(file('certificate')) }
  const server = createServer(options, (_, response) => response.writeHead(404).end())
  return {
    STACK_SCHEME: 'https', STACK_CONNECT_TO: (await listenFor(t, server)).slice('http://'.length),
    ...(isTrusted ? { SSL_CERT_FILE: file('certificate') } : {}),
  }
}

const certificates = [
  [90, /^ok +certificate +valid for any name below ai\.test, days left: (89|90)$/m],
  [22, /^ok +certificate .*days left: 2[12]$/m],
  [20, /^warn +certificate .*days left: (19|20)\n +-> .*acme/m],
  [4, /^warn +certificate .*days left: [34]$/m],
  [2, /^fail +certificate .*days left: [12]$/m],
  [-1, /^fail +certificate +it expired on \d{4}-\d\d-\d\d\n +-> .*acme/m],
]
for (const [days, expected] of certificates) {
  test(`a wildcard certificate with ${days} days left`, async (t) => {
    assert.match((await doctor(await proxy(t, days))).out, expected)
  })
}

test('a certificate for other names, or one that is not trusted, is no certificate', async (t) => {
  const untrusted = await doctor(await proxy(t, 90, false))
  assert.match(untrusted.out, /^warn +certificate +no certificate for \*\.ai\.test/m)
  const other = await doctor({ ...(await proxy(t, 90)), STACK_DOMAIN_SUFFIX: 'other.test' })
  assert.match(other.out, /^warn +certificate +no certificate for \*\.other\.test/m)
})

// A portal whose clock runs so fast that its checks come every three seconds.
async function checkingPortal(t, env = {}) {
  const portal = await startPortal({
    rehearsal, env: { ...commandEnv(rehearsal), TIME_SCALE: String(TIME_SCALE * 5), ...env },
  })
  t.after(() => portal.stop())
  const doctorOf = async () => (await portal.api('/ready', { key: ADMIN })).json.doctor
  const becomes = (test, what) => until(async () => {
    const summary = await doctorOf()
    return test(summary) && summary
  }, what)
  return { portal, becomes }
}
const levelOf = (summary, what) => summary.findings?.find((it) => it.what === what)?.level

test('/ready summarises the last checks, and is ready whatever they found', async (t) => {
  const { portal, becomes } = await checkingPortal(t, await proxy(t, 10))
  const first = await becomes(({ status }) => status !== 'unknown', 'checks have run')
  assert.equal(first.status, 'warn')
  assert.equal(levelOf(first, 'certificate'), 'warn')
  assert.equal(first.warn, first.findings.length)
  assert.ok(Date.parse(first.checkedAt) <= Date.now())
  const { doctor: shown } = (await portal.api('/ready')).json
  assert.deepEqual(Object.keys(shown).sort(), ['checkedAt', 'status'], 'no details for strangers')
  const { text } = await portal.api('/metrics')
  assert.match(text, /^deployer_doctor_findings\{level="fail"\} 0$/m)
  const ends = Number(text.match(/^deployer_certificate_end_time_seconds (\d+)$/m)[1])
  assert.ok(Math.abs(ends - Date.now() / 1000 - 10 * 86400) < 600)
  const at = 'settings.getDokployVersion'
  const body = '{"message":"Unauthorized"}'
  await rehearsal.faults({ at, kind: 'status', status: 401, body, times: 0 })
  const failed = await becomes(({ status }) => status === 'fail', 'the token is refused')
  assert.equal(levelOf(failed, 'token'), 'fail')
  assert.equal((await portal.api('/ready')).status, 200)
  const isFailure = ({ event, what }) => event === 'doctor.fail' && what === 'token'
  assert.equal(portal.log.filter(isFailure).length, 1, 'logged once, not each time')
  await rehearsal.forgetFaults()
  await becomes(({ status }) => status === 'warn', 'it is valid again')
})

test('/ready does not wait for the checks, and says that there are none yet', async (t) => {
  await rehearsal.faults({ at: '*', kind: 'hang', times: 0 })
  const { portal } = await checkingPortal(t)
  await until(async () => (await rehearsal.hits()) > 0, 'a call hangs')
  const { status, json } = await portal.api('/ready')
  assert.equal(status, 200)
  assert.deepEqual(json.doctor, { status: 'unknown' })
  await rehearsal.forgetFaults()
})

test('a call that the token may not make does not degrade the portal', async (t) => {
  const body = JSON.stringify({ message: 'Permission denied', code: 'UNAUTHORIZED' })
  const at = 'docker.getServerHealth'
  await rehearsal.faults({ at, kind: 'status', status: 401, body, times: 0 })
  const { portal, becomes } = await checkingPortal(t)
  await becomes(({ status }) => status !== 'unknown', 'checks have run')
  assert.deepEqual((await portal.api('/health')).json.degraded, [])
  assert.ok((await rehearsal.hits()) > 0)
})

test('a portal beside the workspaces, under one registrable domain', async () => {
  const warns = async (PORTAL_HOSTS) =>
    /^warn +cookies +workspaces share the domain (\S+)/m.exec((await doctor({
      PORTAL_HOSTS, STACK_DOMAIN_SUFFIX: 'ai.example.com',
    })).out)?.[1]
  assert.equal(await warns('portal.ai.example.com'), 'ai.example.com')
  assert.equal(await warns('portal.example.com'), 'example.com')
  assert.equal(await warns('portal.example.org'), undefined)
})
