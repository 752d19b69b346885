// Who gets in: owner keys in cookies and links, invites, tokens, users of a proxy, quotas, limits, hosts; and the trail that it leaves.
import { after, before, describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMIN, startAll, startPortal, startRehearsal } from './harness.mjs'

const post = (portal, path, json, options = {}) => portal.api(path, { method: 'POST', json, ...options })
const cookieOf = (answer) => answer.headers['set-cookie']?.find((cookie) => /owner=/.test(cookie))
const cookie = (value) => ({ headers: { cookie: value.split(';')[0], 'sec-fetch-site': 'same-origin' } })
const form = (portal, path, fields, headers = {}) => portal.api(path, {
  method: 'POST', body: new URLSearchParams(fields).toString(), headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
})

let rehearsal
before(async () => { rehearsal = await startRehearsal() })
after(() => rehearsal.stop())

function world(env, tests) {
  describe(JSON.stringify(env), () => {
    const the = {}
    before(async () => { the.portal = await startPortal({ rehearsal, env }) })
    after(() => the.portal.stop())
    tests(the)
  })
}

world({}, (the) => {
  test('a browser is an owner by its cookie, without ever seeing the key in a script', async () => {
    const { answer, key } = await the.portal.ready('cookie-one')
    const set = cookieOf(answer)
    for (const part of ['__Host-owner=own_', 'HttpOnly', 'Secure', 'SameSite=Strict', 'Path=/']) assert.ok(set.includes(part), set)
    const me = cookie(set)
    assert.deepEqual((await the.portal.api('/api/stacks', me)).json.stacks.map((s) => s.name), ['cookie-one'])
    const second = await the.portal.deployed('cookie-two', me)
    assert.equal(second.key, key)
    assert.equal((await the.portal.api('/api/stacks', { key })).json.stacks.length, 2)
  })

  test('a link takes the owner to another browser, once', async () => {
    const { key } = await the.portal.ready('moving')
    const { json } = await post(the.portal, '/api/owner/link', undefined, { key })
    assert.match(json.link, /^\/move\/[\w-]{43}$/)
    const page = await the.portal.api(json.link)
    assert.equal(page.status, 200)
    assert.match(page.headers['content-security-policy'], /default-src 'none'/)
    assert.equal((await the.portal.api(json.link)).status, 200) // looking uses nothing up
    const csrf = page.text.match(/<input[^>]*name="csrf"[^>]*>/)[0].match(/value="([^"]+)"/)[1]
    const link = json.link.slice(6)
    const moved = await form(the.portal, '/api/owner/move', { link, csrf }, { 'sec-fetch-site': 'same-origin' })
    assert.deepEqual([moved.status, moved.headers.location], [303, '/'])
    assert.equal((await the.portal.stack('moving', cookie(cookieOf(moved)))).status, 200)
    const again = await post(the.portal, '/api/owner/move', { link })
    assert.deepEqual([again.status, again.json.code], [403, 'link_invalid'])
    const racing = (await post(the.portal, '/api/owner/link', undefined, { key })).json.link.slice(6)
    const all = await Promise.all(Array.from({ length: 10 }, () => post(the.portal, '/api/owner/move', { link: racing })))
    assert.equal(all.filter(({ status }) => status === 200).length, 1)
  })

  test('a changed key makes the old one worthless, in every form, and after a restart', async () => {
    const { answer, key } = await the.portal.ready('rotating', { headers: { 'idempotency-key': 'rotate-me-1' } })
    const old = cookie(cookieOf(answer))
    const pending = (await post(the.portal, '/api/owner/link', undefined, { key })).json.link.slice(6)
    const { json } = await post(the.portal, '/api/owner/rotate', undefined, { key })
    assert.notEqual(json.ownerKey, key)
    for (const who of [{ key }, old]) assert.equal((await the.portal.stack('rotating', who)).status, 404)
    assert.equal((await post(the.portal, '/api/owner/move', { link: pending })).status, 403)
    const replayed = await the.portal.deploy('rotating', { headers: { 'idempotency-key': 'rotate-me-1' } })
    assert.equal(replayed.status, 202)
    assert.equal(replayed.json.ownerKey, key) // the first answer again: the key that is worthless now
    assert.ok(!cookieOf(replayed).includes(json.ownerKey))
    await the.portal.stop()
    await the.portal.restart()
    assert.equal((await the.portal.stack('rotating', { key })).status, 404)
    assert.equal((await the.portal.stack('rotating', { key: json.ownerKey })).status, 200)

    const revoked = await post(the.portal, '/api/owner/revoke', undefined, { key: json.ownerKey })
    assert.equal(revoked.status, 200)
    assert.equal((await the.portal.stack('rotating', { key: json.ownerKey })).status, 404)
    const owner = key.match(/^own_([\w-]+)\./)[1]
    const rescue = await post(the.portal, '/api/owner/link', { owner }, { key: ADMIN })
    const back = await post(the.portal, '/api/owner/move', { link: rescue.json.link.slice(6) })
    assert.equal((await the.portal.stack('rotating', { key: back.json.ownerKey })).status, 200)
  })

  test('forms without scripts are led to pages, and need their token', async () => {
    const csrf = (await the.portal.api('/api/owner')).json.csrf
    const own = { 'sec-fetch-site': 'same-origin' }
    const deployed = await form(the.portal, '/api/deploy', { name: 'by-form', template: '', csrf }, own)
    assert.equal(deployed.status, 303, deployed.text)
    assert.match(deployed.headers.location, /^\/deployment\/\w+$/)
    await the.portal.follow(deployed.headers.location.replace('/deployment/', '/api/status/'))
    const me = cookie(cookieOf(deployed)).headers
    assert.equal((await form(the.portal, '/api/stack/by-form/stop', { csrf }, me)).status, 403, 'a visitor\'s token is none of the owner\'s')
    const mine = (await the.portal.api('/api/owner', { headers: me })).json.csrf
    const forgotten = await form(the.portal, '/api/stack/by-form/stop', {}, me)
    assert.equal(forgotten.status, 403)
    assert.match(forgotten.headers['content-type'], /text\/html/)
    assert.equal((await form(the.portal, '/api/stack/by-form/stop', { csrf: mine }, { ...me, 'sec-fetch-site': 'cross-site' })).status, 403)
    assert.equal((await form(the.portal, '/api/stack/by-form/password', { csrf: mine, action: 'reveal' }, me)).headers.location, '/stack/by-form?show=password')
    const removed = await form(the.portal, '/api/stack/by-form/delete', { csrf: mine, data: 'delete' }, me)
    assert.equal(removed.status, 303)
    await the.portal.follow(removed.headers.location.replace('/deployment/', '/api/status/'))
    const bad = await form(the.portal, '/api/deploy', { name: '<b>"x', csrf }, { ...own, 'accept-language': 'nl' })
    assert.equal(bad.status, 422)
    assert.match(bad.text, /<html lang="nl"/)
    assert.doesNotMatch(bad.text, /<b>"/)
    assert.equal((await form(the.portal, '/api/owner/leave', { csrf: mine }, me)).headers['set-cookie'][0].includes('Max-Age=0'), true)
  })

  test('tokens: scopes, an end, revoked; and never told again', async () => {
    const made = await post(the.portal, '/api/tokens', { label: 'ci', scopes: 'read,create' }, { key: ADMIN })
    assert.equal(made.status, 201)
    const { token, id } = made.json
    assert.match(token, /^tok_[0-9a-f]{12}\.[\w-]{43}$/)
    const { answer } = await the.portal.ready('by-token', { key: token })
    assert.equal(answer.json.ownerKey, undefined)
    assert.equal((await the.portal.stack('by-token', { key: token })).status, 200)
    assert.equal((await the.portal.remove('by-token', { key: token })).json.code, 'scope_missing')
    const listed = await the.portal.api('/api/tokens', { key: ADMIN })
    assert.ok(listed.json.tokens.find((row) => row.id === id).usedAt)
    assert.ok(!listed.text.includes(token.split('.')[1]))
    for (const wrong of [`${token}x`, token.replace('.', '.x'), `tok_${'0'.repeat(12)}.${token.split('.')[1]}`]) {
      assert.equal((await the.portal.api('/api/stacks', { key: wrong })).json.code, 'key_invalid')
    }
    assert.equal((await the.portal.api(`/api/tokens/${id}`, { method: 'DELETE', key: ADMIN })).status, 200)
    assert.equal((await the.portal.api('/api/stacks', { key: token })).json.code, 'key_revoked')
    for (const body of [{ label: 'x' }, { label: 'x', scopes: '' }, { label: 'x', scopes: 'root' }, { label: 'x', scopes: 'read', expiresIn: 0 }, { scopes: 'read' }]) {
      assert.equal((await post(the.portal, '/api/tokens', body, { key: ADMIN })).status, 422, JSON.stringify(body))
    }
  })

  test('the trail tells who did what by which rule, and is never shortened', async () => {
    const { key } = await the.portal.ready('audited')
    await post(the.portal, '/api/stack/audited/password', { action: 'reveal' }, { key })
    await the.portal.remove('audited', { key: (await the.portal.ready('audit-other')).key })
    const removed = await the.portal.remove('audited', { key: ADMIN })
    await the.portal.follow(removed.json.statusUrl)
    const { json } = await the.portal.api('/api/audit?limit=200', { key: ADMIN })
    const of = json.entries.filter((entry) => entry.name === 'audited').map(({ who, action, allowed, rule }) => [who, action, allowed, rule])
    assert.deepEqual(of, [
      ['admin', 'delete', true, 'admin_may_all'], ['owner', 'delete', false, 'owner'], ['owner', 'reveal', true, 'owner'], ['visitor', 'deploy', true, 'mode'],
    ])
    for (const entry of json.entries) {
      for (const member of ['id', 'at', 'network', 'policy', 'requestId']) assert.ok(entry[member], member)
    }
    assert.ok(json.entries.find((entry) => entry.action === 'deploy').deploymentId)
    const first = await the.portal.api('/api/audit?limit=2', { key: ADMIN })
    const second = await the.portal.api(`/api/audit?limit=2&before=${first.json.next}`, { key: ADMIN })
    assert.ok(second.json.entries[0].id < first.json.entries[1].id)
    assert.equal((await the.portal.api('/api/audit?before=x', { key: ADMIN })).status, 422)
  })

  test('who looks at a stack and is told its password is in the trail, once in a while', async () => {
    const { key } = await the.portal.ready('looked-at')
    const reveals = async () => (await the.portal.api('/api/audit?name=looked-at&action=reveal', { key: ADMIN })).json.entries
    for (let i = 0; i < 3; i++) assert.ok((await the.portal.stack('looked-at', { key })).json.password)
    const [entry, ...more] = await reveals()
    assert.deepEqual([entry?.who, entry?.allowed, entry?.rule, more], ['owner', true, 'owner', []])
    assert.equal((await the.portal.stack('looked-at', { key: ADMIN })).json.password, undefined)
    assert.equal((await the.portal.stack('looked-at')).status, 404)
    await post(the.portal, '/api/stack/looked-at/password', { action: 'reveal' }, { key })
    assert.equal((await reveals()).length, 2, 'asked for in words, each time')
  })

  test('a page of the internet that was made to lead here is not answered', async () => {
    const rebound = await the.portal.api('/api/check/anna', { headers: { host: 'evil.example:3000' } })
    assert.deepEqual([rebound.status, rebound.json.code], [421, 'host_unknown'])
    assert.equal((await the.portal.api('/health', { headers: { host: 'evil.example' } })).status, 200)
    assert.equal((await the.portal.api('/api/check/anna', { headers: { host: 'localhost:3000' } })).status, 200)
  })
})

world({ ACCESS: 'invite', PORTAL_HOSTS: 'deploy.example.com,127.0.0.1' }, (the) => {
  test('an invite is good for its uses, until its end, until it is revoked', async () => {
    const refused = await the.portal.deploy('no-invite')
    assert.deepEqual([refused.status, refused.json.code], [403, 'invite_needed'])
    assert.equal((await post(the.portal, '/api/deploy', { name: 'no-invite', invite: 'inv_made-up' })).json.code, 'invite_invalid')
    const { json } = await post(the.portal, '/api/invites', { uses: 2, label: 'class of 26' }, { key: ADMIN })
    const ask = (name) => post(the.portal, '/api/deploy', { name, invite: json.code })
    const many = await Promise.all(['invited-1', 'invited-2', 'invited-3', 'invited-4', 'invited-5'].map(ask))
    assert.deepEqual(many.map(({ status }) => status).sort(), [202, 202, 403, 403, 403])
    await Promise.all(many.filter(({ status }) => status === 202).map(({ json: begun }) => the.portal.follow(begun.statusUrl)))
    const listed = (await the.portal.api('/api/invites', { key: ADMIN })).json.invites[0]
    assert.deepEqual([listed.used, listed.uses, listed.label, listed.code], [2, 2, 'class of 26', undefined])

    const other = (await post(the.portal, '/api/invites', {}, { key: ADMIN })).json
    await rehearsal.faults({ at: 'deploy', kind: 'image_not_found', name: 'unlucky' })
    const failed = await post(the.portal, '/api/deploy', { name: 'unlucky', invite: other.code })
    assert.equal((await the.portal.follow(failed.json.statusUrl)).last.event, 'failed')
    const again = await post(the.portal, '/api/deploy', { name: 'unlucky', invite: other.code }, { headers: { 'idempotency-key': 'twice' } })
    assert.equal(again.status, 202, 'a failed deployment gives its use back')
    const replay = await post(the.portal, '/api/deploy', { name: 'unlucky', invite: other.code }, { headers: { 'idempotency-key': 'twice' } })
    assert.deepEqual([replay.status, replay.json.deploymentId], [202, again.json.deploymentId])
    await the.portal.follow(again.json.statusUrl)

    const fifth = (await post(the.portal, '/api/invites', { uses: 1 }, { key: ADMIN })).json
    const twice = { name: 'clicked-twice', invite: fifth.code }
    const both = await Promise.all([1, 2].map(() => post(the.portal, '/api/deploy', twice, { headers: { 'idempotency-key': 'click' } })))
    assert.deepEqual(both.map(({ status, json: { deploymentId } }) => [status, deploymentId]), [[202, both[0].json.deploymentId], [202, both[0].json.deploymentId]])
    await the.portal.follow(both[0].json.statusUrl)

    const third = (await post(the.portal, '/api/invites', { expiresIn: 1 }, { key: ADMIN })).json
    const fourth = (await post(the.portal, '/api/invites', {}, { key: ADMIN })).json
    assert.equal((await the.portal.api(`/api/invites/${fourth.id}`, { method: 'DELETE', key: ADMIN })).status, 200)
    await new Promise((done) => setTimeout(done, 1100)) // the time that it is good
    for (const invite of [third.code, fourth.code]) assert.equal((await post(the.portal, '/api/deploy', { name: 'too-late', invite })).json.code, 'invite_invalid')
  })

  test('hosts that are not ours are refused', async () => {
    const status = async (host) => (await the.portal.api('/api/check/anna', { headers: { host } })).status
    assert.deepEqual([await status('deploy.example.com'), await status('Deploy.Example.Com:443'), await status('other.example.com'), await status('[::1]')], [200, 200, 421, 421])
  })
})

world({ ACCESS: 'closed' }, (the) => {
  test('a closed portal takes deployments of the admin only', async () => {
    assert.deepEqual([(await the.portal.deploy('shut')).json.code, (await the.portal.deploy('shut', { key: ADMIN })).status], ['access_closed', 202])
  })
})

world({ ACCESS: 'forward-auth', TRUSTED_PROXIES: '127.0.0.1/32', FORWARD_AUTH_ADMINS: 'root', FORWARD_AUTH_HEADER: 'X-Auth-User' }, (the) => {
  const user = (name, more) => ({ headers: { 'x-auth-user': name, 'x-forwarded-for': '203.0.113.9', ...more } })

  test('a user whom the proxy names owns what he makes, wherever he comes from', async () => {
    assert.equal((await the.portal.deploy('fa-none')).json.code, 'login_needed')
    assert.equal((await the.portal.deploy('fa-none', { headers: { 'remote-user': 'eve' } })).json.code, 'login_needed')
    const { answer } = await the.portal.ready('fa-eve', user('eve'))
    assert.equal(answer.json.ownerKey, undefined)
    assert.equal(cookieOf(answer), undefined)
    assert.equal((await the.portal.stack('fa-eve', user('eve'))).json.password.length > 20, true)
    assert.equal((await the.portal.stack('fa-eve', user('eva'))).status, 404)
    assert.equal((await the.portal.stack('fa-eve', user('root'))).json.password, undefined)
    assert.equal((await the.portal.api('/api/audit', user('root'))).json.entries[0].whoName, 'eve')
    assert.equal((await the.portal.api('/api/audit', user('eve'))).status, 403)
  })

  test('a doubled or strange name is refused', async () => {
    for (const name of ['eve, root', 'eve,eve']) assert.equal((await the.portal.api('/api/stacks', user(name))).json.code, 'forward_user_invalid')
  })

  test('behind TLS the browser is told to stay there', async () => {
    const tls = await the.portal.api('/api/check/anna', { headers: { 'x-forwarded-proto': 'https', host: 'deploy.example.com' } })
    assert.equal(tls.status, 421) // listens on this machine alone
    const here = await the.portal.api('/api/check/anna', { headers: { 'x-forwarded-proto': 'https' } })
    assert.match(here.headers['strict-transport-security'], /max-age=31536000/)
    for (const [path, method] of [['/', 'GET'], ['/nothing', 'GET'], ['/api/deploy', 'GET'], ['/api/stacks', 'GET'], ['/admin', 'GET'], ['/api/check/anna', 'HEAD']]) {
      const { headers } = await the.portal.api(path, { method, headers: { 'x-forwarded-proto': 'https' } })
      assert.match(headers['strict-transport-security'] ?? '', /max-age=31536000/, path)
    }
    for (const path of ['/api/check/anna', '/nothing']) assert.equal((await the.portal.api(path)).headers['strict-transport-security'], undefined)
  })

  test('no page is held by a window of a neighbour', async () => {
    for (const path of ['/', '/stacks', '/stack/nobody', '/admin/login', '/move/made-up']) {
      const { headers } = await the.portal.api(path)
      assert.deepEqual([headers['cross-origin-opener-policy'], headers['cross-origin-resource-policy']], ['same-origin', 'same-origin'], path)
      assert.match(headers['content-security-policy'], /default-src 'none'.*frame-ancestors 'none'/, path)
    }
  })

  test('a page of a problem is no different', async () => {
    const { headers } = await the.portal.api('/nothing', { headers: { accept: 'text/html' } })
    assert.match(headers['content-security-policy'], /frame-ancestors 'none'/)
  })
})
