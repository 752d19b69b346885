// Somebody sets the clock of the machine while deployments wait and run. What has a time to end in keeps it, by a clock that nobody sets:
// nothing is given up because it seems to be hours later, and nothing waits for hours because it seems to be earlier.
import { after, before, describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { impatient } from '../soak/house.mjs'
import { seconds, startPortal, startRehearsal, temporary, until } from './harness.mjs'

const source = join(dirname(fileURLToPath(import.meta.url)), 'clock.c')
const HOURS = 3600

// The clock, as a library to preload; set(seconds) puts it that much before or behind.
function made() {
  const folder = temporary('clock')
  const library = join(folder, 'clock.so')
  execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl'])
  const path = join(folder, 'seconds')
  const bytes = Buffer.alloc(8)
  writeFileSync(path, bytes)
  const file = openSync(path, 'r+')
  return {
    env: { LD_PRELOAD: library, CLOCK_FILE: path },
    set(by) {
      bytes.writeBigInt64LE(BigInt(by))
      writeSync(file, bytes, 0, 8, 0)
    },
    close: () => closeSync(file),
  }
}

// What is preloaded does not go with the sanitizers' runtime.
let skip = process.env.SANITIZED ? 'under a sanitizer nothing can be preloaded' : false
try { execFileSync('cc', ['--version'], { stdio: 'ignore' }) } catch { skip = 'this needs a C compiler' }

for (const [how, by] of [['ahead', 3 * HOURS], ['back', -3 * HOURS]]) {
  describe(`the clock is set ${how}`, { skip, timeout: seconds(120) }, () => {
    let clock, rehearsal, portal
    before(async () => {
      clock = made()
      const house = impatient({ quick: true })
      house.edit('config.lua', (text) => text.replace(/running_deployments = \d+/, 'running_deployments = 1'))
      rehearsal = await startRehearsal({ root: house.root })
      portal = await startPortal({ rehearsal, root: house.root, env: clock.env })
    })
    after(async () => {
      clock.close()
      await portal?.stop()
      await rehearsal?.stop()
    })

    const set = async () => {
      const before = Date.parse((await portal.status(`/api/status/${first}`)).headers.date)
      clock.set(by)
      const now = Date.parse((await portal.status(`/api/status/${first}`)).headers.date)
      assert.ok(Math.abs(now - before) > HOURS * 1000, 'the portal sees the clock that was set')
    }
    let first

    test('while one waits to be healthy and one for its turn: both are ready in the end', async () => {
      clock.set(0)
      await rehearsal.faults({ at: 'stack', kind: 'never_ready', times: 0 })
      const one = (await portal.deploy('one')).json
      first = one.deploymentId
      const two = (await portal.deploy('two')).json
      await portal.follow(one.statusUrl, { until: ({ data }) => data.step === 'health' })
      await set()
      const hits = async () => (await rehearsal.faults()).reduce((sum, rule) => sum + rule.hits, 0)
      const seen = await hits()
      await until(async () => (await hits()) >= seen + 3, 'it was looked at again')
      await rehearsal.forgetFaults()
      for (const { statusUrl } of [one, two]) {
        const { last } = await portal.follow(statusUrl)
        assert.equal(last.event, 'ready', JSON.stringify(last))
      }
    })

    test('while what was cancelled is taken away: nothing is left', async () => {
      clock.set(0)
      await rehearsal.faults({ at: 'deploy', kind: 'hang', ms: 4000 })
      const { json } = await portal.deploy('three')
      await portal.follow(json.statusUrl, { until: ({ data }) => data.step === 'outcome' })
      await portal.cancel(json.deploymentId, { key: json.ownerKey })
      await portal.follow(json.statusUrl, { until: ({ data }) => data.step === 'application' && data.state === 'undoing' })
      await set()
      const { last } = await portal.follow(json.statusUrl)
      assert.deepEqual([last.event, last.data.leftovers], ['cancelled', []], JSON.stringify(last))
      await rehearsal.forgetFaults()
    })

    test('a request that is repeated is one deployment; a stack is stopped and deleted', async () => {
      clock.set(0)
      const asked = { headers: { 'idempotency-key': 'over-the-jump' } }
      const { json } = await portal.deploy('four', asked)
      await set()
      assert.equal((await portal.deploy('four', asked)).json.deploymentId, json.deploymentId)
      assert.equal((await portal.follow(json.statusUrl)).last.event, 'ready')
      const stopped = await portal.api('/api/stack/four/stop', { method: 'POST', key: json.ownerKey })
      assert.equal((await portal.follow(stopped.json.statusUrl)).last.event, 'stopped')
      clock.set(0)
      const removed = await portal.remove('four', { key: json.ownerKey, data: 'delete' })
      assert.equal((await portal.follow(removed.json.statusUrl)).last.event, 'deleted')
    })
  })
}

test('an Idempotency-Key is remembered for 24 hours', { skip }, async () => {
  const clock = made()
  const { root } = impatient({ quick: true })
  const rehearsal = await startRehearsal({ root, speed: 1000 })
  const portal = await startPortal({ rehearsal, root, env: clock.env })
  try {
    const asked = { headers: { 'idempotency-key': 'a-day' } }
    const { answer } = await portal.ready('five', asked)
    clock.set(23 * HOURS)
    assert.equal((await portal.deploy('five', asked)).json.deploymentId, answer.json.deploymentId)
    clock.set(25 * HOURS)
    const late = await portal.deploy('five', asked)
    assert.deepEqual([late.status, late.json.code], [409, 'name_taken'], 'a request like any other')
  } finally {
    clock.close()
    await portal.stop()
    await rehearsal.stop()
  }
})
