// An installation of the first release: exactly its variables, in each access mode. The commands
// are those of docs/deployment.md.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ADMIN, top, useWorld } from '../http/harness.mjs'

const text = readFileSync(join(top, 'docs/deployment.md'), 'utf8')
  .split('## An installation that already exists')[1]
const rows = [...text.matchAll(/^\| `(curl -s \$PORTAL.*?)` \| (.*) \|$/gm)]
  .map(([, command, answers]) => ({ command, answers: answers.split(' | ') }))
const sentence = {
  en: /^.*Only holders of an invite.*: set ADMIN_TOKEN to invite people, or ACCESS=open to let/m,
  nl: /ADMIN_TOKEN.*ACCESS=open/, ar: /ADMIN_TOKEN.*ACCESS=open/,
}

const run = (command, PORTAL) => execFileSync('bash', ['-c', `${command} -w '\\n%{http_code}'`],
  { env: { PATH: process.env.PATH, PORTAL, ADMIN_TOKEN: ADMIN }, encoding: 'utf8' })

// The answer in the document's words.
function ask(command, url) {
  const out = run(command, url)
  const [, body, status] = out.match(/^([^]*)\n(\d+)$/)
  const code = body.match(/"code":"(\w+)"/)?.[1]
  const isDetail = code && /api\/(check|deploy|stacks)/.test(command)
  return isDetail ? `${status} \`${code}\`` : status
}

for (const [column, ACCESS] of [undefined, 'open', 'closed'].entries()) {
  describe(`ACCESS=${ACCESS ?? ''}`, () => {
    const { portal } = useWorld({
      env: (rehearsal) => ({
        NODE_ENV: 'production', PORT: '0', HOST: '127.0.0.1', DOKPLOY_URL: rehearsal.url,
        DOKPLOY_API_TOKEN: 'tests', STACK_DOMAIN_SUFFIX: 'ai.example.com',
        STACK_IMAGE: 'ghcr.io/example/stack:1', RESERVED_NAMES: 'admin,api,www',
        ADMIN_TOKEN: '', ...(ACCESS ? { ACCESS } : {}),
      }),
    })

    test('the commands answer what the document says', () => {
      assert.ok(rows.length >= 8)
      for (const { command, answers } of rows) {
        assert.equal(ask(command, portal.url), answers[column], command)
      }
    })

    test('log, health and page say the same sentence', async () => {
      const { message } = portal.log.find(({ event }) => event === 'portal.access')
      assert.equal((await portal.api('/health')).json.access.detail, message)
      if (ACCESS) return
      assert.match(message, sentence.en)
      for (const [language, expected] of Object.entries(sentence)) {
        assert.match((await portal.api('/', { language })).text, expected)
        assert.match((await portal.api('/health', { language })).json.access.detail, expected)
      }
    })
  })
}

describe('with an ADMIN_TOKEN', () => {
  const { portal } = useWorld({
    env: (rehearsal) => ({
      NODE_ENV: 'production', DOKPLOY_URL: rehearsal.url, DOKPLOY_API_TOKEN: 'tests',
      STACK_DOMAIN_SUFFIX: 'ai.example.com', STACK_IMAGE: 'ghcr.io/example/stack:1',
    }),
  })
  test('the administrator deploys', () => {
    const { command } = rows.find((row) => row.command.includes('/api/deploy'))
    const authorization = "-H \"Authorization: Bearer $ADMIN_TOKEN\""
    assert.equal(ask(`${command} ${authorization}`, portal.url), '202')
  })
})
