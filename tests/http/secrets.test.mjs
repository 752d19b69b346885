// What may be in no log, in no answer to strangers and in no file: the token, passwords, keys. And the portal against a "real" Dokploy:
// its address and token set, production, as an operator runs it.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ADMIN, startPortal, startRehearsal, temporary } from './harness.mjs'

const canary = 'canary-token-4b1f9c'
let rehearsal, portal, tokenFile
before(async () => {
  rehearsal = await startRehearsal()
  tokenFile = join(temporary('token'), 'token')
  writeFileSync(tokenFile, `${canary}\n`)
  portal = await startPortal({
    rehearsal,
    env: {
      NODE_ENV: 'production', ACCESS: 'open', LOG_LEVEL: 'debug', DOKPLOY_URL: rehearsal.url, DOKPLOY_API_TOKEN_FILE: tokenFile,
      STACK_DOMAIN_SUFFIX: 'localhost', STACK_SCHEME: 'http', STACK_CONNECT_TO: `127.0.0.1:${rehearsal.port}`, STACK_IMAGE: 'ghcr.io/example/stack:1',
      STACK_REGISTRY_USERNAME: 'puller', STACK_REGISTRY_PASSWORD: 'canary-registry-77',
    },
  })
})
after(async () => {
  await portal.stop()
  await rehearsal.stop()
})

function filesBelow(folder) {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    return statSync(path).isDirectory() ? filesBelow(path) : [path]
  })
}

test('with an address and a token set, it does the job in production', async () => {
  const { answer, key, last } = await portal.ready('zoe')
  assert.equal(answer.json.url, 'http://zoe.localhost')
  assert.equal(last.data.url, 'http://zoe.localhost')
  const { password } = (await portal.stack('zoe', { key })).json
  assert.equal((await rehearsal.stack('zoe', '/path', { password })).status, 200)
})

test('no secret is in a log, on the disk or in an answer that shows it to others', async () => {
  const { answer, key } = await portal.ready('zara')
  const { password } = (await portal.stack('zara', { key })).json
  await rehearsal.faults([{ at: 'project.create', kind: 'status', status: 500, times: 2, name: 'zed' }, { at: 'deploy', kind: 'deploy_error', name: 'zed' }])
  await portal.deployed('zed', { key: ADMIN })
  const removal = await portal.remove('zara', { key })
  await portal.follow(removal.json.statusUrl)
  for (const path of ['/health', '/ready', '/metrics', '/api/check/zara', answer.json.statusUrl]) {
    const { text } = await portal.status(path)
    for (const secret of [canary, password, key, ADMIN, 'canary-registry-77']) assert.ok(!text.includes(secret), `${path} tells a secret`)
  }
  const logged = portal.lines.join('\n')
  for (const [what, secret] of Object.entries({ token: canary, password, key, admin: ADMIN, registry: 'canary-registry-77' })) {
    assert.ok(!logged.includes(secret), `the log holds the ${what}: ${portal.lines.find((line) => line.includes(secret))}`)
  }
  for (const file of filesBelow(portal.env.DATA_DIR)) {
    const bytes = readFileSync(file, 'latin1')
    for (const [what, secret] of Object.entries({ token: canary, password, key, admin: ADMIN })) assert.ok(!bytes.includes(secret), `${file} holds the ${what}`)
    assert.equal(statSync(file).mode & 0o077, 0, `${file} can be read by others`)
  }
})

test('what Dokploy says about a call that held a secret is repeated nowhere', async () => {
  const said = 'canary-said-31'
  const body = JSON.stringify({ message: `OPENCODE_SERVER_PASSWORD=${said}` })
  for (const [name, at] of [['zita', 'application.saveEnvironment'], ['zina', 'application.saveDockerProvider']]) {
    await rehearsal.faults([{ at, kind: 'status', status: 400, body, name }])
    const { last } = await portal.deployed(name)
    assert.equal(last.data.code, 'dokploy_error')
    assert.ok(!JSON.stringify(last).includes(said))
  }
  await rehearsal.faults([])
  const failed = portal.log.filter((line) => line.event === 'operation.ended' && line.state === 'failed' && line.name === 'zita')
  assert.match(failed[0].message, /may hold secrets/)
  assert.ok(!portal.lines.some((line) => line.includes(said)), 'the log holds it')
  for (const file of filesBelow(portal.env.DATA_DIR)) assert.ok(!readFileSync(file, 'latin1').includes(said), `${file} holds it`)
})

test('a deployment that runs while the token is changed loses nothing', async () => {
  const since = portal.log.length
  const { json } = await portal.deploy('xena')
  await portal.follow(json.statusUrl, { until: (event) => event.event === 'progress' && event.data.step === 'application' })
  writeFileSync(tokenFile, 'wrong\n') // the old one is no longer good, and the new one not here yet
  await portal.logged((line) => line.event === 'dokploy.call_failed' && line.status === 401, 'the refusal', { from: since })
  writeFileSync(tokenFile, `${canary}-1\n`)
  assert.equal((await portal.follow(json.statusUrl)).last.event, 'ready')
  const state = await rehearsal.state()
  assert.equal(state.projects.filter((project) => JSON.stringify(project).includes('xena')).length, 1)
})

test('a token that was changed in its file is used without a restart', async () => {
  writeFileSync(tokenFile, 'wrong\n')
  const refused = await portal.deployed('yara')
  assert.equal(refused.last.event, 'failed')
  assert.equal(refused.last.data.code, 'dokploy_refused')
  writeFileSync(tokenFile, `${canary}-2\n`)
  await portal.ready('yara')
  assert.ok(!portal.lines.join('\n').includes(canary))
})

test('production refuses to start on the rehearsal, and is closed when nobody said otherwise', async () => {
  await assert.rejects(startPortal({ rehearsal, env: { NODE_ENV: 'production' } }), /DOKPLOY_URL/)
  const closed = await startPortal({
    rehearsal,
    env: { NODE_ENV: 'production', DOKPLOY_URL: rehearsal.url, DOKPLOY_API_TOKEN: 'x', STACK_DOMAIN_SUFFIX: 'ai.example.com', STACK_IMAGE: 'a/b:1' },
  })
  try {
    const { status, json } = await closed.deploy('anna')
    assert.ok(status === 401 || status === 403, `${status}`)
    assert.ok(json.code)
    assert.match(JSON.stringify((await closed.api('/health')).json), /ACCESS=open/)
  } finally {
    await closed.stop()
  }
})
