// What a change of the installation's own files would do, on hundreds of past deployments and by a
// rehearsal with faults, while the portal answers as before.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMIN, pause, queueLimits, request, seconds, useWorld } from '../http/harness.mjs'
import { siteOf } from '../http/site.mjs'

const tryOut = (portal, json) =>
  portal.post('/api/admin/site/try', json, { key: ADMIN, timeout: seconds(120) })

// How late the answer to the smallest request is, every few milliseconds, while act() runs.
async function probed(portal, t, act) {
  const took = []
  let goes = true
  const probe = (async () => {
    while (goes) {
      const start = performance.now()
      await request(`${portal.url}/ready`)
      took.push(performance.now() - start)
      await pause(5)
    }
  })()
  const start = performance.now()
  const result = await act().finally(() => { goes = false })
  const spent = (performance.now() - start) / 1000
  await probe
  took.sort((a, b) => a - b)
  const at = (share) => took[Math.min(took.length - 1, Math.floor(took.length * share))]
  t.diagnostic(`${spent.toFixed(1)} s; an answer meanwhile: median ${at(0.5).toFixed(1)} ms, ` +
    `p99 ${at(0.99).toFixed(1)} ms, at most ${at(1).toFixed(1)} ms`)
  return { result, median: at(0.5) }
}

describe('500 past deployments', () => {
  const DEPLOYMENTS = 500, AT_ONCE = 10
  const { portal } = useWorld({
    speed: 1000, edits: queueLimits(AT_ONCE, DEPLOYMENTS),
    env: { ACCESS: 'open', TIME_SCALE: '4', ...siteOf().env },
    prepare: async ({ portal }) => {
      const names = Array.from({ length: DEPLOYMENTS }, (_, i) => `class-${i}`)
      names.splice(100, 3, 'exam-one', 'exam-two', 'exam-three')
      await Promise.all(Array.from({ length: AT_ONCE }, async () => {
        for (let name; (name = names.pop());) await portal.deployed(name)
      }))
    },
  })
  const files = {
    'policy/access.lua': `return { rules = { { name = "no_exams", before = "mode",
      decide = function(who, action, what)
        if action == "deploy" and what.name:find "^exam" then return false, "no_exams" end
      end } } }\n`,
  }

  test('an edit that would change three decisions shows these three', async (t) => {
    const { result } = await probed(portal, t, () => tryOut(portal, { files }))
    assert.equal(result.status, 200, result.text)
    const { decisions, changed, changes } = result.json.replay
    assert.deepEqual([decisions, changed], [DEPLOYMENTS, 3])
    const shown = changes.map(({ name, before, after }) => [name, before.rule, after.rule])
    assert.deepEqual(shown.sort(),
      ['one', 'three', 'two'].map((which) => [`exam-${which}`, 'mode', 'no_exams']))
  })

  test('a rehearsal with faults accounts for each deployment', async (t) => {
    const { result } = await probed(portal, t,
      () => tryOut(portal, { files, deploy: 20, faults: 5 }))
    assert.equal(result.status, 200, result.text)
    const { deployments, ready, failed, leftovers, refused, unfinished } = result.json.rehearsal
    t.diagnostic(JSON.stringify({ ready, failed, leftovers, refused, unfinished }))
    assert.deepEqual([deployments, refused, unfinished], [20, 0, 0])
    assert.equal(ready + failed + leftovers, 20)
  })
})
