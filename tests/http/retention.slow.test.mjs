// The events of an operation are removed long after its end; how it ended is kept. Retention runs
// every ten minutes, which is why this waits half a minute.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { inOrder, seconds, useWorld } from './harness.mjs'
import { HOURS, settableClock, skip } from './clock.mjs'

const clock = settableClock()
const { portal, rehearsal } = useWorld({ env: clock.env })

test('old operations keep their end alone; running ones keep all events', { skip }, async () => {
  const names = ['old-0', 'old-1', 'old-2']
  const ended = await Promise.all(names.map((name) => portal.ready(name)))
  clock.set(400 * 24 * HOURS)
  await rehearsal.hold('deploy', 'new')
  const running = await portal.deploy('new')
  const isPruned = ({ event }) => event === 'retention.pruned'
  await portal.logged(isPruned, 'events are removed', { limit: seconds(60) })
  for (const { answer, last, key } of ended) {
    const { statusUrl, name } = answer.json
    const { events } = await portal.follow(statusUrl)
    assert.deepEqual(events, [last], 'its end is as it was, with the same number')
    const { state, percent, result, steps, ...document } = (await portal.status(statusUrl)).json
    assert.deepEqual([state, percent, result, steps], ['ready', 100, last.data, []])
    assert.ok(document.startedAt && document.endedAt)
    const stream = await portal.stream(statusUrl, { lastEventId: last.id })
    assert.equal(stream.status, 204, 'a client that has the end has everything')
    assert.equal((await portal.stack(name, { key })).json.state, 'ready')
  }
  await portal.cancel(running.json.deploymentId, { key: running.json.ownerKey })
  await rehearsal.forgetFaults()
  const { events } = await portal.finish(running, 'cancelled')
  inOrder(events)
})
