// Bad input gets a problem document that says what is wrong, in the reader's language, and harms
// nobody. Bodies are JSON as RFC 8259 has it, or refused with the position of the mistake.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { BROWSER } from './client.mjs'
import { ADMIN, LANGUAGES, request, top, useWorld } from './harness.mjs'

const { portal } = useWorld({ env: { RESERVED_NAMES: 'admin,holiday' } })

const json = { 'content-type': 'application/json' }
const post = (body, headers = json) => portal.api('/api/deploy', { method: 'POST', body, headers })
const deploy = (fields) => post(JSON.stringify(fields))

// Checks a whole problem document (RFC 9457, with our members); returns it.
function isProblem(answer, status, code) {
  const { headers, text } = answer
  assert.deepEqual([answer.status, answer.json?.code], [status, code], text)
  assert.match(headers['content-type'], /^application\/problem\+json/)
  assert.equal(answer.json.status, status)
  assert.ok(headers['x-request-id'])
  for (const member of ['type', 'title', 'detail', 'code', 'instance']) {
    assert.ok(answer.json[member]?.length > 1, `${member} is missing: ${text}`)
  }
  const { title, detail } = answer.json
  const internals = /\{\w*\}|^problem\.|\bnil\b|\.lua/
  assert.doesNotMatch(`${title} ${detail}`, internals, 'a text for people')
  return answer.json
}

test('bodies that are no deploy request', async () => {
  for (const body of ['{"name":', '\xff\xfe', '[]', '"anna"', '42', 'null', 'true', '']) {
    isProblem(await post(body), 400, 'json_invalid')
  }
  isProblem(await post(`{"name":"${'['.repeat(5000)}`), 400, 'json_invalid')
  isProblem(await post('['.repeat(20000)), 400, 'json_invalid')
  const wrong = [
    [{}, 'field_missing', 'name'], [{ name: 'anna', colour: 'red' }, 'field_unknown', 'colour'],
    [{ name: 'anna', template: 'unknown' }, 'template_unknown', 'template'],
    [{ name: 'anna', template: 7 }, 'field_type', 'template'],
    ...[42, true, null, {}, ['anna']].map((name) => [{ name }, 'field_type', 'name']),
  ]
  for (const [fields, code, field] of wrong) {
    assert.equal(isProblem(await deploy(fields), 422, code).field, field)
  }
  const plain = await post('{"name":"anna"}', { 'content-type': 'text/plain' })
  isProblem(plain, 415, 'content_type')
})

test('names: malformed, reserved, folded', async () => {
  const malformed = [
    'ab', '-abc', 'abc-', 'a--b', '1abc', 'a_b', 'a.b', 'a b', 'xn--abc', 'x'.repeat(33), 'ñandú',
    '../etc', 'a\u0000b', 'a\nb', '',
  ]
  for (const name of malformed) {
    assert.equal(isProblem(await deploy({ name }), 422, 'name_invalid').field, 'name')
    if (!name || /[\0/]/.test(name)) continue // cannot be part of a path
    const checked = await portal.check(name)
    const { valid, available, detail } = checked.json
    assert.deepEqual([checked.status, valid, available], [200, false, false], name)
    assert.ok(detail.length > 5)
  }
  for (const name of ['admin', 'holiday', 'dokploy', 'www2']) {
    isProblem(await deploy({ name }), 422, 'name_reserved')
    assert.equal((await portal.check(name)).json.code, 'name_reserved')
  }
  assert.equal((await portal.check('  Anna-X ')).json.name, 'anna-x')
  const folded = await deploy({ name: ' FOLDED-one ' })
  assert.deepEqual([folded.status, folded.json.name], [202, 'folded-one'])
})

test('names in other letters: the nearest one is suggested', async () => {
  const nearest = {
    müller: 'muller', renée: 'renee', 'zo\u00eb': 'zoe', 'zoe\u0308': 'zoe', łukasz: 'lukasz',
    straße: 'strasse', Søren: 'soren', ｎａｎｃｙ: 'nancy', سارة: 'sara', أحمد: 'ahmd',
    Ольга: 'olga', νίκος: 'nikos', 李小龙: 'studio',
  }
  for (const [name, suggested] of Object.entries(nearest)) {
    const { json: { valid, detail, suggestions } } = await portal.check(name)
    assert.deepEqual([valid, suggestions[0]], [false, suggested], name)
    assert.match(detail, /0 to 9/)
    assert.equal((await deploy({ name })).json.suggestions[0], suggested)
  }
  for (const name of ['anna٣', 'anna۳', 'anna３']) {
    const { json: { name: folded, available } } = await portal.check(name)
    assert.deepEqual([folded, available], ['anna3', true])
  }
})

test('what is copied brings invisible characters along: they change nothing', async () => {
  const around = (text) => `\ufeff\u00a0\u2068${text[0]}\u00ad\u200b${text.slice(1)}\u2069\u200e `
  const bytes = (text) => Buffer.from(text).toString('latin1') // as a header field
  assert.equal((await portal.check(around('copied'))).json.name, 'copied')
  const created = await portal.finish(await deploy({ name: around('copied') }), 'ready')
  const { key } = created
  const copiedKey = { key: bytes(around(key)) }
  const seen = await portal.stack(around('copied'), copiedKey)
  assert.deepEqual([seen.status, seen.json.name], [200, 'copied'])
  const search = encodeURIComponent(around('copied'))
  const found = await portal.api(`/api/admin/operations?search=${search}`,
    { key: bytes(around(ADMIN)) })
  assert.deepEqual([found.status, found.json.operations.length], [200, 1], found.text)
  const login = { token: around(ADMIN), next: '/admin' }
  const { json: { csrf } } = await portal.api('/api/owner')
  const entered = await portal.api('/admin/login', { method: 'POST', form: { ...login, csrf } })
  assert.match(`${entered.status} ${entered.headers.location}`, /^303 .*next=%2Fadmin$/)
  const path = `/api/stack/${encodeURIComponent(around('copied'))}/password`
  const shown = await portal.post(path, { action: around('reveal') }, { key })
  assert.equal(shown.status, 200, shown.text)
  assert.equal((await portal.remove(around('copied'), copiedKey)).status, 202)
})

test('paths and methods', async () => {
  isProblem(await portal.api('/no/such/page'), 404, 'not_found')
  isProblem(await portal.post('/api/nothing', {}), 404, 'not_found')
  const wrong = await portal.api('/api/deploy')
  isProblem(wrong, 405, 'method_not_allowed')
  const allowed = wrong.headers.allow.split(/, */).filter((method) => method !== 'OPTIONS')
  assert.deepEqual(allowed, ['POST'])
  const check = await portal.api('/api/check/anna', { method: 'DELETE' })
  isProblem(check, 405, 'method_not_allowed')
  assert.match(check.headers.allow, /GET/)
  assert.equal((await portal.api('/api/check/%ff%fe')).status, 400)
  const expected = {
    '/assets/../config.lua': 404, '/assets/%2e%2e/config.lua': 404, '/../config.lua': 404,
    '/assets/..%2fconfig.lua': 400, '/locales/en.json': 404, '/scripts/init.lua': 404,
    '/config.lua': 404,
  }
  for (const [path, wanted] of Object.entries(expected)) {
    const { status, text } = await portal.api(path)
    assert.equal(status, wanted, path)
    assert.doesNotMatch(text, /secret|return \{/)
  }
})

test('what a program gets wrong is a problem document that names the cure', async () => {
  const asCurl = (body, headers = {}) => post(body, { ...form, ...headers })
  const form = { 'content-type': 'application/x-www-form-urlencoded', accept: '*/*' }
  for (const body of ['{"name":"curled"}', ' [1]', '', 'name=curled']) {
    const { detail } = isProblem(await asCurl(body), 415, 'content_type')
    assert.match(detail, /application\/json/)
  }
  isProblem(await asCurl('name=curled&csrf=1.none'), 403, 'csrf_invalid')
  isProblem(await asCurl('name=curled&csrf=1.none', { accept: BROWSER, authorization: 'Bearer x' }),
    401, 'key_invalid')
  const coded = { br: 415, gzip: 415, 'identity, gzip': 415, identity: 202, Identity: 202 }
  for (const [coding, status] of Object.entries(coded)) {
    const headers = { ...json, 'content-encoding': coding }
    const answer = await post(`{"name":"coded-${coding.replace(/\W+/, '-')}"}`, headers)
    if (status === 202) assert.equal([202, 409].includes(answer.status), true, answer.text)
    else assert.equal(isProblem(answer, 415, 'content_encoding').status, 415)
    if (status === 415) assert.equal(answer.headers['accept-encoding'], 'identity')
  }
  const { key } = await portal.ready('stopped')
  const stop = await portal.api('/api/stack/stopped/stop', { method: 'POST', body: '', key,
    headers: form })
  assert.deepEqual([stop.status, stop.json?.state], [202, 'stopping'], 'curl -X POST -d ""')
})

test('a browser gets a page with a way home, a program never', async () => {
  const accept = BROWSER
  const paths = {
    '/nonexistent': 404, '/stack/100%25': 404, '/api/deploy': 405, '/stack/100%': 400,
  }
  for (const [path, status] of Object.entries(paths)) {
    for (const language of LANGUAGES) {
      const answer = await portal.api(path, { headers: { accept }, language })
      assert.equal(answer.status, status, path)
      assert.match(answer.headers['content-type'], /^text\/html/)
      assert.match(answer.text, new RegExp(`<html lang="${language}"[^]*<a [^>]*href="/"`))
    }
  }
  isProblem(await portal.api('/nonexistent', { headers: { accept: '*/*' } }), 404, 'not_found')
  const withKey = await portal.api('/nonexistent', { headers: { accept }, key: 'any' })
  isProblem(withKey, 404, 'not_found')
})

test('spellings of a path: a slash at the end, percent-encoded letters', async () => {
  for (const [path, location] of Object.entries({
    '/admin/': '/admin', '/stacks/?after=x': '/stacks?after=x', '/stack/anna//': '/stack/anna',
    '/he%61lth/': '/health',
  })) {
    const { status, headers } = await portal.api(path)
    assert.deepEqual([status, headers.location], [308, location])
  }
  assert.equal((await portal.api('/%68ealth')).json.status, 'healthy')
  assert.equal((await portal.api('/api/%63heck/%61nna')).json.name, 'anna')
  for (const [path, status] of Object.entries({
    '/%2568ealth': 404, '/%%3668ealth': 400, '/api%2Fstacks': 400, '/api/check/a%2Fb': 400,
    '/nothing/': 404, '/api/deploy/': 404,
  })) assert.equal((await portal.api(path)).status, status, path)
})

test('OPTIONS is answered on any path', async () => {
  const allow = { '/ready': 'GET, HEAD, OPTIONS', '/api/deploy': 'POST, OPTIONS',
    '/nothing': 'GET, HEAD, OPTIONS', '/api/stack/anna': 'GET, HEAD, DELETE, OPTIONS' }
  for (const [path, methods] of Object.entries(allow)) {
    const { status, headers } = await portal.api(path, { method: 'OPTIONS' })
    assert.deepEqual([status, headers.allow], [204, methods], path)
  }
})

test('HEAD is the head of GET', async () => {
  const get = await portal.api('/api/check/anna')
  const head = await portal.api('/api/check/anna', { method: 'HEAD' })
  assert.deepEqual([head.status, head.text], [200, ''])
  assert.equal(head.headers['content-type'], get.headers['content-type'])
})

test('keys: missing, wrong, or of another kind', async () => {
  const { key } = await portal.ready('paul')
  const changed = `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`
  for (const wrong of [undefined, 'wrong', changed]) {
    isProblem(await portal.stack('paul', { key: wrong }), 404, 'stack_unknown')
  }
  isProblem(await portal.remove('paul', { key: 'wrong' }), 404, 'stack_unknown')
  for (const good of [ADMIN, key]) {
    isProblem(await portal.stack('nobody-has-this', { key: good }), 404, 'stack_unknown')
  }
  isProblem(await portal.api('/api/stacks'), 401, 'key_missing')
  isProblem(await portal.api('/api/stacks', { key: 'wrong' }), 401, 'key_invalid')
  for (const path of ['/api/deploy', '/api/status/unknown/cancel']) {
    const answer = await portal.api(path, { method: 'POST', json: { bogus: 1 }, key: 'wrong' })
    isProblem(answer, 401, 'key_invalid')
  }
  assert.equal((await portal.remove('paul', { key, data: 'burn' })).status, 422)
  assert.equal((await portal.stack('paul', { key })).status, 200)
})

test("another site cannot post in a visitor's name", async () => {
  const origins = [
    { origin: 'https://evil.example' }, { origin: 'null' }, { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ]
  for (const headers of origins) {
    isProblem(await post('{"name":"forged"}', { ...json, ...headers }), 403, 'forbidden_origin')
  }
  assert.equal((await portal.check('forged')).json.available, true)
  const headers = { origin: 'https://evil.example', 'access-control-request-method': 'POST' }
  const answers = [
    await portal.api('/api/check/anna', { headers }),
    await portal.api('/api/deploy', { method: 'OPTIONS', headers }),
  ]
  for (const answer of answers) {
    assert.equal(answer.headers['access-control-allow-origin'], undefined)
  }
})

test('problems in three languages', async () => {
  await portal.ready('taken-name')
  const deployOf = (fields) => ['/api/deploy', { method: 'POST', json: fields }]
  const bytes = (body) => ['/api/deploy', { method: 'POST', body, headers: json }]
  const cases = {
    name_taken: [409, ...deployOf({ name: 'taken-name' })],
    name_reserved: [422, ...deployOf({ name: 'admin' })],
    name_invalid: [422, ...deployOf({ name: '!' })],
    field_unknown: [422, ...deployOf({ name: 'x', y: 1 })],
    json_invalid: [400, ...bytes('{')], body_too_large: [413, ...bytes('x'.repeat(70000))],
    not_found: [404, '/nothing/here'], method_not_allowed: [405, '/api/deploy'],
    key_missing: [401, '/api/stacks'],
  }
  for (const [code, [status, path, options]] of Object.entries(cases)) {
    const titles = new Set()
    for (const language of LANGUAGES) {
      const answer = await portal.api(path, { ...options, language })
      const { title, detail } = isProblem(answer, status, code)
      titles.add(title)
      assert.equal(answer.headers['content-language'], language)
      if (language !== 'ar') continue
      for (const text of [title, detail]) assert.match(text, /[\u0600-\u06ff]/)
    }
    assert.equal(titles.size, 3, [...titles].join())
  }
})

test('the language is negotiated as browsers ask for it', async () => {
  const expected = {
    'nl-BE,nl;q=0.9,en;q=0.8': 'nl', 'fr, ar-EG;q=0.7, en;q=0.3': 'ar', fr: 'en',
    'en;q=0.1, nl;q=0.9': 'nl', '*': 'en', ';;;,,q=1': 'en',
  }
  for (const [language, chosen] of Object.entries(expected)) {
    const { headers } = await portal.api('/nothing', { language })
    assert.equal(headers['content-language'], chosen, language)
  }
})

test('cookies that are too large: a page for browsers, a document for programs', async () => {
  const ask = (accept) => request(portal.url, { headers: { accept, cookie: 'a=b; '.repeat(4000) } })
  const page = await ask('text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8')
  assert.equal(page.status, 431)
  assert.match(page.headers['content-type'], /^text\/html/)
  for (const code of LANGUAGES) {
    const texts = JSON.parse(readFileSync(join(top, `locales/${code}.json`), 'utf8'))
    assert.ok(page.text.includes(texts['problem.headers_too_large.detail']), code)
  }
  const document = await ask('*/*')
  assert.deepEqual([document.status, document.json.code], [431, 'headers_too_large'])
  assert.match(document.json.detail, /delete the cookies/)
})

// Of each: the body, and where the portal sees the mistake. (tests/c has every kind of mistake.)
const withByte = Buffer.from('{"name":"strict\xff"}', 'latin1')
const notJson = {
  'a number that is none': ['{"name":"strict","x":0x10}', 1, 23],
  'a duplicate field': ['{"name":"strict",\n "name":"other"}', 2, 2],
  'a second value': ['{"name":"strict"} {}', 1, 19],
  'a byte order mark at the end': ['{"name":"strict"}\ufeff', 1, 18],
  'invalid UTF-8': [withByte, 1, 16],
  'a NUL at the end': ['{"name":"strict"}\0', 1, 18],
  'UTF-16': [Buffer.from('{"name":"strict"}', 'utf16le'), 1, 2],
  'too deep': [`{"name":${'['.repeat(100)}${']'.repeat(100)}}`, 1, 108],
}

test('strict JSON: refused with the position, without an effect', async () => {
  for (const [what, [body, line, column]] of Object.entries(notJson)) {
    const { detail } = isProblem(await post(body), 400, 'json_invalid')
    assert.match(detail, new RegExp(`line ${line}, column ${column}\\b`), what)
  }
  for (const name of ['strict', 'other']) {
    assert.equal((await portal.check(name)).json.available, true, name)
  }
  const { status, json: problem } = await post('{"name":9007199254740993}')
  assert.deepEqual([status, problem.field], [422, 'name'], 'an integer that no double holds')
  const answer = await post(' \r\n\t{ "\\u006eame" : "str\\u0069ct\\u0065r" } \n')
  assert.deepEqual([answer.status, answer.json.name], [202, 'stricter'], 'unusual JSON')
  const marked = await post('\ufeff{"name":"marked"}')
  assert.deepEqual([marked.status, marked.json.name], [202, 'marked'], 'a byte order mark')
})
