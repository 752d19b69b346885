// Deadlines. Whichever passes, the end names the step, Dokploy's last answer, the last lines of its
// log, a likely cause and what to do, in the reader's language, in the stream, in the document and
// on the page. And while work waits for Dokploy, the stream says so.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { LANGUAGES, TIME_SCALE, inWorld, queueLimits, seconds } from './harness.mjs'
import { HOURS, settableClock, skip } from './clock.mjs'

const setDeadline = (value) => (text) => text.replace(/deadline = \d+/, `deadline = ${value}`)
const texts = ['detail', 'cause', 'advice']

// Checks the failure in every language; returns the English one's data.
async function checkFailure(portal, answer, key = answer.json.ownerKey) {
  const { statusUrl, deploymentId } = answer.json
  const ends = {}
  for (const language of LANGUAGES) {
    const { last } = await portal.finish(answer, 'failed', { language })
    ends[language] = last.data
    const { result } = (await portal.status(statusUrl, { language })).json
    assert.deepEqual(result, last.data, 'the document says the same')
    const page = await portal.api(`/deployment/${deploymentId}`, { key, language })
    const shown = page.text.replace(/&#39;/g, "'").replace(/&quot;/g, '"')
    const { lastAnswer, lastLog } = last.data
    const parts = [...texts.map((part) => last.data[part]), lastAnswer?.detail ?? '', ...lastLog]
    for (const part of parts) assert.ok(shown.includes(part), `the page shows ${part}`)
  }
  for (const part of texts) {
    const all = LANGUAGES.map((language) => ends[language][part])
    for (const text of all) {
      assert.ok(text?.length > 10, `${part}: ${text}`)
      assert.doesNotMatch(text, /[{}]|\b(nil|undefined)\b|^(cause|failure|answer)\./)
    }
    assert.equal(new Set(all).size, 3, `${part} is in three languages: ${all}`)
  }
  return ends.en
}

describe('a deadline passes', { concurrency: 4, timeout: seconds(120) }, () => {
  test('of a step', inWorld({
    speed: 0.02, edits: { 'scripts/steps/outcome.lua': setDeadline(60) },
  }, async ({ portal }) => {
    const end = await checkFailure(portal, await portal.deploy('slow'))
    const { code, step, causeCode, lastAnswer, lastLog } = end
    assert.deepEqual([code, step, causeCode], ['step_timeout', 'outcome', 'slow_pull'])
    const { method, procedure, status, at, detail } = lastAnswer
    assert.deepEqual([method, status], ['GET', 200])
    assert.match(procedure, /^deployment\./)
    assert.ok(Date.now() - Date.parse(at) < seconds(60))
    assert.ok(detail.includes(procedure) && detail.includes('200'), detail)
    assert.ok(lastLog.some((line) => line.startsWith('Pulling')), JSON.stringify(lastLog))
    assert.ok(lastLog.length <= 5)
  }))

  test('of a whole deployment', inWorld({
    edits: { 'scripts/steps/init.lua': setDeadline(80) },
  }, async ({ portal, rehearsal }) => {
    await rehearsal.faults({ at: 'stack', kind: 'never_ready', times: 0 })
    const end = await checkFailure(portal, await portal.deploy('whole'))
    const { code, step, causeCode, rolledBack, lastAnswer } = end
    assert.deepEqual([code, step, causeCode], ['step_timeout', 'health', 'no_route'])
    assert.equal(rolledBack, true)
    assert.ok(lastAnswer.procedure)
  }))

  test('of a delete', inWorld({}, async ({ portal, rehearsal }) => {
    const { key } = await portal.ready('stays')
    await portal.stop()
    await portal.restart({ TIME_SCALE: String(TIME_SCALE * 5) })
    await rehearsal.faults({ at: 'application.delete', kind: 'hang', times: 0 })
    const end = await checkFailure(portal, await portal.remove('stays', { key }), key)
    const { code, step, causeCode, lastAnswer, leftovers } = end
    assert.deepEqual([code, step, causeCode], ['step_timeout', 'application', 'dokploy_down'])
    const { method, procedure, status } = lastAnswer
    assert.deepEqual([method, procedure, status], ['POST', 'application.delete', undefined])
    assert.ok(leftovers.length > 0)
    await rehearsal.forgetFaults()
  }))

  describe('of the queue', { skip }, () => {
    const clock = settableClock()
    test('its hour', inWorld({
      edits: queueLimits(1), env: clock.env,
    }, async ({ portal, rehearsal }) => {
      await rehearsal.hold('deploy')
      const first = await portal.deploy('first')
      const second = await portal.deploy('second')
      await portal.follow(second.json.statusUrl, { until: ({ event }) => event === 'queued' })
      await portal.kill9()
      clock.set(1.1 * HOURS)
      await portal.restart()
      const { code, causeCode, rolledBack } = await checkFailure(portal, second)
      assert.deepEqual([code, causeCode, rolledBack], ['step_timeout', 'queue_long', true])
      await rehearsal.forgetFaults()
      await portal.cancel(first.json.deploymentId, { key: first.json.ownerKey })
      await portal.finish(first)
    }))
  })
})

const waits = (events) =>
  events.filter(({ event, data }) => event === 'progress' && data.state === 'waiting')

// There is one event for each reason and time, not one for each try.
function areFew(events) {
  const reasons = waits(events).map(({ data }) => `${data.step} ${data.detail}`)
  for (let i = 1; i < reasons.length; i++) {
    assert.notEqual(reasons[i], reasons[i - 1], 'nothing is told twice')
  }
  assert.ok(reasons.length <= 8, reasons.join('\n'))
}

// The outage is in real time, and must be shorter than the deadline of the step.
const slowClock = { TIME_SCALE: String(TIME_SCALE / 4) }
describe('the stream says why it waits', { concurrency: 3, timeout: seconds(180) }, () => {
  test('Dokploy dies during a deployment: that it waits for it, and that it goes on',
    inWorld({ speed: 20, env: slowClock }, async ({ portal, rehearsal }) => {
      await rehearsal.hold('deploy') // until it dies
      const answer = await portal.deploy('orphaned')
      const { statusUrl } = answer.json
      await portal.follow(statusUrl, { until: ({ data }) => data.step === 'outcome' })
      await rehearsal.kill9()
      const isHeld = ({ data }) => data.state === 'waiting'
      const { last: held } = await portal.follow(statusUrl, { until: isHeld, language: 'nl' })
      assert.match(held.data.detail, /^Dokploy reageert niet/)
      const { steps } = (await portal.status(statusUrl)).json
      assert.equal(steps.find(({ step }) => step === held.data.step).state, 'waiting')
      await rehearsal.restart()
      const { events } = await portal.finish(answer, 'ready', { limit: seconds(120) })
      areFew(events)
      const last = events.findLastIndex(({ data }) => data.state === 'waiting')
      const goesOn = ({ data }) => data.state === 'running' || data.state === 'done'
      assert.ok(events.slice(last + 1).some(goesOn), 'it goes on')
    }))

  test('Dokploy asks for patience, or hangs: the deployment waits and gets ready',
    inWorld({ speed: 20 }, async ({ portal, rehearsal }) => {
      const headers = { 'Retry-After': '30' }
      await rehearsal.faults([
        { at: 'application.create', kind: 'status', status: 429, headers },
        { at: 'domain.byApplicationId', kind: 'hang', times: 0 },
        { at: 'deployment.all', kind: 'hang', times: 3 },
      ])
      const answer = await portal.deploy('patient', { language: 'ar' })
      const { events } = await portal.finish(answer, 'ready')
      areFew(events)
      const steps = waits(events).map(({ data }) => data.step)
      assert.ok(steps.includes('application'), `429: ${steps}`)
      assert.ok(steps.includes('outcome'), `hang: ${steps}`)
      const limited = waits(events).find(({ data }) => data.step === 'application')
      assert.match(limited.data.detail, /patience.*\d\d:\d\d:\d\d|\d\d:\d\d:\d\d/)
    }))

  test("the position in Dokploy's own queue",
    inWorld({ speed: 2 }, async ({ portal }) => {
      const names = ['one', 'two', 'three']
      const answers = await Promise.all(names.map((name) => portal.deploy(`line-${name}`)))
      const ends = await Promise.all(answers.map((answer) => portal.finish(answer, 'ready')))
      const details = ends.flatMap(({ events }) => waits(events)).map(({ data }) => data.detail)
      assert.ok(details.length > 0, 'with three at once some wait')
      for (const detail of details) assert.match(detail, /queue.*\d/)
    }))
})
