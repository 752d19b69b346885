// Many at once: a name has one winner and the queue loses nobody. The queue is fair between owners;
// its limits follow config.lua while the portal runs; a client that finds it full is told when to
// come back.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { inWorld, pause, queueLimits, seconds, until } from './harness.mjs'

const countBy = (list) =>
  list.reduce((counts, it) => ({ ...counts, [it]: (counts[it] ?? 0) + 1 }), {})
const statuses = (answers) => countBy(answers.map(({ status }) => status))
const deployAll = (portal, names) => Promise.all(names.map((name) => portal.deploy(name)))
const numbered = (prefix, length) => Array.from({ length }, (_, i) => `${prefix}-${i}`)
const finishAll = (portal, answers, event) =>
  Promise.all(answers.map((answer) => portal.finish(answer, event, { limit: seconds(120) })))
const cancelAll = (portal, answers) => Promise.all(answers.map(({ json }) =>
  portal.cancel(json.deploymentId, { key: json.ownerKey })))
const startedBy = (portal) => portal.log.filter(({ event }) => event === 'operation.started')

const stateOf = async (portal, { json }) => (await portal.status(json.statusUrl)).json.state
const states = async (portal, answers) =>
  countBy(await Promise.all(answers.map((answer) => stateOf(portal, answer))))

// Nothing ends by itself: no workspace becomes healthy.
const never = (rehearsal) => rehearsal.faults({ at: 'stack', kind: 'never_ready', times: 0 })

test('of 100 simultaneous deploys of one name one wins', inWorld({ speed: 200 }, async (world) => {
  const { portal, rehearsal } = world
  const answers = await deployAll(portal, Array(100).fill('the-one'))
  assert.deepEqual(statuses(answers), { 202: 1, 409: 99 })
  const refused = answers.filter(({ status }) => status === 409)
  assert.deepEqual(countBy(refused.map(({ json }) => json.code)), { name_taken: 99 })
  await portal.finish(answers.find(({ status }) => status === 202), 'ready')
  const state = await rehearsal.state()
  for (const kind of ['projects', 'applications', 'domains']) {
    assert.equal(state[kind].length, 1, kind)
  }
}))

test('50 names at once become 50 workspaces; those that wait are told their position',
  inWorld({ speed: 200 }, async ({ portal, rehearsal }) => {
    const names = numbered('many', 50)
    const answers = await deployAll(portal, names)
    assert.deepEqual(statuses(answers), { 202: 50 })
    const ends = await finishAll(portal, answers, 'ready')
    const state = await rehearsal.state()
    for (const kind of ['projects', 'applications', 'domains']) {
      assert.equal(state[kind].length, 50, kind)
    }
    for (const name of names) {
      assert.equal((await rehearsal.stack(name, '/global/health')).status, 401, name)
    }
    assert.equal((await portal.api('/health')).status, 200)
    const positions = ends.map(({ events }) => events
      .filter(({ event }) => event === 'queued').map(({ data }) => data.position))
    const waited = positions.filter((list) => list.length > 0)
    assert.ok(waited.length >= 40, `with 8 running, ${waited.length} of 50 waited`)
    for (const list of waited) {
      assert.ok(list.every((it) => Number.isInteger(it) && it >= 0), `positions: ${list}`)
      assert.deepEqual(list, [...list].sort((a, b) => b - a), 'a position only gets better')
    }
    const started = startedBy(portal).map(({ operation }) => operation)
    assert.equal(new Set(started).size, 50, 'each was started')
    assert.equal(started.length, 50, 'and once')
  }))

test('an owner with many waiting does not delay another with one',
  inWorld({ edits: queueLimits(1, 20), speed: 20 }, async ({ portal }) => {
    const first = await portal.deploy('many-0')
    const many = [first]
    for (const name of ['many-1', 'many-2', 'many-3']) {
      many.push(await portal.deploy(name, { key: first.json.ownerKey }))
    }
    const single = await portal.deploy('single')
    await finishAll(portal, [...many, single], 'ready')
    const order = startedBy(portal).map(({ name }) => name)
    assert.deepEqual(order, ['many-0', 'single', 'many-1', 'many-2', 'many-3'])
  }))

test('the first that has to wait is told its position at once',
  inWorld({ edits: queueLimits(1, 20) }, async ({ portal, rehearsal }) => {
    await never(rehearsal)
    const first = await portal.deploy('in-front')
    await until(async () => await stateOf(portal, first) === 'running', 'one runs')
    for (const name of numbered('behind', 3)) { // at any moment of the scheduler's round
      const second = await portal.deploy(name)
      const position = async () => (await portal.status(second.json.statusUrl)).json.position
      await until(async () => await position() === 1, 'its position', seconds(2))
      await cancelAll(portal, [second])
      await portal.finish(second, 'cancelled')
    }
    await cancelAll(portal, [first])
    await portal.finish(first, 'cancelled')
  }))

test('the limits follow config.lua: more run at once, or fewer without ending any',
  inWorld({ edits: queueLimits(1, 20) }, async ({ portal, rehearsal, tree }) => {
    const setLimit = (running) => portal.reload(() => {
      for (const [path, edit] of Object.entries(queueLimits(running, 20))) tree.edit(path, edit)
    })
    await never(rehearsal)
    const answers = await deployAll(portal, numbered('cap', 6))
    const becomes = (running, queued) => until(async () => {
      const now = await states(portal, answers)
      return now.running === running && now.queued === queued
    }, `${running} run and ${queued} wait`)
    await becomes(1, 5)
    await setLimit(4)
    await becomes(4, 2)
    await setLimit(2)
    const running = []
    for (const answer of answers) {
      if (await stateOf(portal, answer) === 'running') running.push(answer)
    }
    assert.equal(running.length, 4, 'none is ended')
    const before = startedBy(portal).length
    await cancelAll(portal, running.slice(0, 2))
    await finishAll(portal, running.slice(0, 2), 'cancelled')
    assert.equal(startedBy(portal).length, before, 'two still run, which is the limit')
    await cancelAll(portal, running.slice(2, 3))
    await becomes(2, 1)
    await cancelAll(portal, answers)
    await finishAll(portal, answers, 'cancelled')
    assert.deepEqual((await rehearsal.state()).projects, [])
  }))

const duration = async (portal, { answer }) => {
  const { startedAt, endedAt } = (await portal.status(answer.json.statusUrl)).json
  return (Date.parse(endedAt) - Date.parse(startedAt)) / 1000
}

test('a client that finds the queue full gets in when it comes back as told',
  inWorld({ edits: queueLimits(2, 2), speed: 2 }, async ({ portal }) => {
    const usual = await duration(portal, await portal.ready('before'))
    const answers = await deployAll(portal, numbered('full', 4))
    assert.deepEqual(statuses(answers), { 202: 4 })
    const refused = await portal.deploy('late')
    assert.deepEqual([refused.status, refused.json.code], [429, 'queue_full'])
    const wait = Number(refused.headers['retry-after'])
    assert.equal(wait, refused.json.retryAfter)
    assert.ok(wait >= 1 && wait <= usual + 1, `${wait} s; a deployment takes ${usual} s`)
    await pause(wait * 1000)
    const again = await portal.deploy('late')
    assert.equal(again.status, 202, `after ${wait} s: ${again.text}`)
    await finishAll(portal, [...answers, again], 'ready')
  }))

test("other users' deployments in Dokploy's queue make the estimate longer",
  inWorld({ edits: queueLimits(1, 20), speed: 2 }, async ({ portal, rehearsal }) => {
    const usual = await duration(portal, await portal.ready('before'))
    const { environment } = await rehearsal.change('project.create', { name: 'foreign' })
    const { environmentId } = environment
    const foreign = { name: 'foreign', environmentId }
    const { applicationId } = await rehearsal.change('application.create', foreign)
    const image = { dockerImage: 'nginx:1', username: '', password: '', registryUrl: '' }
    await rehearsal.change('application.saveDockerProvider', { applicationId, ...image })
    await rehearsal.hold('deploy', 'foreign')
    for (const title of numbered('theirs', 20)) {
      await rehearsal.change('application.deploy', { applicationId, title })
    }
    const ours = await portal.deploy('ours-0')
    const key = ours.json.ownerKey
    const waiting = await portal.deploy('ours-1', { key })
    const isLonger = ({ event, data }) => event === 'queued' && data.etaSeconds > 2 * usual
    const { last } = await portal.follow(waiting.json.statusUrl, { until: isLonger })
    assert.equal(last.data.position, 1)
    await rehearsal.reset() // Dokploy loses its queue, and our application too
    for (const answer of [waiting, ours]) {
      await portal.cancel(answer.json.deploymentId, { key })
    }
    await finishAll(portal, [waiting, ours], 'cancelled')
  }))

test('with a slow journal nothing is started again that has ended meanwhile',
  inWorld({ speed: 200, onCommit: () => pause(5) }, async ({ portal, rehearsal }) => {
    await Promise.all(numbered('slow', 24).map((name) => portal.ready(name)))
    const started = startedBy(portal).map(({ operation }) => operation)
    assert.equal(new Set(started).size, started.length, 'a deployment was started twice')
    assert.equal((await rehearsal.state()).projects.length, 24)
  }))
