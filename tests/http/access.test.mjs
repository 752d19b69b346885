// Access: owner keys in cookies and links, forms, tokens, invites, users of a proxy, hosts, and the
// audit log.
import { after, before, describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMIN, startPortal, startRehearsal, until } from './harness.mjs'

const sameOrigin = { 'sec-fetch-site': 'same-origin' }
const setCookieOf = ({ headers }) => headers['set-cookie']?.find((cookie) => /owner=/.test(cookie))
const withCookie = (setCookie) => ({ headers: { cookie: setCookie.split(';')[0], ...sameOrigin } })

let rehearsal
before(async () => { rehearsal = await startRehearsal() })
after(() => rehearsal.stop())

// Tests of a portal with these settings; `the` has the portal and ways to call it.
function describePortal(env, tests) {
  describe(JSON.stringify(env), () => {
    const the = {}
    before(async () => {
      the.portal = await startPortal({ rehearsal, env })
      the.get = (path, options) => the.portal.api(path, options)
      the.post = (path, json, options) => the.portal.api(path, { method: 'POST', json, ...options })
      the.revoke = (path) => the.portal.api(path, { method: 'DELETE', key: ADMIN })
      the.form = (path, fields, headers) => the.portal.api(path, {
        method: 'POST',
        body: new URLSearchParams(fields).toString(),
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      })
      // The secret of a new link of the owner with this key.
      the.link = async (key, json) =>
        (await the.post('/api/owner/link', json, { key })).json.link.replace('/move/', '')
      // Follows a form's operation to its end.
      the.followPage = ({ headers }) =>
        the.portal.follow(headers.location.replace('/deployment/', '/api/status/'))
    })
    after(() => the.portal.stop())
    tests(the)
  })
}

const csrfOf = (html) => html.match(/<input[^>]*name="csrf"[^>]*>/)[0].match(/value="([^"]+)"/)[1]

describePortal({}, (the) => {
  test('a browser is an owner by its cookie, which scripts cannot read', async () => {
    const { answer, key } = await the.portal.ready('cookie-one')
    const set = setCookieOf(answer)
    const parts = ['__Host-owner=own_', 'HttpOnly', 'Secure', 'SameSite=Strict', 'Path=/']
    for (const part of parts) assert.ok(set.includes(part), set)
    const { stacks } = (await the.get('/api/stacks', withCookie(set))).json
    assert.deepEqual(stacks.map(({ name }) => name), ['cookie-one'])
    const second = await the.portal.deployed('cookie-two', withCookie(set))
    assert.equal(second.key, key)
    assert.equal((await the.get('/api/stacks', { key })).json.stacks.length, 2)
  })

  test('a link takes the owner to another browser, once', async () => {
    const { key } = await the.portal.ready('moving')
    const link = await the.link(key)
    assert.match(link, /^[\w-]{43}$/)
    const page = await the.get(`/move/${link}`)
    assert.equal(page.status, 200)
    assert.match(page.headers['content-security-policy'], /default-src 'none'/)
    assert.equal((await the.get(`/move/${link}`)).status, 200, 'opening the page does not use it')
    const moved = await the.form('/api/owner/move', { link, csrf: csrfOf(page.text) }, sameOrigin)
    assert.deepEqual([moved.status, moved.headers.location], [303, '/'])
    const shown = await the.portal.stack('moving', withCookie(setCookieOf(moved)))
    assert.equal(shown.status, 200)
    const again = await the.post('/api/owner/move', { link })
    assert.deepEqual([again.status, again.json.code], [403, 'link_invalid'])

    const racing = { link: await the.link(key) }
    const all = await Promise.all(
      Array.from({ length: 10 }, () => the.post('/api/owner/move', racing)))
    assert.equal(all.filter(({ status }) => status === 200).length, 1)
  })

  test('a changed key invalidates the old one, in every form, also after a restart', async () => {
    const repeated = { headers: { 'idempotency-key': 'rotate-me-1' } }
    const { answer, key } = await the.portal.ready('rotating', repeated)
    const oldCookie = withCookie(setCookieOf(answer))
    const pending = await the.link(key)
    const { ownerKey } = (await the.post('/api/owner/rotate', undefined, { key })).json
    const statusWith = async (who) => (await the.portal.stack('rotating', who)).status
    assert.notEqual(ownerKey, key)
    assert.deepEqual([await statusWith({ key }), await statusWith(oldCookie)], [404, 404])
    assert.equal((await the.post('/api/owner/move', { link: pending })).status, 403)
    const replayed = await the.portal.deploy('rotating', repeated)
    assert.deepEqual([replayed.status, replayed.json.ownerKey], [202, key], 'the first answer')
    assert.ok(!setCookieOf(replayed).includes(ownerKey))
    await the.portal.stop()
    await the.portal.restart()
    assert.deepEqual([await statusWith({ key }), await statusWith({ key: ownerKey })], [404, 200])

    const revoked = await the.post('/api/owner/revoke', undefined, { key: ownerKey })
    assert.equal(revoked.status, 200)
    assert.equal(await statusWith({ key: ownerKey }), 404)
    const owner = key.match(/^own_([\w-]+)\./)[1]
    const back = await the.post('/api/owner/move', { link: await the.link(ADMIN, { owner }) })
    assert.equal(await statusWith({ key: back.json.ownerKey }), 200)
  })

  test('forms without scripts redirect to pages, and need their token', async () => {
    const csrf = (await the.get('/api/owner')).json.csrf
    const fields = { name: 'by-form', template: '', csrf }
    const deployed = await the.form('/api/deploy', fields, sameOrigin)
    assert.equal(deployed.status, 303, deployed.text)
    assert.match(deployed.headers.location, /^\/deployment\/\w+$/)
    await the.followPage(deployed)
    const me = withCookie(setCookieOf(deployed)).headers
    const foreign = await the.form('/api/stack/by-form/stop', { csrf }, me)
    assert.equal(foreign.status, 403, "a visitor's token is not the owner's")
    const mine = (await the.get('/api/owner', { headers: me })).json.csrf
    const without = await the.form('/api/stack/by-form/stop', {}, me)
    assert.equal(without.status, 403)
    assert.match(without.headers['content-type'], /text\/html/)
    const crossSite = { ...me, 'sec-fetch-site': 'cross-site' }
    const foreignPage = await the.form('/api/stack/by-form/stop', { csrf: mine }, crossSite)
    assert.equal(foreignPage.status, 403)
    const reveal = { csrf: mine, action: 'reveal' }
    const revealed = await the.form('/api/stack/by-form/password', reveal, me)
    assert.equal(revealed.headers.location, '/stack/by-form?show=password')
    const removed = await the.form('/api/stack/by-form/delete', { csrf: mine, data: 'delete' }, me)
    assert.equal(removed.status, 303)
    await the.followPage(removed)
    const dutch = { ...sameOrigin, 'accept-language': 'nl' }
    const bad = await the.form('/api/deploy', { name: '<b>"x', csrf }, dutch)
    assert.equal(bad.status, 422)
    assert.match(bad.text, /<html lang="nl"/)
    assert.doesNotMatch(bad.text, /<b>"/)
    const left = await the.form('/api/owner/leave', { csrf: mine }, me)
    assert.match(left.headers['set-cookie'][0], /Max-Age=0/)
  })

  test('tokens have scopes, can be revoked, and are shown once', async () => {
    const wanted = { label: 'ci', scopes: 'read,create' }
    const made = await the.post('/api/tokens', wanted, { key: ADMIN })
    const { token, id } = made.json
    assert.equal(made.status, 201)
    assert.match(token, /^tok_[0-9a-f]{12}\.[\w-]{43}$/)
    const { answer } = await the.portal.ready('by-token', { key: token })
    assert.equal(answer.json.ownerKey, undefined)
    assert.equal((await the.portal.stack('by-token', { key: token })).status, 200)
    assert.equal((await the.portal.remove('by-token', { key: token })).json.code, 'scope_missing')
    const listed = await the.get('/api/tokens', { key: ADMIN })
    const secret = token.split('.')[1]
    assert.ok(listed.json.tokens.find((row) => row.id === id).usedAt)
    assert.ok(!listed.text.includes(secret))
    const codeWith = async (key) => (await the.get('/api/stacks', { key })).json.code
    const otherId = `tok_${'0'.repeat(12)}.${secret}`
    for (const wrong of [`${token}x`, token.replace('.', '.x'), otherId]) {
      assert.equal(await codeWith(wrong), 'key_invalid')
    }
    assert.equal((await the.revoke(`/api/tokens/${id}`)).status, 200)
    assert.equal(await codeWith(token), 'key_revoked')
    for (const body of [
      { label: 'x' }, { label: 'x', scopes: '' }, { label: 'x', scopes: 'root' },
      { label: 'x', scopes: 'read', expiresIn: 0 }, { scopes: 'read' },
    ]) {
      const { status } = await the.post('/api/tokens', body, { key: ADMIN })
      assert.equal(status, 422, JSON.stringify(body))
    }
  })

  test('the audit log says who did what by which rule, and is paged', async () => {
    const { key } = await the.portal.ready('audited')
    await the.post('/api/stack/audited/password', { action: 'reveal' }, { key })
    await the.portal.remove('audited', { key: (await the.portal.ready('audit-other')).key })
    const removed = await the.portal.remove('audited', { key: ADMIN })
    await the.portal.follow(removed.json.statusUrl)
    const { entries } = (await the.get('/api/audit?limit=200', { key: ADMIN })).json
    const audited = entries.filter(({ name }) => name === 'audited')
      .map(({ who, action, allowed, rule }) => [who, action, allowed, rule])
    assert.deepEqual(audited, [
      ['admin', 'delete', true, 'admin_may_all'],
      ['owner', 'delete', false, 'owner'],
      ['owner', 'reveal', true, 'owner'],
      ['visitor', 'deploy', true, 'mode'],
    ])
    for (const entry of entries) {
      for (const member of ['id', 'at', 'network', 'policy', 'requestId']) {
        assert.ok(entry[member], member)
      }
    }
    assert.ok(entries.find(({ action }) => action === 'deploy').deploymentId)
    const page = async (query) => (await the.get(`/api/audit?${query}`, { key: ADMIN })).json
    const first = await page('limit=2')
    const second = await page(`limit=2&before=${first.next}`)
    assert.ok(second.entries[0].id < first.entries[1].id)
    assert.equal((await the.get('/api/audit?before=x', { key: ADMIN })).status, 422)
  })

  test('looking at a password is audited once in a while, revealing it each time', async () => {
    const { key } = await the.portal.ready('looked-at')
    const reveals = async () => {
      const path = '/api/audit?name=looked-at&action=reveal'
      return (await the.get(path, { key: ADMIN })).json.entries
    }
    const look = async (who) => the.portal.stack('looked-at', who)
    for (let i = 0; i < 3; i++) assert.ok((await look({ key })).json.password)
    const [entry, ...more] = await reveals()
    assert.deepEqual([entry?.who, entry?.allowed, entry?.rule, more], ['owner', true, 'owner', []])
    assert.equal((await look({ key: ADMIN })).json.password, undefined)
    assert.equal((await look()).status, 404)
    await the.post('/api/stack/looked-at/password', { action: 'reveal' }, { key })
    assert.equal((await reveals()).length, 2)
  })

  test('a foreign host name that resolves to this machine is refused', async () => {
    const ask = (path, host) => the.get(path, { headers: { host } })
    const rebound = await ask('/api/check/anna', 'evil.example:3000')
    assert.deepEqual([rebound.status, rebound.json.code], [421, 'host_unknown'])
    assert.equal((await ask('/health', 'evil.example')).status, 200)
    assert.equal((await ask('/api/check/anna', 'localhost:3000')).status, 200)
  })
})

describePortal({ ACCESS: 'invite', PORTAL_HOSTS: 'deploy.example.com,127.0.0.1' }, (the) => {
  const invite = async (json) => (await the.post('/api/invites', json, { key: ADMIN })).json
  const deploy = (name, code, options) => the.post('/api/deploy', { name, invite: code }, options)
  const repeated = (key) => ({ headers: { 'idempotency-key': key } })

  test('a deployment needs an invite', async () => {
    const refused = await the.portal.deploy('no-invite')
    assert.deepEqual([refused.status, refused.json.code], [403, 'invite_needed'])
    assert.equal((await deploy('no-invite', 'inv_made-up')).json.code, 'invite_invalid')
  })

  test('an invite is valid for its number of uses', async () => {
    const { code } = await invite({ uses: 2, label: 'class of 26' })
    const names = [1, 2, 3, 4, 5].map((number) => `invited-${number}`)
    const all = await Promise.all(names.map((name) => deploy(name, code)))
    assert.deepEqual(all.map(({ status }) => status).sort(), [202, 202, 403, 403, 403])
    const accepted = all.filter(({ status }) => status === 202)
    await Promise.all(accepted.map(({ json }) => the.portal.follow(json.statusUrl)))
    const listed = (await the.get('/api/invites', { key: ADMIN })).json.invites[0]
    assert.deepEqual([listed.used, listed.uses, listed.label, listed.code],
      [2, 2, 'class of 26', undefined])
  })

  test('a failed deployment gives its use back, and a repeated request uses one', async () => {
    const { code } = await invite({})
    await rehearsal.faults({ at: 'deploy', kind: 'image_not_found', name: 'unlucky' })
    const failed = await deploy('unlucky', code)
    assert.equal((await the.portal.follow(failed.json.statusUrl)).last.event, 'failed')
    const again = await deploy('unlucky', code, repeated('twice'))
    assert.equal(again.status, 202)
    const replay = await deploy('unlucky', code, repeated('twice'))
    assert.deepEqual([replay.status, replay.json.deploymentId], [202, again.json.deploymentId])
    await the.portal.follow(again.json.statusUrl)

    const { code: single } = await invite({ uses: 1 })
    const both = await Promise.all(
      [1, 2].map(() => deploy('clicked-twice', single, repeated('click'))))
    const id = both[0].json.deploymentId
    assert.deepEqual(both.map(({ status, json }) => [status, json.deploymentId]),
      [[202, id], [202, id]])
    await the.portal.follow(both[0].json.statusUrl)
  })

  test('an invite ends at its time, and when it is revoked', async () => {
    const expiring = await invite({ expiresIn: 1 })
    const revoked = await invite({})
    assert.equal((await the.revoke(`/api/invites/${revoked.id}`)).status, 200)
    await until(async () => {
      const { invites } = (await the.get('/api/invites', { key: ADMIN })).json
      return invites.find(({ id }) => id === expiring.id).state === 'expired'
    }, 'the invite expires')
    for (const { code } of [expiring, revoked]) {
      assert.equal((await deploy('too-late', code)).json.code, 'invite_invalid')
    }
  })

  test('only the configured hosts are served', async () => {
    const hosts = {
      'deploy.example.com': 200, 'Deploy.Example.Com:443': 200, 'other.example.com': 421,
      '[::1]': 421,
    }
    for (const [host, status] of Object.entries(hosts)) {
      assert.equal((await the.get('/api/check/anna', { headers: { host } })).status, status, host)
    }
  })
})

describePortal({ ACCESS: 'closed' }, (the) => {
  test('a closed portal takes deployments of the admin only', async () => {
    assert.equal((await the.portal.deploy('shut')).json.code, 'access_closed')
    assert.equal((await the.portal.deploy('shut', { key: ADMIN })).status, 202)
  })
})

describePortal({
  ACCESS: 'forward-auth', TRUSTED_PROXIES: '127.0.0.1/32', FORWARD_AUTH_ADMINS: 'root',
  FORWARD_AUTH_HEADER: 'X-Auth-User',
}, (the) => {
  const user = (name) => ({ headers: { 'x-auth-user': name, 'x-forwarded-for': '203.0.113.9' } })
  const overTls = { 'x-forwarded-proto': 'https' }

  test('a user whom the proxy names owns what they make', async () => {
    const remoteUser = { headers: { 'remote-user': 'eve' } }
    for (const options of [{}, remoteUser]) {
      assert.equal((await the.portal.deploy('fa-none', options)).json.code, 'login_needed')
    }
    const { answer } = await the.portal.ready('fa-eve', user('eve'))
    assert.equal(answer.json.ownerKey, undefined)
    assert.equal(setCookieOf(answer), undefined)
    const as = (name) => the.portal.stack('fa-eve', user(name))
    assert.ok((await as('eve')).json.password.length > 20)
    assert.equal((await as('eva')).status, 404)
    assert.equal((await as('root')).json.password, undefined)
    assert.equal((await the.get('/api/audit', user('root'))).json.entries[0].whoName, 'eve')
    assert.equal((await the.get('/api/audit', user('eve'))).status, 403)
  })

  test('a repeated user name is refused', async () => {
    for (const name of ['eve, root', 'eve,eve']) {
      assert.equal((await the.get('/api/stacks', user(name))).json.code, 'forward_user_invalid')
    }
  })

  test('behind TLS the browser is told to keep to it', async () => {
    const elsewhere = { ...overTls, host: 'deploy.example.com' }
    const other = await the.get('/api/check/anna', { headers: elsewhere })
    assert.equal(other.status, 421, 'it listens on loopback only')
    for (const [path, method] of [
      ['/api/check/anna', 'GET'], ['/', 'GET'], ['/nothing', 'GET'], ['/api/deploy', 'GET'],
      ['/api/stacks', 'GET'], ['/admin', 'GET'], ['/api/check/anna', 'HEAD'],
    ]) {
      const { headers } = await the.get(path, { method, headers: overTls })
      assert.match(headers['strict-transport-security'] ?? '', /max-age=31536000/, path)
    }
    for (const path of ['/api/check/anna', '/nothing']) {
      assert.equal((await the.get(path)).headers['strict-transport-security'], undefined)
    }
  })

  test("pages are isolated from a neighbour's window", async () => {
    for (const path of ['/', '/stacks', '/stack/nobody', '/admin/login', '/move/made-up']) {
      const { headers } = await the.get(path)
      assert.equal(headers['cross-origin-opener-policy'], 'same-origin', path)
      assert.equal(headers['cross-origin-resource-policy'], 'same-origin', path)
      assert.match(headers['content-security-policy'], /default-src 'none'.*frame-ancestors 'none'/)
    }
    const { headers } = await the.get('/nothing', { headers: { accept: 'text/html' } })
    assert.match(headers['content-security-policy'], /frame-ancestors 'none'/)
  })
})
