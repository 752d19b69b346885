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

local function has_failed(row)
  local state = type(row.currentState) == "string" and row.currentState or row.status
  if type(state) ~= "string" or state:find("^Exited %(0%)") then return false end
  return (state:find("^Failed") or state:find("^Rejected") or state:find("^Exited")) ~= nil
end

local function reason_of(row)
  local text = type(row.error) == "string" and row.error
    or type(row.status) == "string" and row.status or ""
  return (text:gsub('["%c]', " "):gsub("^%s*task:%s*", ""):match "^%s*(.-)%s*$")
end

--- How many of a service's tasks or containers ended by themselves, and why the newest did.
---@param rows table[]  newest first
---@return integer count, string|nil reason
function containers.crashes(rows)
  local count, reason = 0, nil
  for _, row in ipairs(rows) do
    if has_failed(row) then
      count = count + 1
      reason = reason or reason_of(row)
    end
  end
  return count, reason
end

return containers
