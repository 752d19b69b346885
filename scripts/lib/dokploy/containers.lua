--- What Dokploy's rows of containers and of the swarm's tasks say. Pure.
local containers = {}

local words = { "^running", "^starting", "^restarting", "^paused" } -- a paused one still holds its volume

local function is_up(row)
  local now = type(row.currentState) == "string" and row.currentState or row.state
  if type(now) ~= "string" then return false end
  for _, word in ipairs(words) do
    if now:lower():find(word) then return true end
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

return containers
