// Policy is the admin's, with rails: it decides and does nothing, and what was changed by mistake is told before it is in force.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { ADMIN, DEPLOYER, copyRoot, startPortal, startRehearsal } from './harness.mjs'

let rehearsal, portal, root
before(async () => {
  rehearsal = await startRehearsal()
  root = copyRoot()
  portal = await startPortal({ rehearsal, root: root.root })
  portal.expect(/scripts\.rejected/)
})
after(async () => {
  await portal.stop()
  await rehearsal.stop()
})

async function refusedEdit(path, change) {
  const before = root.read(path)
  const from = portal.log.length
  root.edit(path, change)
  const line = await portal.logged((it) => it.event === 'scripts.rejected' || it.event === 'scripts.loaded', 'the reload', { from })
  assert.equal(line.event, 'scripts.rejected')
  const back = portal.log.length
  root.write(path, before)
  await portal.logged((it) => it.event === 'scripts.loaded', 'the way back', { from: back })
  return line.message
}

test('a policy file reaches nothing outside: not by the core, not by a module that does', async () => {
  for (const module of ['core.http', 'core.store', 'lib.journal', 'lib.auth.identity', 'lib.dokploy']) {
    const message = await refusedEdit('scripts/policy/names.lua', (text) => `local outside = require "${module}"\n${text.replace('return policy', 'policy.x = outside\nreturn policy')}`)
    assert.match(message, /the files in policy\/ are pure/, module)
  }
  assert.equal((await portal.check('anna')).json.available, true)
})

test('nor later, from inside a function', async () => {
  const from = portal.log.length
  const path = 'scripts/policy/access.lua'
  const before = root.read(path)
  root.edit(path, (text) => text.replace('open = function() ', 'open = function(who) local _ = who.via and require "core.http" '))
  await portal.logged((it) => it.event === 'scripts.loaded', 'the reload', { from })
  portal.expect(/the files in policy\/ are pure/)
  assert.equal((await portal.deploy('anna')).status, 500)
  const back = portal.log.length
  root.write(path, before)
  await portal.logged((it) => it.event === 'scripts.loaded', 'the way back', { from: back })
  assert.equal((await portal.deploy('anna')).status, 202)
})

test('--check runs the examples beside the rules and finds undeclared routes', () => {
  const other = copyRoot()
  const check = () => spawnSync(DEPLOYER, ['--root', other.root, '--check'], { encoding: 'utf8', env: { PATH: process.env.PATH } })
  assert.equal(check().status, 0)
  other.edit('scripts/policy/access.lua', (text) => text.replace('closed = function() return false, "access_closed" end', 'closed = function() return true end'))
  const wrong = check()
  assert.equal(wrong.status, 1)
  assert.match(wrong.stderr, /scripts\/policy\/access\.lua: example \d+: .*access_closed/)
  assert.match(wrong.stderr, /fix the rule/)
  other.edit('scripts/policy/access.lua', (text) => text.replace('closed = function() return true end', 'closed = function() return false, "access_closed" end'))
  other.edit('scripts/routes/check.lua', (text) => `${text}\nrequire("core.server").route("GET", "/api/secret-door", function() return 204 end)\n`)
  const forgotten = check()
  assert.equal(forgotten.status, 1)
  assert.match(forgotten.stderr, /GET \/api\/secret-door: declare the route/)
})

test('no script can shorten or change the audit trail: the journal itself refuses', async () => {
  const from = portal.log.length
  const init = root.read('scripts/init.lua')
  root.write('scripts/routes/forger.lua', `local server, store = require "core.server", require "core.store"
server.route("GET", "/forge", function(req)
  local done, message = store.run { { req.query.sql } }
  return { json = { done = done ~= nil, message = message } }
end)
`)
  root.write('scripts/init.lua', `${init}\nrequire "routes.forger"\n`)
  await portal.logged((it) => it.event === 'scripts.loaded', 'the reload', { from })
  const { json } = await portal.deploy('trailed')
  await portal.follow(json.statusUrl)
  const trail = async () => JSON.stringify((await portal.api('/api/audit', { key: ADMIN })).json.entries)
  const before = await trail()
  assert.match(before, /"trailed"/)
  const columns = 'who_id, who_name, network, action, name, operation_id, allowed, rule, policy, request_id FROM audit'
  for (const [sql, why] of [
    ['DELETE FROM audit', 'never shortened'],
    ["UPDATE audit SET who = 'nobody'", 'never changed'],
    ['UPDATE audit SET allowed = 1 - allowed WHERE id = 1', 'never changed'],
    [`INSERT OR REPLACE INTO audit SELECT id, at, 'nobody', ${columns}`, 'never changed'],
  ]) {
    const { json: told } = await portal.api(`/forge?${new URLSearchParams({ sql })}`)
    assert.equal(told.done, false, sql)
    assert.ok(told.message.includes(`the audit trail is ${why}`), told.message)
  }
  assert.equal(await trail(), before)
  const back = portal.log.length
  root.write('scripts/init.lua', init)
  await portal.logged((it) => it.event === 'scripts.loaded', 'the way back', { from: back })
})
