// Many workspaces, in which agents work and people come back at random. None is put to sleep while
// a session is busy, each falls asleep soon after it was idle for its template's time, and those
// that sleep cost nothing. Takes about half an hour:
//   DEPLOYER=$PWD/build/deployer SLEEPERS=500 SLEEP_AFTER=600 node --test tests/soak/sleep.mjs
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMIN, PATIENCE, pause, until, useWorld } from '../http/harness.mjs'
import { siteOf } from '../http/site.mjs'

const COUNT = Number(process.env.SLEEPERS ?? 500)
const SEED = Number(process.env.SEED ?? Date.now() % 1000000)
const SCALE = 5 / PATIENCE
const real = (virtualSeconds) => virtualSeconds * 1000 / SCALE // in ms
const AFTER_S = Number(process.env.SLEEP_AFTER ?? 600)
const TICK_MS = 250

const site = siteOf({
  'policy/templates.lua': `return { { id = "default", sleep_after = ${AFTER_S} } }`,
  'policy/limits.lua': 'return { sleep = { warn = "3 minutes", keep_awake = "4 hours" } }',
})
const { portal, rehearsal } = useWorld({
  env: { ...site.env, TIME_SCALE: String(SCALE), LOG_LEVEL: 'info' },
  rehearsalEnv: { TIME_SCALE: String(SCALE) }, speed: 1000,
})

// A small generator, so that a seed gives the same choices.
let state = SEED >>> 0
const random = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0
  return state / 4294967296
}

async function inLanes(list, lanes, act) {
  const rest = [...list]
  await Promise.all(Array.from({ length: lanes }, async () => {
    for (let item; (item = rest.pop()) !== undefined;) await act(item)
  }))
}

const asleep = async () => {
  const { states } = (await portal.api('/api/admin/stacks?limit=1', { key: ADMIN })).json
  return states.find((it) => it.state === 'asleep')?.count ?? 0
}

test(`${COUNT} workspaces, seed ${SEED}`, { timeout: 1_800_000 * PATIENCE }, async (t) => {
  const names = Array.from({ length: COUNT }, (_, i) => `w${i}-sleeper`)
  const began = Date.now()
  const options = { key: ADMIN }
  await inLanes(names, 8, async (name) => { await portal.ready(name, options) })
  t.diagnostic(`deployed in ${Math.round((Date.now() - began) / 1000)} s`)

  // Each works one to three times, with breaks in which it may just not fall asleep.
  const agents = names.map((name) => {
    let at = Date.now() + real(AFTER_S) * 0.2 * random()
    const works = Array.from({ length: 1 + Math.floor(3 * random()) }, () => {
      const work = { from: at, to: at + real(AFTER_S) * (0.1 + 0.5 * random()) }
      at = work.to + real(AFTER_S) * (0.3 + 0.65 * random())
      return work
    })
    return { name, works, seen: [] }
  })
  const ends = []
  const isWorking = (agent, now) => agent.works.find(({ from, to }) => from <= now && now < to)
  const readEnds = () => {
    for (const line of portal.log.splice(0)) {
      if (line.event === 'operation.ended' && line.kind === 'sleep') ends.push(line)
    }
  }
  const last = Math.max(...agents.map(({ works }) => works.at(-1).to))
  while (Date.now() < last + TICK_MS) {
    const changed = agents.filter((agent) => Boolean(isWorking(agent, Date.now())) !== agent.isBusy)
    await inLanes(changed, 20, async (agent) => {
      agent.isBusy = Boolean(isWorking(agent, Date.now()))
      const given = agent.isBusy ? { session: 'busy' } : { isUsed: true }
      await rehearsal.activity(agent.name, given)
      agent.seen.push({ isBusy: agent.isBusy, at: Date.now() })
    })
    readEnds()
    await pause(TICK_MS)
  }
  await until(async () => { readEnds(); return await asleep() === COUNT }, 'all sleep',
    real(AFTER_S) * 3)
  readEnds()

  let latest = 0
  for (const agent of agents) {
    const end = ends.find(({ name, state: how }) => name === agent.name && how === 'asleep')
    const at = Date.parse(end.at)
    const before = agent.seen.filter((it) => it.at < at)
    assert.ok(!before.at(-1)?.isBusy, `${agent.name} was busy when it was put to sleep`)
    const idleAt = before.at(-1)?.at ?? began
    latest = Math.max(latest, (at - idleAt) * SCALE / 1000 - AFTER_S)
    assert.ok((at - idleAt) * SCALE / 1000 > AFTER_S - 2 * SCALE, `${agent.name}: too early`)
  }
  const series = /^deployer_dokploy_requests_total\{call="application.one",result="ok"\} (\d+)/m
  const calls = (text) => Number(text.match(series)?.[1])
  const asked = calls((await portal.api('/metrics', { key: ADMIN })).text)
  await pause(real(180))
  const later = calls((await portal.api('/metrics', { key: ADMIN })).text)
  const calledBack = ends.filter(({ state: how }) => how === 'cancelled').length
  t.diagnostic(`0 busy ones put to sleep; the last decision ${Math.round(latest)} s late; `
    + `${calledBack} called back; ${asked} passwords read, ${later - asked} in 3 minutes of sleep`)
  assert.ok(later - asked < 10, 'those that sleep are not asked')
})
