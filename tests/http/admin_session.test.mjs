// The admin's log-in: a session in a cookie, its end by time, log-out and another token; who is kept out, and what a form must bring.
import { after, before, describe, test } from 'node:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import assert from 'node:assert/strict'
import { cookieOf, logIn, own, tryToken } from './admin.mjs'
import { ADMIN, copyRoot, startPortal, startRehearsal, temporary, until } from './harness.mjs'

let rehearsal
before(async () => { rehearsal = await startRehearsal() })
after(() => rehearsal.stop())

const isIn = async (admin) => (await admin.get('/admin')).status === 200
const leads = (answer, to) => assert.deepEqual([answer.status, answer.headers.location], [303, to], answer.text)

async function withPortal(options, run) {
  const portal = await startPortal({ rehearsal, ...options })
  try { await run(portal) } finally { await portal.stop() }
}

describe('one portal', () => {
  let portal
  before(async () => { portal = await startPortal({ rehearsal }) })
  after(() => portal.stop())

  test('the right token makes a session in a cookie that scripts and other sites do not get', async () => {
    const { answer, cookie } = await logIn(portal)
    const set = cookieOf(answer)
    for (const part of ['__Host-admin=', 'HttpOnly', 'Secure', 'SameSite=Strict', 'Path=/', 'Max-Age=28800']) assert.ok(set.includes(part), set)
    assert.match(cookie, /^__Host-admin=[\w-]{43}$/)
    assert.ok(!set.includes(ADMIN))
    assert.notEqual((await logIn(portal)).cookie, cookie)
  })

  test('without one every page leads to the log-in, and back to where one wanted to go', async () => {
    leads(await portal.api('/admin'), '/admin/login?next=%2Fadmin')
    leads(await portal.api('/admin/audit?search=anna&who=owner'), '/admin/login?next=%2Fadmin%2Faudit%3Fsearch%3Danna%26who%3Downer')
    leads(await portal.api('/admin/stacks', { headers: { cookie: '__Host-admin=nonsense' } }), '/admin/login?next=%2Fadmin%2Fstacks&over=1')
    leads(await tryToken(portal, ADMIN, { next: '/admin/audit?who=owner' }), '/admin/audit?who=owner')
    for (const next of ['//evil.example', 'https://evil.example', '/admin/../x\\', '/other', '/admin/logout', '/adminx']) {
      leads(await tryToken(portal, ADMIN, { next }), '/admin')
    }
    for (const path of ['/api/admin/summary', '/api/admin/stacks', '/api/admin/events']) assert.equal((await portal.api(path)).status, 401, path)
  })

  test('whoever comes by a link of another site has the page ask once more, with its cookie', async () => {
    const answer = await portal.api('/admin/audit', { headers: { 'sec-fetch-site': 'cross-site' } })
    assert.equal(answer.status, 200)
    assert.match(answer.text, /http-equiv="refresh"/)
    assert.ok(!answer.text.includes('name="token"'))
  })

  test('a wrong token opens nothing, and a form from elsewhere is not read', async () => {
    for (const token of ['wrong', `${ADMIN}x`, ADMIN.slice(1)]) {
      const answer = await tryToken(portal, token, { headers: { ...own, 'accept-language': 'nl' } })
      assert.equal(answer.status, 403)
      assert.equal(cookieOf(answer), undefined)
      assert.match(answer.text, /Dit is niet het beheerderstoken/)
      assert.ok(!answer.text.includes(token))
    }
    assert.equal((await tryToken(portal, ADMIN, { csrf: '1.forged' })).status, 403)
    for (const site of ['cross-site', 'same-site']) assert.equal((await tryToken(portal, ADMIN, { headers: { 'sec-fetch-site': site } })).status, 403)
    assert.equal((await tryToken(portal, ADMIN, { headers: { origin: 'https://evil.example' } })).status, 403)
  })

  test('the session counts in the admin\'s rooms alone: elsewhere the browser is a visitor', async () => {
    const admin = await logIn(portal)
    assert.equal((await admin.get('/api/admin/summary')).status, 200)
    assert.equal((await admin.get('/api/owner')).json.kind, 'visitor')
    for (const path of ['/api/audit', '/api/tokens', '/api/stacks']) assert.equal((await admin.get(path)).status, 401, path)
    assert.equal((await portal.api('/api/admin/summary', { key: ADMIN })).status, 200, 'programs go on with their token')
  })

  test('what changes something says where it comes from, and a form brings the token of its session', async () => {
    const admin = await logIn(portal)
    const act = { action: 'stop', names: 'nobody' }
    const json = (headers) => admin.get('/api/admin/stacks', { method: 'POST', json: act, headers })
    assert.equal((await json({})).json.code, 'forbidden_origin')
    assert.equal((await json({ 'sec-fetch-site': 'same-site' })).json.code, 'forbidden_origin')
    assert.equal((await json(own)).status, 200)
    const other = await logIn(portal)
    const visitors = (await portal.api('/api/owner')).json.csrf
    for (const csrf of ['', other.csrf, visitors]) {
      assert.equal((await admin.form('/admin/access/invites', { uses: 1, csrf })).status, 403, csrf)
    }
    assert.equal((await admin.form('/admin/access/invites', { uses: 1 }, { 'sec-fetch-site': 'cross-site' })).status, 403)
    assert.equal((await portal.api('/api/invites', { key: ADMIN })).json.invites.length, 0)
    assert.equal((await admin.form('/admin/access/invites', { uses: 1 })).status, 201)
  })

  test('a log-out ends it for whoever has the cookie, and its streams; others stay', async () => {
    const [admin, other] = [await logIn(portal), await logIn(portal)]
    const stream = await admin.stream()
    const events = []
    const listening = (async () => { for await (const event of stream) events.push(event.event) })()
    const answer = await admin.form('/admin/logout')
    leads(answer, '/admin/login')
    assert.match(cookieOf(answer), /Max-Age=0/)
    await listening
    assert.equal(events.at(-1), 'over')
    assert.ok(stream.isComplete, 'the stream came to its end')
    leads(await admin.get('/admin'), '/admin/login?next=%2Fadmin&over=1')
    assert.equal((await admin.get('/api/admin/summary')).status, 401)
    assert.equal((await admin.stream()).status, 401)
    assert.ok(await isIn(other))
    const { entries } = (await portal.api('/api/audit?search=log_out', { key: ADMIN })).json
    assert.deepEqual([entries[0].who, entries[0].action, entries[0].allowed], ['admin', 'log_out', true])
  })

  test('it outlives a restart of the portal; nothing that opens it is in the journal or the log', async () => {
    const admin = await logIn(portal)
    await portal.stop()
    await portal.restart()
    assert.ok(await isIn(admin))
    assert.ok(!portal.lines.some((line) => line.includes(admin.cookie.split('=')[1]) || line.includes(ADMIN)))
  })
})

test('another ADMIN_TOKEN ends the sessions of the one before, and their streams', async () => {
  const file = join(temporary('secret'), 'admin')
  writeFileSync(file, 'first-token-of-the-admin')
  await withPortal({ env: { ADMIN_TOKEN: '', ADMIN_TOKEN_FILE: file } }, async (portal) => {
    const admin = await logIn(portal, 'first-token-of-the-admin')
    const stream = await admin.stream()
    const ended = (async () => { for await (const event of stream) if (event.event === 'over') return true })()
    writeFileSync(file, 'second-token-of-the-admin')
    await until(async () => (await tryToken(portal, 'second-token-of-the-admin')).status === 303, 'the new token opens')
    assert.equal(await isIn(admin), false)
    assert.equal(await ended, true)
    writeFileSync(file, 'first-token-of-the-admin')
    await until(async () => (await tryToken(portal, 'first-token-of-the-admin')).status === 303, 'the old token opens again')
    assert.equal(await isIn(admin), false, 'the log-ins in between threw it away')
  })
})

test('a program\'s stream ends with what let it in: a token revoked or over, another ADMIN_TOKEN', async () => {
  const file = join(temporary('secret'), 'admin')
  writeFileSync(file, 'first-token-of-the-admin')
  await withPortal({ env: { ADMIN_TOKEN: '', ADMIN_TOKEN_FILE: file } }, async (portal) => {
    const key = 'first-token-of-the-admin'
    const make = async (more) => (await portal.api('/api/tokens', { method: 'POST', key, json: { label: 'watch', scopes: 'admin', ...more } })).json
    const [revoked, short, stays] = [await make(), await make({ expiresIn: 2 }), await make()]
    const listen = async (bearer) => {
      const stream = await portal.stream('/api/admin/events', { headers: { authorization: `Bearer ${bearer}` } })
      assert.equal(stream.status, 200)
      const the = { seen: [], whole: false, close: () => stream.close() }
      ;(async () => { for await (const event of stream) the.seen.push(event.event) })().then(() => { the.whole = stream.isComplete }, () => {})
      return the
    }
    const over = async (the, why) => {
      await until(() => the.whole, `the stream ended: ${why}`)
      assert.equal(the.seen.at(-1), 'over')
    }
    const streams = await Promise.all([revoked.token, short.token, stays.token, key].map(listen))
    try {
      const [by_revoked, by_short, on, bearer] = streams
      assert.equal((await portal.api(`/api/tokens/${revoked.id}`, { method: 'DELETE', key })).status, 200)
      await over(by_revoked, 'its token was revoked')
      await over(by_short, 'its token came to its end')
      writeFileSync(file, 'second-token-of-the-admin')
      await over(bearer, 'there is another ADMIN_TOKEN')
      assert.equal((await portal.api('/api/admin/events', { key: revoked.token })).json.code, 'key_revoked')
      const before = on.seen.length
      await portal.api('/api/invites', { method: 'POST', key: 'second-token-of-the-admin', json: {} })
      await until(() => on.seen.slice(before).includes('changed'), 'the good token still hears of changes')
      assert.ok(!on.seen.includes('over'))
    } finally {
      for (const stream of streams) stream.close()
    }
  })
})

test('it ends by itself', async () => {
  const copy = copyRoot()
  copy.edit('scripts/lib/auth/session.lua', (text) => text.replace('seconds = 8 * 3600', 'seconds = 2'))
  await withPortal({ root: copy.root }, async (portal) => {
    const admin = await logIn(portal)
    assert.ok(await isIn(admin))
    await until(async () => !(await isIn(admin)), 'the session is over')
    assert.equal((await admin.form('/admin/access/invites', { uses: 1 })).headers.location, '/admin/login?next=%2Fadmin&over=1')
  })
})

test('after too many wrong tokens the right one is not told from them', async () => {
  const copy = copyRoot()
  copy.edit('scripts/policy/limits.lua', (text) => text.replace('auth = { 1000, 60 }', 'auth = { 3, 600 }'))
  await withPortal({ root: copy.root }, async (portal) => {
    for (let i = 0; i < 3; i++) assert.equal((await tryToken(portal, 'wrong')).status, 403)
    const answer = await tryToken(portal, ADMIN)
    assert.equal(answer.status, 429)
    assert.ok(Number(answer.headers['retry-after']) > 0)
    assert.equal((await portal.api('/api/admin/summary', { key: ADMIN })).status, 429, 'nor elsewhere')
  })
})

test('with no ADMIN_TOKEN the page says that it is closed, and how to open it', async () => {
  await withPortal({ env: { ADMIN_TOKEN: '' } }, async (portal) => {
    leads(await portal.api('/admin'), '/admin/login?next=%2Fadmin')
    for (const [language, words] of [['en', 'Administration is closed'], ['nl', 'Het beheer is gesloten'], ['ar', 'الإدارة مغلقة']]) {
      const page = await portal.api('/admin/login', { language })
      assert.equal(page.status, 200)
      assert.ok(page.text.includes(words) && page.text.includes('ADMIN_TOKEN_FILE'), language)
      assert.ok(!page.text.includes('name="token"'))
    }
    const csrf = (await portal.api('/api/owner')).json.csrf
    const empty = await portal.api('/admin/login', {
      method: 'POST', body: new URLSearchParams({ csrf, token: ' ' }).toString(), headers: { 'content-type': 'application/x-www-form-urlencoded', ...own },
    })
    assert.equal(empty.status, 403)
    assert.equal(cookieOf(empty), undefined)
  })
})

test('an admin whom the proxy has logged in needs no token', async () => {
  const env = { ACCESS: 'forward-auth', TRUSTED_PROXIES: '127.0.0.1/32', FORWARD_AUTH_ADMINS: 'root', FORWARD_AUTH_HEADER: 'X-Auth-User', ADMIN_TOKEN: '' }
  await withPortal({ env }, async (portal) => {
    assert.equal((await portal.api('/admin', { headers: { 'x-auth-user': 'root' } })).status, 200)
    assert.equal((await portal.api('/admin', { headers: { 'x-auth-user': 'eve' } })).status, 303)
  })
})
