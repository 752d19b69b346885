// The doctor: what it finds, by hand and on its rounds, which /ready tells in short.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { UNKNOWN_PORT, copyRoot, request, startPortal, startRehearsal, temporary, until } from '../http/harness.mjs'
import { commands, realLike, run } from './parts.mjs'

let rehearsal, command
before(async () => {
  rehearsal = await startRehearsal()
  command = commands(rehearsal)
})
after(() => rehearsal?.stop())
beforeEach(() => rehearsal.forgetFaults())

// Runs it; every line that is not ok must come with its cure.
async function doctor(env, ...args) {
  const result = await command(['doctor', ...args], env)
  const lines = result.out.trim().split('\n')
  lines.forEach((line, i) => {
    if (/^(warn|fail) /.test(line)) assert.match(lines[i + 1], /^ +-> \S/, `no cure: ${line}`)
  })
  assert.equal(result.status, /^fail /m.test(result.out) || (args.includes('--strict') && /^warn /m.test(result.out)) ? 1 : 0, result.all)
  return result
}

test('it finds everything in order, and says what is worth a look', async () => {
  const { status, out } = await doctor({ ADMIN_TOKEN: 'x'.repeat(40) })
  assert.equal(status, 0, out)
  for (const what of ['dokploy', 'token', 'version', 'rights', 'clock', 'network', 'dns']) assert.match(out, new RegExp(`^ok +${what} `, 'm'))
  assert.match(out, /^warn +concurrency .*one deployment at a time\b.*\n +-> /m)
  assert.equal((await doctor({}, '--strict')).status, 1)
})

test('it tells what fails apart, each with its cure', async () => {
  const wrong = await doctor({ DOKPLOY_API_TOKEN: 'wrong' })
  assert.equal(wrong.status, 1)
  assert.match(wrong.out, /fail +token +Dokploy refuses it\n +-> make a new key/)
  const away = await doctor({ DOKPLOY_URL: `http://127.0.0.1:${UNKNOWN_PORT}` })
  assert.match(away.out, /fail +dokploy .*\n +-> check DOKPLOY_URL/)
  const nowhere = await doctor({ STACK_CONNECT_TO: `127.0.0.1:${UNKNOWN_PORT}` })
  assert.match(nowhere.out, /fail +dns .*\n +-> .*STACK_CONNECT_TO/)
  const registry = await doctor({ STACK_IMAGE: `127.0.0.1:${UNKNOWN_PORT}/ai-stack:1` })
  assert.match(registry.out, /warn +image +the registry .* does not answer/)
  assert.doesNotMatch(wrong.all + away.all, /x-api-key|wrong-token/)
})

test('a token whose rights cannot be read is told', async () => {
  await rehearsal.faults({ at: 'user.get', kind: 'wrong_json', times: 0 })
  assert.match((await doctor()).out, /^(warn|fail) +rights /m)
})

const health = (capacity, subnet) => ({ at: 'docker.getServerHealth', kind: 'status', status: 200, times: 0, headers: {},
  body: JSON.stringify({ dockerNetworks: { usage: [{ name: 'bridge', subnet: '172.17.0.0/16', capacity: 65534 }, { name: 'dokploy-network', subnet, capacity }] } }) })

test('how much room the network has is what Dokploy says of it, or unknown', async () => {
  assert.match((await doctor()).out, /^ok +network +about \d+ of 254 addresses of 10\.0\.1\.0\/24 in use/m)
  for (const [level, capacity, subnet] of [['ok', 65534, '10.7.0.0/16'], ['warn', 7, '10.7.0.0/29'], ['fail', 5, '10.7.0.0/29']]) {
    await rehearsal.faults(health(capacity, subnet))
    assert.match((await doctor()).out, new RegExp(`^${level} +network +about 6 of ${capacity} addresses of ${subnet} in use`, 'm'))
    await rehearsal.forgetFaults()
  }
  await request(`${rehearsal.url}/__rehearsal/version`, { method: 'POST', json: { version: '0.26.5' } })
  assert.match((await doctor()).out, /^ok +network +about 6 addresses in use \(0 services\); this Dokploy does not report the capacity/m)
  await request(`${rehearsal.url}/__rehearsal/version`, { method: 'POST', json: { version: '0.30.2' } })
})

// A proxy for *.ai.test with a certificate that is valid for so many days; { env } makes the portal use it, and trust it or not.
async function proxy(t, days, trusted = true) {
  const folder = temporary('certificate'), file = (name) => join(folder, name)
  const openssl = async (...args) => { const { status, all } = await run('openssl', args); assert.equal(status, 0, all) }
  await openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', file('key'), '-out', file('request'),
    '-subj', '/CN=ai.test', '-addext', 'subjectAltName=DNS:*.ai.test')
  await openssl('x509', '-req', '-in', file('request'), '-signkey', file('key'), '-days', String(days), '-copy_extensions', 'copy', '-out', file('certificate'))
  const server = createServer({ key: readFileSync(file('key')), cert: readFileSync(file('certificate')) }, (_, answer) => answer.writeHead(404).end())
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  t.after(() => { server.closeAllConnections(); server.close() })
  return { STACK_SCHEME: 'https', STACK_CONNECT_TO: `127.0.0.1:${server.address().port}`, ...(trusted ? { SSL_CERT_FILE: file('certificate') } : {}) }
}

for (const [days, told] of [[90, /^ok +certificate +valid for any name below ai\.test, days left: (89|90)$/m], [22, /^ok +certificate .*days left: 2[12]$/m],
  [20, /^warn +certificate .*days left: (19|20)\n +-> .*acme/m], [4, /^warn +certificate .*days left: [34]$/m], [2, /^fail +certificate .*days left: [12]$/m],
  [-1, /^fail +certificate +it expired on \d{4}-\d\d-\d\d\n +-> .*acme/m]])
  test(`a wildcard certificate with ${days} days left`, async (t) => {
    assert.match((await doctor(await proxy(t, days))).out, told)
  })

test('a certificate that is not for every name, or of nobody who is trusted, is none', async (t) => {
  assert.match((await doctor(await proxy(t, 90, false))).out, /^warn +certificate +no certificate for \*\.ai\.test/m)
  assert.match((await doctor({ ...(await proxy(t, 90)), STACK_DOMAIN_SUFFIX: 'other.test' })).out, /^warn +certificate +no certificate for \*\.other\.test/m)
})

// On its rounds ----------------------------------------------------------------------------------------------------------------------

// A portal whose doctor comes round at once, and again and again.
async function rounds(t, env = {}) {
  const root = copyRoot()
  root.edit('scripts/lib/doctor/schedule.lua', (text) => text.replace(/interval = \d+/, 'interval = 0.3').replace(/first = \d+/, 'first = 0.1'))
  const portal = await startPortal({ rehearsal, root: root.root, env: { ...realLike(rehearsal), ...env } })
  t.after(() => portal.stop())
  const seen = (look, what) => until(async () => { const found = (await portal.api('/ready')).json.doctor; return look(found) && found }, what)
  return { portal, seen }
}
const about = (found, what) => found.findings?.find((one) => one.what === what)?.level

test('/ready tells in short what its last round found, and is ready whatever that was', async (t) => {
  const { portal, seen } = await rounds(t, await proxy(t, 10))
  const first = await seen(({ status }) => status !== 'unknown', 'a round was made')
  assert.equal(first.status, 'warn')
  assert.equal(about(first, 'certificate'), 'warn')
  assert.equal(first.warn, first.findings.length)
  assert.ok(Date.parse(first.checkedAt) <= Date.now())
  assert.doesNotMatch(JSON.stringify(first), /ai\.test|127\.0\.0\.1/, 'anybody may read it')
  const { text } = await portal.api('/metrics')
  assert.match(text, /^deployer_doctor_findings\{level="fail"\} 0$/m)
  const ends = Number(text.match(/^deployer_certificate_end_time_seconds (\d+)$/m)[1])
  assert.ok(Math.abs(ends - Date.now() / 1000 - 10 * 86400) < 600)
  await rehearsal.faults({ at: 'settings.getDokployVersion', kind: 'status', status: 401, body: '{"message":"Unauthorized"}', times: 0 })
  assert.equal(about(await seen(({ status }) => status === 'fail', 'the token is refused'), 'token'), 'fail')
  assert.equal((await portal.api('/ready')).status, 200)
  assert.equal(portal.log.filter(({ event, what }) => event === 'doctor.fail' && what === 'token').length, 1, 'told once, not at each round')
  await rehearsal.forgetFaults()
  await seen(({ status }) => status === 'warn', 'it is good again')
})

test('/ready does not wait for a round, and says that there was none', async (t) => {
  await rehearsal.faults({ at: '*', kind: 'hang', times: 0 })
  const { portal } = await rounds(t)
  await until(async () => (await rehearsal.faults())[0].hits > 0, 'a question hangs')
  const { status, json } = await portal.api('/ready')
  assert.equal(status, 200)
  assert.deepEqual(json.doctor, { status: 'unknown' })
  await rehearsal.forgetFaults()
})

test('a question that the token may not ask does not make the portal unwell', async (t) => {
  const refused = JSON.stringify({ message: 'Permission denied', code: 'UNAUTHORIZED' })
  await rehearsal.faults({ at: 'docker.getServerHealth', kind: 'status', status: 401, body: refused, times: 0 })
  const { portal, seen } = await rounds(t)
  await seen(({ status }) => status !== 'unknown', 'a round was made')
  assert.deepEqual((await portal.api('/health')).json.degraded, [])
  assert.equal((await rehearsal.faults())[0].hits > 0, true)
})
