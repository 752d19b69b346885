// What happened on the way of an operation is forgotten long after its end; how it ended is not.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { copyRoot, seconds, startAll, until } from './harness.mjs'

test('old operations keep their end, and what runs keeps all', { timeout: seconds(60) }, async () => {
  const tree = copyRoot()
  tree.edit('scripts/policy/limits.lua', (text) => text.replace(/events_kept = [\d* ]+/, 'events_kept = 2 '))
  tree.edit('scripts/lib/workspaces/retention.lua', (text) => text.replace('round = 600', 'round = 1').replace('batch = 20', 'batch = 2'))
  const { portal, rehearsal, stop } = await startAll({ root: tree.root, env: { NODE_ENV: 'test' } })
  try {
    const ends = await Promise.all(['old-0', 'old-1', 'old-2'].map((name) => portal.ready(name)))
    await rehearsal.faults({ at: 'stack', kind: 'never_ready', times: 0, name: 'new' })
    const running = (await portal.deploy('new')).json
    await portal.follow(running.statusUrl, { until: ({ data }) => data.step === 'health' })
    for (const { answer, last, key } of ends) {
      const { statusUrl, name } = answer.json
      const told = await until(async () => {
        const { events } = await portal.follow(statusUrl)
        return events.length === 1 && events
      }, `${name} is pruned`)
      assert.deepEqual(told, [last], 'its end is as it was, with the same number')
      const { json } = await portal.status(statusUrl)
      assert.deepEqual([json.state, json.percent, json.result, json.steps], ['ready', 100, last.data, []])
      assert.ok(json.startedAt && json.endedAt)
      const behind = await portal.stream(statusUrl, { lastEventId: last.id })
      assert.equal(behind.status, 204, 'who has its end has all')
      behind.close()
      assert.equal((await portal.stack(name, { key })).json.state, 'ready')
    }
    const seen = []
    await portal.follow(running.statusUrl, { until: (event) => seen.push(event) && event.data.step === 'health' })
    assert.deepEqual(seen.map(({ id }) => id), seen.map((_, i) => i + 1), 'of what runs nothing is missing')
    await portal.cancel(running.deploymentId, { key: running.ownerKey })
    assert.equal((await portal.follow(running.statusUrl)).last.event, 'cancelled')
  } finally {
    await stop()
  }
})
