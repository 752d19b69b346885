// Many at once: a name has one winner, and a queue loses nobody.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { copyRoot, seconds, startAll } from './harness.mjs'

let world, portal, rehearsal
before(async () => {
  world = await startAll({ speed: 200 })
  ;({ portal, rehearsal } = world)
})
after(() => world.stop())

const tally = (answers) => answers.reduce((count, { status }) => ({ ...count, [status]: (count[status] ?? 0) + 1 }), {})

test('of 100 simultaneous deploys of one name exactly one wins', async () => {
  const answers = await Promise.all(Array.from({ length: 100 }, () => portal.deploy('the-one')))
  assert.deepEqual(tally(answers), { 202: 1, 409: 99 })
  for (const { status, json } of answers) if (status === 409) assert.equal(json.code, 'name_taken')
  const winner = answers.find(({ status }) => status === 202)
  assert.equal((await portal.follow(winner.json.statusUrl)).last.event, 'ready')
  const state = await rehearsal.state()
  assert.equal(state.projects.length, 1)
  assert.equal(state.applications.length, 1)
  assert.equal(state.domains.length, 1)
})

test('50 names at once are 50 ready stacks', async () => {
  const names = Array.from({ length: 50 }, (_, i) => `many-${i}`)
  const answers = await Promise.all(names.map((name) => portal.deploy(name)))
  assert.deepEqual(tally(answers), { 202: 50 })
  const ends = await Promise.all(answers.map(({ json }) => portal.follow(json.statusUrl, { limit: seconds(120) })))
  assert.deepEqual(ends.map(({ last }) => last.event), names.map(() => 'ready'), JSON.stringify(ends.find(({ last }) => last.event !== 'ready')?.last))
  const state = await rehearsal.state()
  for (const kind of ['projects', 'applications', 'domains']) assert.equal(state[kind].length, 51, kind)
  for (const name of names) assert.equal((await rehearsal.stack(name, '/global/health')).status, 401, name)
  assert.equal((await portal.api('/health')).status, 200)
})

test('a waiting deployment is told its place', async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => portal.deploy(`line-${i}`)))
  const ends = await Promise.all(answers.map(({ json }) => portal.follow(json.statusUrl, { limit: seconds(60) })))
  const waited = ends.filter(({ events }) => events.some((e) => e.event === 'queued'))
  assert.ok(waited.length > 0, 'with 8 running, some of 20 wait')
  for (const { events } of waited) {
    const places = events.filter((e) => e.event === 'queued').map((e) => e.data.position)
    assert.ok(places.every((place) => Number.isInteger(place) && place >= 0), `places: ${places}`)
    assert.deepEqual(places, [...places].sort((a, b) => b - a), 'a place only gets better')
  }
})

test('a look at the queue that takes long starts nothing again that has ended meanwhile', async () => {
  const root = copyRoot()
  root.edit('scripts/lib/journal/operations.lua', (text) => text.replace(/(function operations\.(?:waiting|running)\(\w*\))/g, '$1 require("core.task").sleep(0.15)'))
  const slow = await startAll({ speed: 200, root: root.root })
  try {
    const names = Array.from({ length: 24 }, (_, i) => `slow-${i}`)
    const ends = await Promise.all(names.map((name) => slow.portal.ready(name)))
    assert.equal(ends.length, 24)
    const started = slow.portal.log.filter(({ event }) => event === 'operation.started').map(({ operation }) => operation)
    assert.equal(new Set(started).size, started.length, 'a deployment was started twice')
    assert.equal((await slow.rehearsal.state()).projects.length, 24)
  } finally {
    await slow.stop()
  }
})
