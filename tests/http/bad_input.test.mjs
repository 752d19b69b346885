// What bad input gets: a problem document that says what is wrong, in the reader's language, and nothing is lost.
import { after, before, describe, test } from 'node:test'
import assert from 'node:assert/strict'
import net from 'node:net'
import { ADMIN, startAll } from './harness.mjs'

let world, portal
before(async () => {
  world = await startAll({ env: { RESERVED_NAMES: 'admin,holiday' } })
  portal = world.portal
})
after(() => world.stop())

const post = (body, headers = { 'content-type': 'application/json' }) => portal.api('/api/deploy', { method: 'POST', body, headers })

// A whole problem document: RFC 9457, with our members.
function isProblem({ status, headers, json, text }, wantedStatus, code) {
  assert.equal(status, wantedStatus, text)
  assert.match(headers['content-type'], /^application\/problem\+json/)
  assert.equal(json.status, wantedStatus)
  assert.ok(headers['x-request-id'])
  for (const member of ['type', 'title', 'detail', 'code', 'instance']) assert.ok(json[member]?.length > 1, `${member} is missing: ${text}`)
  assert.doesNotMatch(`${json.title} ${json.detail}`, /\{\w*\}|^problem\.|\bnil\b|\.lua/, 'a text for people')
  if (code) assert.equal(json.code, code)
  return json
}

test('bodies that are no deploy request', async () => {
  isProblem(await post('{"name":'), 400, 'json_invalid')
  isProblem(await post(''), 400)
  isProblem(await post('\xff\xfe'), 400, 'json_invalid')
  for (const body of ['[]', '"anna"', '42', 'null', 'true']) isProblem(await post(body), 400, 'json_invalid')
  assert.equal(isProblem(await post('{}'), 422, 'field_missing').field, 'name')
  for (const value of ['42', 'true', 'null', '{}', '["anna"]']) assert.equal(isProblem(await post(`{"name":${value}}`), 422).field, 'name')
  assert.equal(isProblem(await post('{"name":"anna","colour":"red"}'), 422, 'field_unknown').field, 'colour')
  assert.equal(isProblem(await post('{"name":"anna","template":"nobody-has-it"}'), 422, 'template_unknown').field, 'template')
  assert.equal(isProblem(await post('{"name":"anna","template":7}'), 422).field, 'template')
  isProblem(await post('{"name":"anna"}', { 'content-type': 'text/plain' }), 415, 'content_type')
  isProblem(await post(`{"name":"${'['.repeat(5000)}`), 400)
  isProblem(await post('['.repeat(20000)), 400)
})

test('a body that is too long', async () => {
  isProblem(await post(JSON.stringify({ name: 'x'.repeat(70000) })), 413)
  assert.equal((await portal.api('/health')).status, 200)
})

test('names: malformed, reserved, folded', async () => {
  for (const name of ['ab', '-abc', 'abc-', 'a--b', '1abc', 'a_b', 'a.b', 'a b', 'xn--abc', 'x'.repeat(33), 'ñandú', '../etc', 'a\u0000b', 'a\nb', '']) {
    assert.equal(isProblem(await post(JSON.stringify({ name })), 422, 'name_invalid').field, 'name')
    if (!name || /[\0/]/.test(name)) continue // no path for these
    const { status, json } = await portal.check(name)
    assert.equal(status, 200, name)
    assert.equal(json.valid, false, name)
    assert.equal(json.available, false)
    assert.ok(json.detail.length > 5)
  }
  for (const name of ['admin', 'holiday', 'dokploy', 'www2']) {
    isProblem(await post(JSON.stringify({ name })), 422, 'name_reserved')
    assert.equal((await portal.check(name)).json.code, 'name_reserved')
  }
  assert.equal((await portal.check('  Anna-X ')).json.name, 'anna-x')
  const folded = await post('{"name":" FOLDED-one "}')
  assert.equal(folded.status, 202)
  assert.equal(folded.json.name, 'folded-one')
})

test('paths and methods', async () => {
  isProblem(await portal.api('/no/such/page'), 404, 'not_found')
  isProblem(await portal.api('/api/nothing', { method: 'POST', json: {} }), 404, 'not_found')
  const wrong = await portal.api('/api/deploy')
  isProblem(wrong, 405, 'method_not_allowed')
  assert.deepEqual(wrong.headers.allow.split(/, */).filter((m) => m !== 'OPTIONS'), ['POST'])
  const check = await portal.api('/api/check/anna', { method: 'DELETE' })
  isProblem(check, 405)
  assert.match(check.headers.allow, /GET/)
  isProblem(await portal.api('/api/check/%ff%fe', {}), 400)
  for (const path of ['/../config.lua', '/assets/../config.lua', '/assets/%2e%2e/config.lua', '/assets/..%2fconfig.lua', '/locales/en.json', '/scripts/init.lua', '/config.lua']) {
    const { status, text } = await portal.api(path)
    assert.ok([400, 404].includes(status), `${path}: ${status}`)
    assert.doesNotMatch(text, /secret|return \{/)
  }
})

test('HEAD is the head of GET', async () => {
  const get = await portal.api('/api/check/anna')
  const head = await portal.api('/api/check/anna', { method: 'HEAD' })
  assert.equal(head.status, 200)
  assert.equal(head.text, '')
  assert.equal(head.headers['content-type'], get.headers['content-type'])
})

test('keys: missing, wrong, of the wrong kind', async () => {
  const { key } = await portal.ready('paul')
  isProblem(await portal.stack('paul'), 404, 'stack_unknown')
  isProblem(await portal.stack('paul', { key: 'wrong' }), 404)
  isProblem(await portal.stack('paul', { key: `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}` }), 404)
  isProblem(await portal.remove('paul', { key: 'wrong' }), 404)
  isProblem(await portal.stack('nobody-has-this', { key: ADMIN }), 404)
  isProblem(await portal.stack('nobody-has-this', { key }), 404)
  isProblem(await portal.api('/api/stacks'), 401, 'key_missing')
  isProblem(await portal.api('/api/stacks', { key: 'wrong' }), 401, 'key_invalid')
  isProblem(await portal.remove('paul', { key, data: 'burn' }), 422)
  assert.equal((await portal.stack('paul', { key })).status, 200)
})

test('another site cannot post in a visitor\'s name', async () => {
  const body = '{"name":"forged"}'
  const json = { 'content-type': 'application/json' }
  for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }, { origin: 'null' }]) {
    isProblem(await post(body, { ...json, ...headers }), 403)
  }
  assert.equal((await portal.check('forged')).json.available, true)
  const { headers } = await portal.api('/api/check/anna', { headers: { origin: 'https://evil.example' } })
  assert.equal(headers['access-control-allow-origin'], undefined)
  const preflight = await portal.api('/api/deploy', { method: 'OPTIONS', headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' } })
  assert.equal(preflight.headers['access-control-allow-origin'], undefined)
})

describe('problems in three languages', () => {
  const cases = {
    name_taken: () => ['/api/deploy', { method: 'POST', json: { name: 'taken-name' } }],
    name_reserved: () => ['/api/deploy', { method: 'POST', json: { name: 'admin' } }],
    name_invalid: () => ['/api/deploy', { method: 'POST', json: { name: '!' } }],
    field_unknown: () => ['/api/deploy', { method: 'POST', json: { name: 'x', y: 1 } }],
    json_invalid: () => ['/api/deploy', { method: 'POST', body: '{', headers: { 'content-type': 'application/json' } }],
    not_found: () => ['/nothing/here', {}],
    method_not_allowed: () => ['/api/deploy', {}],
    key_missing: () => ['/api/stacks', {}],
    body_too_large: () => ['/api/deploy', { method: 'POST', body: 'x'.repeat(70000), headers: { 'content-type': 'application/json' } }],
  }
  before(() => portal.ready('taken-name'))

  for (const [code, ask] of Object.entries(cases)) {
    test(code, async () => {
      const [path, options] = ask()
      const told = {}
      for (const language of ['en', 'nl', 'ar']) {
        const answer = await portal.api(path, { ...options, language })
        told[language] = isProblem(answer, answer.status, code)
        assert.equal(answer.headers['content-language'], language)
      }
      assert.equal(new Set(['en', 'nl', 'ar'].map((l) => told[l].title)).size, 3, JSON.stringify(told))
      assert.match(told.ar.title, /[\u0600-\u06ff]/)
      assert.match(told.ar.detail, /[\u0600-\u06ff]/)
    })
  }

  test('the language is negotiated as browsers ask for it', async () => {
    const language = async (asked) => (await portal.api('/nothing', { language: asked })).headers['content-language']
    assert.equal(await language('nl-BE,nl;q=0.9,en;q=0.8'), 'nl')
    assert.equal(await language('fr, ar-EG;q=0.7, en;q=0.3'), 'ar')
    assert.equal(await language('fr'), 'en')
    assert.equal(await language('en;q=0.1, nl;q=0.9'), 'nl')
    assert.equal(await language('*'), 'en')
    assert.equal(await language(';;;,,q=1'), 'en')
  })
})

// Bytes that are no HTTP are answered or cut, and the next visitor is served.
test('garbage on the socket harms nobody', async () => {
  const talk = (bytes) => new Promise((done) => {
    const socket = net.connect(portal.port, '127.0.0.1', () => socket.end(bytes))
    let answer = ''
    socket.on('data', (chunk) => { answer += chunk })
    socket.on('close', () => done(answer))
    socket.on('error', () => done(answer))
  })
  for (const bytes of ['\0\0\0\0\r\n\r\n', 'GET\r\n\r\n', 'GET / HTTP/9.9\r\n\r\n', `GET /${'a'.repeat(40000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
    `GET / HTTP/1.1\r\nHost: x\r\n${'a: b\r\n'.repeat(5000)}\r\n`, 'POST /api/deploy HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n',
    'POST /api/deploy HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\nx', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n']) {
    const answer = await talk(bytes)
    assert.doesNotMatch(answer, /^HTTP\/1\.[01] 2/, JSON.stringify(bytes.slice(0, 40)))
  }
  assert.equal((await portal.api('/health')).status, 200)
})
