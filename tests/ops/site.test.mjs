// deployer site: an installation's own files changed from anywhere, with no configuration there.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ADMIN, DEPLOYER, inWorld, temporary, top, useWorld } from '../http/harness.mjs'
import { siteOf } from '../http/site.mjs'
import { run, succeeds } from './fixture.mjs'

const TEXTS = 'locales/en.json'
const saying = (text) => `{\n  "problem.stack_unknown.title": "${text}"\n}\n`
const { portal } = useWorld({ env: siteOf().env })

// In production nothing but the portal's address and the token is set.
const site = (args, env = {}) => run(DEPLOYER, ['--root', top, 'site', ...args], {
  env: {
    PATH: process.env.PATH, NODE_ENV: 'production', DEPLOYER_URL: portal.url,
    DEPLOYER_TOKEN: ADMIN, ...env,
  },
})
const title = async () => (await portal.api('/api/stack/nobody', { key: ADMIN })).json.title
const folder = temporary('pushed')
const write = (file, text) => {
  mkdirSync(join(folder, file, '..'), { recursive: true })
  writeFileSync(join(folder, file), text)
}

test('push, diff, history, rollback, pull', async () => {
  write(TEXTS, saying('first'))
  assert.match((await succeeds(site(['push', folder, '--note', 'one']))).out, /^version 1 is in/)
  assert.equal(await title(), 'first')
  assert.match((await succeeds(site(['push', folder, '--note', 'two']))).out,
    /^nothing changed: .* version 1\nthe note was not kept\n$/)
  write(TEXTS, saying('second'))
  const diff = await site(['diff', folder])
  assert.equal(diff.status, 1)
  assert.match(diff.out, /changed site\/locales\/en\.json\n.*\n.*\n {2}-.*first.*\n {2}\+.*second/)
  const lost = await site(['push', folder, '--expect', '7'])
  assert.equal(lost.status, 1)
  assert.match(lost.out, /version 1 is in force, not 7/)
  await succeeds(site(['push', folder, '--expect', '1']))
  assert.equal((await succeeds(site(['diff', folder]))).out, 'no difference\n')
  await succeeds(site(['rollback']))
  assert.equal(await title(), 'first')
  const { out: none } = await site(['rollback'])
  assert.match(none, /there is no version before the one in force/)
  const { out } = await succeeds(site(['history']))
  assert.match(out, /^\* +3 .* rollback .*\n +2 .* push .*\n +1 .* push .* one\n$/)
  const pulled = join(temporary('pulled'), 'site')
  await succeeds(site(['pull', pulled]))
  assert.equal(readFileSync(join(pulled, TEXTS), 'utf8'), saying('first'))
})

test('each rollback goes one further back', async () => {
  for (const text of ['red', 'green', 'blue']) {
    write(TEXTS, saying(text))
    await succeeds(site(['push', folder]))
  }
  for (const text of ['green', 'red']) {
    await succeeds(site(['rollback']))
    assert.equal(await title(), text)
  }
  write(TEXTS, saying('first'))
  await succeeds(site(['push', folder]))
})

test('mistakes are listed by file and line, and change nothing', async () => {
  write('policy/names.lua', 'return { words = { "zebra" }\n')
  for (const verb of ['check', 'push', 'try']) {
    const { status, out } = await site([verb, folder])
    assert.equal(status, 1, out)
    assert.match(out, /^site\/policy\/names\.lua:2: .*expected/)
    if (verb === 'push') assert.match(out, /Correct what is listed and push again\.\n$/)
  }
  assert.equal(await title(), 'first')
})

test('try says what would change, and what deployments would do', async () => {
  write('policy/names.lua', 'return { words = { "zebra" } }\n')
  await portal.check('zebra')
  await portal.ready('zebra')
  const { out } = await succeeds(site(['try', folder, '--deploy', '2']))
  assert.match(out, /decisions [1-9]\d* change\n(.*\n)*.*deploy zebra: yes .* -> name_reserved/)
  assert.match(out, /zebra exists, and its name would be refused: name_reserved/)
  assert.match(out, /of 2 deployments: 2 ready.*\n.*failed on purpose: 0/)
})

test('what is wrong with the command or the token', async () => {
  assert.equal((await site([])).status, 2)
  assert.equal((await site(['push'])).status, 2)
  assert.equal((await succeeds(site(['--help']))).out.split('\n')[0].slice(0, 13), 'deployer site')
  const refused = await site(['history'], { DEPLOYER_TOKEN: 'made-up' })
  assert.equal(refused.status, 1)
  assert.match(refused.out, /key is not valid/)
  assert.match((await site(['history'], { DEPLOYER_TOKEN: '' })).out, /set DEPLOYER_TOKEN/)
  assert.match((await site(['push', temporary('empty')])).out, /holds no files/)
})

test("without an address it asks the portal on this machine, by the portal's name", inWorld({
  env: { PORTAL_HOSTS: 'portal.example.com' },
}, async ({ portal: named }) => {
  const env = { PORT: String(named.port), PORTAL_HOSTS: 'portal.example.com', DEPLOYER_URL: '' }
  write('policy/names.lua', 'return { words = { "zebra" } }\n')
  assert.match((await succeeds(site(['push', folder], env))).out, /^version 1 is in force/)
}))
