// The operators' commands against the double of Dokploy: bootstrap, rollout, rollback. The doctor:
// doctor.test.mjs.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { VERSIONS, request, startRehearsal, top } from '../http/harness.mjs'
import { commands, succeeds } from './fixture.mjs'

let rehearsal, command
before(async () => {
  rehearsal = await startRehearsal()
  command = commands(rehearsal)
})
after(() => rehearsal?.stop())

const target = (name, seconds = '3') => [
  '--url', `http://${name}.test`, '--connect-to', `127.0.0.1:${rehearsal.port}`, '--name', name,
  '--seconds', seconds,
]
const bootstrap = (name, image, ...more) => {
  const domain = ['--domain', `${name}.test`, '--http']
  return command(['bootstrap', '--image', image, ...domain, ...target(name), ...more])
}
const rollout = (name, image, seconds) =>
  command(['rollout', '--image', image, ...target(name, seconds)])

async function releaseOf(name) {
  const headers = { host: `${name}.test` }
  return (await request(`${rehearsal.url}/ready`, { headers })).json?.release
}

test('bootstrap makes and starts the portal; repeated, it changes nothing', async () => {
  const make = () => bootstrap('one', 'portal:1', '--env', 'ACCESS=open')
  const warned = /^warn +environment .*this machine.*\n +-> .*DOKPLOY_URL=http:\/\/dokploy:3000/m
  assert.match((await succeeds(make())).out, warned)
  assert.equal(await releaseOf('one'), '1')
  const before = await rehearsal.state()
  assert.match((await succeeds(make())).out, /environment +unchanged/)
  const now = await rehearsal.state()
  for (const kind of ['projects', 'applications', 'domains', 'mounts', 'deployments']) {
    assert.equal(now[kind].length, before[kind].length, kind)
  }
})

const CONNECT = 'docker network connect workspaces dokploy-traefik'

async function portalOf(name) {
  const { applications } = await rehearsal.state()
  const { applicationId } = applications.find((it) => it.appName.startsWith(`deployer-${name}-`))
  const portal = await rehearsal.dokploy('application.one', { applicationId })
  return { ...portal, network: portal.env.match(/^STACK_NETWORK="?'?([^"'\n]*)/m)?.[1] }
}

test('bootstrap makes a network for the workspaces, and says what no call can do', async (t) => {
  await rehearsal.reset()
  const all = await rehearsal.dokploy('network.all')
  assert.deepEqual(all, [])
  await rehearsal.faults({ at: 'network.create', kind: 'lost' })
  const first = await bootstrap('net', 'portal:1')
  assert.equal(first.status, 0, first.all)
  assert.match(first.out, new RegExp(`^warn +proxy .*workspaces.*502\\n +-> .*${CONNECT}`, 'm'))
  const [network, ...others] = await rehearsal.dokploy('network.all')
  assert.deepEqual([network.name, network.driver, network.attachable, others],
    ['workspaces', 'overlay', true, []])
  const portal = await portalOf('net')
  assert.deepEqual([portal.network, portal.networkIds, portal.detachDokployNetwork],
    ['workspaces', [network.networkId], false])
  const { services } = await rehearsal.state()
  assert.deepEqual(services[0].networks, ['dokploy-network', 'workspaces'])
  await rehearsal.docker(CONNECT)
  const again = await bootstrap('net', 'portal:1')
  assert.match(again.out, /^ok +network +workspaces$/m)
  assert.doesNotMatch(again.out, /^warn +proxy/m)

  await t.test('not in force in a portal that runs, before the proxy is there', async () => {
    await succeeds(bootstrap('old', 'portal:1', '--env', 'STACK_NETWORK='))
    assert.equal((await portalOf('old')).network || '', '')
    await rehearsal.docker(CONNECT.replace('connect', 'disconnect'))
    const { applicationId } = await portalOf('old')
    const env = 'NODE_ENV=production'
    await rehearsal.change('application.saveEnvironment',
      { applicationId, env, buildArgs: '', buildSecrets: '', createEnvFile: false })
    const before = await bootstrap('old', 'portal:1')
    assert.match(before.out, /^ok +network +workspaces, not in force yet$/m)
    assert.match(before.out, /-> .*then run this again$/m)
    assert.equal((await portalOf('old')).network, undefined)
    await rehearsal.docker(CONNECT)
    await succeeds(bootstrap('old', 'portal:1'))
    assert.equal((await portalOf('old')).network, 'workspaces')
  })

  await t.test('where Dokploy has no call for it, only the one that is asked for', async () => {
    await setVersion('0.26.5')
    await succeeds(bootstrap('ages', 'portal:1'))
    assert.equal((await portalOf('ages')).network, undefined)
    const asked = await bootstrap('ages', 'portal:1', '--env', 'STACK_NETWORK=workspaces')
    assert.match(asked.out, new RegExp(
      `-> .*docker network create --driver overlay --attachable workspaces, then ${CONNECT}`))
    const { network, networkSwarm } = await portalOf('ages')
    assert.deepEqual([network, networkSwarm],
      ['workspaces', [{ Target: 'workspaces' }, { Target: 'dokploy-network' }]])
    await setVersion('0.30.2')
    const bad = await bootstrap('ages', 'portal:1', '--env', 'STACK_NETWORK=host')
    assert.match(bad.out, /^fail +network +--env STACK_NETWORK: /m)
  })

  await t.test('one that was created by hand becomes known to Dokploy', async () => {
    await rehearsal.reset()
    await rehearsal.docker('docker network create --driver overlay --attachable workspaces')
    await succeeds(bootstrap('hand', 'portal:1'))
    const [{ name, networkId }, ...more] = await rehearsal.dokploy('network.all')
    assert.deepEqual([name, more], ['workspaces', []])
    assert.deepEqual((await portalOf('hand')).networkIds, [networkId])
  })
})

const setVersion = (version) =>
  rehearsal.api('/__rehearsal/version', { method: 'POST', json: { version } })

for (const version of VERSIONS) {
  test(`bootstrap lets the proxy prove itself, on Dokploy ${version}`, async (t) => {
    await rehearsal.reset()
    await setVersion(version)
    t.after(() => setVersion('0.30.2'))
    const isNew = version === '0.30.2'
    const look = async () => {
      const { applicationId, appName, env, domains } = await portalOf('safe')
      const config = await rehearsal.dokploy('application.readTraefikConfig', { applicationId })
      const router = config.slice(0, config.indexOf('  services:'))
      return {
        domain: domains[0], config, hosts: env.match(/^PORTAL_HOSTS='([^'\n]*)/m)[1],
        secret: env.match(/^PROXY_SECRET='([^'\n]*)/m)[1],
        isSent: router.includes(`- ${appName}-proxy-secret\n`)
          && config.includes(`    ${appName}-proxy-secret:\n      headers:`),
      }
    }
    await succeeds(bootstrap('safe', 'portal:1'))
    const first = await look()
    assert.match(first.secret, /^[\w-]{40,}$/)
    assert.ok(first.config.includes(`X-Proxy-Secret: "${first.secret}"`))
    assert.ok(first.isSent, first.config)
    assert.equal(first.hosts, 'safe.test')
    await succeeds(bootstrap('safe', 'portal:1'))
    assert.deepEqual(await look(), first, 'nothing changes')
    const { domainId, https, port, certificateType } = first.domain
    await rehearsal.change('domain.update',
      { domainId, host: 'other.test', path: '/', https, port, certificateType })
    assert.equal((await look()).isSent, isNew, 'before 0.29 the router forgets its middlewares')
    await succeeds(bootstrap('safe', 'portal:1', '--env', 'PROXY_SECRET=another-secret-of-mine'))
    const last = await look()
    assert.ok(last.isSent && last.config.includes('X-Proxy-Secret: "another-secret-of-mine"'))
    assert.ok(!last.config.includes(first.secret))
  })
}

test('bootstrap keeps the other domains of a portal that has no PORTAL_HOSTS', async () => {
  await rehearsal.reset()
  await succeeds(bootstrap('many', 'portal:1'))
  const { applicationId, env } = await portalOf('many')
  await rehearsal.change('domain.create', { host: 'also.test', applicationId })
  await rehearsal.change('application.saveEnvironment', {
    applicationId, env: env.replace(/^PORTAL_HOSTS=.*\n?/m, ''), buildArgs: null,
    buildSecrets: null, createEnvFile: false,
  })
  await succeeds(bootstrap('many', 'portal:1'))
  const after = await portalOf('many')
  assert.equal(after.env.match(/^PORTAL_HOSTS='([^'\n]*)/m)[1], 'many.test,also.test')
})

test('bootstrap makes what is missing, after an answer that never came', async () => {
  await rehearsal.faults([
    { at: 'project.create', kind: 'lost' },
    { at: 'application.create', kind: 'status', status: 500 },
  ])
  const broken = await bootstrap('two', 'portal:1')
  assert.equal(broken.status, 1)
  assert.match(broken.out, /ok +project +created[\s\S]*fail +application/)
  await succeeds(bootstrap('two', 'portal:1'))
  const { projects } = await rehearsal.state()
  const isOurs = ({ description }) => description === 'ai-stack-deployer portal=two'
  assert.equal(projects.filter(isOurs).length, 1)
})

test('the secrets that it puts into the environment are not printed', async () => {
  const { all } = await succeeds(command(
    ['bootstrap', '--image', 'portal:1', '--domain', 'three.test', '--http', '--no-start',
      '--name', 'three'],
    { ADMIN_TOKEN: 'a-canary-of-an-admin-token' }))
  assert.doesNotMatch(all, /canary/)
})

test('an ADMIN_TOKEN is made where there is none, shown once, and kept', async () => {
  const make = () => command(['bootstrap', '--image', 'portal:1', '--domain', 'eight.test',
    '--http', '--no-start', '--name', 'eight'])
  const { out } = await make()
  const [, token] = out.match(/^ok +admin +ADMIN_TOKEN, made here and not shown again: (\S{32,})$/m)
  const { applications } = await rehearsal.state()
  const { applicationId } = applications.find(({ appName }) => appName.startsWith('deployer-eight'))
  const { env } = await rehearsal.dokploy('application.one', { applicationId })
  assert.match(env, new RegExp(`^ADMIN_TOKEN='${token}'$`, 'm'))
  const again = await make()
  assert.match(again.out, /environment +unchanged/)
  assert.doesNotMatch(again.out, /ADMIN_TOKEN/)
})

test('it passes on every variable of config.lua, except those of image and rehearsal', () => {
  const read = (path) => readFileSync(join(top, path), 'utf8')
  const variables = [...read('config.lua').matchAll(/\b(?:env|secret) "([A-Z_]+)"/g)]
  const names = new Set(variables.map(([, name]) => name))
  for (const name of ['NAME', 'APP_ENV', 'DATA_DIR', 'HOST', 'PORT', 'RELEASE']) names.delete(name)
  const known = read('scripts/commands/bootstrap.lua')
  for (const name of names) {
    if (name.startsWith('REHEARSAL_')) continue
    assert.match(known, new RegExp(`\\b${name}\\b`), `${name} is not passed on`)
  }
})

test('a rollout waits for the new release; a rollback restores the previous one', async () => {
  await succeeds(bootstrap('four', 'portal:1'))
  await succeeds(rollout('four', 'portal:2'))
  assert.equal(await releaseOf('four'), '2')
  await succeeds(command(['rollback', ...target('four')]))
  assert.equal(await releaseOf('four'), '1')
  const { out } = await command(['rollback', '--list', '--name', 'four'])
  assert.match(out, /^\* 1 +portal:1\n {2}2 +portal:2\n$/)
})

async function tasksOf(name) {
  const { appName } = await portalOf(name)
  const tasks = await rehearsal.dokploy('docker.getServiceContainersByAppName', { appName })
  return tasks.map(({ containerId }) => containerId)
}

const failures = [
  ['never becomes ready', 'portal-never-ready:3',
    /fail +rollout +3 was not ready in 3 s; last seen: status 502/],
  ['does not exist', 'portal-missing:3',
    /fail +rollout +Dokploy reports error: .*manifest unknown/],
  ['ends at once', 'portal-crash:3', /fail +rollout +3 was not ready in 3 s/],
]
for (const [what, image, message] of failures) {
  test(`a release that ${what} is rolled back`, async () => {
    const name = image.match(/-(\w+)/)[1]
    await succeeds(bootstrap(name, 'portal:1'))
    const before = await tasksOf(name)
    const { status, out } = await rollout(name, image)
    assert.equal(status, 1)
    assert.match(out, message)
    const isUntouched = image.includes('missing')
    const how = isUntouched ? 'still in force' : 'in force again'
    assert.match(out, new RegExp(`ok +rollback +1 is ${how}`))
    assert.equal(await releaseOf(name), '1')
    const portal = await portalOf(name)
    assert.equal(portal.dockerImage, 'portal:1')
    if (isUntouched) assert.deepEqual(await tasksOf(name), before, 'its container was replaced')
    const list = await command(['rollback', '--list', '--name', name])
    assert.doesNotMatch(list.out, /:3/, 'a failed release counts as good')
  })
}

test('where Docker has rolled back by itself, a rollout returns to what answers', async () => {
  await succeeds(bootstrap('six', 'portal:1'))
  await succeeds(rollout('six', 'portal:2'))
  const { applications } = await rehearsal.state()
  const isSix = ({ dockerImage, appName }) =>
    dockerImage === 'portal:2' && appName.startsWith('deployer-six')
  const { applicationId } = applications.find(isSix)
  await rehearsal.change('application.update', { applicationId, dockerImage: 'portal:1' })
  const { status, out } = await rollout('six', 'portal-never-ready:3')
  assert.equal(status, 1)
  assert.match(out, /in force: 2$[\s\S]*ok +rollback +2 is in force again/m)
  assert.equal(await releaseOf('six'), '2')
})

test('a rollout waits for the end of an outage of Dokploy', async () => {
  await succeeds(bootstrap('five', 'portal:1'))
  await rehearsal.faults({ at: 'application.update', kind: 'status', status: 503, times: 2 })
  await succeeds(rollout('five', 'portal:2', '20'))
})

test('wrong arguments are answered with the usage', async () => {
  const wrong = [
    ['rollout'], ['rollout', '--imgae', 'x'], ['bootstrap', '--image', 'x:1'],
    ['rollout', '--image', 'x@sha256:0'], ['doctor', '--what'],
  ]
  for (const args of wrong) assert.equal((await command(args)).status, 2, args.join(' '))
  const { out } = await command(['rollout', '--image', 'x:1', '--name', 'nobody'])
  assert.match(out, /there is no portal named nobody[\s\S]*-> deployer bootstrap/)
  assert.match((await command(['nothing'])).err, /no such command/)
})
