// The status stream: resumed anywhere without a gap or a repeat, the same for all who watch, in the
// reader's language, and over when it is over.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { LANGUAGES, collect, useWorld } from './harness.mjs'

let done, statusUrl
const { portal } = useWorld({
  async prepare() {
    done = await portal.ready('sara')
    statusUrl = done.answer.json.statusUrl
  },
})
const idsOf = (events) => events.map(({ id }) => id)

test('its head keeps proxies from buffering it', async () => {
  const stream = await portal.stream(statusUrl)
  stream.close()
  const { headers } = stream
  assert.match(headers['content-type'], /^text\/event-stream/)
  assert.equal(headers['cache-control'], 'no-cache, no-transform')
  assert.equal(headers['x-accel-buffering'], 'no')
  assert.ok(headers['x-request-id'])
})

test('after the end it is repeated from the start, and ends', async () => {
  const stream = await portal.stream(statusUrl)
  assert.deepEqual(await collect(stream), done.events)
  assert.ok(stream.isComplete)
  assert.ok(stream.retry > 0)
})

test('it resumes after any event, by header and by query', async () => {
  const all = idsOf(done.events)
  for (const [index, lastEventId] of all.slice(0, -1).entries()) {
    const rest = await collect(await portal.stream(statusUrl, { lastEventId }))
    assert.deepEqual(idsOf(rest), all.slice(index + 1))
  }
  const query = await collect(await portal.stream(`${statusUrl}?after=${all[2]}`))
  assert.deepEqual(idsOf(query), all.slice(3))
})

test('after the last event there is nothing: 204, so that browsers do not return', async () => {
  const { status } = await portal.stream(statusUrl, { lastEventId: done.last.id })
  assert.equal(status, 204)
})

test('a position must be a number; none is the start', async () => {
  const expected = { '-1': 422, abc: 422, ['9'.repeat(30)]: 422, 1.5: 422, '': 200 }
  for (const [position, status] of Object.entries(expected)) {
    assert.equal((await portal.status(`${statusUrl}?after=${position}`)).status, status, position)
    const stream = await portal.stream(statusUrl, { lastEventId: position })
    stream.close()
    assert.equal(stream.status, status, position)
  }
})

test('cut after each event and resumed, a live stream has no gap and no repeat', async () => {
  const answer = await portal.deploy('silas')
  const seen = []
  do {
    const options = { after: seen.at(-1)?.id, until: () => true }
    seen.push((await portal.follow(answer.json.statusUrl, options)).last)
  } while (seen.at(-1).event !== 'ready' && seen.length < 200)
  assert.deepEqual(seen, (await portal.finish(answer, 'ready')).events)
})

test('all clients see the same, whenever they come', async () => {
  const { json } = await portal.deploy('stella')
  const clients = [portal.follow(json.statusUrl), portal.follow(json.statusUrl)]
  await portal.follow(json.statusUrl, { until: ({ data }) => data.step !== undefined })
  clients.push(portal.follow(json.statusUrl))
  const [first, ...others] = await Promise.all(clients)
  for (const { events } of others) assert.deepEqual(events, first.events)
})

test('each reads it in their own language, with the same numbers and codes', async () => {
  const { json } = await portal.deploy('sven')
  const followed = LANGUAGES.map((language) => portal.follow(json.statusUrl, { language }))
  const [en, nl, ar] = (await Promise.all(followed)).map(({ events }) => events)
  for (const other of [nl, ar]) assert.deepEqual(idsOf(other), idsOf(en))
  const titles = (events) =>
    events.filter(({ event }) => event === 'progress').map(({ data }) => data.title).join()
  assert.notEqual(titles(nl), titles(en))
  assert.match(titles(ar), /[\u0600-\u06ff]/)
  assert.doesNotMatch(titles(en), /[\u0600-\u06ff]/)
})

test('JSON, unless the stream is asked for more', async () => {
  const as = async (accept, query = '') => {
    const answer = await portal.api(statusUrl + query, { headers: accept ? { accept } : {} })
    return [answer.status, (answer.headers['content-type'] ?? '').split(';')[0]]
  }
  const document = [200, 'application/json'], events = [200, 'text/event-stream']
  const expected = {
    '': document, '*/*': document, 'application/*': document, 'text/html, */*;q=0.8': document,
    'text/event-stream;q=0, application/json': document,
    'application/json, text/event-stream;q=0.1': document,
    'application/json, text/event-stream': document,
    'text/event-stream': events, 'TEXT/Event-Stream': events, 'text/*': events,
    'text/event-stream, */*;q=0.1': events, 'application/json;q=0.5, text/event-stream': events,
    'application/json;q=0, */*': events,
    'image/png': [406, 'application/problem+json'],
    'text/event-stream;q=0': [406, 'application/problem+json'],
    'application/xhtml+xml, text/html': [406, 'text/html'],
  }
  for (const [accept, wanted] of Object.entries(expected)) {
    assert.deepEqual(await as(accept), wanted, accept)
  }
})

test('a polyfill resumes with ?lastEventId=', async () => {
  const { id } = done.last
  assert.equal((await portal.stream(`${statusUrl}?lastEventId=${id}`)).status, 204)
  const stream = await portal.stream(`${statusUrl}?after=1&lastEventId=${id - 1}`)
  assert.deepEqual(idsOf(await collect(stream)), [id])
  const empty = await portal.stream(`${statusUrl}?lastEventId=`)
  assert.deepEqual(idsOf(await collect(empty)), idsOf(done.events))
})

test('an unknown deployment is a 404, as stream and as JSON', async () => {
  assert.equal((await portal.stream('/api/status/unknown-deployment')).status, 404)
  const { status, json, headers } = await portal.status('/api/status/unknown-deployment')
  assert.deepEqual([status, json.code], [404, 'deployment_unknown'])
  assert.match(headers['content-type'], /^application\/problem\+json/)
})

test('clients that leave change nothing', async () => {
  const answer = await portal.deploy('sofie')
  for (let i = 0; i < 20; i++) (await portal.stream(answer.json.statusUrl)).close()
  await portal.finish(answer, 'ready')
})
