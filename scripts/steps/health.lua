--- Waits until the workspace answers at its public address: locked, as itself, and usable
--- (lib/workspaces/health.lua has the details). One that is open to everybody, or whose container
--- ends again and again, ends the deployment at once.
local address = require "lib.workspaces.address"
local health = require "lib.workspaces.health"

local RESERVE = 3 -- seconds before the deadline, for reporting the reason

return {
  name = "health",
  deadline = 150,
  expect = 10,
  run = function(ctx)
    local target, message, code = address.target(ctx)
    if not target then return nil, message, code end
    local reported
    local good, warning, why, args = health.wait(target, {
      seconds = ctx:remaining() - RESERVE,
      new_service = ctx.ids.app_name,
      on_probe = function(key, count)
        if key ~= reported then ctx:progress(key, { count = count }) end
        reported = key
      end,
    })
    if good then ctx.warning = warning end
    return good, warning, why, args
  end,
}
