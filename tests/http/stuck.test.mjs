// What no hook in Lua can stop. A pattern that backtracks for ever ends the process, which resumes
// with nothing lost when it is restarted; a finaliser is refused.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { inWorld, seconds } from './harness.mjs'

const edits = {
  'scripts/init.lua': (text) => `${text}
local server = require "core.server"
server.route("GET", "/pattern", function()
  return ("a"):rep(400):find(".-.-.-.-.-.-b") and "found" or "none"
end)
server.route("GET", "/finaliser", function()
  setmetatable({}, { __gc = function() while true do end end })
  return "never"
end)
`,
}

test('a pattern that never returns ends the process; restarted, it resumes',
  inWorld({ edits, speed: 20 }, async ({ portal }) => {
    portal.expect(/portal\.stuck/)
    const answer = await portal.deploy('before')
    const request = portal.api('/pattern', { timeout: seconds(40) })
    await assert.rejects(request, /ECONNRESET|socket hang up/)
    assert.deepEqual(await portal.gone, { code: 70, signal: null })
    assert.match(portal.tail(), /portal\.stuck.*pattern/)
    await portal.restart()
    await portal.finish(answer, 'ready')
  }))

test('a finaliser is refused where it is made', inWorld({ edits }, async ({ portal }) => {
  portal.expect(/__gc/)
  assert.equal((await portal.api('/finaliser')).status, 500)
  const isRefusal = ({ message = '' }) => /init\.lua:\d+.*__gc/s.test(message)
  await portal.logged(isRefusal, 'the line and the reason')
  assert.equal((await portal.api('/health')).status, 200)
}))
