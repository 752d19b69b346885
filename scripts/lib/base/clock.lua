--- Times as programs read them.
local clock = {}

-- Times repeat; what is written for one is kept. It starts anew at 100.
local known, count = {}, 0

local function to_the_second(seconds)
  local text = known[seconds]
  if text then return text end
  if count >= 100 then known, count = {}, 0 end
  text = os.date("!%Y-%m-%dT%H:%M:%S", seconds)
  known[seconds], count = text, count + 1
  return text
end

--- Seconds since 1970 as ISO 8601 in UTC with milliseconds; nil stays nil.
---@param seconds number|nil
---@return string|nil
function clock.iso(seconds)
  if not seconds then return nil end
  local ms = math.floor(seconds * 1000 + 0.5)
  return to_the_second(ms // 1000) .. (".%03dZ"):format(ms % 1000)
end

--- The time of day in a sentence: "14:03:20 UTC"; "" when there is none.
---@param seconds number|nil
---@return string
function clock.of_day(seconds)
  return seconds and os.date("!%H:%M:%S UTC", math.floor(seconds)) or ""
end

return clock
