// What no hook in Lua can stop: a pattern that tries every way through a text, and a finaliser. The first ends the process, which comes back
// with nothing lost; the second is refused.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { copyRoot, seconds, startAll } from './harness.mjs'

const routes = `local server = require "core.server"
server.route("GET", "/stuck", function()
  return ("a"):rep(400):find(".-.-.-.-.-.-b") and "found" or "none"
end)
server.route("GET", "/finaliser", function()
  setmetatable({}, { __gc = function() while true do end end })
  return "never"
end)
`

test('a pattern that never comes back ends the process; started again, it goes on where it was', { timeout: seconds(60) }, async () => {
  const tree = copyRoot()
  tree.write('scripts/routes/hostage.lua', routes)
  tree.edit('scripts/init.lua', (text) => `${text}\nrequire "routes.hostage"\n`)
  const world = await startAll({ root: tree.root, speed: 20 })
  const { portal } = world
  try {
    portal.expect(/portal\.stuck/)
    const { json } = await portal.deploy('before')
    const cut = await portal.api('/stuck', { timeout: seconds(40) }).catch((error) => error)
    assert.ok(cut instanceof Error, JSON.stringify(cut))
    assert.deepEqual(await portal.gone, { code: 70, signal: null })
    assert.match(portal.tail(), /portal\.stuck.*pattern/)
    await portal.restart()
    assert.equal((await portal.follow(json.statusUrl)).last.event, 'ready')
  } finally {
    await world.stop()
  }
})

test('a finaliser is refused where it is made', async () => {
  const tree = copyRoot()
  tree.write('scripts/routes/hostage.lua', routes)
  tree.edit('scripts/init.lua', (text) => `${text}\nrequire "routes.hostage"\n`)
  const world = await startAll({ root: tree.root })
  world.portal.expect(/__gc/)
  try {
    assert.equal((await world.portal.api('/finaliser')).status, 500)
    await world.portal.logged((line) => /hostage\.lua:6.*__gc/s.test(line.message ?? ''), 'the line and the reason')
    assert.equal((await world.portal.api('/health')).status, 200)
  } finally {
    await world.stop()
  }
})
