// The programs for operators, against the double of Dokploy: bootstrap, rollout, rollback. (The doctor's tests: doctor.test.mjs.)
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { request, startRehearsal } from '../http/harness.mjs'
import { commands } from './parts.mjs'

let rehearsal, command
before(async () => {
  rehearsal = await startRehearsal()
  command = commands(rehearsal)
})
after(() => rehearsal?.stop())

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
  assert.match(again.out, /environment +unchanged/)
  const now = await state()
  for (const kind of ['projects', 'applications', 'domains', 'mounts', 'deployments']) assert.equal(now[kind].length, before[kind].length, kind)
})

test('bootstrap mends what is missing, after an answer that never came', async () => {
  await fault({ at: 'project.create', kind: 'lost' })
  await fault({ at: 'application.create', kind: 'status', status: 500 })
  const broken = await bootstrap('two', 'portal:1')
  assert.equal(broken.status, 1)
  assert.match(broken.out, /ok +project +created[\s\S]*fail +application/)
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
  ['is not there', 'portal-missing:3', /fail +rollout +Dokploy reports error: .*manifest unknown/],
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

test('where Docker went back by itself, what answers is what a rollout goes back to', async () => {
  assert.equal((await bootstrap('six', 'portal:1')).status, 0)
  assert.equal((await rollout('six', 'portal:2')).status, 0)
  const { applications } = await state()
  const { applicationId } = applications.find(({ dockerImage, appName }) => dockerImage === 'portal:2' && appName.startsWith('deployer-six'))
  const update = await request(`${rehearsal.url}/api/application.update`,
    { method: 'POST', json: { applicationId, dockerImage: 'portal:1' }, headers: { 'x-api-key': 'rehearsal' } })
  assert.equal(update.status, 200, update.text)
  const { status, out } = await rollout('six', 'portal-never-ready:3')
  assert.equal(status, 1)
  assert.match(out, /in force: 2$[\s\S]*ok +rollback +2 is in force again/m)
  assert.equal(await ready('six'), '2')
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
