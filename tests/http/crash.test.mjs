// The process dies or is ended in the middle: after a restart each deployment is ready or cleanly gone, and its stream goes on without a gap.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import http from 'node:http'
import { impatient } from '../soak/house.mjs'
import { startAll, until } from './harness.mjs'

const { root } = impatient({ quick: true })

// Ends the portal right after the n-th event of a deployment, starts it again, and follows the stream on.
async function interrupted(name, { how, at, version }) {
  const world = await startAll({ root, speed: 20, version })
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
    assert.ok(stream.isComplete, 'the stream ended, it was not cut')
    assert.ok(stream.retry >= 1000 && stream.retry <= 3000, `retry: ${stream.retry}`)
    await stopped
    await portal.restart()
    assert.equal((await portal.follow(json.statusUrl)).last.event, 'ready')
  } finally {
    await world.stop()
  }
})

test('kill -9 in the middle of a deletion: the deletion is finished', async () => {
  const world = await startAll({ root })
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
  const world = await startAll({ root, speed: 20 })
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

test('killed in a step that the next scripts do not have: it is rolled back', async () => {
  const house = impatient({ quick: true })
  const world = await startAll({ root: house.root, speed: 20 })
  const { portal, rehearsal } = world
  try {
    const { json } = await portal.deploy('xena')
    const { events: first, last: reached } = await portal.follow(json.statusUrl, { until: begins('domain') })
    await portal.kill9()
    house.edit('scripts/steps/init.lua', (text) => text.replace(/  require "steps.domain",.*\n/, ''))
    await portal.restart()
    const { events: rest, last } = await portal.follow(json.statusUrl, { after: reached.id })
    assert.deepEqual([...first, ...rest].map(({ id }) => id), [...first, ...rest].map((_, i) => i + 1))
    assert.deepEqual([last.event, last.data.code, last.data.step, last.data.leftovers], ['failed', 'script_error', 'domain', []])
    await rehearsal.holdsNothing('xena')
    assert.equal((await portal.check('xena')).json.available, true)
  } finally {
    await world.stop()
  }
})

// Deploys over one kept-alive connection, one after the other, until it breaks; what was accepted, by name.
async function hammer(portal, lane, accepted) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  const post = (name) => new Promise((done, failed) => {
    const body = JSON.stringify({ name })
    const headers = { 'content-type': 'application/json', 'content-length': body.length, 'idempotency-key': name }
    const request = http.request({ agent, port: portal.port, host: '127.0.0.1', path: '/api/deploy', method: 'POST', headers }, (response) => {
      let text = ''
      response.on('data', (chunk) => { text += chunk })
      response.on('error', failed)
      response.on('end', () => done({ status: response.statusCode, text }))
    })
    request.on('error', failed)
    request.end(body)
  })
  try {
    for (let i = 0; ; i++) {
      const name = `yara-${lane}-${i}`
      const { status, text } = await post(name)
      assert.equal(status, 202, text)
      accepted.set(name, JSON.parse(text))
    }
  } catch (error) {
    if (!['ECONNRESET', 'ECONNREFUSED', 'EPIPE'].includes(error.code)) throw error
  } finally {
    agent.destroy()
  }
}

test('kill -9 under 64 connections that deploy: what was accepted is there, and is told again', async () => {
  const house = impatient({ quick: true })
  house.edit('config.lua', (text) => text.replace(/\bqueue = \d+/, 'queue = 100000'))
  const world = await startAll({ root: house.root, speed: 1000 })
  const { portal } = world
  try {
    const accepted = new Map()
    const lanes = Array.from({ length: 64 }, (_, lane) => hammer(portal, lane, accepted))
    await until(() => accepted.size >= 300, 'some hundreds are accepted')
    await portal.kill9()
    await Promise.all(lanes)
    await portal.restart()
    for (const [name, { deploymentId, ownerKey, statusUrl }] of accepted) {
      assert.equal((await portal.status(statusUrl)).status, 200, `${name} was accepted`)
      const { status, json } = await portal.deploy(name, { headers: { 'idempotency-key': name } })
      assert.deepEqual([status, json.deploymentId, json.ownerKey], [202, deploymentId, ownerKey])
    }
  } finally {
    await world.stop()
  }
})
