--- What looks after the stacks in the background, each on rounds of its own.
local server = require "core.server"
local timer = require "core.timer"
local engine = require "lib.operations.engine"
local retention = require "lib.workspaces.retention"
local reconcile = require "lib.workspaces.reconcile"
local sweeper = require "lib.workspaces.sweeper"
local usage = require "lib.workspaces.usage"
local monitor = require "lib.workspaces.monitor"
local watch = {}

--- Sets them going: called once while the scripts load, by init.lua.
---@param limits { reconcile: number, events_kept: number }  seconds, of policy/limits.lua
function watch.register(limits)
  reconcile.round = limits.reconcile
  server.on_start(reconcile.look_if_due)
  timer.every("round.reconcile", reconcile.tick, reconcile.look_if_due)      -- is Dokploy as the journal says?
  timer.every("round.sweeper", 60, sweeper.run)                             -- what could not be taken away is tried again
  timer.every("round.stacks", monitor.round, monitor.run)            -- do the stacks still answer?
  timer.every("round.usage", usage.round, function() usage.look_around(engine.password) end) -- when were they worked in?
  retention.register(limits.events_kept)                                         -- what happened long ago is forgotten
end

return watch
