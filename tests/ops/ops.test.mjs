// Operation: what /metrics reports and who may read it; alerts and dashboard use only what exists.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ADMIN, temporary, top, useWorld } from '../http/harness.mjs'

const promtool = process.env.PROMTOOL
const skip = promtool ? false : 'promtool is missing (Debian: prometheus)'
const read = (path) => readFileSync(join(top, path), 'utf8')
function tool(args, input) {
  const options = { input, encoding: 'utf8', cwd: top }
  const { status, stdout, stderr } = spawnSync(promtool, args, options)
  assert.equal(status, 0, stdout + stderr)
  return stdout + stderr
}

let text, families
const { portal } = useWorld({
  async prepare({ rehearsal }) {
    await portal.ready('counted')
    await rehearsal.faults({ at: 'deploy', kind: 'image_not_found' })
    await portal.finish(await portal.deploy('counted-too'), 'failed')
    await portal.api('/nowhere/at/all')
    text = (await portal.api('/metrics')).text
    families = new Set([...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name))
  },
})

function value(series) {
  const line = text.split('\n').find((it) => it.startsWith(`${series} `))
  return Number(line?.split(' ').at(-1))
}

test('the text format is valid and the names are good', { skip }, () => {
  assert.equal(tool(['check', 'metrics'], text), '')
})

test('it counts what happened', () => {
  const expected = {
    'deployer_deployments_total{result="ready",code=""}': 1,
    'deployer_deployments_total{result="failed",code="image_not_found"}': 1,
    'deployer_http_requests_total{method="POST",route="/api/deploy",code="202"}': 2,
    'deployer_http_requests_total{method="GET",route="none",code="404"}': 1,
    'deployer_step_duration_seconds_count{step="health"}': 1,
    'deployer_dokploy_requests_total{call="project.create",result="ok"}': 2,
    'deployer_breaker_state{state="closed"}': 1,
    deployer_dokploy_up: 1,
  }
  const open = [
    'queued', 'running', 'rolling_back', 'deleting', 'stopping', 'starting', 'restarting',
    'rotating', 'redeploying', 'falling_asleep', 'waking', 'restoring',
  ]
  for (const state of open) expected[`deployer_operations{state="${state}"}`] = 0
  for (const [series, count] of Object.entries(expected)) assert.equal(value(series), count, series)
  assert.ok(value('deployer_dokploy_request_duration_seconds_sum{call="project.create"}') > 0)
  assert.ok(value('process_resident_memory_bytes') > 1e6)
})

test('the buckets of histograms grow up to the count', () => {
  const pattern = new RegExp('^deployer_http_request_duration_seconds_bucket'
    + '\\{method="POST",route="/api/deploy",le="([^"]+)"\\} (\\d+)$', 'gm')
  const buckets = [...text.matchAll(pattern)].map(([, le, count]) => [le, Number(count)])
  assert.equal(buckets.length, 18)
  const counts = buckets.map(([, count]) => count)
  assert.deepEqual(counts, [...counts].sort((a, b) => a - b))
  assert.deepEqual(buckets.at(-1), ['+Inf', 2])
})

test('no name, key or address of anyone is in it', () => {
  assert.doesNotMatch(text, /counted|own_|Bearer|127\.0\.0\.1/)
})

test('clients behind a proxy must be the admin', async () => {
  const headers = { 'x-forwarded-for': '203.0.113.7' }
  assert.equal((await portal.api('/metrics', { headers })).status, 401)
  assert.equal((await portal.api('/metrics', { headers, key: 'wrong' })).status, 401)
  const admin = await portal.api('/metrics', { headers, key: ADMIN })
  assert.equal(admin.status, 200)
  assert.match(admin.headers['content-type'], /^text\/plain; version=0\.0\.4/)
})

test('the alerts are valid, and their own tests pass', { skip }, () => {
  tool(['check', 'rules', 'ops/alerts.yml'])
  tool(['test', 'rules', 'ops/alerts_test.yml'])
})

const metricsIn = (expression) =>
  [...expression.matchAll(/\b((?:deployer|process)_[a-z_]+)\b/g)].map(([, name]) => name)
// The doctor's own appear after its first checks; doctor.test.mjs sees that they do.
const laterMetrics = new Set([...read('scripts/lib/doctor/schedule.lua')
  .matchAll(/"(deployer_\w+)"/g)].map(([, name]) => name))
const exists = (name) => families.has(name) || laterMetrics.has(name)
  || families.has(name.replace(/_(bucket|sum|count)$/, ''))

test('alerts and dashboard use only metrics that exist', () => {
  const rules = read('ops/alerts.yml').matchAll(/expr:([\s\S]*?)\n {8}(?:for|labels):/g)
  const expressions = [...rules].map(([, expression]) => expression)
  assert.ok(expressions.length >= 11)
  const { panels, templating } = JSON.parse(read('ops/dashboard.json'))
  const targets = panels.flatMap((panel) => panel.targets.map(({ expr }) => expr))
  assert.ok(targets.length > 20)
  const queries = templating.list.map(({ query }) => query.query ?? '')
  for (const expression of [...expressions, ...targets, ...queries]) {
    for (const name of metricsIn(expression)) assert.ok(exists(name), `${name}: ${expression}`)
  }
})

test("the dashboard's expressions are valid, and its panels do not overlap", { skip }, () => {
  const { panels } = JSON.parse(read('ops/dashboard.json'))
  const rules = panels.flatMap(({ targets }) => targets)
    .map(({ expr }, i) => `  - { record: "a:b${i}", expr: ${JSON.stringify(expr)} }\n`)
  const file = join(temporary('dashboard'), 'rules.yml')
  writeFileSync(file, `groups:\n- name: dashboard\n  rules:\n${rules.join('')}`)
  tool(['check', 'rules', file])
  const cells = new Set()
  for (const { title, gridPos: { x, y, w, h } } of panels) {
    for (let i = 0; i < w * h; i++) {
      const cell = `${x + (i % w)},${y + Math.floor(i / w)}`
      assert.ok(!cells.has(cell), `${title} overlaps another panel`)
      cells.add(cell)
    }
  }
})
