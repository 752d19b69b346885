// Operation: what /metrics tells, who may read it, and that the alerts and the dashboard ask for what is told.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { ADMIN, follow, request, startAll, temporary } from '../http/harness.mjs'

const promtool = process.env.PROMTOOL
const skip = promtool ? false : 'promtool is not at hand (Debian: prometheus)'
const read = (name) => readFileSync(new URL(`../../ops/${name}`, import.meta.url), 'utf8')
function tool(args, input) {
  const { status, stdout, stderr } = spawnSync(promtool, args, { input, encoding: 'utf8', cwd: new URL('../..', import.meta.url) })
  assert.equal(status, 0, stdout + stderr)
  return stdout + stderr
}

let all, text, families
before(async () => {
  all = await startAll()
  const { portal, rehearsal } = all
  const deploy = async (name) => (await follow(portal.url + (await request(`${portal.url}/api/deploy`, { method: 'POST', json: { name } })).json.statusUrl)).last
  assert.equal((await deploy('counted')).event, 'ready')
  await request(`${rehearsal.url}/__rehearsal/faults`, { method: 'POST', json: { at: 'deploy', kind: 'image_not_found' } })
  assert.equal((await deploy('counted-too')).event, 'failed')
  await request(`${portal.url}/nowhere/at/all`)
  text = (await request(`${portal.url}/metrics`)).text
  families = new Set([...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name))
})
after(() => all?.stop())

const value = (series) => Number(text.split('\n').find((line) => line.startsWith(`${series} `))?.split(' ').at(-1))

test('it is the text format, and well named', { skip }, () => {
  assert.equal(tool(['check', 'metrics'], text), '')
})

test('it counts what happened', () => {
  assert.equal(value('deployer_deployments_total{result="ready",code=""}'), 1)
  assert.equal(value('deployer_deployments_total{result="failed",code="image_not_found"}'), 1)
  assert.equal(value('deployer_http_requests_total{method="POST",route="/api/deploy",code="202"}'), 2)
  assert.equal(value('deployer_http_requests_total{method="GET",route="none",code="404"}'), 1)
  assert.equal(value('deployer_step_duration_seconds_count{step="health"}'), 1)
  assert.equal(value('deployer_dokploy_requests_total{call="project.create",result="ok"}'), 2)
  assert.ok(value('deployer_dokploy_request_duration_seconds_sum{call="project.create"}') > 0)
  assert.equal(value('deployer_breaker_state{state="closed"}'), 1)
  assert.equal(value('deployer_dokploy_up'), 1)
  for (const state of ['queued', 'running', 'rolling_back', 'deleting', 'stopping', 'starting', 'restarting', 'rotating', 'redeploying']) {
    assert.equal(value(`deployer_operations{state="${state}"}`), 0, state)
  }
  assert.ok(value('process_resident_memory_bytes') > 1e6)
})

test('its histograms grow from bucket to bucket up to the count', () => {
  const buckets = [...text.matchAll(/^deployer_http_request_duration_seconds_bucket\{method="POST",route="\/api\/deploy",le="([^"]+)"\} (\d+)$/gm)]
  assert.equal(buckets.length, 18)
  buckets.reduce((last, [, , n]) => { assert.ok(Number(n) >= last); return Number(n) }, 0)
  assert.deepEqual(buckets.at(-1).slice(1), ['+Inf', '2'])
})

test('no name, key or address of anybody is in it', () => {
  assert.doesNotMatch(text, /counted|own_|Bearer|127\.0\.0\.1/)
})

test('who asks through a proxy must be the admin', async () => {
  const { portal } = all
  const via = { 'x-forwarded-for': '203.0.113.7' }
  assert.equal((await request(`${portal.url}/metrics`, { headers: via })).status, 401)
  assert.equal((await request(`${portal.url}/metrics`, { headers: via, key: 'wrong' })).status, 401)
  const admin = await request(`${portal.url}/metrics`, { headers: via, key: ADMIN })
  assert.equal(admin.status, 200)
  assert.match(admin.headers['content-type'], /^text\/plain; version=0\.0\.4/)
})

test('the alerts are well formed, and their own tests hold', { skip }, () => {
  tool(['check', 'rules', 'ops/alerts.yml'])
  tool(['test', 'rules', 'ops/alerts_test.yml'])
})

// Every word in an expression that is a metric of ours.
const asked = (expression) => [...expression.matchAll(/\b((?:deployer|process)_[a-z_]+)\b/g)].map(([, name]) => name)
// The doctor tells its own after its first round (doctor.test.mjs sees that it does).
const later = new Set([...readFileSync(new URL('../../scripts/lib/doctor/schedule.lua', import.meta.url), 'utf8').matchAll(/declare\("(\w+)"/g)].map(([, name]) => name))
const told = (name) => families.has(name) || later.has(name) || families.has(name.replace(/_(bucket|sum|count)$/, ''))

test('the alerts and the dashboard ask only for what is told', () => {
  const expressions = [...read('alerts.yml').matchAll(/expr:([\s\S]*?)\n {8}(?:for|labels):/g)].map(([, expression]) => expression)
  assert.ok(expressions.length >= 11)
  const { panels, templating } = JSON.parse(read('dashboard.json'))
  const targets = panels.flatMap((panel) => panel.targets.map(({ expr }) => expr))
  assert.ok(targets.length > 20)
  for (const expression of [...expressions, ...targets, ...templating.list.map(({ query }) => query.query ?? '')])
    for (const name of asked(expression)) assert.ok(told(name), `${name} is asked for, and not told: ${expression}`)
})

test("the dashboard's expressions are good PromQL, and its panels do not overlap", { skip }, () => {
  const { panels } = JSON.parse(read('dashboard.json'))
  const rules = panels.flatMap(({ targets }) => targets).map(({ expr }, i) => `- { record: "a:b${i}", expr: ${JSON.stringify(expr)} }`)
  const file = join(temporary('dashboard'), 'rules.yml')
  writeFileSync(file, `groups:\n- name: dashboard\n  rules:\n${rules.map((rule) => `  ${rule}\n`).join('')}`)
  tool(['check', 'rules', file])
  const cells = new Set()
  for (const { title, gridPos: { x, y, w, h } } of panels)
    for (let i = x; i < x + w; i++)
      for (let j = y; j < y + h; j++) {
        assert.ok(!cells.has(`${i},${j}`), `${title} lies on another panel`)
        cells.add(`${i},${j}`)
      }
})
