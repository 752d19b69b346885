--- How busy Dokploy itself is: it deploys one after the other, whoever asks, so its own queue delays ours.
--- What was learned is in core.shared, so that it outlives a reload.
local shared = require "core.shared"
local queue = require "lib.operations.queue"
local dokploy = require "lib.dokploy"

local estimate = { kept = 9, fresh = 10 } -- so many durations are remembered; seconds that a look at Dokploy's queue is good for
local once = dokploy.client { tries = 1 }

local function known()
  local list = {}
  for seconds in (shared.get "pace.took" or ""):gmatch("%S+") do list[#list + 1] = tonumber(seconds) end
  return list
end

--- A deployment of ours ran so many seconds in Dokploy, without its time in Dokploy's queue.
---@param seconds number
function estimate.took(seconds)
  local list = known()
  list[#list + 1] = ("%.1f"):format(math.max(0, seconds))
  shared.set("pace.took", table.concat(list, " ", math.max(1, #list - estimate.kept + 1)))
end

-- Jobs that are not ours, and how many run side by side (Dokploy 0.29.9 and later can be told to run several).
local function counted(jobs)
  local foreign, active = 0, 0
  for _, job in ipairs(jobs) do
    local title = type(job.data) == "table" and job.data.titleLog
    if not (type(title) == "string" and title:find("^ai%-stack%-deployer ")) then foreign = foreign + 1 end
    if job.state == "active" then active = active + 1 end
  end
  return foreign, math.max(1, active)
end

--- Looks at Dokploy's queue, if that was not done just now. Before 0.28.3 Dokploy does not show it: it is taken to be empty then.
function estimate.look()
  if not shared.add("pace.looked", true, estimate.fresh) then return end
  local foreign, lanes = counted(once:queue() or {})
  shared.set("pace.foreign", foreign, 6 * estimate.fresh)
  shared.set("pace.lanes", lanes, 6 * estimate.fresh)
end

--- What is known, without waiting: `each`: seconds between two that Dokploy ends; `ahead`: jobs of others in its queue.
---@return { each: number, ahead: integer }
function estimate.known()
  return { each = (queue.median(known()) or 0) / (shared.get "pace.lanes" or 1), ahead = shared.get "pace.foreign" or 0 }
end

return estimate
