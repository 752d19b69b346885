// What a template asks for beside the name: by the API, by the page's form, in the container, and
// nowhere else when it is a secret.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { findings, removeByHand } from './drift.mjs'
import { LANGUAGES, inWorld, until, useWorld } from './harness.mjs'

const SECRET = 'sk-very-secret-4711'
const templates = `return {
  { id = "default" },
  { id = "project", memory = "3 GiB", cpus = 0.5,
    title = { en = "Project", nl = "Project", ar = "مشروع" },
    env = { TEAM = "blue" },
    parameters = {
      { id = "repository", required = true, pattern = "^https://", variable = "GIT_URL",
        title = { en = "Git repository", nl = "Git-repository", ar = "مستودع Git" },
        help = { en = "It is cloned.", nl = "Die wordt gekloond.", ar = "سيُستنسخ." } },
      { id = "size", kind = "choice", choices = { "small", "large" }, default = "small" },
      { id = "seats", kind = "number", min = 1, max = 9, variable = "SEATS" },
      { id = "shared", kind = "flag", default = true, variable = "SHARED" },
      { id = "model_key", kind = "secret", variable = "MODEL_KEY" },
    } },
}
`
const edits = { 'scripts/policy/templates.lua': () => templates }
const url = 'https://git.example.com/x.git'
const { portal, rehearsal } = useWorld({ edits })
const deploy = (name, parameters, options) =>
  portal.post('/api/deploy', { name, template: 'project', parameters }, options)

async function environmentOf(world, name) {
  const [{ thing }] = (await world.holds(name)).filter(({ kind }) => kind === 'applications')
  const { applicationId } = thing
  return (await world.dokploy('application.one', { applicationId })).env
}

test('they reach the container, typed and with their defaults', async () => {
  const given = { repository: url, seats: 3, model_key: SECRET }
  await portal.finish(await deploy('painter', given), 'ready')
  const environment = await environmentOf(rehearsal, 'painter')
  for (const line of [`GIT_URL='${url}'`, "SEATS='3'", "SHARED='true'", "TEAM='blue'",
    `MODEL_KEY='${SECRET}'`]) {
    assert.ok(environment.split('\n').includes(line), `${line}\n${environment}`)
  }
})

test('a value that does not fit is 422 with its field', async () => {
  const cases = [
    [{}, 'field_missing', 'parameters.repository'],
    [{ repository: 'git://x' }, 'value_invalid', 'parameters.repository'],
    [{ repository: 7 }, 'value_invalid', 'parameters.repository'],
    [{ repository: url, size: 'huge' }, 'value_invalid', 'parameters.size'],
    [{ repository: url, seats: 10 }, 'value_invalid', 'parameters.seats'],
    [{ repository: url, shared: 'yes' }, 'value_invalid', 'parameters.shared'],
    [{ repository: url, colour: 'red' }, 'field_unknown', 'parameters.colour'],
    ['red', 'field_type', 'parameters'],
  ]
  for (const [given, code, field] of cases) {
    for (const language of LANGUAGES) {
      const { status, json } = await deploy('refused', given, { language })
      assert.deepEqual([status, json.code, json.field], [422, code, field], JSON.stringify(json))
    }
  }
  const { json } = await portal.post('/api/deploy', { name: 'plain', parameters: { size: 'x' } })
  assert.deepEqual([json.code, json.field], ['field_unknown', 'parameters.size'])
})

test('an Idempotency-Key stands for them, too', async () => {
  const headers = { 'idempotency-key': 'the-same-attempt'.repeat(3) }
  const first = await deploy('once', { repository: url, seats: 2 }, { headers })
  const same = await deploy('once', { seats: 2, repository: url }, { headers })
  assert.equal(same.json.deploymentId, first.json.deploymentId)
  const other = await deploy('once', { repository: url, seats: 4 }, { headers })
  assert.equal(other.json.code, 'idempotency_conflict')
  await portal.finish(first, 'ready')
})

test('the page has fields for them in each language, and its form needs no script', async () => {
  const labels = { en: 'Git repository', nl: 'Git-repository', ar: 'مستودع Git' }
  let page
  for (const language of ['nl', 'ar', 'en']) {
    page = (await portal.api('/', { language, headers: { accept: 'text/html' } })).text
    assert.ok(page.includes(labels[language]), language)
  }
  assert.match(page, /<select [^>]*name="parameters\.project\.size"/)
  assert.match(page, /<input [^>]*name="parameters\.project\.model_key"[^>]*type="password"/)
  const [, csrf] = page.match(/name="csrf" value="([^"]+)"/)
  const body = new URLSearchParams({
    csrf, name: 'by-form', template: 'project', 'parameters.project.repository': url,
    'parameters.project.seats': '2', 'parameters.project.model_key': '',
  })
  const form = { method: 'POST', body: String(body), headers: {
    'content-type': 'application/x-www-form-urlencoded', accept: 'text/html',
    origin: portal.url,
  } }
  const answer = await portal.api('/api/deploy', form)
  assert.equal(answer.status, 303, answer.text)
  const id = answer.headers.location.split('/').pop()
  await portal.follow(`/api/status/${id}`)
  const environment = await environmentOf(rehearsal, 'by-form')
  assert.match(environment, /^SEATS='2'$/m)
  assert.match(environment, /^SHARED='false'$/m, 'a box that is not ticked')
  assert.doesNotMatch(environment, /MODEL_KEY/)
})

test('the OpenAPI document describes them', async () => {
  const { json } = await portal.api('/api/openapi.json')
  const { parameters } = json.components.schemas.Deploy.properties
  assert.deepEqual(Object.keys(parameters.properties).sort(),
    ['model_key', 'repository', 'seats', 'shared', 'size'])
  assert.deepEqual(parameters.properties.size.enum, ['small', 'large'])
  assert.equal(parameters.properties.model_key.writeOnly, true)
})

describe('a secret', () => {
  test('is in no file of the portal and in no log', inWorld({ edits }, async (world) => {
    const given = { repository: url, model_key: SECRET }
    const json = { name: 'quiet', template: 'project', parameters: given }
    await world.portal.finish(await world.portal.post('/api/deploy', json), 'ready')
    assert.match(await environmentOf(world.rehearsal, 'quiet'), new RegExp(SECRET))
    await world.portal.stop()
    const folder = world.portal.env.DATA_DIR
    for (const name of readdirSync(folder, { recursive: true })) {
      let bytes
      try { bytes = readFileSync(join(folder, name)) } catch { continue } // a folder
      assert.ok(!bytes.includes(SECRET), name)
    }
    assert.ok(!world.portal.lines.some((line) => line.includes(SECRET)))
    await world.portal.restart()
  }))

  test('is masked if Dokploy repeats it, after a crash too', inWorld({ edits }, async (world) => {
    const repeated = (name) => ({ name, body: `the key ${SECRET} is invalid` })
    const body = JSON.stringify({ message: `the key ${SECRET} is invalid` })
    await world.rehearsal.faults([
      { at: 'deploy', kind: 'deploy_error', ...repeated('in-log') },
      { at: 'deploy', kind: 'deploy_error', ...repeated('resumed') },
      { at: 'application.deploy', kind: 'status', status: 400, body, name: 'in-answer', times: 0 },
      { at: 'deployment.all', kind: 'latency', name: 'resumed' },
    ])
    const ask = (name) => world.portal.post('/api/deploy', {
      name, template: 'project', parameters: { repository: url, model_key: SECRET },
    })
    const inLog = await world.portal.finish(await ask('in-log'), 'failed')
    assert.match(inLog.last.data.lastLog.join(), /the key \*\*\* is invalid/)
    const inAnswer = await world.portal.finish(await ask('in-answer'), 'failed')
    assert.match(inAnswer.last.data.lastAnswer.message, /^the key \*\*\* is invalid$/)
    const answer = await ask('resumed')
    await until(async () => (await world.rehearsal.faults()).some(({ at, hits }) =>
      at === 'deployment.all' && hits > 0), 'it looks for the deployment')
    await world.portal.kill9()
    await world.portal.restart()
    const resumed = await world.portal.finish(answer, 'failed')
    assert.match(resumed.last.data.lastLog.join(), /the key \*\*\* is invalid/)
    const streams = JSON.stringify([inLog, inAnswer, resumed])
    assert.ok(!streams.includes(SECRET) && !world.portal.lines.join('').includes(SECRET))
  }))

  test('is not there any more when a vanished workspace is rebuilt, which says so',
    inWorld({ edits }, async (world) => {
      const given = { repository: url, model_key: SECRET }
      const json = { name: 'again', template: 'project', parameters: given }
      await world.portal.finish(await world.portal.post('/api/deploy', json), 'ready')
      await removeByHand(world.rehearsal, 'again')
      const drift = findings(world.portal)
      const { findings: [finding] } = await drift.look()
      const { last } = await world.portal.finish(await drift.act(finding, 'repair'), 'ready')
      assert.match(last.data.warning, /without the secrets/)
      const environment = await environmentOf(world.rehearsal, 'again')
      assert.match(environment, /^GIT_URL=/m)
      assert.doesNotMatch(environment, /MODEL_KEY/)
    }))

  test('that a crash loses before it reached Dokploy fails the deployment cleanly',
    inWorld({ edits }, async (world) => {
      await world.rehearsal.hold('project.create')
      const given = { repository: url, model_key: SECRET }
      const json = { name: 'lost', template: 'project', parameters: given }
      const answer = await world.portal.post('/api/deploy', json)
      await until(async () => (await world.rehearsal.hits()) > 0, 'the project is being made')
      await world.portal.kill9()
      await world.rehearsal.forgetFaults()
      await world.portal.restart()
      const { last } = await world.portal.finish(answer, 'failed')
      assert.deepEqual([last.data.code, last.data.rolledBack], ['secrets_lost', true])
      assert.match(last.data.detail, /it keeps none/)
      await world.rehearsal.holdsNothing('lost')
      assert.equal((await world.portal.check('lost')).json.available, true)
    }))
})
