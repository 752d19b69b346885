// Schedules: at their time in their zone, once, also over reloads, crashes and down time.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMIN, seconds, until, useWorld } from './harness.mjs'
import { HOURS, settableClock, skip } from './clock.mjs'
import { putInForce, siteOf } from './site.mjs'

const list = (entries) => `return { ${entries} }`
const entry = (name, cron, run = `portal.log("Nightly run", { name = "${name}" })`, more = '') =>
  `{ name = "${name}", cron = "${cron}", zone = "Europe/Amsterdam", ${more}
     run = function(portal) ${run} end },`
const at = (name) => (line) => line.event === 'Nightly run' && line.name === name

describe('a nightly schedule', { skip, timeout: seconds(120) }, () => {
  const clock = settableClock()
  // The second runs every minute, after the first: when it has run, the first was looked at.
  const both = entry('night', '0 3 * * *') + entry('minute', '* * * * *')
  const site = siteOf({ 'policy/schedule.lua': list(both) })
  const { portal } = useWorld({ env: { ...clock.env, ...site.env }, speed: 200 })

  const schedules = async () =>
    (await portal.api('/api/admin/schedules', { key: ADMIN })).json.schedules
  const runs = (name) => portal.log.filter(at(name)).length
  let ahead = 0
  const passTo = (time, more = 0) => {
    ahead = (Date.parse(time) - Date.now()) / 1000 + more
    clock.set(ahead)
  }
  const aMinutePasses = async () => {
    const from = portal.log.length
    clock.set(ahead += 61)
    await portal.logged(at('minute'), 'a minute passes', { from })
  }

  test('it runs at its time, and not before', async () => {
    const [first] = await until(async () => {
      const all = await schedules()
      return all.length === 2 && all
    }, 'it is listed')
    const { name, cron, zone } = first
    assert.deepEqual([name, cron, zone], ['night', '0 3 * * *', 'Europe/Amsterdam'])
    assert.match(first.nextAt, /T0[12]:00:00\.000Z$/)
    assert.equal(first.lastAt, undefined)
    passTo(first.nextAt, -200)
    await aMinutePasses()
    assert.equal(runs('night'), 0)
    passTo(first.nextAt, 1)
    await portal.logged(at('night'), 'it runs')
    const after = await until(async () => {
      const [now] = await schedules()
      return now.lastAt && now
    }, 'its run is listed')
    assert.ok(Date.parse(after.nextAt) - Date.parse(first.nextAt) >= 23 * HOURS * 1000)
  })

  test('a reload or a crash does not run it again', async () => {
    await putInForce(portal, () => site.write('hooks/other.lua',
      'return { on = { "ready" }, run = function() end }'))
    await aMinutePasses()
    await portal.kill9()
    await portal.restart()
    await aMinutePasses()
    assert.equal(runs('night'), 1)
  })

  test('what was missed while the portal was down is made up for once', async () => {
    await portal.kill9()
    clock.set(ahead += 5 * 24 * HOURS)
    const from = portal.log.length
    await portal.restart()
    await portal.logged(at('night'), 'it catches up', { from })
    await aMinutePasses()
    assert.equal(runs('night'), 2)
  })

  test('one that raises is listed with its error', async () => {
    const broken = entry('broken', '* * * * *', 'error("no backup today")')
    await putInForce(portal, () => site.write('policy/schedule.lua', list(broken + both)))
    await aMinutePasses() // it is known
    await aMinutePasses()
    const { error } = await until(async () => {
      const found = (await schedules()).find(({ name }) => name === 'broken')
      return found.error && found
    }, 'its error is listed')
    assert.match(error, /site\/policy\/schedule\.lua:\d+: no backup today/)
  })

  test('a faulty schedule is found by --check', () => {
    const faulty = siteOf()
    const cases = [
      [entry('a', '0 25 * * *'), /site\/policy\/schedule\.lua: \[1\]\.cron: hour: "25"/],
      [entry('a', '0 3 * *'), /\[1\]\.cron: 4 fields/],
      [entry('a', '0 3 * * *') + entry('a', '0 4 * * *'), /\[2\]\.name: "a" is in/],
      [entry('a', '0 3 * * *').replace('Amsterdam', 'Amstrdam'), /\[1\]\.zone: .*zone/],
      [entry('a', '0 3 * * *', '', 'corn = 1,'), /\[1\]\.corn: unknown key/],
    ]
    for (const [text, message] of cases) {
      faulty.write('policy/schedule.lua', list(text))
      const { status, text: said } = faulty.check()
      assert.equal(status, 1, text)
      assert.match(said, message)
    }
  })
})
