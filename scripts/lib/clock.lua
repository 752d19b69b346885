--- Times as programs read them.
local clock = {}

--- Seconds since 1970 as ISO 8601 in UTC with milliseconds; nil stays nil.
---@param seconds number|nil
---@return string|nil
function clock.iso(seconds)
  if not seconds then return nil end
  local ms = math.floor(seconds * 1000 + 0.5)
  return os.date("!%Y-%m-%dT%H:%M:%S", ms // 1000) .. (".%03dZ"):format(ms % 1000)
end

--- The time of day in a sentence: "14:03:20 UTC"; "" when there is none.
---@param seconds number|nil
---@return string
function clock.of_day(seconds)
  return seconds and os.date("!%H:%M:%S UTC", math.floor(seconds)) or ""
end

return clock
