// Checks with OpenCode itself that the models of the table are offered without a key and that it
// accepts the configuration. MODELS=live fetches the vendor's current list; otherwise OpenCode's
// built-in list is used.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import Ajv from 'ajv'
import { request } from '../http/client.mjs'
import { folder, jsonc, models, noOpencode, opencode, render, run, stack, table,
  until } from './parts.mjs'

const live = process.env.MODELS === 'live'
const password = 'a password for this test'
const authorization = `Basic ${Buffer.from(`opencode:${password}`).toString('base64')}`
const environment = (home, more) => ({
  PATH: process.env.PATH, HOME: home, XDG_CACHE_HOME: path.join(home, 'cache'),
  OPENCODE_DISABLE_AUTOUPDATE: '1',
  ...(live ? {} : { OPENCODE_DISABLE_MODELS_FETCH: '1' }), ...more,
})

test('every model of the table is offered without a key', { skip: noOpencode }, (t) => {
  const { out, err } = run(opencode, ['models', 'opencode'],
    { env: environment(folder(t, 'models')), cwd: '/' })
  const offered = out.trim().split('\n')
  assert.ok(offered.length > 1, `OpenCode lists no models: ${err}`)
  const missing = models.filter((model) => !offered.includes(model))
  assert.deepEqual(missing, [], `OpenCode offers without a key: ${offered.join(' ')}`)
})

test('the previous models are no longer offered, as the table says',
  { skip: noOpencode || live }, (t) => {
  const { out } = run(opencode, ['models', 'opencode'],
    { env: environment(folder(t, 'models')), cwd: '/' })
  const offered = out.split('\n')
  for (const { role, before } of table.roles) {
    assert.ok(!offered.includes(before), `${role}: ${before} is offered again`)
  }
})

async function serve(t, config) {
  const home = folder(t, 'serve')
  writeFileSync(path.join(home, 'opencode.json'), JSON.stringify(config))
  const env = environment(home, { OPENCODE_CONFIG: path.join(home, 'opencode.json'),
    OPENCODE_SERVER_PASSWORD: password })
  const child = spawn(opencode, ['serve', '--hostname', '127.0.0.1', '--port', '0'],
    { env, cwd: home, stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => { said += bytes })
  const url = await until('OpenCode listens', 30, () => said.match(/listening on (http:\S+)/)?.[1])
  const get = async (place, timeout) => {
    try {
      const { status, json } = await request(url + place, { headers: { authorization }, timeout })
      return status === 200 ? json : undefined
    } catch { return undefined } // the first requests may never be answered
  }
  return (place, timeout = 3000) => until(`${place} answers`, 90, () => get(place, timeout))
}

test("both variants of opencode.json fit OpenCode's schema, and the native agents exist",
  { skip: noOpencode }, async (t) => {
  const get = await serve(t, render('opencode', 0))
  const { components } = await get('/doc', 30000)
  const validate = new Ajv({ strict: false, logger: false })
    .compile({ $ref: '#/components/schemas/Config', components })
  for (const [what, config] of [['native', render('opencode', 0)],
    ['plugin', render('opencode', 1)],
    ['permissions', jsonc(readFileSync(path.join(stack, 'config/opencode.jsonc'), 'utf8'))]]) {
    assert.ok(validate(config), `${what}: ${JSON.stringify(validate.errors)}`)
    assert.ok(!validate({ ...config, modle: 'x' }), `${what}: an unknown key is accepted`)
  }
  const agents = await get('/agent', 15000)
  for (const [name, { model }] of Object.entries(render('opencode', 0).agent)) {
    const agent = agents.find((one) => one.name === name)
    assert.ok(agent, `${name} is not an agent`)
    assert.equal(`${agent.model.providerID}/${agent.model.modelID}`, model)
  }
})
