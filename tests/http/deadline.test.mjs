// When time runs out: whichever deadline it is, the end says the step, what Dokploy said last, the last lines of its log, a likely cause and
// what to do, in the reader's language, in the stream, in the document and on the page. And while work waits for Dokploy, the stream says so.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { copyRoot, seconds, startAll } from './harness.mjs'

const languages = ['en', 'nl', 'ar']

async function world(edit, options = {}) {
  const tree = copyRoot()
  edit(tree)
  return startAll({ root: tree.root, env: { NODE_ENV: 'test' }, ...options })
}
const deadline = (file, seconds) => (tree) => tree.edit(file, (text) => text.replace(/deadline = \d+/, `deadline = ${seconds}`))
const state = (name, seconds) => (tree) => tree.edit('scripts/lib/operations/states.lua', (text) => text.replace(new RegExp(`(${name} = .*deadline = )\\d+`), `$1${seconds}`))

// The end of an operation, the same in every language but for its words; the English one.
async function endOf({ portal }, statusUrl, key) {
  const ends = {}
  for (const language of languages) {
    const { last } = await portal.follow(statusUrl, { language })
    assert.equal(last.event, 'failed', JSON.stringify(last))
    ends[language] = last.data
    assert.deepEqual((await portal.status(statusUrl, { language })).json.result, last.data, 'the document says the same')
    const page = (await portal.api(`/deployment/${statusUrl.split('/').pop()}`, { key, language })).text
    const shown = page.replace(/&#39;/g, "'").replace(/&quot;/g, '"')
    for (const part of ['detail', 'cause', 'advice']) assert.ok(shown.includes(last.data[part]), `the page without JavaScript shows ${part}: ${last.data[part]}`)
    if (last.data.lastAnswer) assert.ok(shown.includes(last.data.lastAnswer.detail))
    for (const line of last.data.lastLog) assert.ok(shown.includes(line))
  }
  for (const part of ['detail', 'cause', 'advice']) {
    const texts = languages.map((language) => ends[language][part])
    for (const text of texts) {
      assert.ok(text?.length > 10, `${part}: ${text}`)
      assert.doesNotMatch(text, /[{}]|\b(nil|undefined)\b|^(cause|failure|answer)\./)
    }
    assert.equal(new Set(texts).size, 3, `${part} is in three languages: ${texts}`)
  }
  return ends.en
}

test('a step that takes too long', async () => {
  const all = await world(deadline('scripts/steps/outcome.lua', 4), { speed: 0.15 })
  try {
    const { json } = await all.portal.deploy('slow')
    const end = await endOf(all, json.statusUrl, json.ownerKey)
    assert.deepEqual([end.code, end.step, end.causeCode], ['step_timeout', 'outcome', 'slow_pull'])
    const { method, procedure, status, at, detail } = end.lastAnswer
    assert.deepEqual([method, status], ['GET', 200])
    assert.match(procedure, /^deployment\./)
    assert.ok(Date.now() - Date.parse(at) < seconds(60))
    assert.ok(detail.includes(procedure) && detail.includes('200'), detail)
    assert.ok(end.lastLog.some((line) => line.startsWith('Pulling')), JSON.stringify(end.lastLog))
    assert.ok(end.lastLog.length <= 5)
  } finally {
    await all.stop()
  }
})

test('a deployment that takes too long', async () => {
  const all = await world((tree) => tree.edit('scripts/steps/init.lua', (text) => text.replace('deadline = 1200', 'deadline = 6')))
  try {
    await all.rehearsal.faults({ at: 'stack', kind: 'never_ready', times: 0 })
    const { json } = await all.portal.deploy('whole')
    const end = await endOf(all, json.statusUrl, json.ownerKey)
    assert.deepEqual([end.code, end.step, end.causeCode], ['step_timeout', 'health', 'no_route'])
    assert.equal(end.rolledBack, true)
    assert.ok(end.lastAnswer.procedure)
  } finally {
    await all.stop()
  }
})

test('a deletion that takes too long', async () => {
  const all = await world(state('deleting', 4))
  try {
    const { key } = await all.portal.ready('stays')
    await all.rehearsal.faults({ at: 'application.delete', kind: 'hang', times: 0 })
    const { json } = await all.portal.remove('stays', { key })
    const end = await endOf(all, json.statusUrl, key)
    assert.deepEqual([end.code, end.step, end.causeCode], ['step_timeout', 'application', 'dokploy_down'])
    assert.deepEqual([end.lastAnswer.method, end.lastAnswer.procedure, end.lastAnswer.status], ['POST', 'application.delete', undefined])
    assert.ok(end.leftovers.length > 0)
  } finally {
    await all.rehearsal.forgetFaults()
    await all.stop()
  }
})

test('a turn that does not come', async () => {
  const all = await world((tree) => {
    state('queued', 2)(tree)
    tree.edit('config.lua', (text) => text.replace(/running_deployments = \d+/, 'running_deployments = 1'))
  })
  try {
    await all.rehearsal.faults({ at: 'stack', kind: 'never_ready', times: 0 })
    const first = (await all.portal.deploy('first')).json
    const { json } = await all.portal.deploy('second')
    const end = await endOf(all, json.statusUrl, json.ownerKey)
    assert.deepEqual([end.code, end.causeCode, end.rolledBack], ['step_timeout', 'queue_long', true])
    await all.portal.cancel(first.deploymentId, { key: first.ownerKey })
    await all.portal.follow(first.statusUrl)
  } finally {
    await all.stop()
  }
})

const waits = (events) => events.filter(({ event, data }) => event === 'progress' && data.state === 'waiting')

// Between two that wait for another reason, or till another time, there is one event each.
function areFew(events) {
  const told = waits(events).map(({ data }) => `${data.step} ${data.detail}`)
  for (let i = 1; i < told.length; i++) assert.notEqual(told[i], told[i - 1], 'nothing is told twice')
  assert.ok(told.length <= 8, told.join('\n'))
}

test('Dokploy dies in the middle of a deployment: the stream says so, and till when it waits', { timeout: seconds(180) }, async () => {
  const { portal, rehearsal } = await world(() => {}, { speed: 5 })
  try {
    const { json } = await portal.deploy('orphaned')
    await portal.follow(json.statusUrl, { until: ({ data }) => data.step === 'outcome' })
    await rehearsal.kill9()
    const held = ({ data }) => data.state === 'waiting' && /\d\d:\d\d:\d\d/.test(data.detail)
    const seen = await portal.follow(json.statusUrl, { until: held, language: 'nl' })
    assert.match(seen.last.data.detail, /^Dokploy reageert niet; nieuwe poging om/)
    const { steps } = (await portal.status(json.statusUrl)).json
    assert.equal(steps.find(({ step }) => step === seen.last.data.step).state, 'waiting')
    await rehearsal.restart()
    const { last, events } = await portal.follow(json.statusUrl, { limit: seconds(120) })
    assert.equal(last.event, 'ready', JSON.stringify(last))
    areFew(events)
    const after = events.slice(events.findLastIndex(({ data }) => data.state === 'waiting') + 1)
    assert.ok(after.some(({ data }) => data.state === 'running' || data.state === 'done'), 'and that it goes on')
  } finally {
    await portal.stop()
    await rehearsal.stop()
  }
})

test('Dokploy asks for patience, or hangs: that is told too, and ends well', { timeout: seconds(120) }, async () => {
  const { portal, rehearsal, stop } = await world((tree) => tree.edit('scripts/lib/dokploy/call.lua', (text) => text.replace(/timeout = \d+/, 'timeout = 1')), { speed: 20 })
  try {
    await rehearsal.faults([
      { at: 'application.create', kind: 'status', status: 429, headers: { 'Retry-After': '3' } },
      { at: 'domain.byApplicationId', kind: 'hang', times: 0 },
      { at: 'deployment.all', kind: 'hang', times: 3 },
    ])
    const { last, events } = await portal.deployed('patient', { language: 'ar' })
    assert.equal(last.event, 'ready', JSON.stringify(last))
    areFew(events)
    const told = waits(events).map(({ data }) => data.step)
    assert.ok(told.includes('application'), `429: ${told}`)
    assert.ok(told.includes('outcome'), `hang: ${told}`)
    const limited = waits(events).find(({ data }) => data.step === 'application').data.detail
    assert.match(limited, /patience.*\d\d:\d\d:\d\d/)
  } finally {
    await stop()
  }
})

test('who waits in Dokploy\'s own queue is told his place there', { timeout: seconds(120) }, async () => {
  const { portal, stop } = await world(() => {}, { speed: 2 })
  try {
    const answers = await Promise.all(['one', 'two', 'three'].map((n) => portal.deploy(`line-${n}`)))
    const ends = await Promise.all(answers.map(({ json }) => portal.follow(json.statusUrl, { limit: seconds(90) })))
    const told = ends.flatMap(({ events }) => waits(events))
    assert.ok(told.length > 0, 'with three at once some wait')
    for (const { data } of told) assert.match(data.detail, /queue, at place \d/)
    for (const { last } of ends) assert.equal(last.event, 'ready', JSON.stringify(last))
  } finally {
    await stop()
  }
})
