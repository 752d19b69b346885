--- Starts what looks after workspaces in the background.
local server = require "core.server"
local timer = require "core.timer"
local monitor = require "lib.workspaces.monitor"
local reconcile = require "lib.workspaces.reconcile"
local retention = require "lib.workspaces.retention"
local workspaces = {}

--- Called once while the scripts load.
---@param limits { reconcile: number, events_kept: number }  seconds, see policy/limits.lua
function workspaces.register(limits)
  reconcile.round = limits.reconcile
  server.on_start(reconcile.run_if_due)
  timer.every("workspaces.reconcile", reconcile.tick, reconcile.run_if_due)
  timer.every("workspaces.monitor", monitor.round, monitor.run)
  timer.every("workspaces.usage", monitor.usage_round, monitor.run_usage)
  timer.every("workspaces.retention", retention.round, function()
    retention.run(limits.events_kept)
  end)
end

return workspaces
