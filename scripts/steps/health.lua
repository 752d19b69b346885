--- Waits until the workspace answers at its public address: locked, as itself, and usable
--- (lib/workspaces/health.lua has the details). One that is open to everybody, or whose container
--- ends again and again, ends the deployment at once.
local try = require("lib.base.attempt").try
local isolation = require "lib.dokploy.isolation"
local address = require "lib.workspaces.address"
local files = require "lib.workspaces.files"
local health = require "lib.workspaces.health"

local RESERVE = 10 -- seconds before the deadline, for the last probe and for reporting the reason
local BAD_GATEWAY = 502 -- what the proxy answers when it does not reach the container

return {
  name = "health",
  deadline = 150,
  expect = 10,
  run = function(ctx)
    local reported
    local target = try(address.target(ctx))
    local healthy, warning, code, args, status = health.wait(target, {
      seconds = ctx:remaining() - RESERVE,
      new_service = ctx.ids.app_name,
      on_probe = function(key, count)
        if key ~= reported then ctx:progress(key, { count = count }) end
        reported = key
      end,
    })
    if status == BAD_GATEWAY then try(isolation.check_route(ctx.dokploy)) end
    try(healthy, warning, code, args)
    local is_empty = files.are_gone(ctx.id, target.public, target.password)
    ctx.warning = is_empty and "files_gone" or warning or ctx.warning
    return true
  end,
}
