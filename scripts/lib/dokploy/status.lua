--- Whether Dokploy itself works, asked without a key. With one, it answers 401 to a wrong key, to a
--- key over its rate limit and to any key while its own database is down.
local config = require "core.config"
local shared = require "core.shared"
local task = require "core.task"
local http = require "lib.base.outgoing"

local status = {
  timeout = 5, -- seconds; with the database down, some answers take longer
  memory = 2,  -- seconds for which "down" is not asked again
}

local function request()
  local response = http.request {
    url = config.dokploy.url .. "/api/trpc/settings.health", timeout = status.timeout,
  }
  if not response or response.status >= 500 then return "down" end
  local has_checked = response.status == 200 and not response.body:find("not_cloud", 1, true)
  return has_checked and "up" or "unknown"
end

--- Asks Dokploy. Waits. Many callers at once cause few requests.
---@return "up"|"down"|"unknown" state  down: Dokploy or its database does not answer; unknown:
--- Dokploy answers, but did not check its database (before 0.27)
function status.ask()
  return task.lock("dokploy.status", function()
    local known = shared.get "dokploy.status"
    if known then return known end
    local state = request()
    if state == "down" then shared.set("dokploy.status", state, status.memory) end
    return state
  end)
end

return status
