// The name of a deleted workspace rests: it is free for its last owner and the admin only.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMIN, copyTree, useWorld } from './harness.mjs'

const tree = copyTree({
  'scripts/policy/limits.lua': (text) => text.replace(/(rest = .*)development = 0/,
    '$1development = 3600'),
})
const { portal } = useWorld({ root: tree.root })

test('for others it is not free, and nobody says whose it was', async () => {
  const { key } = await portal.ready('rested')
  const other = await portal.ready('of-another')
  await portal.deleted('rested', { key })
  const check = async (options) => (await portal.check('rested', options)).json
  for (const options of [{}, { key: other.key }]) {
    const { available, valid, code, detail } = await check(options)
    assert.deepEqual([available, valid, code], [false, true, 'name_resting'])
    assert.ok(!detail.includes(key.slice(4, 20)))
    const refused = await portal.deploy('rested', options)
    assert.deepEqual([refused.status, refused.json.code, refused.json.field],
      [409, 'name_resting', 'name'])
  }
  for (const options of [{ key }, { key: ADMIN }]) {
    assert.equal((await check(options)).available, true)
  }
  await portal.stop()
  await portal.restart()
  assert.equal((await portal.deploy('rested')).json.code, 'name_resting', 'also after a restart')
  await portal.ready('rested', { key })
  await portal.deleted('rested', { key })
  await portal.ready('rested', { key: ADMIN })
  assert.equal((await check()).code, 'name_taken')
})

test('a deployment that failed leaves nothing to rest', async () => {
  const { json } = await portal.deploy('never-was')
  await portal.cancel(json.deploymentId, { key: json.ownerKey })
  await portal.follow(json.statusUrl)
  assert.equal((await portal.check('never-was')).json.available, true)
})

test('a name that rests is not suggested', async () => {
  const { key } = await portal.ready('offered')
  const { json: { suggestions: [first] } } = await portal.check('offered')
  await portal.ready(first, { key })
  await portal.deleted(first, { key })
  const { json: { suggestions } } = await portal.check('offered')
  assert.ok(suggestions.length > 0)
  assert.ok(!suggestions.includes(first), `${suggestions}`)
})
