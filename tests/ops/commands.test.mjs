// The programs for operators, against the double of Dokploy: bootstrap, rollout, rollback, doctor.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { DEPLOYER, UNKNOWN_PORT, request, startRehearsal, temporary } from '../http/harness.mjs'

let rehearsal
before(async () => { rehearsal = await startRehearsal() })
after(() => rehearsal?.stop())

// Runs one; { status, out, err }. The double plays Dokploy, by the address of a real one.
function command(args, env = {}) {
  return new Promise((resolve) => {
    const child = spawn(DEPLOYER, args, {
      env: {
        PATH: process.env.PATH, DOKPLOY_URL: rehearsal.url, DOKPLOY_API_TOKEN: 'rehearsal', STACK_DOMAIN_SUFFIX: 'ai.test', STACK_SCHEME: 'http',
        STACK_CONNECT_TO: `127.0.0.1:${rehearsal.port}`, STACK_IMAGE: 'ai-stack:1', DATA_DIR: temporary('command'), ...env,
      },
    })
    let out = '', err = ''
    child.stdout.on('data', (bytes) => { out += bytes })
    child.stderr.on('data', (bytes) => { err += bytes })
    child.on('close', (status) => resolve({ status, out, err, all: out + err }))
  })
}
const way = (name) => ['--url', `http://${name}.test`, '--connect-to', `127.0.0.1:${rehearsal.port}`, '--name', name, '--seconds', '10']
const bootstrap = (name, image, ...more) => command(['bootstrap', '--image', image, '--domain', `${name}.test`, '--http', ...way(name), ...more])
const rollout = (name, image, ...more) => command(['rollout', '--image', image, ...way(name), ...more])
const state = async () => (await request(`${rehearsal.url}/__rehearsal/state`)).json
const ready = async (name) => (await request(`${rehearsal.url}/ready`, { headers: { host: `${name}.test` } })).json?.release
const fault = (rule) => request(`${rehearsal.url}/__rehearsal/faults`, { method: 'POST', json: rule })

test('bootstrap makes the portal\'s place once, and starts it; again, it changes nothing', async () => {
  const first = await bootstrap('one', 'portal:1', '--env', 'ACCESS=open')
  assert.equal(first.status, 0, first.all)
  assert.equal(await ready('one'), '1')
  const before = await state()
  const again = await bootstrap('one', 'portal:1', '--env', 'ACCESS=open')
  assert.equal(again.status, 0, again.all)
  assert.match(again.out, /environment +is as it should be/)
  const now = await state()
  for (const kind of ['projects', 'applications', 'domains', 'mounts', 'deployments']) assert.equal(now[kind].length, before[kind].length, kind)
})

test('bootstrap mends what is missing, after an answer that never came', async () => {
  await fault({ at: 'project.create', kind: 'lost' })
  await fault({ at: 'application.create', kind: 'status', status: 500 })
  const broken = await bootstrap('two', 'portal:1')
  assert.equal(broken.status, 1)
  assert.match(broken.out, /ok +project +made[\s\S]*fail +application/)
  const whole = await bootstrap('two', 'portal:1')
  assert.equal(whole.status, 0, whole.all)
  const { projects } = await state()
  assert.equal(projects.filter(({ description }) => description === 'ai-stack-deployer portal=two').length, 1)
})

test('the secrets it puts into the environment are not printed', async () => {
  const { status, all } = await command(['bootstrap', '--image', 'portal:1', '--domain', 'three.test', '--http', '--no-start', '--name', 'three'],
    { ADMIN_TOKEN: 'a-canary-of-an-admin-token' })
  assert.equal(status, 0, all)
  assert.doesNotMatch(all, /canary/)
})

test('it passes on every variable that config.lua reads, but those of the image and of the rehearsal', () => {
  const read = (name) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8')
  const names = new Set([...read('config.lua').matchAll(/\b(?:env|secret) "([A-Z_]+)"/g)].map(([, name]) => name))
  for (const name of ['NAME', 'APP_ENV', 'DATA_DIR', 'HOST', 'PORT', 'RELEASE']) names.delete(name)
  const known = read('scripts/commands/bootstrap.lua')
  for (const name of names) if (!name.startsWith('REHEARSAL_')) assert.match(known, new RegExp(`\\b${name}\\b`), `${name} is not passed on`)
})

test('a rollout waits for the new release; a rollback brings the one before back', async () => {
  assert.equal((await bootstrap('four', 'portal:1')).status, 0)
  const next = await rollout('four', 'portal:2')
  assert.equal(next.status, 0, next.all)
  assert.equal(await ready('four'), '2')
  const { status, all } = await command(['rollback', ...way('four')])
  assert.equal(status, 0, all)
  assert.equal(await ready('four'), '1')
  assert.match((await command(['rollback', '--list', '--name', 'four'])).out, /^\* 1 +portal:1\n {2}2 +portal:2\n$/)
})

for (const [what, image, told] of [
  ['never becomes ready', 'portal-never-ready:3', /fail +rollout +3 was not ready in 10 s; last seen: status 502/],
  ['is not there', 'portal-missing:3', /fail +rollout +Dokploy says error: .*manifest unknown/],
  ['ends at once', 'portal-crash:3', /fail +rollout +3 was not ready in 10 s/],
])
  test(`a release that ${what} is taken back by itself`, async () => {
    const name = image.match(/-(\w+)/)[1]
    assert.equal((await bootstrap(name, 'portal:1')).status, 0)
    const { status, out } = await rollout(name, image)
    assert.equal(status, 1)
    assert.match(out, told)
    assert.match(out, /ok +rollback +1 is in force again/)
    assert.equal(await ready(name), '1')
    assert.doesNotMatch((await command(['rollback', '--list', '--name', name])).out, /:3/, 'what failed counts as good')
  })

test('an outage of Dokploy in the middle of a rollout is waited out', async () => {
  assert.equal((await bootstrap('five', 'portal:1')).status, 0)
  await fault({ at: 'application.update', kind: 'status', status: 503, times: 2 })
  const { status, all } = await rollout('five', 'portal:2', '--seconds', '20')
  assert.equal(status, 0, all)
})

test('what is asked for wrongly is answered with how to ask', async () => {
  for (const args of [['rollout'], ['rollout', '--imgae', 'x'], ['bootstrap', '--image', 'x:1'], ['rollout', '--image', 'x@sha256:0'], ['doctor', '--what']])
    assert.equal((await command(args)).status, 2, args.join(' '))
  assert.match((await command(['rollout', '--image', 'x:1', '--name', 'nobody'])).out, /there is no portal named nobody[\s\S]*-> deployer bootstrap/)
  assert.match((await command(['nothing'])).err, /no such command/)
})

test('doctor finds everything in order, and says what is worth a look', async () => {
  const { status, out } = await command(['doctor'], { ADMIN_TOKEN: 'x'.repeat(40) })
  assert.equal(status, 0, out)
  for (const what of ['dokploy', 'token', 'version', 'rights', 'clock', 'network', 'dns']) assert.match(out, new RegExp(`^ok +${what} `, 'm'))
  assert.match(out, /^warn +concurrency .*one deployment at a time\b.*\n +-> /m)
  assert.equal((await command(['doctor', '--strict'])).status, 1)
})

test('doctor tells what fails apart, each with its cure', async () => {
  const wrong = await command(['doctor'], { DOKPLOY_API_TOKEN: 'wrong' })
  assert.equal(wrong.status, 1)
  assert.match(wrong.out, /fail +token +Dokploy refuses it\n +-> make a new key/)
  const away = await command(['doctor'], { DOKPLOY_URL: `http://127.0.0.1:${UNKNOWN_PORT}` })
  assert.match(away.out, /fail +dokploy .*\n +-> is DOKPLOY_URL right/)
  const nowhere = await command(['doctor'], { STACK_CONNECT_TO: `127.0.0.1:${UNKNOWN_PORT}` })
  assert.match(nowhere.out, /fail +dns .*\n +-> .*STACK_CONNECT_TO/)
  const registry = await command(['doctor'], { STACK_IMAGE: `127.0.0.1:${UNKNOWN_PORT}/ai-stack:1` })
  assert.match(registry.out, /warn +image +the registry .* does not answer/)
  assert.doesNotMatch(wrong.all + away.all, /x-api-key|wrong-token/)
})

test('a token of somebody with few rights is told', async () => {
  await fault({ at: 'user.get', kind: 'wrong_json', times: 0 })
  const { out } = await command(['doctor'])
  assert.match(out, /^(warn|fail) +rights /m)
  await request(`${rehearsal.url}/__rehearsal/faults`, { method: 'DELETE' })
})
