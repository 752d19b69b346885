// The admin's session: a cookie, its end by log-out, time and another token; who is kept out, and
// what a form must bring.
import { describe, test } from 'node:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import assert from 'node:assert/strict'
import { cookieOf, logIn, own, tryToken } from './admin.mjs'
import { ADMIN, collect, copyTree, temporary, until, useWorld, withPortal } from './harness.mjs'

const { portal, rehearsal } = useWorld()
const isIn = async (admin) => (await admin.get('/admin')).status === 200
const redirects = ({ status, headers, text }, to) =>
  assert.deepEqual([status, headers.location], [303, to], text)
const loggedIn = (path) => `/admin/login?new=1&next=${encodeURIComponent(path)}`
const loginFor = (path, query = '') => `/admin/login?next=${encodeURIComponent(path)}${query}`

test('the right token opens a session, in a cookie for this site alone', async () => {
  const { answer, cookie } = await logIn(portal)
  const header = cookieOf(answer)
  const rest = 'Path=/; Max-Age=28800; HttpOnly; SameSite=Strict'
  assert.match(header, new RegExp(`^admin-[0-9a-f]{8}=[\\w-]{43}; ${rest}$`))
  assert.ok(!header.includes(ADMIN))
  assert.notEqual((await logIn(portal)).cookie, cookie)
})

test('without a session every page redirects to the log-in, and back', async () => {
  redirects(await portal.api('/admin'), loginFor('/admin'))
  const audit = '/admin/audit?search=anna&who=owner'
  redirects(await portal.api(audit), loginFor(audit))
  const headers = { cookie: '__Host-admin=nonsense' }
  redirects(await portal.api('/admin/stacks', { headers }), loginFor('/admin/stacks', '&over=1'))
  const next = '/admin/audit?who=owner'
  redirects(await tryToken(portal, ADMIN, { next }), loggedIn(next))
  const foreign = [
    '//evil.example', 'https://evil.example', '/admin/../x\\', '/other', '/admin/logout', '/adminx',
  ]
  for (const path of foreign) {
    redirects(await tryToken(portal, ADMIN, { next: path }), loggedIn('/admin'))
  }
  for (const path of ['/api/admin/summary', '/api/admin/stacks', '/api/admin/events']) {
    assert.equal((await portal.api(path)).status, 401, path)
  }
})

test('a browser that does not keep the cookie is told so', async () => {
  redirects(await tryToken(portal, ADMIN, { next: '/admin/audit' }), loggedIn('/admin/audit'))
  const { status, text } = await portal.api(loggedIn('/admin/audit'), { language: 'nl' })
  assert.equal(status, 200)
  assert.match(text, /heeft de cookie van het portaal niet bewaard/)
  assert.match(text, /name="next" type="hidden" value="\/admin\/audit"/)
  redirects(await (await logIn(portal)).get(loggedIn('/admin/audit')), '/admin/audit')
})

test("a link on another site makes the page load once more, with its cookie", async () => {
  const headers = { 'sec-fetch-site': 'cross-site' }
  const { status, text } = await portal.api('/admin/audit', { headers })
  assert.equal(status, 200)
  assert.match(text, /http-equiv="refresh"/)
  assert.ok(!text.includes('name="token"'))
})

test('a wrong token opens nothing, and a form from elsewhere is not read', async () => {
  for (const token of ['wrong', `${ADMIN}x`, ADMIN.slice(1)]) {
    const headers = { ...own, 'accept-language': 'nl' }
    const answer = await tryToken(portal, token, { headers })
    assert.equal(answer.status, 403)
    assert.equal(cookieOf(answer), undefined)
    assert.match(answer.text, /Dit is niet het beheerderstoken/)
    assert.ok(!answer.text.includes(token))
  }
  const foreign = [
    { csrf: '1.forged' }, { headers: { 'sec-fetch-site': 'cross-site' } },
    { headers: { 'sec-fetch-site': 'same-site' } }, { headers: { origin: 'https://evil.example' } },
  ]
  for (const options of foreign) {
    assert.equal((await tryToken(portal, ADMIN, options)).status, 403, JSON.stringify(options))
  }
})

test("the session counts on the admin's pages only", async () => {
  const admin = await logIn(portal)
  assert.equal((await admin.get('/api/admin/summary')).status, 200)
  assert.equal((await admin.get('/api/owner')).json.kind, 'visitor')
  for (const path of ['/api/audit', '/api/tokens', '/api/stacks']) {
    assert.equal((await admin.get(path)).status, 401, path)
  }
  const program = await portal.api('/api/admin/summary', { key: ADMIN })
  assert.equal(program.status, 200, 'programs go on using their token')
})

test('a change needs its origin, and a form the token of its session', async () => {
  const admin = await logIn(portal)
  const json = { action: 'stop', names: 'nobody' }
  const act = (headers) => admin.get('/api/admin/stacks', { method: 'POST', json, headers })
  assert.equal((await act({})).json.code, 'forbidden_origin')
  assert.equal((await act({ 'sec-fetch-site': 'same-site' })).json.code, 'forbidden_origin')
  assert.equal((await act(own)).status, 200)
  const other = await logIn(portal)
  const visitors = (await portal.api('/api/owner')).json.csrf
  const invite = (fields, headers) =>
    admin.form('/admin/access/invites', { uses: 1, ...fields }, headers)
  for (const csrf of ['', other.csrf, visitors]) {
    assert.equal((await invite({ csrf })).status, 403, csrf)
  }
  assert.equal((await invite({}, { 'sec-fetch-site': 'cross-site' })).status, 403)
  assert.equal((await portal.api('/api/invites', { key: ADMIN })).json.invites.length, 0)
  assert.equal((await invite({})).status, 201)
})

test('a log-out ends the session and its streams; other sessions stay', async () => {
  const [admin, other] = [await logIn(portal), await logIn(portal)]
  const stream = await admin.stream()
  const events = collect(stream)
  const answer = await admin.form('/admin/logout')
  redirects(answer, '/admin/login')
  assert.match(cookieOf(answer), /Max-Age=0/)
  assert.equal((await events).at(-1).event, 'over')
  assert.ok(stream.isComplete, 'the stream ended properly')
  redirects(await admin.get('/admin'), loginFor('/admin', '&over=1'))
  assert.equal((await admin.get('/api/admin/summary')).status, 401)
  assert.equal((await admin.stream()).status, 401)
  assert.ok(await isIn(other))
  const { entries } = (await portal.api('/api/audit?search=log_out', { key: ADMIN })).json
  const { who, action, allowed } = entries[0]
  assert.deepEqual([who, action, allowed], ['admin', 'log_out', true])
})

test('it survives a restart; nothing that opens it is in the log', async () => {
  const admin = await logIn(portal)
  await portal.stop()
  await portal.restart()
  assert.ok(await isIn(admin))
  const [, secret] = admin.cookie.split('=')
  assert.ok(!portal.lines.some((line) => line.includes(secret) || line.includes(ADMIN)))
})

describe('another ADMIN_TOKEN', () => {
  const [first, second] = ['first-token-of-the-admin', 'second-token-of-the-admin']
  const file = () => {
    const path = join(temporary('secret'), 'admin')
    writeFileSync(path, first)
    return path
  }
  const withToken = (run) => async (t) => {
    const ADMIN_TOKEN_FILE = file()
    const setToken = (token) => writeFileSync(ADMIN_TOKEN_FILE, token)
    const env = { ADMIN_TOKEN: '', ADMIN_TOKEN_FILE }
    await withPortal(() => ({ rehearsal, env }), (other) => run(other, setToken))(t)
  }
  const opens = (other, token) => until(
    async () => (await tryToken(other, token)).status === 303, `${token} opens`)

  test('ends sessions and their streams', withToken(async (other, setToken) => {
    const admin = await logIn(other, first)
    const events = collect(await admin.stream())
    setToken(second)
    await opens(other, second)
    assert.equal(await isIn(admin), false)
    assert.equal((await events).at(-1).event, 'over')
    setToken(first)
    await opens(other, first)
    assert.equal(await isIn(admin), false, 'later log-ins have removed it')
  }))

  test("ends programs' streams, as tokens' ends do", withToken(async (other, setToken) => {
    const make = async (fields) => {
      const json = { label: 'watch', scopes: 'admin', ...fields }
      return (await other.post('/api/tokens', json, { key: first })).json
    }
    const [revoked, short, good] = [await make(), await make({ expiresIn: 2 }), await make()]
    const tokens = { revoked, short, good, admin: { token: first } }
    const streams = {}
    for (const [name, { token }] of Object.entries(tokens)) {
      const stream = await other.stream('/api/admin/events', { key: token })
      assert.equal(stream.status, 200)
      const events = []
      const read = async () => { for await (const { event } of stream) events.push(event) }
      streams[name] = { stream, events, done: read() }
    }
    const ends = async (name) => {
      await streams[name].done
      assert.ok(streams[name].stream.isComplete, name)
      assert.equal(streams[name].events.at(-1), 'over', name)
    }
    const path = `/api/tokens/${revoked.id}`
    assert.equal((await other.api(path, { method: 'DELETE', key: first })).status, 200)
    await ends('revoked')
    await ends('short')
    setToken(second)
    await ends('admin')
    const again = await other.api('/api/admin/events', { key: revoked.token })
    assert.equal(again.json.code, 'key_revoked')
    const { stream, events, done } = streams.good
    const before = events.length
    await other.post('/api/invites', {}, { key: second })
    await until(() => events.slice(before).includes('changed'), 'a valid token hears of changes')
    assert.ok(!events.includes('over'))
    stream.close()
    await done
  }))
})

const fewAttempts = {
  'scripts/policy/limits.lua': (text) => text.replace('login = { 1000, 60 }', 'login = { 3, 600 }'),
}
test('after too many wrong tokens the correct one is refused as well',
  withPortal(() => ({ rehearsal, root: copyTree(fewAttempts).root }), async (other) => {
    for (let i = 0; i < 3; i++) assert.equal((await tryToken(other, 'wrong')).status, 403)
    const { status, headers } = await tryToken(other, ADMIN)
    assert.equal(status, 429)
    assert.ok(Number(headers['retry-after']) > 0)
    const elsewhere = await other.api('/api/admin/summary', { key: ADMIN })
    assert.equal(elsewhere.status, 200, 'elsewhere it is another limit')
  }))

test('without ADMIN_TOKEN the page says that administration is closed, and how to open it',
  withPortal(() => ({ rehearsal, env: { ADMIN_TOKEN: '' } }), async (other) => {
    redirects(await other.api('/admin'), loginFor('/admin'))
    const titles = new Set()
    for (const language of ['en', 'nl', 'ar']) {
      const { status, text } = await other.api('/admin/login', { language })
      assert.equal(status, 200)
      assert.ok(text.includes('ADMIN_TOKEN_FILE') && !text.includes('name="token"'), language)
      titles.add(text.match(/<h1[^>]*>([^<]+)/)[1])
    }
    assert.equal(titles.size, 3, [...titles].join())
    const { csrf } = (await other.api('/api/owner')).json
    const form = { csrf, token: ' ' }
    const empty = await other.post('/admin/login', undefined, { form, headers: own })
    assert.equal(empty.status, 403)
    assert.equal(cookieOf(empty), undefined)
  }))

test('an admin whom the proxy names needs no token', withPortal(() => ({
  rehearsal,
  env: {
    ACCESS: 'forward-auth', TRUSTED_PROXIES: '127.0.0.1/32', FORWARD_AUTH_ADMINS: 'root',
    FORWARD_AUTH_HEADER: 'X-Auth-User', ADMIN_TOKEN: '',
  },
}), async (other) => {
  for (const [name, status] of [['root', 200], ['eve', 303]]) {
    const headers = { 'x-auth-user': name }
    assert.equal((await other.api('/admin', { headers })).status, status)
  }
}))
