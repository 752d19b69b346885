// The queue: fair between owners; its length, and how many run at once, follow config.lua while the portal runs; and who finds it full is
// told when there will be room.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { copyRoot, request, seconds, startAll, until } from './harness.mjs'

const setLimits = (tree, places, queue) => tree.edit('config.lua', (text) => text
  .replace(/running_deployments = \d+/, `running_deployments = ${places}`).replace(/queue = \d+/, `queue = ${queue}`))

async function reload(portal) {
  const from = portal.log.length
  portal.child.kill('SIGHUP')
  await portal.logged((line) => line.event === 'scripts.loaded', 'the reload', { from })
}

const state = async (portal, answer) => (await portal.status(answer.json.statusUrl)).json.state
const counts = async (portal, answers) => {
  const all = await Promise.all(answers.map((answer) => state(portal, answer)))
  return { running: all.filter((s) => s === 'running').length, queued: all.filter((s) => s === 'queued').length }
}

const usual = async (portal, { answer }) => {
  const { startedAt, endedAt } = (await portal.status(answer.json.statusUrl)).json
  return (Date.parse(endedAt) - Date.parse(startedAt)) / 1000
}

async function world(places, queue, speed) {
  const tree = copyRoot()
  setLimits(tree, places, queue)
  return { ...await startAll({ root: tree.root, speed, env: { NODE_ENV: 'test' } }), tree }
}

test('one owner with many does not keep another with one waiting', async () => {
  const { portal, stop } = await world(1, 20, 20)
  try {
    const first = await portal.deploy('many-0')
    const key = first.json.ownerKey
    const many = [first]
    for (let i = 1; i < 4; i++) many.push(await portal.deploy(`many-${i}`, { key }))
    const one = await portal.deploy('single')
    const ends = await Promise.all([...many, one].map(({ json }) => portal.follow(json.statusUrl)))
    for (const { last } of ends) assert.equal(last.event, 'ready', JSON.stringify(last))
    const started = []
    for (const line of portal.log) if (line.event === 'operation.started') started.push(line.name)
    assert.equal(started[0], 'many-0')
    assert.equal(started[1], 'single', `started in the order ${started}`)
    assert.deepEqual(started.slice(2), ['many-1', 'many-2', 'many-3'], 'and of one owner, first come, first served')
  } finally {
    await stop()
  }
})

test('the first who has to wait is told his place at once', async () => {
  const { portal, rehearsal, stop } = await world(1, 20, 50)
  try {
    await rehearsal.faults({ at: 'stack', kind: 'never_ready', times: 0 }) // so that none ends by itself
    const first = await portal.deploy('in-front')
    await until(async () => await state(portal, first) === 'running', 'one runs')
    for (let i = 1; i < 4; i++) { // whenever he comes: between two looks, or during one
      const second = await portal.deploy(`behind-${i}`)
      await until(async () => (await portal.status(second.json.statusUrl)).json.position === 1, 'his place', seconds(8))
      await portal.cancel(second.json.deploymentId, { key: second.json.ownerKey })
      await until(async () => await state(portal, second) === 'cancelled', 'gone')
    }
    await portal.cancel(first.json.deploymentId, { key: first.json.ownerKey })
    await portal.follow(first.json.statusUrl)
  } finally {
    await stop()
  }
})

test('how many run at once follows config.lua while they run: more at once, and fewer without ending any', async () => {
  const { tree, portal, rehearsal, stop } = await world(1, 20, 50)
  try {
    await rehearsal.faults({ at: 'stack', kind: 'never_ready', times: 0 }) // so that none ends by itself
    const answers = await Promise.all(Array.from({ length: 6 }, (_, i) => portal.deploy(`cap-${i}`)))
    await until(async () => (await counts(portal, answers)).running === 1, 'one runs')
    setLimits(tree, 4, 20)
    await reload(portal)
    await until(async () => (await counts(portal, answers)).running === 4, 'four run')
    assert.equal((await counts(portal, answers)).queued, 2)
    setLimits(tree, 2, 20)
    await reload(portal)
    const from = portal.log.length
    const running = []
    for (const answer of answers) if (await state(portal, answer) === 'running') running.push(answer)
    assert.equal(running.length, 4, 'none is ended')
    await portal.cancel(running[0].json.deploymentId, { key: running[0].json.ownerKey })
    await portal.cancel(running[1].json.deploymentId, { key: running[1].json.ownerKey })
    await portal.follow(running[0].json.statusUrl)
    await portal.follow(running[1].json.statusUrl)
    const started = () => portal.log.slice(from).filter((line) => line.event === 'operation.started')
    assert.deepEqual(started(), [], 'two still run, which is as many as may')
    await portal.cancel(running[2].json.deploymentId, { key: running[2].json.ownerKey })
    await portal.logged((line) => line.event === 'operation.started', 'the next one starts', { from })
    assert.deepEqual(await counts(portal, answers), { running: 2, queued: 1 })
    for (const { json } of answers) await portal.cancel(json.deploymentId, { key: json.ownerKey })
    await Promise.all(answers.map(({ json }) => portal.follow(json.statusUrl)))
    assert.deepEqual((await rehearsal.state()).projects, [])
  } finally {
    await stop()
  }
})

test('who finds the queue full comes back when he was told to, and gets in', { timeout: seconds(120) }, async () => {
  const { portal, stop } = await world(2, 2, 2)
  try {
    const one = await usual(portal, await portal.ready('before'))
    const answers = []
    for (let i = 0; i < 4; i++) answers.push(await portal.deploy(`full-${i}`))
    assert.deepEqual(answers.map(({ status }) => status), [202, 202, 202, 202])
    const refused = await portal.deploy('late')
    assert.equal(refused.status, 429)
    assert.equal(refused.json.code, 'queue_full')
    const wait = Number(refused.headers['retry-after'])
    assert.equal(wait, refused.json.retryAfter)
    assert.ok(wait >= 1 && wait <= one + 1, `${wait} s; one takes ${one} s`)
    await new Promise((done) => setTimeout(done, wait * 1000)) // what he was told to do
    const again = await portal.deploy('late')
    assert.equal(again.status, 202, `after ${wait} s: ${again.text}`)
    for (const { json } of [...answers, again]) assert.equal((await portal.follow(json.statusUrl, { limit: seconds(90) })).last.event, 'ready')
  } finally {
    await stop()
  }
})

test('what others have in Dokploy\'s queue makes the estimate longer', async () => {
  const { portal, rehearsal, stop } = await world(1, 20, 2)
  try {
    const one = await usual(portal, await portal.ready('before'))
    const post = async (procedure, json) => {
      const { status, json: made, text } = await request(`${rehearsal.url}/api/${procedure}`, { method: 'POST', json, headers: { 'x-api-key': 'tests' } })
      assert.equal(status, 200, text)
      return made
    }
    const { environment } = await post('project.create', { name: 'foreign' })
    const { applicationId } = await post('application.create', { name: 'foreign', environmentId: environment.environmentId })
    await post('application.saveDockerProvider', { applicationId, dockerImage: 'nginx:1', username: '', password: '', registryUrl: '' })
    await rehearsal.faults({ at: 'deploy', kind: 'hang', times: 0, name: 'foreign' })
    for (let i = 0; i < 20; i++) await post('application.deploy', { applicationId, title: `theirs ${i}` })
    const ours = await portal.deploy('ours-0')
    const waits = await portal.deploy('ours-1', { key: ours.json.ownerKey })
    const { last } = await portal.follow(waits.json.statusUrl, { until: ({ event, data }) => event === 'queued' && data.etaSeconds > 2 * one })
    assert.equal(last.data.position, 1)
    await rehearsal.reset() // what hangs in Dokploy is gone, and ours with it
    for (const { json } of [waits, ours]) await portal.cancel(json.deploymentId, { key: ours.json.ownerKey })
    for (const { json } of [waits, ours]) assert.equal((await portal.follow(json.statusUrl)).last.event, 'cancelled')
  } finally {
    await stop()
  }
})
