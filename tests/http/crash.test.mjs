// The process dies or is ended while it works: after a restart each deployment is ready or cleanly
// gone, and its stream continues without a gap. Crashes at each commit: crash_matrix.slow.test.mjs.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import http from 'node:http'
import { VERSIONS, inOrder, inWorld, queueLimits, until } from './harness.mjs'

const options = { speed: 20 }
const begins = (step) => ({ event, data }) => event === 'progress' && data.step === step

// Ends the portal by how(portal) at an event of a deployment, starts it again, follows the stream.
async function interrupt({ portal, rehearsal }, how, at) {
  const answer = await portal.deploy('kim')
  const { statusUrl } = answer.json
  const { events: first, last: reached } = await portal.follow(statusUrl, { until: at })
  await how(portal)
  await portal.restart()
  const { events: rest, last } = await portal.follow(statusUrl, { after: reached.id })
  inOrder([...first, ...rest])
  assert.equal(last.event, 'ready', JSON.stringify(last))
  const state = await rehearsal.state()
  for (const kind of ['projects', 'applications', 'domains']) {
    assert.equal(state[kind].length, 1, `${kind}: ${JSON.stringify(state[kind])}`)
  }
  assert.equal((await rehearsal.stack('kim', '/global/health')).status, 401)
}

test(`kill -9 on Dokploy ${VERSIONS[1]}: ready after the restart`,
  inWorld({ ...options, version: VERSIONS[1] },
    (world) => interrupt(world, (portal) => portal.kill9(), begins('deploy'))))

test('SIGTERM leaves a running deployment to be resumed', inWorld(options, (world) => {
  return interrupt(world, (portal) => portal.stop(), begins('deploy'))
}))

test('SIGTERM tells open streams when to come back, and ends them properly',
  inWorld({ speed: 5 }, async ({ portal }) => {
    const answer = await portal.deploy('una')
    const stream = await portal.stream(answer.json.statusUrl)
    const iterator = stream[Symbol.asyncIterator]()
    assert.ok((await iterator.next()).value)
    const stopped = portal.stop()
    let next
    do { next = await iterator.next() } while (!next.done)
    assert.ok(stream.isComplete, 'the stream ended, it was not cut')
    assert.ok(stream.retry >= 1000 && stream.retry <= 3000, `retry: ${stream.retry}`)
    await stopped
    await portal.restart()
    await portal.finish(answer, 'ready')
  }))

test('kill -9 with eight running and four waiting: each ends ready, once',
  inWorld(options, async ({ portal, rehearsal }) => {
    const names = Array.from({ length: 12 }, (_, i) => `wim-${i}`)
    const answers = await Promise.all(names.map((name) => portal.deploy(name)))
    await portal.follow(answers[0].json.statusUrl, { until: begins('deploy') })
    await portal.kill9()
    await portal.restart()
    for (const answer of answers) await portal.finish(answer, 'ready')
    const state = await rehearsal.state()
    for (const kind of ['projects', 'applications', 'domains']) {
      assert.equal(state[kind].length, 12, kind)
    }
  }))

test('killed in a step that the scripts no longer have: it is rolled back',
  inWorld({ ...options, edits: {} }, async ({ portal, rehearsal, tree }) => {
    await rehearsal.faults({ at: 'domain.create', kind: 'hang', times: 0 })
    const answer = await portal.deploy('xena')
    const { statusUrl } = answer.json
    const seen = await portal.follow(statusUrl, { until: begins('domain') })
    await portal.kill9()
    await rehearsal.forgetFaults()
    const withoutDomain = (text) => text.replace(/  require "steps.domain",.*\n/, '')
    tree.edit('scripts/steps/init.lua', withoutDomain)
    await portal.restart()
    const { events: rest, last } = await portal.follow(statusUrl, { after: seen.last.id })
    inOrder([...seen.events, ...rest])
    const { code, step, leftovers } = last.data
    assert.deepEqual([last.event, code, step, leftovers], ['failed', 'script_error', 'domain', []])
    await rehearsal.holdsNothing('xena')
    assert.equal((await portal.check('xena')).json.available, true)
  }))

// Deploys over one kept-alive connection, one after the other, until it breaks.
async function hammer(portal, lane, accepted) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  const post = (name) => new Promise((resolve, reject) => {
    const body = JSON.stringify({ name })
    const headers = {
      'content-type': 'application/json', 'content-length': body.length,
      'idempotency-key': name.padEnd(32, '.'),
    }
    const target = { agent, port: portal.port, host: '127.0.0.1', path: '/api/deploy' }
    const request = http.request({ ...target, method: 'POST', headers }, (response) => {
      let text = ''
      response.on('data', (chunk) => { text += chunk })
      response.on('error', reject)
      response.on('end', () => resolve({ status: response.statusCode, text }))
    })
    request.on('error', reject)
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

test('kill -9 under 64 connections that deploy: what was accepted is there, and repeatable',
  inWorld({ edits: queueLimits(8, 100_000), speed: 1000 }, async ({ portal }) => {
    const accepted = new Map()
    const lanes = Array.from({ length: 64 }, (_, lane) => hammer(portal, lane, accepted))
    await until(() => accepted.size >= 300, 'some hundreds are accepted')
    await portal.kill9()
    await Promise.all(lanes)
    await portal.restart()
    const check = async ([name, { deploymentId, ownerKey, statusUrl }]) => {
      assert.equal((await portal.status(statusUrl)).status, 200, `${name} was accepted`)
      const keyed = { headers: { 'idempotency-key': name.padEnd(32, '.') } }
      const { status, json } = await portal.deploy(name, keyed)
      const again = [status, json.deploymentId, json.ownerKey]
      assert.deepEqual(again, [202, deploymentId, ownerKey])
    }
    const all = [...accepted]
    while (all.length > 0) await Promise.all(all.splice(0, 32).map(check))
  }))
