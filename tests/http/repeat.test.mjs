// Safe to repeat: an Idempotency-Key gives the first answer again, and only the first acts.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { ADMIN, useWorld, withPortal } from './harness.mjs'

const { portal, rehearsal } = useWorld()
const keyed = (key, headers) => ({ headers: { 'idempotency-key': key, ...headers } })
const ONE = 'an-idempotency-key-of-40-random-characters'

test('the same key and body give the same answer, whole', async () => {
  const first = await portal.deploy('ilse', keyed(ONE))
  const again = await portal.deploy('ilse', keyed(ONE))
  assert.deepEqual([again.status, again.json], [202, first.json])
  assert.equal(again.headers.location, first.headers.location)
  const body = '{ "template":"default", "name" : " ILSE " }'
  const options = { method: 'POST', body, ...keyed(ONE, { 'content-type': 'application/json' }) }
  const rewritten = await portal.api('/api/deploy', options)
  assert.deepEqual(rewritten.json, first.json, 'the same request written differently')
  const quoted = await portal.deploy('ilse', keyed(`"${ONE}"`)) // a string of RFC 8941
  assert.deepEqual(quoted.json, first.json)
  await portal.finish(first, 'ready')
  assert.deepEqual((await portal.deploy('ilse', keyed(ONE))).json, first.json, 'also at its end')
  assert.equal((await rehearsal.state()).projects.length, 1)
})

test('the same key with another body is refused', async () => {
  await portal.deploy('ivo', keyed('two'))
  const other = await portal.deploy('ivo-other', keyed('two'))
  assert.deepEqual([other.status, other.json.code], [409, 'idempotency_conflict'])
  assert.equal((await portal.check('ivo-other')).json.available, true)
})

test('twenty at once with one key make one workspace', async () => {
  const twenty = Array.from({ length: 20 }, () => portal.deploy('iris', keyed('three')))
  const answers = await Promise.all(twenty)
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [202])
  assert.equal(new Set(answers.map(({ json }) => json.deploymentId)).size, 1)
})

test('a refusal is not remembered: the same request may succeed later', async () => {
  const { key } = await portal.ready('ines')
  assert.equal((await portal.deploy('ines', keyed('five'))).status, 409)
  await portal.deleted('ines', { key })
  assert.equal((await portal.deploy('ines', keyed('five'))).status, 202)
})

test("a visitor's guessable key gives no other client their owner key",
  withPortal(() => ({ rehearsal, env: { TRUSTED_PROXIES: '127.0.0.1' } }), async (other) => {
    const from = (address, key) => keyed(key, { 'x-forwarded-for': address })
    const first = await other.ready('inga', from('203.0.113.7', 'inga-1'))
    const stranger = await other.deploy('inga', from('198.51.100.7', 'inga-1'))
    const { status, json, headers } = stranger
    assert.deepEqual([status, json.code, json.ownerKey], [409, 'name_taken', undefined])
    assert.ok(!headers['set-cookie'])
    const again = await other.deploy('inga', from('203.0.113.7', 'inga-1'))
    assert.equal(again.json.deploymentId, first.answer.json.deploymentId)
    assert.equal(again.json.ownerKey, undefined, 'a neighbour may have the same address')
    assert.ok(!again.headers['set-cookie'])
    const cookie = first.answer.headers['set-cookie'].join().split(';')[0]
    const same = from('203.0.113.7', 'inga-1')
    Object.assign(same.headers, { cookie, 'sec-fetch-site': 'same-origin' })
    assert.equal((await other.deploy('inga', same)).json.ownerKey, first.key)
    const { entries } = (await other.api('/api/audit?action=replay', { key: ADMIN })).json
    const seen = entries.map(({ who, name, rule }) => [who, name, rule])
    assert.deepEqual(seen, [['visitor', 'inga', 'without_the_key']])

    const random = randomUUID() // of a client whose network changed before the answer came
    const moved = await other.ready('ilva', from('203.0.113.7', random))
    const after = await other.deploy('ilva', from('2001:db8::7', random))
    assert.equal(after.json.ownerKey, moved.key)
  }))

test('a key that is too long or malformed is refused', async () => {
  for (const key of ['x'.repeat(300), 'a b', '"a b"', '"', '"a', '""', '"a"b"', '"a\\b"']) {
    const { status, json } = await portal.deploy('irma', keyed(key))
    assert.deepEqual([status, json?.code], [400, 'idempotency_key_invalid'], key)
  }
  const escaped = await portal.deploy('irma', keyed('"a\\"b\\\\c"'))
  const bare = await portal.deploy('irma', keyed('a"b\\c'))
  assert.equal(bare.json.deploymentId, escaped.json.deploymentId)
})
