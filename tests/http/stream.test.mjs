// The status stream: resumed anywhere without a gap or a repeat, the same for all who watch, in the reader's language, over when it is over.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startAll } from './harness.mjs'

let world, portal, done
before(async () => {
  world = await startAll()
  portal = world.portal
  done = await portal.ready('sara')
})
after(() => world.stop())

const collect = async (stream) => {
  const events = []
  for await (const event of stream) events.push(event)
  return events
}
const numbers = (events) => events.map((e) => e.id)

test('the head is that of a stream which proxies leave alone', async () => {
  const stream = await portal.stream(done.answer.json.statusUrl)
  stream.close()
  assert.match(stream.headers['content-type'], /^text\/event-stream/)
  assert.equal(stream.headers['cache-control'], 'no-cache')
  assert.equal(stream.headers['x-accel-buffering'], 'no')
  assert.ok(stream.headers['x-request-id'])
})

test('an ended stream is told again from the start, and ends', async () => {
  const stream = await portal.stream(done.answer.json.statusUrl)
  assert.deepEqual(await collect(stream), done.events)
  assert.ok(stream.isComplete)
  assert.ok(stream.retry > 0)
})

test('it resumes after any event, by header and by query', async () => {
  const all = numbers(done.events)
  for (const [index, id] of all.slice(0, -1).entries()) {
    assert.deepEqual(numbers(await collect(await portal.stream(done.answer.json.statusUrl, { lastEventId: id }))), all.slice(index + 1))
  }
  const query = await portal.stream(`${done.answer.json.statusUrl}?after=${all[2]}`)
  assert.deepEqual(numbers(await collect(query)), all.slice(3))
})

test('after the end there is nothing more: 204, which keeps a browser from coming back', async () => {
  const stream = await portal.stream(done.answer.json.statusUrl, { lastEventId: done.last.id })
  assert.equal(stream.status, 204)
})

test('nonsense for a position is an answer, not a crash', async () => {
  for (const position of ['-1', 'abc', '9'.repeat(30), '1.5', '']) {
    const { status } = await portal.status(`${done.answer.json.statusUrl}?after=${position}`)
    assert.ok([200, 400, 422].includes(status), `${position}: ${status}`)
    const stream = await portal.stream(done.answer.json.statusUrl, { lastEventId: position })
    stream.close()
    assert.ok([200, 204, 400, 422].includes(stream.status), `${position}: ${stream.status}`)
  }
})

test('cut after each event and resumed, a live stream has no gap and no repeat', async () => {
  const { json } = await portal.deploy('silas')
  const seen = []
  for (;;) {
    const { last } = await portal.follow(json.statusUrl, { after: seen.at(-1)?.id, until: () => true })
    seen.push(last)
    if (['ready', 'failed'].includes(last.event)) break
  }
  assert.equal(seen.at(-1).event, 'ready')
  assert.deepEqual(seen, (await portal.follow(json.statusUrl)).events)
})

test('all who watch see the same, whenever they came', async () => {
  const { json } = await portal.deploy('stella')
  const watchers = [portal.follow(json.statusUrl), portal.follow(json.statusUrl)]
  await portal.follow(json.statusUrl, { until: (e) => e.data.step !== undefined })
  watchers.push(portal.follow(json.statusUrl))
  const [first, ...others] = await Promise.all(watchers)
  for (const other of others) assert.deepEqual(other.events, first.events)
})

test('each reads in their own language, the same numbers and codes', async () => {
  const { json } = await portal.deploy('sven')
  const [en, nl, ar] = await Promise.all(['en', 'nl', 'ar'].map((language) => portal.follow(json.statusUrl, { language })))
  assert.deepEqual(numbers(nl.events), numbers(en.events))
  assert.deepEqual(numbers(ar.events), numbers(en.events))
  const titles = ({ events }) => events.filter((e) => e.event === 'progress').map((e) => e.data.title).join(' ')
  assert.notEqual(titles(nl), titles(en))
  assert.match(titles(ar), /[\u0600-\u06ff]/)
  assert.doesNotMatch(titles(en), /[\u0600-\u06ff]/)
})

test('a deployment that nobody knows is a 404, as stream and as JSON', async () => {
  const stream = await portal.stream('/api/status/nobody-knows-this-one')
  assert.equal(stream.status, 404)
  const { status, json, headers } = await portal.status('/api/status/nobody-knows-this-one')
  assert.equal(status, 404)
  assert.match(headers['content-type'], /^application\/problem\+json/)
  assert.ok(json.code)
})

test('a watcher who leaves changes nothing', async () => {
  const { json } = await portal.deploy('sofie')
  for (let i = 0; i < 20; i++) (await portal.stream(json.statusUrl)).close()
  assert.equal((await portal.follow(json.statusUrl)).last.event, 'ready')
})
