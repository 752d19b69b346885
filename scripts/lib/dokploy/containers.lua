--- What Dokploy's rows of containers and of swarm tasks mean. Pure.
local containers = {}

local up = { "^running", "^starting", "^restarting", "^paused" } -- a paused one holds its volume

local function is_up(row)
  local state = type(row.currentState) == "string" and row.currentState or row.state
  if type(state) ~= "string" then return false end
  for _, pattern in ipairs(up) do
    if state:lower():find(pattern) then return true end
  end
  return false
end

--- Whether one of them has not ended.
---@param rows { state: string|nil, currentState: string|nil }[]
---@return boolean
function containers.any_up(rows)
  for _, row in ipairs(rows) do
    if is_up(row) then return true end
  end
  return false
end

-- A task's id: a container is named after the task that it is of.
local function id_of(row)
  return type(row.name) == "string" and row.name:match "%.%d+%.(%w+)$" or row.containerId
end

--- The ids of those that have not ended, as a set.
---@param rows table[]
---@return table<string, true>
function containers.up(rows)
  local ids = {}
  for _, row in ipairs(rows) do
    local id = is_up(row) and id_of(row)
    if id then ids[id] = true end
  end
  return ids
end

-- After a restart of Docker its tasks fail because their containers are gone, which is no crash.
-- Dokploy before 0.27.0 has neither a status nor an error.
local function has_failed(row)
  local state = type(row.currentState) == "string" and row.currentState or row.status
  if type(row.error) == "string" and row.error:find "No such container" then return false end
  if type(state) ~= "string" then return row.state == "exited" or row.state == "dead" end
  if state:find "^Exited %(0%)" then return false end
  return (state:find "^Failed" or state:find "^Rejected" or state:find "^Exited") ~= nil
end

local SETTLED = 30 -- seconds; a container that ran for longer is not one that keeps ending

local function is_settled(row)
  local since = type(row.currentState) == "string" and row.currentState:match "^Running (.*)"
  if not since or since:find "^[Ll]ess than" then return false end
  local seconds = tonumber(since:match "^(%d+) seconds?")
  return not seconds or seconds >= SETTLED
end

local function reason_of(row)
  local text = type(row.error) == "string" and row.error
    or type(row.status) == "string" and row.status or ""
  return (text:gsub('["%c]', " "):gsub("^%s*task:%s*", ""):match "^%s*(.-)%s*$")
end

--- Counts a service's containers that ended by themselves, over several looks: each counts once,
--- and one that keeps running starts the count again.
---@param before { ids: table<string, true>, count: integer, reason: string }|nil  from the look
--- before; nil: the first one
---@param rows table[]  newest first
---@return { ids: table<string, true>, count: integer, reason: string }  reason: why the newest did
function containers.crashes(before, rows)
  local seen = before or { ids = {}, count = 0, reason = "" }
  local reason, is_steady
  for _, row in ipairs(rows) do
    is_steady = is_steady or is_settled(row)
    local id = has_failed(row) and id_of(row)
    if id and not seen.ids[id] then
      seen.ids[id], seen.count = true, seen.count + 1
      reason = reason or reason_of(row)
    end
  end
  if is_steady then seen.count = 0 end
  seen.reason = reason or seen.reason
  return seen
end

return containers
