// Workspaces that live for some days: their owner is told before, then they are deleted and their
// files kept.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMIN, LANGUAGES, seconds, until, useWorld } from './harness.mjs'
import { HOURS, settableClock, skip } from './clock.mjs'
import { siteOf } from './site.mjs'

describe('a lifetime of seven days', { skip, timeout: seconds(120) }, () => {
  const clock = settableClock()
  const limits = 'return { lifetimes = { after = { all = "7 days" }, warn = "2 days" } }'
  const { portal, rehearsal } = useWorld({
    env: { ...clock.env, ...siteOf({ 'policy/limits.lua': limits }).env }, speed: 200,
  })

  test('ends with a warning in the language of the owner, and a deletion that keeps the files',
    async () => {
      const { key } = await portal.ready('anna')
      const stack = async (language) => (await portal.stack('anna', { key, language })).json
      clock.set(5.5 * 24 * HOURS)
      await until(async () => (await stack('en')).note, 'the owner is told')
      const notes = new Set()
      for (const language of LANGUAGES) notes.add((await stack(language)).note)
      assert.equal(notes.size, 3)
      for (const note of notes) assert.match(note, /\d{4}-\d\d-\d\d/)
      clock.set(7.5 * 24 * HOURS)
      await until(async () => (await stack('en')).code === 'stack_unknown', 'it is deleted')
      await until(async () => (await rehearsal.holds('anna')).length === 0, 'all of it')
      const { keptData } = (await portal.api('/api/stacks', { key })).json
      assert.deepEqual(keptData.map(({ name, reason }) => [name, reason]), [['anna', 'kept']])
      const { entries } = (await portal.api('/api/audit', { key: ADMIN })).json
      const entry = entries.find(({ action }) => action === 'delete')
      assert.deepEqual([entry.who, entry.rule], ['script', 'its lifetime is over'])
    })
})
