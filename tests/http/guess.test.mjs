// An admin's token may be short enough to be guessed. Whoever tries is counted, and after too many no route whatever tells the right one
// from the wrong ones: not by its status, not by what is on its page, not by the token of a form. The routes are the portal's own list.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMIN, copyRoot, startPortal, startRehearsal } from './harness.mjs'

let rehearsal, portal, csrf
before(async () => {
  const copy = copyRoot()
  copy.edit('scripts/policy/limits.lua', (text) => text.replace('auth = { 1000, 60 }', 'auth = { 3, 600 }'))
  rehearsal = await startRehearsal({ root: copy.root })
  portal = await startPortal({ rehearsal, root: copy.root, env: { TRUSTED_PROXIES: '127.0.0.1' } })
  csrf = (await portal.api('/api/owner')).json.csrf
})
after(async () => {
  await portal.stop()
  await rehearsal.stop()
})

const routes = async () => Object.entries((await portal.api('/api/openapi.json')).json.paths).flatMap(([path, methods]) =>
  Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path: path.replace(/\{\w+\}/g, 'anna') })))

// The ways in which a route may be asked.
const json = (body) => ({ body: JSON.stringify(body), type: 'application/json' })
const form = (fields) => ({ body: new URLSearchParams(fields).toString(), type: 'application/x-www-form-urlencoded' })
const ways = (method) => (method === 'GET' ? [{}] : [{}, json({}), form({ csrf }), form({ csrf: '1.none' })])

// What can be told apart: all but what differs from one request to the next by its nature.
const told = ({ status, headers, text }) => {
  const { 'x-request-id': id, date, ...others } = headers
  return `${status} ${`${JSON.stringify(others)} ${text.replaceAll(id, '')}`.replace(/\d+/g, '0')}`
}

let clients = 0
function client() {
  const address = `203.0.${Math.floor(clients / 250)}.${clients++ % 250}`
  return ({ method, path }, key, { body, type }) => portal.api(path, {
    method, key, body, headers: { 'x-forwarded-for': address, accept: 'application/json', ...(type ? { 'content-type': type } : {}) },
  })
}

test('no route tells the right secret from wrong ones to whoever has tried too many, there or elsewhere', async () => {
  const apart = []
  const list = await routes()
  assert.ok(list.length > 60)
  for (const route of list) {
    for (const way of ways(route.method)) {
      for (const first of [route, { method: 'GET', path: '/api/stacks' }]) {
        const ask = client()
        for (let i = 0; i < 4; i++) await ask(first, `wrong-${i}`, first === route ? way : {})
        const [wrong, right] = [told(await ask(route, 'wrong-once-more', way)), told(await ask(route, ADMIN, way))]
        if (wrong !== right) apart.push(`${route.method} ${route.path} ${way.body ?? ''}, guessed at ${first.path}:\n  ${wrong.slice(0, 300)}\n  ${right.slice(0, 300)}`)
      }
    }
  }
  assert.deepEqual(apart, [])
})

test('one request is one guess, on whatever page', async () => {
  for (const path of ['/', '/admin', '/stacks', '/stack/anna', '/metrics', '/api/stacks']) {
    const ask = client()
    for (let i = 0; i < 2; i++) await ask({ method: 'GET', path }, `wrong-${i}`, {})
    assert.equal((await ask({ method: 'GET', path: '/api/stacks' }, ADMIN, {})).status, 200, `${path}: two of three`)
    await ask({ method: 'GET', path }, 'wrong-2', {})
    assert.equal((await ask({ method: 'GET', path: '/api/stacks' }, ADMIN, {})).status, 429, `${path}: three of three`)
  }
})
