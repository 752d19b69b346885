// What a workspace's shell reaches when workspaces run in a network of their own. Network
// namespaces and two bridges play Docker's overlays: the workspaces' and Dokploy's. Needs root and
// iproute2.
import assert from 'node:assert/strict'
import { execFile, execFileSync, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { commandEnv, run } from '../ops/fixture.mjs'
import { DEPLOYER, Portal, Rehearsal, copyTree, temporary } from '../http/harness.mjs'

const SECRET = 'a secret between the proxy and the portal'
const id = process.pid
const spaceOf = (name) => `d${id}-${name}`
const ip = (...args) => execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'pipe'] })

// Whether this machine lets us make a namespace.
function reasonToSkip() {
  try {
    ip('netns', 'add', spaceOf('try'))
    ip('netns', 'del', spaceOf('try'))
    return false
  } catch (error) {
    return `no network namespaces: ${String(error.stderr ?? error.message).trim()}`
  }
}

// The last number of a host's address in both networks, and the networks that it is in. The proxy
// and the portal are in both, as `docker network connect` and `deployer bootstrap` make them.
const OWN = 1, SHARED = 2
const hosts = {
  dokploy: [10, [SHARED]], proxy: [11, [OWN, SHARED]], portal: [12, [OWN, SHARED]],
  workspace: [13, [OWN]],
}
const address = (name, network) => `10.231.${network}.${hosts[name][0]}`

function build() {
  const bridges = spaceOf('bridges')
  ip('netns', 'add', bridges)
  for (const network of [OWN, SHARED]) {
    ip('-n', bridges, 'link', 'add', `br${network}`, 'type', 'bridge')
    ip('-n', bridges, 'link', 'set', `br${network}`, 'up')
  }
  for (const [name, [, networks]] of Object.entries(hosts)) {
    const space = spaceOf(name)
    ip('netns', 'add', space)
    ip('-n', space, 'link', 'set', 'lo', 'up')
    for (const network of networks) {
      const end = `${name}${network}`
      ip('-n', bridges, 'link', 'add', end, 'type', 'veth', 'peer', 'name', `eth${network}`,
        'netns', space)
      ip('-n', bridges, 'link', 'set', end, 'master', `br${network}`, 'up')
      ip('-n', space, 'address', 'add', `${address(name, network)}/24`, 'dev', `eth${network}`)
      ip('-n', space, 'link', 'set', `eth${network}`, 'up')
    }
  }
}

// What Docker's DNS tells the portal. `ip netns exec` puts the file in the place of /etc/hosts.
const names = `/etc/netns/${spaceOf('portal')}`
function name() {
  mkdirSync(names, { recursive: true })
  writeFileSync(join(names, 'hosts'), `127.0.0.1 localhost
${address('dokploy', SHARED)} dokploy-postgres dokploy-redis
${address('proxy', OWN)} dokploy-traefik.workspaces\n`)
}

function remove() {
  rmSync(names, { recursive: true, force: true })
  for (const name of ['bridges', ...Object.keys(hosts)]) {
    try { ip('netns', 'del', spaceOf(name)) } catch { /* it was never made */ }
  }
}

// The command that runs a program in a host, which keeps the program's pid.
const inside = (name, ...command) => ['ip', ['netns', 'exec', spaceOf(name), ...command]]

// A file that runs the portal's binary there.
function binaryIn(name) {
  const file = join(temporary('binary'), name)
  writeFileSync(file, `#!/bin/sh\nexec ip netns exec ${spaceOf(name)} ${DEPLOYER} "$@"\n`)
  chmodSync(file, 0o755)
  return file
}

// Listens in a host, and ends each connection with an answer. Resolves to the process.
const listening = `
  const [answer, ...ports] = JSON.parse(process.argv[1])
  let open = 0
  for (const port of ports) {
    require('node:net').createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => socket.end(answer))
    }).listen(port, '0.0.0.0', () => { if (++open === ports.length) console.log('listening') })
  }`
async function listen(name, answer, ...ports) {
  const argument = JSON.stringify([answer, ...ports])
  const child = spawn(...inside(name, process.execPath, '-e', listening, argument))
  await new Promise((resolve) => child.stdout.once('data', resolve))
  return child
}

// Requests http://ADDRESS/PATH from a host. Resolves to { status, headers }, or { error }.
const requesting = `
  const [url, headers] = JSON.parse(process.argv[1])
  const request = require('node:http').get(url, { headers, timeout: 2000 }, (answer) => {
    console.log(JSON.stringify({ status: answer.statusCode, headers: answer.headers }))
    process.exit()
  })
  const end = (error) => { console.log(JSON.stringify({ error })); process.exit() }
  request.on('timeout', () => end('timeout'))
  request.on('error', ({ code }) => end(code))`
async function ask(from, target, headers = {}) {
  const argument = JSON.stringify([`http://${target}`, headers])
  const command = inside(from, process.execPath, '-e', requesting, argument)
  return JSON.parse((await promisify(execFile)(...command)).stdout)
}

describe('a network for the workspaces', { skip: reasonToSkip() }, () => {
  let dokploy, portal, listeners = []
  before(async () => {
    build()
    name()
    const { root } = copyTree()
    listeners = await Promise.all([
      listen('dokploy', '', 6379, 5432),
      listen('proxy', 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n', 80),
    ])
    dokploy = await new Rehearsal('rehearsal', ['--root', root, '--rehearsal'], {
      DATA_DIR: temporary('rehearsal'), REHEARSAL_PORT: '3000', REHEARSAL_HOST: '0.0.0.0',
      REHEARSAL_DOKPLOY_VERSION: '0.26.5', // it does not show which containers are in a network
    }, binaryIn('dokploy')).start()
    portal = await new Portal('portal', ['--root', root], {
      DATA_DIR: temporary('portal'), HOST: '0.0.0.0', PORT: '3000', ACCESS: 'forward-auth',
      DOKPLOY_URL: `http://${address('dokploy', SHARED)}:3000`, DOKPLOY_API_TOKEN: 'tests',
      STACK_DOMAIN_SUFFIX: 'ai.test', STACK_IMAGE: 'ai-stack:1', STACK_NETWORK: 'workspaces',
      FORWARD_AUTH_ADMINS: 'root', PROXY_SECRET: SECRET,
      TRUSTED_PROXIES: [OWN, SHARED].map((network) => address('proxy', network)).join(','),
    }, binaryIn('portal')).start()
  })
  after(async () => {
    for (const child of listeners) child.kill()
    await portal?.stop()
    await dokploy?.stop()
    remove()
  })

  const services = [3000, 6379, 5432].map((port) => `${address('dokploy', SHARED)}:${port}`)
  for (const service of services) {
    test(`${service} is for the portal, not for a workspace`, async () => {
      const { error } = await ask('portal', service)
      assert.ok(error === undefined || error === 'ECONNRESET', `the portal: ${error}`)
      const { status, error: refused } = await ask('workspace', service)
      assert.equal(status, undefined, 'a workspace reaches it')
      assert.match(refused, /^(ENETUNREACH|EHOSTUNREACH|timeout)$/)
    })
  }

  const admin = { 'remote-user': 'root', 'x-forwarded-proto': 'http' }
  const stacks = (network) => `${address('portal', network)}:3000/api/admin/stacks`
  for (const network of [OWN, SHARED]) {
    test(`the portal believes the proxy in network ${network}`, async () => {
      const headers = { ...admin, 'x-proxy-secret': SECRET }
      const { status, headers: answer } = await ask('proxy', stacks(network), headers)
      assert.equal(status, 200)
      assert.equal(answer['strict-transport-security'], undefined, 'it came by http')
    })
  }

  test('the portal answers a workspace as a stranger, whatever it claims', async () => {
    const claims = [
      admin, { ...admin, 'x-forwarded-for': address('proxy', OWN) },
      { ...admin, 'x-proxy-secret': 'a guess of the secret that is between them' },
    ]
    for (const headers of claims) {
      const { status, headers: answer } = await ask('workspace', stacks(OWN), headers)
      assert.ok(status === 401 || status === 403, `${status}: ${JSON.stringify(headers)}`)
      assert.ok(answer['strict-transport-security'], 'workspaces use TLS, whatever it claims')
    }
    assert.equal((await ask('workspace', `${address('portal', SHARED)}:3000/health`)).status,
      undefined, 'a workspace reaches the other network')
  })

  test('the doctor tries from the portal what a workspace could reach', async () => {
    const env = {
      ...commandEnv({ url: portal.env.DOKPLOY_URL, port: 3000 }), STACK_NETWORK: 'workspaces',
      DATA_DIR: temporary('doctor'), STACK_CONNECT_TO: `${address('proxy', SHARED)}:80`,
    }
    const { out } = await run(binaryIn('portal'), ['doctor'], { env })
    assert.match(out, /^ok +isolation .*dokploy-traefik is in it$/m)
    const both = 'dokploy-postgres:5432 and dokploy-redis:6379 answer this command'
    assert.match(out, new RegExp(`^ok +backends +${both}`, 'm'))
    await run(...inside('proxy', 'ip', 'link', 'set', 'eth1', 'down'))
    const away = await run(binaryIn('portal'), ['doctor'], { env })
    assert.match(away.out, /^warn +isolation .*unknown/m)
  })
})
