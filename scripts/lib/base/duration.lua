--- Durations as people write them. Pure.
local duration = {}

local units = {
  second = 1, minute = 60, hour = 3600, day = 86400, week = 7 * 86400, h = 3600, d = 86400,
}

--- The seconds of a number, or of a text such as "7 days", "1 hour", "2h"; nil when it is neither.
---@param value any
---@return number|nil
function duration.seconds(value)
  if type(value) == "number" then return value >= 0 and value or nil end
  local count, unit = tostring(value):match "^(%d+%.?%d*) ?(%a+)$"
  local size = unit and (units[unit] or units[unit:gsub("s$", "")])
  return size and tonumber(count) * size
end

return duration
