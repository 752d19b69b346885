// Settings that visitors and operators feel: the login of a registry, where the portal listens,
// values with something around them, an outgoing proxy.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createServer, request as send } from 'node:http'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  ADMIN, DEPLOYER, dokployEnv, inWorld, startPortal, startRehearsal, temporary, withPortal,
} from './harness.mjs'

const login = {
  STACK_REGISTRY_USERNAME: 'puller', STACK_REGISTRY_PASSWORD: 'the-password',
}
const withTemplate = (image) => ({
  'scripts/policy/templates.lua': (text) =>
    text.replace('id = "default"', `$&, image = ${JSON.stringify(image)}`),
})
const registries = [
  ['ghcr.io/team/stack:1', 'ghcr.io'], ['registry.test:5000/stack:1', 'registry.test:5000'],
  ['team/stack:1', ''], ['docker.io/library/stack:1', ''],
]
for (const [image, registryUrl] of registries) {
  test(`the login goes to the registry of ${image}`, inWorld({
    env: (rehearsal) => ({ ...dokployEnv(rehearsal), ...login, STACK_IMAGE: image }),
  }, async ({ portal, rehearsal }) => {
    await portal.ready('anna')
    const application = await firstApplication(rehearsal)
    const { dockerImage, username, password } = application
    assert.deepEqual([dockerImage, username, password, application.registryUrl],
      [image, 'puller', 'the-password', registryUrl])
  }))
}

async function firstApplication(rehearsal) {
  const [{ applicationId }] = (await rehearsal.state()).applications
  return rehearsal.dokploy('application.one', { applicationId })
}

test('an image of another registry gets no password', inWorld({
  env: (rehearsal) => ({ ...dokployEnv(rehearsal), ...login }),
  edits: withTemplate('other.test/x:1'),
}, async ({ portal, rehearsal }) => {
  await portal.ready('anna')
  const { dockerImage, ...application } = await firstApplication(rehearsal)
  assert.equal(dockerImage, 'other.test/x:1')
  assert.doesNotMatch(JSON.stringify(application), /the-password|puller/)
}))

describe('HOST', () => {
  for (const [HOST, shown] of [['::', '[::1]'], ['[::]', '[::1]'], ['[::1]', '[::1]']]) {
    test(`${HOST} is listened on, logged and found by --health`, async () => {
      const rehearsal = await startRehearsal()
      try {
        const env = { HOST, PORTAL_HOSTS: 'portal.test' }
        await withPortal({ rehearsal, env }, async (portal) => {
          const { url, port } = portal.log.find(({ event }) => event === 'portal.listening')
          assert.equal(url, `http://${shown}:${port}`)
          const { status, stderr } = spawnSync(DEPLOYER, ['--health', String(port)],
            { env: { HOST, PATH: process.env.PATH } })
          assert.equal(status, 0, String(stderr))
        })()
      } finally {
        await rehearsal.stop()
      }
    })
  }
})

describe('what is around a value is removed, with a warning that names the place', () => {
  const asIs = [ADMIN, `\ufeff${ADMIN}\n`, `"${ADMIN}"\n`, `'${ADMIN}' \r\n`, `${ADMIN} `]
  for (const [i, text] of asIs.entries()) {
    test(JSON.stringify(text.replace(ADMIN, 'TOKEN')), async () => {
      const path = join(temporary('secret'), 'admin')
      writeFileSync(path, text, { mode: 0o600 })
      const rehearsal = await startRehearsal()
      const env = { ADMIN_TOKEN: '', ADMIN_TOKEN_FILE: path, LOG_LEVEL: ' "info" ' }
      const portal = await startPortal({ rehearsal, env })
      try {
        assert.equal((await portal.api('/api/stacks', { key: ADMIN })).status, 200)
        const warnings = portal.log.filter(({ event }) => event === 'env.value_cleaned')
          .map(({ message }) => message)
        assert.equal(warnings.filter((it) => it.startsWith(`ADMIN_TOKEN_FILE: ${path}`)).length,
          i === 0 ? 0 : 1)
        assert.equal(warnings.filter((it) => it.startsWith('LOG_LEVEL: ')).length, 1)
        assert.doesNotMatch(portal.lines.join('\n'), new RegExp(ADMIN))
      } finally {
        await portal.stop()
        await rehearsal.stop()
      }
    })
  }
})

// A proxy that reaches one server, whatever the address says, and notes what it was asked for.
async function startProxy(port) {
  const asked = []
  const server = createServer((incoming, answer) => {
    asked.push(new URL(incoming.url).host)
    const { pathname, search } = new URL(incoming.url)
    const { method, headers } = incoming
    incoming.pipe(send({ port, path: pathname + search, method, headers }, (response) => {
      answer.writeHead(response.statusCode, response.headers)
      response.pipe(answer)
    }))
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () => {
    server.closeAllConnections()
    server.close()
  }
  return { asked, url: `http://127.0.0.1:${server.address().port}`, close }
}

test('calls to Dokploy go through OUTGOING_PROXY; those to workspaces nearby do not', async () => {
  const rehearsal = await startRehearsal()
  const proxy = await startProxy(rehearsal.port)
  const env = { ...dokployEnv(rehearsal), DOKPLOY_URL: 'http://dokploy.far.test' }
  try {
    await withPortal({ rehearsal, env: { ...env, OUTGOING_PROXY: proxy.url } }, async (portal) => {
      await portal.ready('anna')
    })()
    assert.deepEqual([...new Set(proxy.asked)], ['dokploy.far.test'])
  } finally {
    proxy.close()
    await rehearsal.stop()
  }
})
