// Secrets. Every secret of a portal in production is a canary: after everything that can be done
// with them, none is in a log, in the journal, on the disk, in an event, a metric or the audit log,
// in an answer to anyone but its owner, nor in what the system shows of the process. And tokens in
// files are replaced while the portal runs.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dokployEnv, temporary, useWorld, withPortal } from './harness.mjs'

const secrets = {
  dokploy: 'canary-dokploy-7c41', admin: 'canary-admin-90ab-long-enough',
  registry: 'canary-registry-55de',
}
const folder = temporary('secrets')
const file = (name) => join(folder, name)
const writeSecret = (name, text) => writeFileSync(file(name), `${text}\n`, { mode: 0o600 })
for (const name of ['dokploy', 'registry']) writeSecret(name, secrets[name])

const { DOKPLOY_API_TOKEN, ...fromFiles } = dokployEnv({})
const { portal, rehearsal } = useWorld({
  speed: 1000,
  env: (double) => ({
    ...fromFiles, DOKPLOY_URL: double.url, STACK_CONNECT_TO: `127.0.0.1:${double.port}`,
    NODE_ENV: 'production', ACCESS: 'invite', TRUSTED_PROXIES: '127.0.0.1', LOG_LEVEL: 'debug',
    DOKPLOY_API_TOKEN_FILE: file('dokploy'), ADMIN_TOKEN: secrets.admin,
    STACK_REGISTRY_USERNAME: 'puller', STACK_REGISTRY_PASSWORD_FILE: file('registry'),
  }),
})

const toOthers = [] // answers to others than the owner: [path, text]
const streams = [] // events of all operations
let requests = 0 // each from a client of its own: this is not about limits
const client = () => ({ 'x-forwarded-for': `203.0.113.${requests++ % 250}` })
async function ask(path, options = {}) {
  const headers = { ...client(), ...options.headers }
  const answer = await portal.api(path, { ...options, headers })
  toOthers.push([path, answer.text + JSON.stringify(answer.headers)])
  return answer
}
const post = (path, json, key) => portal.post(path, json, { key, headers: client() })
const deploy = (name) => post('/api/deploy', { name, invite: secrets.invite })
async function finish(answer, event, options) {
  const finished = await portal.finish(answer, event, options)
  streams.push(finished.events)
  return finished
}

function filesBelow(path) {
  return readdirSync(path, { recursive: true }).map((name) => join(path, name))
    .filter((name) => statSync(name).isFile())
}

test('in production, with an address and a token, the portal does its job', async () => {
  secrets.invite = (await post('/api/invites', { uses: 50 }, secrets.admin)).json.code
  const deployed = await deploy('canary')
  const { last, key } = await finish(deployed, 'ready')
  assert.equal(last.data.url, 'http://canary.localhost')
  const { password } = (await portal.stack('canary', { key })).json
  assert.equal((await rehearsal.stack('canary', '/path', { password })).status, 200)
  Object.assign(secrets, { key, first: password, statusUrl: deployed.json.statusUrl })
})

test('new passwords, tokens, links and keys', async () => {
  const { key } = secrets
  await finish(await post('/api/stack/canary/password', { action: 'rotate' }, key), 'ready')
  const revealed = await portal.reveal('canary', { key, headers: client() })
  const made = await post('/api/tokens', { label: 'ci', scopes: 'read delete' }, secrets.admin)
  const link = (await post('/api/owner/link', undefined, key)).json.link.slice('/move#'.length)
  await portal.api('/move')
  const moved = (await post('/api/owner/move', { link })).json.ownerKey
  const rotated = (await post('/api/owner/rotate', undefined, key)).json.ownerKey
  const { csrf } = (await portal.api('/api/owner', { key: rotated })).json
  Object.assign(secrets, {
    second: revealed.json.password, token: made.json.token, link, moved, rotated, csrf,
  })
})

test('failures, wrong credentials, and a Dokploy that repeats secrets', async () => {
  for (const [name, secret] of Object.entries(secrets)) {
    if (name === 'statusUrl') continue
    await ask('/api/stacks', { key: `${secret}x` })
    const json = { name: 'other', invite: `${secret}x` }
    await ask('/api/deploy', { method: 'POST', json })
    await ask('/api/stack/canary', { headers: { cookie: `__Host-owner=${secret}x` } })
  }
  const aloud = `key ${secrets.dokploy}, login ${secrets.registry}, `
    + `OPENCODE_SERVER_PASSWORD="${secrets.first}", https://x:${secrets.admin}@y`
  const inSettings = JSON.stringify({ message: 'OPENCODE_SERVER_PASSWORD=canary-said-31' })
  const message = JSON.stringify({ message: aloud, code: 'INTERNAL_SERVER_ERROR' })
  const refuse = (name, at, status, body) => ({ at, kind: 'status', status, body, times: 0, name })
  await rehearsal.faults([
    refuse('unlucky', 'application.create', 500),
    { at: 'deploy', kind: 'registry_login', name: 'unpulled' },
    { at: 'deploy', kind: 'deploy_error', body: `Error: ${aloud}`, name: 'blabber' },
    refuse('blabbed', 'application.update', 500, message),
    refuse('zita', 'application.saveEnvironment', 400, inSettings),
    refuse('zina', 'application.saveDockerProvider', 400, inSettings),
  ])
  const ends = {}
  const failing = ['unlucky', 'unpulled', 'blabber', 'blabbed', 'zita', 'zina']
  await Promise.all(failing.map(async (name) => {
    const answer = await deploy(name)
    for (const language of ['en', 'ar']) {
      ends[name] = (await finish(answer, 'failed', { language })).last.data
      await ask(`/deployment/${answer.json.deploymentId}?lang=${language}`)
    }
    await ask(answer.json.statusUrl, { headers: { accept: 'application/json' } })
  }))
  await rehearsal.forgetFaults()
  assert.match(JSON.stringify(ends.blabber.lastLog), /login \*\*\*/, 'shown without the secrets')
  assert.match(ends.blabbed.lastAnswer.message, /login \*\*\*/)
  assert.deepEqual([ends.zita.code, ends.zina.code], ['dokploy_error', 'dokploy_error'])
  const isZita = ({ event, state, name }) =>
    event === 'operation.ended' && state === 'failed' && name === 'zita'
  assert.match(portal.log.find(isZita).message, /may hold secrets/)
  secrets.inSettings = 'canary-said-31'
})

test('no secret gets out', async () => {
  const { statusUrl, ...canaries } = secrets
  const open = ['/health', '/ready', '/metrics', '/api/check/canary', '/api/openapi.json', '/']
  for (const path of [...open, '/api/owner']) await ask(path)
  await ask(statusUrl, { headers: { accept: 'application/json' } })
  const api = ['stacks', 'stack/canary', 'invites', 'tokens', 'audit?limit=200']
  const pages = [
    '', '/stacks', '/stacks/canary', '/operations', '/queue', '/leftovers', '/findings', '/audit',
    '/access',
  ]
  const ofAdmin = [...api.map((path) => `/api/${path}`), ...pages.map((path) => `/admin${path}`)]
  for (const path of [...ofAdmin, '/metrics']) {
    assert.equal((await ask(path, { key: secrets.admin })).status, 200, path)
  }
  const texts = { log: portal.lines.join('\n'), events: JSON.stringify(streams) }
  for (const [path, text] of toOthers) texts[path] = (texts[path] ?? '') + text
  for (const path of filesBelow(portal.env.DATA_DIR)) {
    texts[path] = readFileSync(path, 'latin1')
    assert.equal(statSync(path).mode & 0o077, 0, `${path} is readable by others`)
  }
  for (const name of ['environ', 'cmdline', 'status']) {
    const path = `/proc/${portal.child.pid}/${name}`
    try { texts[path] = readFileSync(path, 'latin1') } catch { /* not readable, as it should be */ }
  }
  const found = []
  for (const [name, secret] of Object.entries(canaries)) {
    assert.ok(secret?.length > 10, `${name} is missing`)
    for (const [where, text] of Object.entries(texts)) {
      if (text.includes(secret)) found.push(`${name} in ${where}`)
    }
  }
  assert.deepEqual(found, [])
})

test('a deployment that runs while the token is replaced loses nothing', async () => {
  const since = portal.log.length
  const answer = await deploy('xena')
  const { statusUrl } = answer.json
  await portal.follow(statusUrl, { until: ({ data }) => data.step === 'application' })
  writeSecret('dokploy', 'wrong') // the old one is void, the new one not here yet
  const isRefused = ({ event, status }) => event === 'dokploy.call_failed' && status === 401
  await portal.logged(isRefused, 'the refusal', { from: since })
  writeSecret('dokploy', `${secrets.dokploy}-1`)
  await finish(answer, 'ready')
  const { projects } = await rehearsal.state()
  assert.equal(projects.filter((it) => JSON.stringify(it).includes('xena')).length, 1)
})

test('a token that is replaced in its file is used without a restart', async () => {
  writeSecret('dokploy', 'wrong')
  const { last } = await finish(await deploy('yara'), 'failed')
  assert.equal(last.data.code, 'dokploy_refused')
  writeSecret('dokploy', `${secrets.dokploy}-2`)
  await finish(await deploy('yara'), 'ready')
  assert.ok(!portal.lines.join('\n').includes(secrets.dokploy))
})

test('production is closed unless configured otherwise, and /health says how to open it',
  withPortal(() => ({
    rehearsal, env: { ...dokployEnv(rehearsal), NODE_ENV: 'production' },
  }), async (closed) => {
    const { status, json } = await closed.deploy('anna')
    assert.deepEqual([status, json.code], [403, 'invite_needed'])
    assert.match(JSON.stringify((await closed.api('/health')).json), /ACCESS=open/)
  }))
