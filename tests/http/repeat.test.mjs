// Safe to repeat: an Idempotency-Key gives the first answer again, and only the first one does anything.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { startAll, startPortal } from './harness.mjs'

let world, portal, rehearsal
before(async () => {
  world = await startAll()
  ;({ portal, rehearsal } = world)
})
after(() => world.stop())

const keyed = (key) => ({ headers: { 'idempotency-key': key } })

test('the same key and body gives the same answer, whole', async () => {
  const first = await portal.deploy('ilse', keyed('one'))
  const again = await portal.deploy('ilse', keyed('one'))
  assert.equal(first.status, 202)
  assert.equal(again.status, 202)
  assert.deepEqual(again.json, first.json)
  assert.equal(again.headers.location, first.headers.location)
  assert.equal((await portal.follow(first.json.statusUrl)).last.event, 'ready')
  assert.deepEqual((await portal.deploy('ilse', keyed('one'))).json, first.json, 'also when it has ended')
  const headers = { ...keyed('one').headers, 'content-type': 'application/json' }
  const rewritten = await portal.api('/api/deploy', { method: 'POST', headers, body: '{ "template":"default", "name" : " ILSE " }' })
  assert.deepEqual(rewritten.json, first.json, 'the same request written differently')
  assert.equal((await rehearsal.state()).projects.length, 1)
})

test('the same key with another body is refused', async () => {
  await portal.deploy('ivo', keyed('two'))
  const other = await portal.deploy('ivo-other', keyed('two'))
  assert.equal(other.status, 409)
  assert.notEqual(other.json.code, 'name_taken')
  assert.equal((await portal.check('ivo-other')).json.available, true)
})

test('twenty at once with one key make one stack', async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => portal.deploy('iris', keyed('three'))))
  for (const { status, json } of answers) {
    assert.ok(status === 202 || (status === 409 && json.code !== 'name_taken'), `${status} ${JSON.stringify(json)}`)
  }
  const ids = new Set(answers.filter(({ status }) => status === 202).map(({ json }) => json.deploymentId))
  assert.equal(ids.size, 1)
})

test('it is remembered over a restart', async () => {
  const first = await portal.deploy('ingo', keyed('four'))
  assert.equal((await portal.follow(first.json.statusUrl)).last.event, 'ready')
  await portal.kill9()
  await portal.restart()
  assert.deepEqual((await portal.deploy('ingo', keyed('four'))).json, first.json)
})

test('a refusal is not remembered: the same request may succeed later', async () => {
  const { key } = await portal.ready('ines')
  assert.equal((await portal.deploy('ines', keyed('five'))).status, 409)
  const removal = await portal.remove('ines', { key })
  await portal.follow(removal.json.statusUrl)
  assert.equal((await portal.deploy('ines', keyed('five'))).status, 202)
})

test('a visitor\'s key that may be guessed gives nobody else his owner key', async () => {
  const other = await startPortal({ rehearsal, env: { TRUSTED_PROXIES: '127.0.0.1' } })
  const from = (address, key) => ({ headers: { 'idempotency-key': key, 'x-forwarded-for': address } })
  try {
    const first = await other.ready('inga', from('203.0.113.7', 'inga-1'))
    const stranger = await other.deploy('inga', from('198.51.100.7', 'inga-1'))
    assert.deepEqual([stranger.status, stranger.json.code, stranger.json.ownerKey], [409, 'name_taken', undefined])
    assert.ok(!stranger.headers['set-cookie'])
    assert.equal((await other.deploy('inga', from('203.0.113.7', 'inga-1'))).json.ownerKey, first.key)

    const random = randomUUID() // whose network changed before the answer came
    const moved = await other.ready('ilva', from('203.0.113.7', random))
    assert.equal((await other.deploy('ilva', from('2001:db8::7', random))).json.ownerKey, moved.key)
  } finally {
    await other.stop()
  }
})

test('a key that is too long or empty is refused in words', async () => {
  for (const key of ['x'.repeat(300)]) {
    const { status, json } = await portal.deploy('irma', keyed(key))
    assert.ok(status === 400 || status === 422, `${status}`)
    assert.ok(json.code)
  }
})
