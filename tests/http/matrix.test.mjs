// Each route × each principal × own and other's stack: what a stranger, another owner, an expired token, a token without the scope, a
// forged user header, a wrong Origin and a neighbour's page get. Routes, their access and their scopes come from the portal's own
// declarations (`deployer --check` compares them with the router), so no route can be missing here.
import { after, before, describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { ADMIN, DEPLOYER, startAll } from './harness.mjs'

let world, portal, anna, bob, expired, scopes
const evil = { origin: 'https://evil.example' }
const neighbour = { 'sec-fetch-site': 'same-site', origin: 'http://bob.localhost:3100' }
const forged = { 'remote-user': 'root', 'x-forwarded-for': '10.99.0.1', 'x-forwarded-user': 'root', 'remote.user': 'root', remote_user: 'root' }

const admin = (path, json) => portal.api(path, { method: 'POST', json, key: ADMIN })
const token = async (wanted) => (await admin('/api/tokens', { label: 'matrix', ...wanted })).json

before(async () => {
  world = await startAll({ env: { ACCESS: 'forward-auth', TRUSTED_PROXIES: '10.99.0.0/16', FORWARD_AUTH_ADMINS: 'root' } })
  portal = world.portal
  const made = await Promise.all(['anna', 'bob'].map((name) => portal.ready(name, { key: ADMIN })))
  const owner = async ({ answer, key }, name) => ({ name, key, id: (await portal.api('/api/owner', { key })).json.ownerId, op: answer.json.deploymentId })
  anna = await owner(made[0], 'anna')
  bob = await owner(made[1], 'bob')
  const short = await token({ scopes: 'create read delete admin', expiresIn: 1, owner: anna.id })
  scopes = { read: await token({ scopes: 'read', owner: anna.id }), create: await token({ scopes: 'create', owner: anna.id }), delete: await token({ scopes: 'delete', owner: anna.id }) }
  const gone = async () => (await portal.api('/api/owner', { key: short.token })).json.code === 'key_expired'
  while (!await gone()) await new Promise((done) => setTimeout(done, 100))
  expired = short.token
  await readTable()
})
after(() => world.stop())

// A token that has every scope but the one that the route needs: none that lacks it has to be let in.
const lacking = (scope) => scopes[scope === 'read' ? 'create' : 'read'].token

const principals = {
  stranger: () => ({}),
  'other owner': () => ({ key: bob.key }),
  'expired token': () => ({ key: expired }),
  'token without scope': (route) => ({ key: lacking(route.scope) }),
  'forged user header': () => ({ headers: forged }),
  'made-up key': () => ({ key: `own_${anna.id}.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA` }),
  'made-up cookie': () => ({ headers: { cookie: `__Host-owner=own_${anna.id}.AAAA; owner=${anna.key}`, 'sec-fetch-site': 'same-origin' } }),
  'wrong Origin': () => ({ key: anna.key, headers: evil }),
  'same-site page': () => ({ key: anna.key, headers: neighbour }),
  'cookie without origin': () => ({ headers: { cookie: `__Host-owner=${anna.key}` } }),
}
const unstated = 'cookie without origin'
const from = new Set(['wrong Origin', 'same-site page', unstated])

// The status that a route answers to each principal, by the access that it declares; `_` is for those
// not named. `any`: the answer depends on more than the principal, and other tests assert it.
const classes = {
  public: { _: 200 },
  optional: { _: 200, 'expired token': 401, 'made-up key': 401 },
  owner: { _: 404, 'token without scope': 403 },
  admin: { _: 401, 'other owner': 403, 'token without scope': 403, 'wrong Origin': 403, 'same-site page': 403, [unstated]: 403 },
  session: { _: 303, 'expired token': 401, 'made-up key': 401, [unstated]: 303 },
}
const own = { _: 401, 'other owner': 403, 'token without scope': 403 }
const noForm = { _: 415, [unstated]: 415 }

// What routes need beside: a body; and where one differs from its class. `theirs`: the status for a
// workspace of someone else than the owner of the key.
const special = {
  'GET /metrics': { any: true },
  'GET /deployment/:id': { any: true },
  'GET /stack/:name': { any: true },
  'GET /stacks': { any: true },
  'POST /api/deploy': { _: 401, 'token without scope': 403, body: { name: 'intruder' } },
  'POST /api/status/:id/cancel': own,
  'GET /api/stack/:name': { allowed: true, theirs: { 'wrong Origin': 404, 'same-site page': 404, [unstated]: 404 } },
  'GET /api/stacks': { _: 401, 'other owner': 200, 'token without scope': 403, allowed: true },
  'POST /api/stack/:name/password': { body: { action: 'reveal' }, theirs: { 'token without scope': 404 } },
  'POST /api/owner/link': { _: 401, 'other owner': 201, 'token without scope': 403 },
  'POST /api/owner/rotate': { _: 401, 'other owner': null, 'token without scope': 403 },
  'POST /api/owner/revoke': { _: 401, 'other owner': null, 'token without scope': 403 },
  'POST /api/owner/move': { _: 403, body: { link: 'made-up' } },
  'POST /api/owner/leave': { [unstated]: 200 },
  'POST /api/invites': { body: {} },
  'POST /api/tokens': { body: { label: 'mine', scopes: 'admin' } },
  'POST /api/admin/drift/adopt': { body: { all: true } },
  'POST /api/admin/findings/adopt': { body: { all: true } },
  'POST /api/admin/stacks': { body: { action: 'delete', names: 'anna' } },
  'POST /admin/login': noForm,
  'POST /admin/logout': { ...noForm, 'expired token': 415, 'made-up key': 415 },
}
// Everything else must declare an access that keeps strangers out.
const open = new Set(['GET /', 'GET /health', 'GET /ready', 'GET /metrics', 'GET /api/check/:name', 'GET /api/openapi.json', 'GET /api/status/:id',
  'GET /api/owner', 'GET /move/:link', 'GET /deployment/:id', 'GET /stacks', 'GET /favicon.ico', 'GET /admin/login', 'POST /admin/login',
  'POST /api/deploy', 'POST /api/owner/move', 'POST /api/owner/leave'])

// Filled from the portal's document: by "METHOD /path/:name", its class with what is special.
const table = {}
const adminsOnly = /^\/(api\/(admin|invites|tokens|audit)|admin)(\/|$)/

async function readTable() {
  const { paths } = (await portal.api('/api/openapi.json')).json
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, route] of Object.entries(methods)) {
      const name = `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`
      table[name] = { access: route['x-access'], scope: route['x-scope'], ...classes[route['x-access']], ...special[name] }
    }
  }
}

const changing = (name) => !name.startsWith('GET ')

function ask(name, { stackName, op, ...options }) {
  const [method, pattern] = name.split(' ')
  const id = pattern.startsWith('/api/status') || pattern.startsWith('/deployment') ? op : 'no-such-id'
  const path = pattern.replace(':name', stackName).replace(':id', id).replace(':link', 'made-up').replace(':batch', 'made-up')
  const { body } = table[name]
  const accept = pattern.startsWith('/api/status') ? { accept: 'application/json' } : {}
  return portal.api(path, { method, ...(changing(name) && body ? { json: body } : {}), ...options, headers: { ...accept, ...options.headers } })
}

// What this principal must get of this route.
function wanted(name, who) {
  const row = table[name]
  if (changing(name) && (who === 'wrong Origin' || who === 'same-site page')) return 403
  if (changing(name) && who === unstated) return row[who] ?? 403
  if (!changing(name) && from.has(who) && row.allowed) return 200 // reading: the answer stays with whoever may read it
  return row[who] !== undefined ? row[who] : row._
}

test('every route is declared, and only the listed ones are open', () => {
  execFileSync(DEPLOYER, ['--root', portal.args[1], '--check'])
  assert.deepEqual(Object.keys(special).filter((name) => !table[name]), [], 'these routes do not exist')
  const isOpen = ({ access }) => access === 'public' || access === 'optional'
  assert.deepEqual(Object.keys(table).filter((name) => isOpen(table[name]) !== open.has(name)), [])
  for (const [name, { access }] of Object.entries(table)) {
    if (adminsOnly.test(name.split(' ')[1]) && !open.has(name)) assert.match(access, /^(admin|session)$/, name)
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
    assert.equal(JSON.stringify(await world.rehearsal.holds('anna')), held, 'something was changed at Dokploy')
    const { status, json } = await portal.stack('anna', { key: anna.key })
    assert.deepEqual([status, json.password, json.state], [200, secret, 'ready'])
  })

  for (const who of Object.keys(principals)) {
    test(who, async () => {
      const results = []
      for (const name of Object.keys(table)) {
        const want = wanted(name, who)
        if (want === null) continue // his own key; tried below
        for (const target of [anna, bob]) {
          if (who === 'other owner' && target === bob) continue // his own
          const answer = await ask(name, { ...principals[who](table[name]), stackName: target.name, op: target.op })
          let expected = want
          if (target === bob && table[name].theirs) expected = table[name].theirs[who] ?? expected
          if (!table[name].any && answer.status !== expected) results.push(`${name} (${target.name}): ${answer.status}, not ${expected}: ${answer.text.slice(0, 120)}`)
          const mayKnow = target === anna && from.has(who)
          if (!mayKnow && answer.text.includes(secret)) results.push(`${name} (${target.name}) tells the password`)
          if (!from.has(who) && answer.text.includes(anna.key)) results.push(`${name} tells the owner's key`)
          if (name === 'GET /api/stacks' && !from.has(who) && answer.text.includes('"anna"')) results.push(`${name} lists what is another's`)
        }
      }
      assert.deepEqual(results, [])
    })
  }
})

test('an other owner changes nothing but his own key', async () => {
  const rotated = await portal.api('/api/owner/rotate', { method: 'POST', key: bob.key })
  assert.equal(rotated.status, 200)
  assert.equal((await portal.stack('bob', { key: bob.key })).status, 404)
  assert.equal((await portal.stack('bob', { key: rotated.json.ownerKey })).status, 200)
  assert.equal((await portal.stack('anna', { key: anna.key })).status, 200)
  for (const path of ['link', 'rotate', 'revoke']) {
    const named = await portal.api(`/api/owner/${path}`, { method: 'POST', json: { owner: anna.id }, key: rotated.json.ownerKey })
    assert.equal(named.status, 403, named.text)
  }
  assert.equal((await portal.stack('anna', { key: anna.key })).status, 200)
})

test('the admin may, and sees no password', async () => {
  for (const name of ['GET /api/invites', 'GET /api/tokens', 'GET /api/audit', 'GET /api/stacks', 'GET /api/stack/:name']) {
    const answer = await ask(name, { key: ADMIN, stackName: 'anna', op: anna.op })
    assert.equal(answer.status, 200, `${name}: ${answer.text}`)
    assert.equal(answer.json.password, undefined)
  }
  const reveal = await portal.api('/api/stack/anna/password', { method: 'POST', json: { action: 'reveal' }, key: ADMIN })
  assert.equal(reveal.status, 404)
  for (const name of ['DELETE /api/invites/:id', 'DELETE /api/tokens/:id']) assert.equal((await ask(name, { key: ADMIN, stackName: 'x', op: 'x' })).status, 404)
})

test('the owner may, by key, by cookie and by a token with the scope', async () => {
  const cookie = { headers: { cookie: `__Host-owner=${anna.key}`, 'sec-fetch-site': 'same-origin' } }
  for (const who of [{ key: anna.key }, cookie, { key: scopes.read.token }]) {
    const { status, json } = await portal.stack('anna', who)
    assert.deepEqual([status, typeof json.password], [200, 'string'])
    assert.deepEqual((await portal.api('/api/stacks', who)).json.stacks.map((s) => s.name), ['anna'])
    assert.equal((await portal.api('/api/stack/anna/password', { method: 'POST', json: { action: 'reveal' }, ...who })).status, 200)
  }
  const stopped = await portal.api('/api/stack/anna/stop', { method: 'POST', key: scopes.create.token })
  assert.equal(stopped.status, 202)
  assert.equal((await portal.follow(stopped.json.statusUrl)).last.event, 'stopped')
  const removed = await portal.remove('anna', { key: scopes.delete.token })
  assert.equal(removed.status, 202)
  assert.equal((await portal.follow(removed.json.statusUrl)).last.event, 'deleted')
})
