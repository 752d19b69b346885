// The process dies or is ended in the middle: after a restart each deployment is ready or cleanly gone, and its stream goes on without a gap.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { startAll, until } from './harness.mjs'

// Ends the portal right after the n-th event of a deployment, starts it again, and follows the stream on.
async function interrupted(name, { how, at, version }) {
  const world = await startAll({ speed: 20, version })
  const { portal, rehearsal } = world
  try {
    const { json } = await portal.deploy(name)
    const { events: first, last: reached } = await portal.follow(json.statusUrl, { until: at })
    await how(portal)
    await portal.restart()
    const { events: rest, last } = await portal.follow(json.statusUrl, { after: reached.id })
    const ids = [...first, ...rest].map((e) => e.id)
    assert.deepEqual(ids, ids.map((_, i) => ids[0] + i), 'no event is missing, none came twice')
    assert.ok(['ready', 'failed'].includes(last.event), JSON.stringify(last))
    const state = await rehearsal.state()
    if (last.event === 'ready') {
      for (const kind of ['projects', 'applications', 'domains']) assert.equal(state[kind].length, 1, `${kind}: ${JSON.stringify(state[kind])}`)
      assert.equal((await rehearsal.stack(name, '/global/health')).status, 401)
    } else {
      assert.deepEqual(last.data.leftovers, [])
      await rehearsal.holdsNothing(name)
    }
    return { last, portal }
  } finally {
    await world.stop()
  }
}

const killed = (portal) => portal.kill9()
const drained = (portal) => portal.stop()
const steps = ['project', 'application', 'deploy', 'health']
const begins = (step) => (event) => event.event === 'progress' && event.data.step === step
const moments = { 'first event': () => true, ...Object.fromEntries(steps.map((step) => [`step ${step}`, begins(step)])) }

for (const [name, at] of Object.entries(moments)) {
  test(`kill -9 at ${name}: ready or clean after the restart`, async () => {
    await interrupted('kim', { how: killed, at })
  })
}

test('kill -9 with the older Dokploy', async () => {
  await interrupted('kim', { how: killed, at: begins('deploy'), version: '0.26.5' })
})

test('SIGTERM leaves a running deployment to be taken up again', async () => {
  const { last } = await interrupted('tom', { how: drained, at: begins('deploy') })
  assert.equal(last.event, 'ready', JSON.stringify(last))
})

test('SIGTERM tells open streams when to come back, and ends them in good order', async () => {
  const world = await startAll({ speed: 5 })
  const { portal } = world
  try {
    const { json } = await portal.deploy('una')
    const stream = await portal.stream(json.statusUrl)
    const iterator = stream[Symbol.asyncIterator]()
    assert.ok((await iterator.next()).value)
    const stopped = portal.stop()
    let seen
    do { seen = await iterator.next() } while (!seen.done)
    assert.ok(stream.whole, 'the stream ended, it was not cut')
    assert.ok(stream.retry >= 1000 && stream.retry <= 3000, `retry: ${stream.retry}`)
    await stopped
    await portal.restart()
    assert.equal((await portal.follow(json.statusUrl)).last.event, 'ready')
  } finally {
    await world.stop()
  }
})

test('kill -9 in the middle of a deletion: the deletion is finished', async () => {
  const world = await startAll()
  const { portal, rehearsal } = world
  try {
    const { key } = await portal.ready('vera')
    await rehearsal.faults({ at: 'application.delete', kind: 'latency', ms: 1000 })
    const removal = await portal.remove('vera', { key })
    await until(async () => (await rehearsal.faults()).some((rule) => rule.hits > 0), 'the deletion is under way')
    await portal.kill9()
    await portal.restart()
    const { last } = await portal.follow(removal.json.statusUrl)
    assert.equal(last.event, 'deleted', JSON.stringify(last))
    await rehearsal.holdsNothing('vera')
  } finally {
    await world.stop()
  }
})

test('kill -9 with eight running and more waiting: every one ends, and none is there twice', async () => {
  const world = await startAll({ speed: 20 })
  const { portal, rehearsal } = world
  try {
    const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => portal.deploy(`wim-${i}`)))
    await portal.follow(answers[0].json.statusUrl, { until: begins('deploy') })
    await portal.kill9()
    await portal.restart()
    const ends = await Promise.all(answers.map(({ json }) => portal.follow(json.statusUrl)))
    const ready = ends.filter(({ last }) => last.event === 'ready').length
    const state = await rehearsal.state()
    assert.equal(state.projects.length, ready)
    assert.equal(state.applications.length, ready)
    assert.equal(state.domains.length, ready)
  } finally {
    await world.stop()
  }
})
