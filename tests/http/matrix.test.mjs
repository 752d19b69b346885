// The permission matrix: every route, for every kind of client, on their own workspace and on
// someone else's. Routes, their access and scopes come from the portal's own declarations, which
// `deployer --check` compares with the router, so no route can be missing here.
import { after, before, describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { ADMIN, DEPLOYER, startAll, until } from './harness.mjs'

let world, portal, anna, bob, expired, scopes

const ownerCookie = (key) => `__Host-owner=${key}`
const forgedUser = {
  'remote-user': 'root', 'x-forwarded-for': '10.99.0.1', 'x-forwarded-user': 'root',
  'remote.user': 'root', remote_user: 'root',
}
const sameSite = { 'sec-fetch-site': 'same-site', origin: 'http://bob.localhost:3100' }

// A token with a scope other than the one that a route needs.
const tokenLacking = (scope) => scopes[scope === 'read' ? 'create' : 'read'].token

const clients = {
  stranger: () => ({}),
  'other owner': () => ({ key: bob.key }),
  'expired token': () => ({ key: expired }),
  'token without scope': ({ scope }) => ({ key: tokenLacking(scope) }),
  'forged user header': () => ({ headers: forgedUser }),
  'made-up key': () => ({ key: `own_${anna.id}.${'A'.repeat(43)}` }),
  'made-up cookie': () => ({
    headers: {
      cookie: `${ownerCookie(`own_${anna.id}.AAAA`)}; owner=${anna.key}`,
      'sec-fetch-site': 'same-origin',
    },
  }),
  'wrong Origin': () => ({ key: anna.key, headers: { origin: 'https://evil.example' } }),
  'same-site page': () => ({ key: anna.key, headers: sameSite }),
  'cookie without origin': () => ({ headers: { cookie: ownerCookie(anna.key) } }),
}
// These three have anna's credential, but come from elsewhere.
const unstated = 'cookie without origin'
const fromElsewhere = new Set(['wrong Origin', 'same-site page', unstated])

// The status that each client gets, by the access that a route declares; `_` is for clients that
// are not named. `any`: it depends on more than the client, and other tests assert it.
const classes = {
  public: { _: 200 },
  optional: { _: 200, 'expired token': 401, 'made-up key': 401 },
  owner: { _: 404, 'token without scope': 403 },
  admin: {
    _: 401, 'other owner': 403, 'token without scope': 403, 'wrong Origin': 403,
    'same-site page': 403, [unstated]: 403,
  },
  session: { _: 303, 'expired token': 401, 'made-up key': 401, [unstated]: 303 },
}
const own = { _: 401, 'other owner': 403, 'token without scope': 403 }

// Files that are not theirs do not exist, whatever the credential lacks.
const unknownFiles = { 'token without scope': 404, [unstated]: 404 }

// What a route needs beside: a body; and where it differs from its class. `theirs`: its status for
// someone else's workspace. `readable`: anna's credential reads it from anywhere. null: not asked.
const special = {
  'GET /metrics': { any: true },
  'GET /deployment/:id': { any: true },
  'GET /stack/:name': { any: true },
  'GET /stacks': { any: true },
  'POST /api/deploy': { _: 401, 'token without scope': 403, body: { name: 'intruder' } },
  'POST /api/status/:id/cancel': own,
  'GET /api/stack/:name': {
    readable: true, theirs: { 'wrong Origin': 404, 'same-site page': 404, [unstated]: 404 },
  },
  'GET /api/stacks': { ...own, 'other owner': 200, readable: true },
  'POST /api/stack/:name/password': {
    body: { action: 'reveal' }, theirs: { 'token without scope': 404 },
  },
  'DELETE /api/kept/:volume': unknownFiles,
  'POST /api/kept/:volume/delete': unknownFiles,
  'POST /api/owner/link': { ...own, 'other owner': 201 },
  'POST /api/owner/rotate': { ...own, 'other owner': null },
  'POST /api/owner/revoke': { ...own, 'other owner': null },
  'POST /api/owner/reveal': { ...own, 'other owner': 200 },
  'POST /api/owner/enter': { _: 401, [unstated]: 401, body: { key: 'made-up' } },
  'POST /api/owner/move': { _: 403, body: { link: 'made-up' } },
  'POST /api/owner/leave': { [unstated]: 200 },
  'POST /api/invites': { body: {} },
  'POST /api/tokens': { body: { label: 'mine', scopes: 'admin' } },
  'POST /api/admin/drift/adopt': { body: { all: true } },
  'POST /api/admin/findings/adopt': { body: { all: true } },
  'POST /api/admin/stacks': { body: { action: 'delete', names: 'anna' } },
  'POST /admin/login': { _: 415, [unstated]: 415 },
  'POST /admin/logout': { _: 415, 'expired token': 415, 'made-up key': 415, [unstated]: 415 },
}

// Every other route must declare an access that keeps strangers out.
const open = new Set([
  'GET /', 'GET /health', 'GET /ready', 'GET /metrics', 'GET /favicon.ico', 'GET /stacks',
  'GET /deployment/:id', 'GET /move', 'GET /admin/login', 'POST /admin/login',
  'GET /api/check/:name', 'GET /api/openapi.json', 'GET /api/status/:id', 'GET /api/owner',
  'POST /api/deploy', 'POST /api/owner/move', 'POST /api/owner/enter',
  'POST /api/owner/leave',
])
const adminsOnly = /^\/(api\/(admin|invites|tokens|audit)|admin)(\/|$)/

const matrix = {} // "METHOD /path/:name" -> its class with what is special

async function readMatrix() {
  const { paths } = (await portal.api('/api/openapi.json')).json
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, route] of Object.entries(methods)) {
      const name = `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`
      const { 'x-access': access, 'x-scope': scope } = route
      matrix[name] = { access, scope, ...classes[access], ...special[name] }
    }
  }
}

const makeToken = async (wanted) => {
  const json = { label: 'matrix', owner: anna.id, ...wanted }
  return (await portal.api('/api/tokens', { method: 'POST', json, key: ADMIN })).json
}

async function owner(name) {
  const { answer, key } = await portal.ready(name, { key: ADMIN })
  const id = (await portal.api('/api/owner', { key })).json.ownerId
  return { name, key, id, op: answer.json.deploymentId }
}

before(async () => {
  const env = {
    ACCESS: 'forward-auth', TRUSTED_PROXIES: '10.99.0.0/16', FORWARD_AUTH_ADMINS: 'root',
  }
  world = await startAll({ env })
  portal = world.portal
  ;[anna, bob] = await Promise.all([owner('anna'), owner('bob')])
  expired = (await makeToken({ scopes: 'create read delete admin', expiresIn: 1 })).token
  scopes = {}
  for (const name of ['read', 'create', 'delete', 'secrets']) {
    scopes[name] = await makeToken({ scopes: name })
  }
  const isExpired = async () =>
    (await portal.api('/api/owner', { key: expired })).json.code === 'key_expired'
  await until(isExpired, 'the token expires')
  await readMatrix()
})
after(() => world.stop())

function ask(name, { stackName, op, ...options }) {
  const [method, pattern] = name.split(' ')
  const isOperation = /^\/(api\/status|deployment)\//.test(pattern)
  const path = pattern.replace(':name', stackName).replace(':id', isOperation ? op : 'no-such-id')
    .replace(':link', 'made-up').replace(':batch', 'made-up')
    .replace(':volume', 'made-up')
  const { body } = matrix[name]
  const accept = pattern.startsWith('/api/status') ? { accept: 'application/json' } : {}
  return portal.api(path, {
    method, ...(method !== 'GET' && body ? { json: body } : {}), ...options,
    headers: { ...accept, ...options.headers },
  })
}

// The status that a client must get for the workspace of `target`; null: not asked.
function expected(name, client, target) {
  const row = matrix[name]
  if (target === bob && row.theirs?.[client]) return row.theirs[client]
  if (name.startsWith('GET ')) {
    if (fromElsewhere.has(client) && row.readable) return 200
  } else {
    if (client === unstated) return row[client] ?? 403
    if (fromElsewhere.has(client)) return 403
  }
  return row[client] !== undefined ? row[client] : row._
}

test('every route is declared, and only the listed ones are open', () => {
  execFileSync(DEPLOYER, ['--root', portal.args[1], '--check'])
  const names = Object.keys(matrix)
  assert.deepEqual(Object.keys(special).filter((name) => !matrix[name]), [], 'no such routes')
  const isOpen = ({ access }) => access === 'public' || access === 'optional'
  assert.deepEqual(names.filter((name) => isOpen(matrix[name]) !== open.has(name)), [])
  for (const name of names) {
    if (!adminsOnly.test(name.split(' ')[1]) || open.has(name)) continue
    assert.match(matrix[name].access, /^(admin|session)$/, name)
  }
})

describe('nobody gets in', () => {
  let held, secret
  before(async () => {
    held = JSON.stringify(await world.rehearsal.holds('anna'))
    secret = (await portal.stack('anna', { key: anna.key })).json.password
    assert.ok(secret)
  })
  after(async () => {
    const holds = JSON.stringify(await world.rehearsal.holds('anna'))
    assert.equal(holds, held, 'something was changed at Dokploy')
    const { status, json } = await portal.stack('anna', { key: anna.key })
    assert.deepEqual([status, json.password, json.state], [200, secret, 'ready'])
  })

  // What is wrong with a route's answer to a client.
  async function faults(name, client, target) {
    const want = expected(name, client, target)
    if (want === null) return []
    const options = { ...clients[client](matrix[name]), stackName: target.name, op: target.op }
    const { status, text } = await ask(name, options)
    const found = []
    const isStranger = !fromElsewhere.has(client)
    if (!matrix[name].any && status !== want) {
      found.push(`${status}, not ${want}: ${text.slice(0, 120)}`)
    }
    if ((isStranger || target === bob) && text.includes(secret)) found.push('reveals the password')
    if (isStranger && text.includes(anna.key)) found.push("reveals the owner's key")
    if (isStranger && name === 'GET /api/stacks' && text.includes('"anna"')) {
      found.push("lists someone else's workspace")
    }
    return found.map((fault) => `${name} (${target.name}): ${fault}`)
  }

  for (const client of Object.keys(clients)) {
    test(client, async () => {
      const found = []
      for (const name of Object.keys(matrix)) {
        found.push(...await faults(name, client, anna))
        if (client !== 'other owner') found.push(...await faults(name, client, bob))
      }
      assert.deepEqual(found, [])
    })
  }
})

test('another owner changes nothing but their own key', async () => {
  const { status, json } = await portal.api('/api/owner/rotate', { method: 'POST', key: bob.key })
  assert.equal(status, 200)
  assert.equal((await portal.stack('bob', { key: bob.key })).status, 404)
  assert.equal((await portal.stack('bob', { key: json.ownerKey })).status, 200)
  assert.equal((await portal.stack('anna', { key: anna.key })).status, 200)
  for (const path of ['link', 'rotate', 'revoke']) {
    const named = await portal.api(`/api/owner/${path}`, {
      method: 'POST', json: { owner: anna.id }, key: json.ownerKey,
    })
    assert.equal(named.status, 403, named.text)
  }
  assert.equal((await portal.stack('anna', { key: anna.key })).status, 200)
})

test('the admin may do everything, but sees no password', async () => {
  const asAdmin = { key: ADMIN, stackName: 'anna', op: anna.op }
  for (const name of [
    'GET /api/invites', 'GET /api/tokens', 'GET /api/audit', 'GET /api/stacks',
    'GET /api/stack/:name',
  ]) {
    const answer = await ask(name, asAdmin)
    assert.equal(answer.status, 200, `${name}: ${answer.text}`)
    assert.equal(answer.json.password, undefined)
  }
  assert.equal((await ask('POST /api/stack/:name/password', asAdmin)).status, 404)
  for (const name of ['DELETE /api/invites/:id', 'DELETE /api/tokens/:id']) {
    assert.equal((await ask(name, asAdmin)).status, 404)
  }
})

test('the owner may, by key, by cookie and by a token with the scope', async () => {
  const cookie = { cookie: ownerCookie(anna.key), 'sec-fetch-site': 'same-origin' }
  const { read, secrets } = scopes
  const whole = (await makeToken({ scopes: 'read secrets' })).token
  for (const who of [{ key: anna.key }, { headers: cookie }, { key: whole }]) {
    const { status, json } = await portal.stack('anna', who)
    assert.deepEqual([status, typeof json.password], [200, 'string'])
    const { stacks } = (await portal.api('/api/stacks', who)).json
    assert.deepEqual(stacks.map(({ name }) => name), ['anna'])
    assert.equal((await portal.reveal('anna', who)).status, 200)
  }
  assert.equal((await portal.stack('anna', { key: read.token })).json.password, undefined)
  assert.equal((await portal.reveal('anna', { key: read.token })).status, 403)
  assert.equal((await portal.reveal('anna', { key: secrets.token })).status, 200)
  const stop = { method: 'POST', key: scopes.create.token }
  const stopped = await portal.api('/api/stack/anna/stop', stop)
  assert.equal(stopped.status, 202)
  assert.equal((await portal.follow(stopped.json.statusUrl)).last.event, 'stopped')
  const removed = await portal.remove('anna', { key: scopes.delete.token })
  assert.equal(removed.status, 202)
  assert.equal((await portal.follow(removed.json.statusUrl)).last.event, 'deleted')
})
