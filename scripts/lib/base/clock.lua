--- Times as programs write and read them. Pure.
local clock = {}

-- Times repeat from document to document; formatting one costs 2 us. Cleared at 100 entries.
local known, count = {}, 0

--- Seconds since 1970 as ISO 8601 in UTC with milliseconds; nil stays nil.
---@param seconds number|nil
---@return string|nil
function clock.iso(seconds)
  if not seconds then return nil end
  local text = known[seconds]
  if text then return text end
  if count >= 100 then known, count = {}, 0 end
  local ms = math.floor(seconds * 1000 + 0.5)
  text = os.date("!%Y-%m-%dT%H:%M:%S", ms // 1000) .. (".%03dZ"):format(ms % 1000)
  known[seconds], count = text, count + 1
  return text
end

-- Days since 1970-01-01; March counts as the first month of its year.
local function days(year, month, day)
  if month <= 2 then year, month = year - 1, month + 12 end
  return 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day
    - 719469
end

--- A UTC date and time in seconds since 1970. Never by way of os.time, which reads fields as local.
---@return integer
function clock.utc(year, month, day, hour, minute, second)
  return days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second
end

--- A UTC time in ISO 8601 in seconds since 1970; nil when it is not one.
---@param text any
---@return number|nil
function clock.read_iso(text)
  local year, month, day, hour, minute, second, rest =
    tostring(text):match "^(%d+)-(%d+)-(%d+)T(%d+):(%d+):(%d+)(%.?%d*)Z$"
  if not year then return nil end
  local function int(digits) return math.tointeger(tonumber(digits)) end
  local whole = clock.utc(int(year), int(month), int(day), int(hour), int(minute), int(second))
  return whole + (tonumber("0" .. rest) or 0)
end

--- Seconds from one UTC time in ISO 8601 to another; nil when one of them is not a time.
---@param from any
---@param to any
---@return number|nil
function clock.between(from, to)
  local began, ended = clock.read_iso(from), clock.read_iso(to)
  return began and ended and ended - began
end

--- The time of day in a sentence: "14:03:20 UTC"; "" for nil.
---@param seconds number|nil
---@return string
function clock.time_of_day(seconds)
  return seconds and os.date("!%H:%M:%S UTC", math.floor(seconds)) or ""
end

local months = {}
for i, name in ipairs {
  "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
} do
  months[name] = i
end

--- The date of an HTTP header ("Mon, 23 Nov 2026 15:03:09 GMT") in seconds since 1970; nil when it
--- is not one.
---@param text string|nil
---@return integer|nil
function clock.read_http_date(text)
  local pattern = "^%a+, (%d%d) (%a%a%a) (%d%d%d%d) (%d%d):(%d%d):(%d%d) GMT$"
  local day, month, year, hour, minute, second = (text or ""):match(pattern)
  if not day or not months[month] then return nil end
  local function int(digits) return math.tointeger(tonumber(digits)) end
  return clock.utc(int(year), months[month], int(day), int(hour), int(minute), int(second))
end

return clock
