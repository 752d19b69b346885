// A template's variables reach the container, beside the password.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { copyRoot, request, startAll } from './harness.mjs'

let all
before(async () => {
  const copy = copyRoot()
  copy.edit('scripts/policy/templates.lua', (text) => text.replace('env = nil,', `env = { STACK_AGENTS = '{"Oracle":"opencode/big-pickle"}' },`))
  all = await startAll({ root: copy.root })
})
after(() => all?.stop())

test('an agent gets another model by an edit of a policy', async () => {
  const { portal, rehearsal } = all
  await portal.ready('another-model')
  const { applications } = (await request(`${rehearsal.url}/__rehearsal/state`)).json
  const found = await request(`${rehearsal.url}/api/application.one?applicationId=${applications[0].applicationId}`, { headers: { 'x-api-key': 'rehearsal' } })
  assert.match(found.json.env, /^STACK_AGENTS='\{"Oracle":"opencode\/big-pickle"\}'$/m)
  assert.match(found.json.env, /^OPENCODE_SERVER_PASSWORD=/m)
})
