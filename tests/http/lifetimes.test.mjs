// Workspaces that live for some days: their owner is warned before and may put it off, then they
// are deleted and their files kept; these are deleted later, announced before.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMIN, LANGUAGES, seconds, until, useWorld } from './harness.mjs'
import { HOURS, settableClock, skip } from './clock.mjs'
import { siteOf } from './site.mjs'

const DAYS = 24 * HOURS

describe('a lifetime of seven days', { skip, timeout: seconds(180) }, () => {
  const clock = settableClock()
  const site = siteOf({
    'policy/limits.lua': `return {
      lifetimes = { after = { all = "7 days" }, warn = "2 days", extend = "7 days" },
      kept = { purge_after = "10 days", warn = "3 days" },
    }`,
    'hooks/soon.lua': `return { on = { "ends_soon", "purge_soon" },
      run = function(event, portal)
        local files = event.files or {}
        portal.log("seen", {
          type = event.type, of = event.workspace.name, volume = files.volume,
          ends = files["until"],
        })
      end }`,
  })
  const { portal, rehearsal } = useWorld({ env: { ...clock.env, ...site.env }, speed: 200 })
  const stack = async (name, key, language = 'en') =>
    (await portal.stack(name, { key, language })).json
  const kept = async (key) => (await portal.api('/api/stacks', { key })).json.keptData
  const days = (from, to) => (Date.parse(to) - Date.parse(from)) / 1000 / DAYS
  const seen = (type) => until(() => (
    portal.log.find((line) => line.event === 'seen' && line.type === type)), type)

  test('ends with a warning, put off once, and a deletion that keeps the files; these end too',
    async () => {
      const { key } = await portal.ready('anna')
      const { createdAt, endsAt, extendSeconds, volume } = await stack('anna', key)
      assert.equal(Math.round(days(createdAt, endsAt)), 7)
      assert.equal(extendSeconds, 7 * DAYS)
      clock.set(5.5 * DAYS)
      await until(async () => (await stack('anna', key)).note, 'the owner is warned')
      const notes = new Set()
      for (const language of LANGUAGES) notes.add((await stack('anna', key, language)).note)
      assert.equal(notes.size, 3)
      for (const note of notes) assert.match(note, /\d{4}-\d\d-\d\d/)
      assert.equal((await seen('ends_soon')).of, 'anna')
      const page = (await portal.api('/stack/anna', { key })).text
      assert.ok(page.includes('action="/api/stack/anna/extend"'))
      assert.equal((await portal.act('anna', 'extend')).status, 404, 'nobody else')
      const extended = await portal.act('anna', 'extend', { key })
      assert.equal(extended.status, 200, extended.text)
      assert.equal(Math.round(days(createdAt, extended.json.endsAt)), 14)
      const after = await stack('anna', key)
      assert.deepEqual([after.note, after.extendSeconds], [undefined, undefined])
      const twice = await portal.act('anna', 'extend', { key })
      assert.deepEqual([twice.status, twice.json.code], [409, 'lifetime_full'])

      clock.set(12.5 * DAYS)
      await until(async () => (await stack('anna', key)).note, 'the owner is warned again')
      clock.set(14.5 * DAYS)
      await until(async () => (await stack('anna', key)).code === 'stack_unknown', 'deleted')
      await until(async () => (await rehearsal.holds('anna')).length === 0, 'all of it')
      const [files] = await kept(key)
      assert.deepEqual([files.name, files.volume, files.state], ['anna', volume, 'kept'])
      assert.equal(Math.round(days(files.since, files.until)), 10)
      const { entries } = (await portal.api('/api/audit', { key: ADMIN })).json
      const entry = entries.find(({ action }) => action === 'delete')
      assert.deepEqual([entry.who, entry.rule], ['script', 'its lifetime is over'])
      assert.ok(entries.some(({ action, allowed }) => action === 'extend' && allowed))

      clock.set(22 * DAYS)
      const announced = await seen('purge_soon')
      assert.deepEqual([announced.of, announced.volume], ['anna', volume])
      const [{ until: ends, state }] = await kept(key)
      assert.equal(state, 'kept')
      assert.ok(Math.abs(announced.ends - Date.parse(ends) / 1000) < 1, 'as announced')
      assert.equal(Math.floor(days(createdAt, ends)), 25, 'three days after the announcement')
      assert.deepEqual(await rehearsal.volumes(), [volume])
      clock.set(25.1 * DAYS)
      await until(async () => (await kept(key)).length === 0, 'its files are deleted')
      assert.deepEqual(await rehearsal.volumes(), [])
    })

  test('what is over already is warned of first', async () => {
    const { key } = await portal.ready('bert')
    const { volume } = await stack('bert', key)
    clock.set(65 * DAYS) // as if the portal had not run for forty days
    const { endsAt } = await until(async () => {
      const now = await stack('bert', key)
      return now.note && now
    }, 'a warning')
    assert.ok(Date.parse(endsAt) > Date.now() + 66.9 * DAYS * 1000, endsAt)
    clock.set(67.1 * DAYS)
    await until(async () => (await stack('bert', key)).code === 'stack_unknown', 'deleted')
    await until(async () => (await kept(key)).length === 1, 'kept')
    clock.set(120 * DAYS)
    await until(() => portal.log.some((line) => (
      line.event === 'seen' && line.volume === volume)), 'an announcement')
    assert.equal((await kept(key)).length, 1)
    clock.set(123.1 * DAYS)
    await until(async () => (await kept(key)).length === 0, 'its files are deleted')
  })
})
