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

-- Only to be held against another one: it is taken for a time of this machine's own zone.
local function local_time(text)
  local year, month, day, hour, min, sec, rest = tostring(text):match "^(%d+)-(%d+)-(%d+)T(%d+):(%d+):(%d+)(%.?%d*)Z$"
  if not year then return nil end
  return os.time { year = year, month = month, day = day, hour = hour, min = min, sec = sec } + (tonumber("0" .. rest) or 0)
end

--- Seconds from one time in ISO 8601 to another; nil when one of them is none.
---@param from any
---@param to any
---@return number|nil
function clock.between(from, to)
  local began, ended = local_time(from), local_time(to)
  return began and ended and ended - began
end

--- The time of day in a sentence: "14:03:20 UTC"; "" when there is none.
---@param seconds number|nil
---@return string
function clock.of_day(seconds)
  return seconds and os.date("!%H:%M:%S UTC", math.floor(seconds)) or ""
end

return clock
