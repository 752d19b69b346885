--- How busy Dokploy itself is: it deploys one after the other for all its users, which delays ours.
--- What was learned is in core.shared, so that it outlives a reload.
local shared = require "core.shared"
local dokploy = require "lib.dokploy"
local tag = require "lib.dokploy.tag"
local queue = require "lib.operations.queue"

local estimate = {
  kept = 9,   -- how many durations are remembered
  fresh = 10, -- seconds for which a look at Dokploy's queue is good
}
local once = dokploy.client { tries = 1 }

local function durations()
  local list = {}
  for seconds in (shared.get "estimate.durations" or ""):gmatch "%S+" do
    list[#list + 1] = tonumber(seconds)
  end
  return list
end

--- Notes how long a deployment of ours ran in Dokploy, without its time in Dokploy's queue.
---@param seconds number
function estimate.note(seconds)
  local list = durations()
  list[#list + 1] = ("%.1f"):format(math.max(0, seconds))
  local first = math.max(1, #list - estimate.kept + 1)
  shared.set("estimate.durations", table.concat(list, " ", first))
end

--- Looks at Dokploy's queue, if that was not done just now. Before 0.28.3 Dokploy does not show it:
--- then it counts as empty. Dokploy 0.29.9 and later can run several jobs side by side.
function estimate.refresh()
  if not shared.add("estimate.refreshed", true, estimate.fresh) then return end
  local foreign, active = 0, 0
  for _, job in ipairs(once:queue() or {}) do
    local is_ours = type(job.data) == "table" and tag.is_title(job.data.titleLog)
    if not is_ours then foreign = foreign + 1 end
    if job.state == "active" then active = active + 1 end
  end
  shared.set("estimate.foreign", foreign, 6 * estimate.fresh)
  shared.set("estimate.slots", math.max(1, active), 6 * estimate.fresh)
end

--- What is known, without waiting. each: seconds between two deployments that Dokploy ends; ahead:
--- jobs of others in its queue.
---@return { each: number, ahead: integer }
function estimate.known()
  local slots = shared.get "estimate.slots" or 1
  return {
    each = (queue.median(durations()) or 0) / slots,
    ahead = shared.get "estimate.foreign" or 0,
  }
end

return estimate
