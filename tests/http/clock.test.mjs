// The time of day. Somebody sets the machine's clock while deployments wait and run: deadlines are
// kept by a clock that nobody sets, so nothing is given up early or waits for hours. And what is
// kept for hours is forgotten then, not before.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { queueLimits, seconds, until, useWorld } from './harness.mjs'
import { HOURS, settableClock, skip } from './clock.mjs'
import { logIn } from './admin.mjs'

for (const [direction, jump] of [['ahead', 3 * HOURS], ['back', -3 * HOURS]]) {
  describe(`the clock is set ${direction}`, { skip, timeout: seconds(120) }, () => {
    const clock = settableClock()
    const { portal, rehearsal } = useWorld({ edits: queueLimits(1), env: clock.env })

    const dateOf = async () => Date.parse((await portal.api('/health')).headers.date)
    async function setClock() {
      const before = await dateOf()
      clock.set(jump)
      const moved = Math.abs((await dateOf()) - before)
      assert.ok(moved > HOURS * 1000, 'the portal sees the clock that was set')
    }
    const reaches = ({ json }, step, state) => portal.follow(json.statusUrl, {
      until: ({ data }) => data.step === step && (!state || data.state === state),
    })

    test('while one is becoming healthy and one waits: both get ready', async () => {
      clock.set(0)
      await rehearsal.faults({ at: 'stack', kind: 'never_ready', times: 0 })
      const one = await portal.deploy('one')
      const two = await portal.deploy('two')
      await reaches(one, 'health')
      await setClock()
      const hits = await rehearsal.hits()
      await until(async () => (await rehearsal.hits()) >= hits + 3, 'it is asked again')
      await rehearsal.forgetFaults()
      await portal.finish(one, 'ready')
      await portal.finish(two, 'ready')
    })

    test('while a cancelled deployment is undone: nothing is left', async () => {
      clock.set(0)
      await rehearsal.hold('deploy', 'three')
      const three = await portal.deploy('three')
      await reaches(three, 'outcome')
      await portal.cancel(three.json.deploymentId, { key: three.json.ownerKey })
      await rehearsal.forgetFaults()
      await reaches(three, 'application', 'undoing')
      await setClock()
      const { last } = await portal.finish(three, 'cancelled')
      assert.deepEqual(last.data.leftovers, [])
    })

    test('a repeated request is one deployment; it is stopped and deleted', async () => {
      clock.set(0)
      const keyed = { headers: { 'idempotency-key': 'over-the-jump'.repeat(3) } }
      const four = await portal.deploy('four', keyed)
      await setClock()
      const again = await portal.deploy('four', keyed)
      assert.equal(again.json.deploymentId, four.json.deploymentId)
      const { key } = await portal.finish(four, 'ready')
      await portal.finish(await portal.act('four', 'stop', { key }), 'stopped')
      clock.set(0)
      await portal.deleted('four', { key, data: 'delete' })
    })
  })
}

describe('what is kept for a time', { skip }, () => {
  const clock = settableClock()
  const { portal } = useWorld({ speed: 1000, env: clock.env })

  test('an Idempotency-Key is remembered for 24 hours', async () => {
    const keyed = { headers: { 'idempotency-key': 'a-day'.repeat(8) } }
    const { answer } = await portal.ready('five', keyed)
    clock.set(23 * HOURS)
    const again = await portal.deploy('five', keyed)
    assert.equal(again.json.deploymentId, answer.json.deploymentId)
    clock.set(25 * HOURS)
    const late = await portal.deploy('five', keyed)
    assert.deepEqual([late.status, late.json.code], [409, 'name_taken'], 'as any other request')
  })

  test("an admin's session ends after 8 hours", async () => {
    clock.set(0)
    const admin = await logIn(portal)
    clock.set(7.9 * HOURS)
    assert.equal((await admin.get('/admin')).status, 200)
    clock.set(8.1 * HOURS)
    assert.equal((await admin.get('/admin')).status, 303)
    const { headers } = await admin.form('/admin/access/invites', { uses: 1 })
    assert.equal(headers.location, '/admin/login?next=%2Fadmin&over=1')
  })
})
