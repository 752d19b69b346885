// Who gets in: owner keys in cookies and links, invites, tokens, users of a proxy, hosts; and the
// audit log of it.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMIN, until, useWorld } from './harness.mjs'
import { cookieOf, csrfOf } from './admin.mjs'

const own = { 'sec-fetch-site': 'same-origin' }
const ownerCookie = (answer) => cookieOf(answer, 'owner')
const asOwner = (cookie) => ({ headers: { cookie: cookie.split(';')[0], ...own } })
const tokenOf = (link) => link.slice('/move#'.length)

describe('open to everyone', () => {
  const { portal } = useWorld()
  const form = (path, fields, headers = {}) =>
    portal.post(path, undefined, { form: fields, headers })
  const post = (path, key, json) => portal.post(path, json, { key })
  const linkOf = async (key, json) => tokenOf((await post('/api/owner/link', key, json)).json.link)
  const move = (link) => portal.post('/api/owner/move', { link })

  test('a browser is an owner by its cookie, and no script ever sees the key', async () => {
    const { answer, key } = await portal.ready('cookie-one')
    const cookie = ownerCookie(answer)
    const attributes = 'Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax'
    assert.match(cookie, new RegExp(`^owner-[0-9a-f]{8}=own_[\\w.-]+; ${attributes}$`))
    const me = asOwner(cookie)
    const { stacks } = (await portal.api('/api/stacks', me)).json
    assert.deepEqual(stacks.map(({ name }) => name), ['cookie-one'])
    const second = await portal.deployed('cookie-two', me)
    assert.equal(second.key, key)
    assert.equal((await portal.api('/api/stacks', { key })).json.stacks.length, 2)
  })

  test('a cookie of 0.1 counts, and is replaced', async () => {
    const { answer, key } = await portal.ready('cookie-old')
    const headers = { cookie: `__Host-owner=${key}` }
    const shown = await portal.api('/', { headers })
    assert.match(shown.text, /cookie-old/)
    assert.equal(ownerCookie(shown), ownerCookie(answer))
    assert.equal(ownerCookie(await portal.api('/', asOwner(ownerCookie(answer)))), undefined)
    const options = { method: 'POST', headers: { ...headers, ...own } }
    const left = await portal.api('/api/owner/leave', options)
    const names = left.headers['set-cookie'].map((it) => it.match(/^([^=]+)=; .*Max-Age=0/)[1])
    assert.deepEqual(names.map((name) => name.replace(/-\w{8}$/, '')), ['owner', '__Host-owner'])
  })

  test("a link on another site shows the owner's workspace, not its password", async () => {
    const { answer } = await portal.ready('linked-to')
    const { headers } = asOwner(ownerCookie(answer))
    const isHidden = /id="password"[^>]*>••••••••/
    const shows = async (site) => isHidden.test((await portal.api('/stack/linked-to?show=password',
      { headers: { ...headers, 'sec-fetch-site': site } })).text)
    assert.deepEqual([await shows('cross-site'), await shows('same-origin')], [true, false])
  })

  test('a link moves the owner to another browser, once', async () => {
    const { key } = await portal.ready('moving')
    const { link } = (await post('/api/owner/link', key)).json
    assert.match(link, /^\/move#[\w-]{43}$/)
    const page = await portal.api(link)
    assert.equal(page.status, 200)
    assert.match(page.headers['content-security-policy'], /default-src 'none'/)
    assert.equal((await portal.api(link)).status, 200, 'looking at it does not use it up')
    const moved = await form('/api/owner/move', { link: tokenOf(link), csrf: csrfOf(page) }, own)
    assert.deepEqual([moved.status, moved.headers.location], [303, '/'])
    const me = asOwner(ownerCookie(moved))
    assert.equal((await portal.stack('moving', me)).status, 200)
    const again = await move(tokenOf(link))
    assert.deepEqual([again.status, again.json.code], [403, 'link_invalid'])
    const racing = await linkOf(key)
    const all = await Promise.all(Array.from({ length: 10 }, () => move(racing)))
    assert.equal(all.filter(({ status }) => status === 200).length, 1)
  })

  test('a rotated key makes the old one void, in every form, and after a restart', async () => {
    const keyed = { headers: { 'idempotency-key': 'rotate-me-1'.repeat(3) } }
    const { answer, key } = await portal.ready('rotating', keyed)
    const old = asOwner(ownerCookie(answer))
    const pending = await linkOf(key)
    const { ownerKey } = (await post('/api/owner/rotate', key)).json
    assert.notEqual(ownerKey, key)
    const statusWith = async (options) => (await portal.stack('rotating', options)).status
    for (const options of [{ key }, old]) assert.equal(await statusWith(options), 404)
    assert.equal((await move(pending)).status, 403)
    const replayed = await portal.deploy('rotating', keyed)
    assert.deepEqual([replayed.status, replayed.json.ownerKey], [202, key], 'the first answer')
    assert.ok(!ownerCookie(replayed).includes(ownerKey))
    await portal.stop()
    await portal.restart()
    assert.deepEqual([await statusWith({ key }), await statusWith({ key: ownerKey })], [404, 200])

    assert.equal((await post('/api/owner/revoke', ownerKey)).status, 200)
    assert.equal(await statusWith({ key: ownerKey }), 404)
    const owner = key.match(/^own_([\w-]+)\./)[1]
    const rescued = await move(await linkOf(ADMIN, { owner }))
    assert.equal(await statusWith({ key: rescued.json.ownerKey }), 200)
  })

  test('twenty links and changes of a key, at once: none survives, none gives the new key',
    async () => {
      for (let round = 0; round < 3; round++) {
        const { key } = await portal.ready(`raced-${round}`)
        const asked = Array.from({ length: 20 }, (_, i) => post(
          i % 4 === 3 ? '/api/owner/rotate' : '/api/owner/link', key))
        const answers = await Promise.all(asked)
        const keys = answers.filter(({ json }) => json.ownerKey).map(({ json }) => json.ownerKey)
        assert.equal(keys.length, 1, 'one change; the others came with a key that is void by then')
        const links = answers.filter(({ status }) => status === 201).map(({ json }) => json.link)
        for (const link of links) assert.equal((await move(tokenOf(link))).status, 403)
        assert.equal((await portal.stack(`raced-${round}`, { key: keys[0] })).status, 200)
      }
    })

  test('forms without JavaScript redirect to pages, and need their token', async () => {
    const { csrf } = (await portal.api('/api/owner')).json
    const deployed = await form('/api/deploy', { name: 'by-form', template: '', csrf }, own)
    assert.equal(deployed.status, 303, deployed.text)
    assert.match(deployed.headers.location, /^\/deployment\/\w+$/)
    const statusOf = ({ headers }) => headers.location.replace('/deployment/', '/api/status/')
    await portal.follow(statusOf(deployed))
    const me = asOwner(ownerCookie(deployed)).headers
    const stop = (fields, headers) => form('/api/stack/by-form/stop', fields, headers)
    assert.equal((await stop({ csrf }, me)).status, 403, "a visitor's token is not the owner's")
    const mine = (await portal.api('/api/owner', { headers: me })).json.csrf
    const forgotten = await stop({}, me)
    assert.equal(forgotten.status, 403)
    assert.match(forgotten.headers['content-type'], /text\/html/)
    const foreign = await stop({ csrf: mine }, { ...me, 'sec-fetch-site': 'cross-site' })
    assert.equal(foreign.status, 403)
    const reveal = await form('/api/stack/by-form/password', { csrf: mine, action: 'reveal' }, me)
    assert.equal(reveal.headers.location, '/stack/by-form?show=password')
    const removed = await form('/api/stack/by-form/delete', { csrf: mine, data: 'delete' }, me)
    assert.equal(removed.status, 303)
    await portal.follow(statusOf(removed))
    const dutch = { ...own, 'accept-language': 'nl' }
    const bad = await form('/api/deploy', { name: '<b>"x', csrf }, dutch)
    assert.equal(bad.status, 422)
    assert.match(bad.text, /<html lang="nl"/)
    assert.doesNotMatch(bad.text, /<b>"/)
    const left = await form('/api/owner/leave', { csrf: mine }, me)
    assert.match(left.headers['set-cookie'][0], /Max-Age=0/)
  })

  test('only its holder sees an owner key; entering it goes on to a page', async () => {
    const { answer, key } = await portal.ready('shown-key')
    const owner = (await portal.api('/api/owner', { key })).json.ownerId
    const reveal = async (sender) => {
      const { status, json } = await portal.post('/api/owner/reveal', {}, { key: sender })
      return [status, json.code ?? json.ownerKey]
    }
    assert.deepEqual(await reveal(key), [200, answer.json.ownerKey])
    assert.deepEqual(await reveal(ADMIN), [403, 'owner_key_only'])
    const made = { label: 'of the owner', scopes: 'admin', owner }
    const { token } = (await portal.post('/api/tokens', made, { key: ADMIN })).json
    assert.deepEqual(await reveal(token), [403, 'owner_key_only'])
    const { csrf } = (await portal.api('/api/owner')).json
    const pages = [['Shown-Key', '/stack/shown-key'], ['', '/'], ['../x', '/'], ['a\r\nb: c', '/']]
    for (const [name, location] of pages) {
      const entered = await form('/api/owner/enter', { csrf, key, name }, own)
      assert.deepEqual([entered.status, entered.headers.location], [303, location], name)
    }
  })

  test('tokens have scopes and an end, can be revoked, and are shown once', async () => {
    const made = await post('/api/tokens', ADMIN, { label: 'ci', scopes: 'read,create' })
    assert.equal(made.status, 201)
    const { token, id } = made.json
    assert.match(token, /^tok_[0-9a-f]{12}\.[\w-]{43}$/)
    const { answer } = await portal.ready('by-token', { key: token })
    assert.equal(answer.json.ownerKey, undefined)
    assert.equal((await portal.stack('by-token', { key: token })).status, 200)
    assert.equal((await portal.remove('by-token', { key: token })).json.code, 'scope_missing')
    const listed = await portal.api('/api/tokens', { key: ADMIN })
    assert.ok(listed.json.tokens.find((row) => row.id === id).usedAt)
    const [, secret] = token.split('.')
    assert.ok(!listed.text.includes(secret))
    const codeWith = async (key) => (await portal.api('/api/stacks', { key })).json.code
    const madeUp = `tok_${'0'.repeat(12)}.${secret}`
    for (const wrong of [`${token}x`, token.replace('.', '.x'), madeUp]) {
      assert.equal(await codeWith(wrong), 'key_invalid')
    }
    const revoked = await portal.api(`/api/tokens/${id}`, { method: 'DELETE', key: ADMIN })
    assert.equal(revoked.status, 200)
    assert.equal(await codeWith(token), 'key_revoked')
    const bodies = [
      { label: 'x' }, { label: 'x', scopes: '' }, { label: 'x', scopes: 'root' },
      { label: 'x', scopes: 'read', expiresIn: 0 }, { scopes: 'read' },
    ]
    for (const body of bodies) {
      assert.equal((await post('/api/tokens', ADMIN, body)).status, 422, JSON.stringify(body))
    }
  })

  test('the audit log says who did what by which rule, and is paged', async () => {
    const { key } = await portal.ready('audited')
    await post('/api/stack/audited/password', key, { action: 'reveal' })
    await portal.remove('audited', { key: (await portal.ready('audit-other')).key })
    await portal.deleted('audited', { key: ADMIN })
    const page = async (query) => (await portal.api(`/api/audit?${query}`, { key: ADMIN })).json
    const { entries } = await page('limit=200')
    const audited = entries.filter(({ name }) => name === 'audited')
    assert.deepEqual(audited.map((it) => [it.who, it.action, it.allowed, it.rule]), [
      ['admin', 'delete', true, 'admin_may_all'], ['owner', 'delete', false, 'owner'],
      ['owner', 'reveal', true, 'owner'], ['visitor', 'deploy', true, 'mode'],
    ])
    for (const entry of entries) {
      for (const member of ['id', 'at', 'network', 'policy', 'requestId']) {
        assert.ok(entry[member], member)
      }
    }
    assert.ok(entries.find(({ action }) => action === 'deploy').deploymentId)
    const first = await page('limit=2')
    const second = await page(`limit=2&before=${first.next}`)
    assert.ok(second.entries[0].id < first.entries[1].id)
    assert.equal((await portal.api('/api/audit?before=x', { key: ADMIN })).status, 422)
  })

  test('reading a password is audited once in a while, revealing it each time', async () => {
    const { key } = await portal.ready('looked-at')
    const audited = async () => {
      const query = 'name=looked-at&action=reveal'
      return (await portal.api(`/api/audit?${query}`, { key: ADMIN })).json.entries
    }
    for (let i = 0; i < 3; i++) {
      assert.ok((await portal.stack('looked-at', { key })).json.password)
    }
    const entries = (await audited()).map(({ who, allowed, rule }) => [who, allowed, rule])
    assert.deepEqual(entries, [['owner', true, 'owner']])
    assert.equal((await portal.stack('looked-at', { key: ADMIN })).json.password, undefined)
    assert.equal((await portal.stack('looked-at')).status, 404)
    await post('/api/stack/looked-at/password', key, { action: 'reveal' })
    assert.equal((await audited()).length, 2)
  })

  test('a site whose name resolves to this machine gets no answer', async () => {
    const ask = (path, host) => portal.api(path, { headers: { host } })
    const rebound = await ask('/api/check/anna', 'evil.example:3000')
    assert.deepEqual([rebound.status, rebound.json.code], [421, 'host_unknown'])
    assert.equal((await ask('/health', 'evil.example')).status, 200)
    assert.equal((await ask('/api/check/anna', 'localhost:3000')).status, 200)
  })
})

describe('by invite', () => {
  const env = { ACCESS: 'invite', PORTAL_HOSTS: 'deploy.example.com,127.0.0.1' }
  const { portal, rehearsal } = useWorld({ env })
  const invite = async (fields) => (await portal.post('/api/invites', fields, { key: ADMIN })).json
  const deploy = (name, code, options) =>
    portal.post('/api/deploy', { name, ...(code ? { invite: code } : {}) }, options)
  const keyed = (key) => ({ headers: { 'idempotency-key': key } })

  test('an invite is valid for its uses', async () => {
    const refused = await deploy('no-invite')
    assert.deepEqual([refused.status, refused.json.code], [403, 'invite_needed'])
    assert.equal((await deploy('no-invite', 'inv_made-up')).json.code, 'invite_invalid')
    const { code } = await invite({ uses: 2, label: 'class of 26' })
    const names = Array.from({ length: 5 }, (_, i) => `invited-${i}`)
    const answers = await Promise.all(names.map((name) => deploy(name, code)))
    const statuses = answers.map(({ status }) => status).sort()
    assert.deepEqual(statuses, [202, 202, 403, 403, 403])
    for (const answer of answers) if (answer.status === 202) await portal.finish(answer, 'ready')
    const [listed] = (await portal.api('/api/invites', { key: ADMIN })).json.invites
    const { used, uses, label } = listed
    assert.deepEqual([used, uses, label, listed.code], [2, 2, 'class of 26', undefined])
  })

  test('a failed deployment gives its use back; a repeated request uses it once', async () => {
    const { code } = await invite({})
    await rehearsal.faults({ at: 'deploy', kind: 'image_not_found', name: 'unlucky' })
    await portal.finish(await deploy('unlucky', code), 'failed')
    const again = await deploy('unlucky', code, keyed('twice'))
    const replay = await deploy('unlucky', code, keyed('twice'))
    const { deploymentId } = again.json
    assert.deepEqual([replay.status, replay.json.deploymentId], [202, deploymentId])
    await portal.finish(again, 'ready')

    const clicked = await invite({ uses: 1 })
    const click = () => deploy('clicked-twice', clicked.code, keyed('click'))
    const both = await Promise.all([click(), click()])
    assert.deepEqual(both.map(({ status }) => status), [202, 202])
    assert.equal(new Set(both.map(({ json }) => json.deploymentId)).size, 1)
    await portal.finish(both[0], 'ready')
  })

  test('it is void after its end, and when revoked', async () => {
    const [short, revoked] = [await invite({ expiresIn: 1 }), await invite({})]
    const path = `/api/invites/${revoked.id}`
    assert.equal((await portal.api(path, { method: 'DELETE', key: ADMIN })).status, 200)
    const stateOf = async ({ id }) => {
      const { invites } = (await portal.api('/api/invites', { key: ADMIN })).json
      return invites.find((row) => row.id === id).state
    }
    await until(async () => await stateOf(short) === 'expired', 'it has expired')
    for (const { code } of [short, revoked]) {
      assert.equal((await deploy('too-late', code)).json.code, 'invite_invalid')
    }
  })

  test('other hosts are refused', async () => {
    const expected = {
      'deploy.example.com': 200, 'Deploy.Example.Com:443': 200, 'other.example.com': 421,
      '[::1]': 421,
    }
    for (const [host, status] of Object.entries(expected)) {
      const answer = await portal.api('/api/check/anna', { headers: { host } })
      assert.equal(answer.status, status, host)
    }
  })
})

describe('closed', () => {
  const { portal } = useWorld({ env: { ACCESS: 'closed' } })
  test('only the admin can deploy', async () => {
    assert.equal((await portal.deploy('shut')).json.code, 'access_closed')
    assert.equal((await portal.deploy('shut', { key: ADMIN })).status, 202)
  })
})

describe('behind a proxy that authenticates', () => {
  const { portal } = useWorld({
    env: {
      ACCESS: 'forward-auth', TRUSTED_PROXIES: '127.0.0.1/32', FORWARD_AUTH_ADMINS: 'root',
      FORWARD_AUTH_HEADER: 'X-Auth-User',
    },
  })
  const user = (name) => ({ headers: { 'x-auth-user': name, 'x-forwarded-for': '203.0.113.9' } })
  const https = { 'x-forwarded-proto': 'https' }

  test('a user whom the proxy names owns what they make, from any browser', async () => {
    assert.equal((await portal.deploy('fa-none')).json.code, 'login_needed')
    const other = await portal.deploy('fa-none', { headers: { 'remote-user': 'eve' } })
    assert.equal(other.json.code, 'login_needed')
    const { answer } = await portal.ready('fa-eve', user('eve'))
    assert.equal(answer.json.ownerKey, undefined)
    assert.equal(ownerCookie(answer), undefined)
    assert.ok((await portal.stack('fa-eve', user('eve'))).json.password.length > 20)
    assert.equal((await portal.stack('fa-eve', user('eva'))).status, 404)
    assert.equal((await portal.stack('fa-eve', user('root'))).json.password, undefined)
    const audit = await portal.api('/api/audit', user('root'))
    assert.equal(audit.json.entries[0].whoName, 'eve')
    assert.equal((await portal.api('/api/audit', user('eve'))).status, 403)
  })

  test('two names in one header are refused', async () => {
    for (const name of ['eve, root', 'eve,eve']) {
      const { json } = await portal.api('/api/stacks', user(name))
      assert.equal(json.code, 'forward_user_invalid')
    }
  })

  test('behind TLS every answer tells the browser to stay there', async () => {
    const elsewhere = { headers: { ...https, host: 'deploy.example.com' } }
    assert.equal((await portal.api('/api/check/anna', elsewhere)).status, 421)
    const requests = [
      ['/', 'GET'], ['/nothing', 'GET'], ['/api/deploy', 'GET'], ['/api/stacks', 'GET'],
      ['/admin', 'GET'], ['/api/check/anna', 'GET'], ['/api/check/anna', 'HEAD'],
    ]
    const name = 'strict-transport-security'
    for (const [path, method] of requests) {
      const { headers } = await portal.api(path, { method, headers: https })
      assert.match(headers[name] ?? '', /max-age=31536000/, path)
    }
    for (const path of ['/api/check/anna', '/nothing']) {
      assert.equal((await portal.api(path)).headers[name], undefined)
    }
    const cookie = 'lang=nl; Path=/; Max-Age=31536000; SameSite=Lax'
    const chosen = async (headers) => (await portal.api('/?lang=nl', { headers })).headers
    assert.deepEqual((await chosen(https))['set-cookie'], [`${cookie}; Secure`])
    assert.deepEqual((await chosen({}))['set-cookie'], [cookie])
  })

  test('behind TLS the cookies of both releases are removed', async () => {
    const { status, headers } = await portal.api('/api/owner/leave', {
      method: 'POST', headers: https,
    })
    assert.equal(status, 200)
    assert.equal(headers['set-cookie'].length, 2)
    for (const field of headers['set-cookie']) {
      assert.match(field, /^__Host-owner[-=].*Max-Age=0;.*; Secure$/)
    }
  })

  test('no page can be framed or opened by another site', async () => {
    for (const path of ['/', '/stacks', '/stack/nobody', '/admin/login', '/move']) {
      const { headers } = await portal.api(path)
      assert.equal(headers['cross-origin-opener-policy'], 'same-origin', path)
      assert.equal(headers['cross-origin-resource-policy'], 'same-origin', path)
      const policy = headers['content-security-policy']
      assert.match(policy, /default-src 'none'.*frame-ancestors 'none'/, path)
    }
    const { headers } = await portal.api('/nothing', { headers: { accept: 'text/html' } })
    assert.match(headers['content-security-policy'], /frame-ancestors 'none'/, 'a problem page')
  })
})
