--- Looks now and then at what /health tells and must not wait for: whether Dokploy answers, and what could not be taken away there.
--- What it finds is in core.shared (lib/dokploy.lua and lib/breaker.lua keep theirs by themselves).
local shared = require "core.shared"
local task = require "core.task"
local dokploy = require "lib.dokploy"
local journal = require "lib.journal"

local look = { seconds = 20 }

--- Looks, waiting for the answers. A failed call is noted by the client itself.
function look.now()
  dokploy.client({ tries = 1 }):version()
  local leftovers = journal.leftovers()
  if leftovers then shared.set("health.leftovers", #leftovers) end
end

--- Looks in a task of its own, so that a start does not wait for Dokploy.
function look.soon() task.spawn(nil, look.now) end

return look
