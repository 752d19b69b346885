// Killed just before and just after each commit of making a vanished stack again: after the restart it is ready, once, on its old files.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { impatient } from '../soak/house.mjs'
import { ADMIN, PATIENCE, startPortal, startRehearsal, until } from './harness.mjs'
import { findings, idsOf, takeAway } from './findings.mjs'

const STRIDE = Number(process.env.STRIDE ?? 8) // every so many commits: each moment takes seconds
const { root } = impatient({ quick: true })
let rehearsal
before(async () => { rehearsal = await startRehearsal({ root, speed: 1000 }) })
after(() => rehearsal.stop())

const lost = (error) => /ECONNRESET|ECONNREFUSED|socket hang up|no answer/.test(`${error.code} ${error.message}`)
const orDeath = (call) => call().catch((error) => { if (!lost(error)) throw error })

async function vanished(portal, name) {
  const { key } = await portal.ready(name)
  const { volume } = (await portal.stack(name, { key })).json
  await takeAway(rehearsal, name)
  const { findings: found } = await findings(portal).look()
  return { key, volume, finding: found.find((it) => it.name === name) }
}

// True when the armed crash came before the repair had ended.
async function repairUnder(name, at) {
  const portal = await startPortal({ rehearsal, root, hooks: true })
  const admin = findings(portal)
  try {
    const { key, volume, finding } = await vanished(portal, name)
    await portal.stop()
    await portal.restart({ DEPLOYER_CRASH_AT: at })
    const first = await orDeath(() => admin.act(finding, 'repair'))
    const ended = first ? portal.follow(first.json.statusUrl).then(() => false, () => new Promise(() => {})) : new Promise(() => {})
    const crashed = await Promise.race([portal.gone.then(() => true), ended])
    if (!crashed && !portal.ended) await portal.kill9() // the armed crash is not to come later
    await portal.restart({ DEPLOYER_CRASH_AT: undefined })
    const again = await admin.act(finding, 'repair')
    assert.equal(again.status, 202, again.text)
    if (first) assert.equal(again.json.deploymentId, first.json.deploymentId, 'the same work goes on')
    const { events, last } = await portal.follow(again.json.statusUrl)
    assert.equal(last.event, 'ready', `${at}: ${JSON.stringify(last)}\n${portal.tail()}`)
    assert.deepEqual(events.map(({ id }) => id), events.map((_, i) => i + 1))
    const held = await idsOf(rehearsal, name)
    assert.deepEqual([held.projectIds.length, held.applications.length], [1, 1], at)
    const volumes = (await rehearsal.state()).volumes.map((it) => it.name).filter((it) => it.includes(`-${name}-`))
    assert.deepEqual(volumes, [volume], at)
    assert.equal((await portal.stack(name, { key })).json.state, 'ready')
    const settled = (await admin.list('?all=true&limit=200')).findings.find(({ id }) => id === finding.id)
    assert.equal(settled.resolution, 'repaired', at)
    return crashed
  } finally {
    await portal.stop()
  }
}

test('a stack that vanished, made again under kills', { timeout: 400_000 * PATIENCE }, async (t) => {
  let moments = 0
  for (let commit = 1; ; commit += STRIDE) {
    const crashed = await Promise.all(['before', 'after'].map((side) => repairUnder(`again-${commit}-${side}`, `${commit}:${side}`)))
    moments += crashed.filter(Boolean).length
    if (!crashed.some(Boolean)) break
  }
  t.diagnostic(`${moments} kill points`)
  assert.ok(moments >= 6, `only ${moments} kill points`)
})

test('an unknown project, removed under kills', { timeout: 400_000 * PATIENCE }, async () => {
  const portal = await startPortal({ rehearsal, root, hooks: true })
  const admin = findings(portal)
  try {
    await until(async () => (await admin.list()).looked.at, 'Dokploy was looked through')
    const found = (await admin.list('?limit=200')).findings.filter(({ actions }) => actions.includes('adopt')).slice(0, 6)
    assert.ok(found.length >= 3, 'the stacks of the portals before')
    let commit = 2
    for (const finding of found) {
      await portal.stop()
      await portal.restart({ DEPLOYER_CRASH_AT: `${commit}:${commit % 4 ? 'before' : 'after'}` })
      commit += 3
      const first = await orDeath(() => admin.act(finding, 'remove'))
      if (first) await Promise.race([portal.gone, portal.follow(first.json.statusUrl).catch(() => portal.gone)])
      else await portal.gone
      if (!portal.ended) await portal.kill9()
      await portal.restart({ DEPLOYER_CRASH_AT: undefined })
      const again = await portal.api(`/api/admin/findings/${finding.id}/remove`, { method: 'POST', key: ADMIN })
      assert.equal(again.status, 202, again.text)
      assert.equal((await portal.follow(again.json.statusUrl)).last.event, 'deleted')
      await rehearsal.holdsNothing(finding.name)
    }
  } finally {
    await portal.stop()
  }
})
