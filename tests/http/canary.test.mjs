// A canary in every secret there is; after all has been done that can be done with them, none has sung: not in a log, in the journal, on the
// disk, in an event, in a number, in the trail, in an answer to anybody but its owner, nor in what the system shows of the process.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startPortal, startRehearsal, temporary } from './harness.mjs'

const secrets = { dokploy: 'canary-dokploy-7c41', admin: 'canary-admin-90ab-long-enough', registry: 'canary-registry-55de' }
let rehearsal, portal
before(async () => {
  rehearsal = await startRehearsal()
  const folder = temporary('secrets')
  const file = (name) => {
    writeFileSync(join(folder, name), `${secrets[name]}\n`, { mode: 0o600 })
    return join(folder, name)
  }
  portal = await startPortal({
    rehearsal,
    env: {
      NODE_ENV: 'production', ACCESS: 'invite', TRUSTED_PROXIES: '127.0.0.1', LOG_LEVEL: 'debug', DOKPLOY_URL: rehearsal.url, DOKPLOY_API_TOKEN_FILE: file('dokploy'),
      ADMIN_TOKEN: secrets.admin, STACK_REGISTRY_USERNAME: 'puller', STACK_REGISTRY_PASSWORD_FILE: file('registry'), STACK_DOMAIN_SUFFIX: 'localhost',
      STACK_SCHEME: 'http', STACK_CONNECT_TO: `127.0.0.1:${rehearsal.port}`, STACK_IMAGE: 'ghcr.io/example/stack:1',
    },
  })
})
after(async () => {
  await portal.stop()
  await rehearsal.stop()
})

const answers = [] // what others than the owner were told
let asked = 0 // each request from a client of its own: limits are not what this is about
const client = () => ({ 'x-forwarded-for': `203.0.113.${asked++ % 250}` })
async function ask(path, options = {}) {
  const answer = await portal.api(path, { ...options, headers: { ...client(), ...options.headers } })
  answers.push({ path, text: answer.text + JSON.stringify(answer.headers) })
  return answer
}
const post = (path, json, key) => portal.api(path, { method: 'POST', json, key, headers: client() })

async function live() {
  const invite = (await post('/api/invites', { uses: 9 }, secrets.admin)).json
  const deployed = await post('/api/deploy', { name: 'canary', invite: invite.code })
  const key = deployed.json.ownerKey
  const told = [(await portal.follow(deployed.json.statusUrl)).events]
  assert.equal(told[0].at(-1).event, 'ready')
  const first = (await portal.stack('canary', { key })).json.password
  const rotation = await post('/api/stack/canary/password', { action: 'rotate' }, key)
  told.push((await portal.follow(rotation.json.statusUrl)).events)
  const second = (await post('/api/stack/canary/password', { action: 'reveal' }, key)).json.password
  const token = (await post('/api/tokens', { label: 'ci', scopes: 'read delete' }, secrets.admin)).json.token
  const link = (await post('/api/owner/link', undefined, key)).json.link.slice(6)
  await portal.api(`/move/${link}`)
  const moved = (await post('/api/owner/move', { link })).json.ownerKey
  const rotated = (await post('/api/owner/rotate', undefined, key)).json.ownerKey
  const csrf = (await portal.api('/api/owner', { key: rotated })).json.csrf
  Object.assign(secrets, { invite: invite.code, key, first, second, token, link, moved, rotated, csrf })
  return { told, url: deployed.json.statusUrl }
}

// Failures, wrong uses, a refused edit: where secrets get out is where something goes wrong.
async function suffer() {
  for (const secret of Object.values(secrets)) {
    await ask('/api/stacks', { key: `${secret}x` })
    await ask('/api/deploy', { method: 'POST', json: { name: 'other', invite: `${secret}x` } })
    await ask('/api/stack/canary', { headers: { cookie: `__Host-owner=${secret}x` } })
  }
  await rehearsal.faults([{ at: 'application.saveDockerProvider', kind: 'status', status: 500, times: 1, name: 'unlucky' }, { at: 'deploy', kind: 'registry_login', name: 'unlucky' }])
  const begun = await post('/api/deploy', { name: 'unlucky', invite: secrets.invite })
  const { events, last } = await portal.follow(begun.json.statusUrl)
  assert.equal(last.event, 'failed')
  return [events, await blab()]
}

// A Dokploy that says secrets aloud: in its log, in its answers, in the reason of a failure. What is told of the failure has none of them.
async function blab() {
  const aloud = `key ${secrets.dokploy}, login ${secrets.registry}, OPENCODE_SERVER_PASSWORD="${secrets.first}", https://x:${secrets.admin}@y`
  await rehearsal.faults([
    { at: 'deploy', kind: 'deploy_error', body: `Error: ${aloud}`, name: 'blabber' },
    { at: 'application.update', kind: 'status', status: 500, body: JSON.stringify({ message: aloud, code: 'INTERNAL_SERVER_ERROR' }), times: 0, name: 'blabbed' },
  ])
  const told = []
  for (const name of ['blabber', 'blabbed']) {
    const { json } = await post('/api/deploy', { name, invite: secrets.invite })
    for (const language of ['en', 'ar']) {
      const { events, last } = await portal.follow(json.statusUrl, { language })
      assert.equal(last.event, 'failed')
      told.push(events)
      await ask(`/deployment/${json.deploymentId}?lang=${language}`)
    }
    await ask(json.statusUrl, { headers: { accept: 'application/json' } })
  }
  assert.match(JSON.stringify(told[0].at(-1).data.lastLog), /login \*\*\*/, 'it was said, and is told without them')
  assert.match(told[2].at(-1).data.lastAnswer.message, /login \*\*\*/)
  return told
}

function filesBelow(folder) {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    return statSync(path).isDirectory() ? filesBelow(path) : [path]
  })
}

test('no secret gets out', async () => {
  const { told, url } = await live()
  told.push(await suffer())
  for (const path of ['/health', '/ready', '/api/check/canary', '/api/openapi.json', '/', '/api/owner', '/metrics']) await ask(path)
  await ask(url, { headers: { accept: 'application/json' } })
  for (const path of ['/api/stacks', '/api/stack/canary', '/api/invites', '/api/tokens', '/api/audit?limit=200', '/metrics']) {
    const { status } = await ask(path, { key: secrets.admin })
    assert.equal(status, 200, path)
  }
  for (const path of ['', '/stacks', '/stacks/canary', '/operations', '/queue', '/leftovers', '/findings', '/audit', '/access']) {
    const { status } = await ask(`/admin${path}`, { key: secrets.admin })
    assert.equal(status, 200, path)
  }
  const places = { log: portal.lines.join('\n'), events: JSON.stringify(told) }
  for (const { path, text } of answers) places[`answer of ${path}`] = (places[`answer of ${path}`] ?? '') + text
  for (const file of filesBelow(portal.env.DATA_DIR)) places[file] = readFileSync(file, 'latin1')
  for (const file of ['environ', 'cmdline', 'status']) {
    try { places[`/proc/self/${file}`] = readFileSync(`/proc/${portal.child.pid}/${file}`, 'latin1') } catch { /* production: not readable, as it should be */ }
  }
  const sung = []
  for (const [name, secret] of Object.entries(secrets)) assert.ok(secret?.length > 10, `${name} is none`)
  for (const [name, secret] of Object.entries(secrets)) {
    for (const [place, text] of Object.entries(places)) if (text.includes(secret)) sung.push(`${name} in ${place}`)
  }
  assert.deepEqual(sung, [])
})
