--- The dates of HTTP headers. Pure.
local http_date = {}

local months = {}
for i, name in ipairs { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" } do months[name] = i end

-- Days since 1970-01-01 in the calendar that we use; March is the first month of its year.
local function days(year, month, day)
  if month <= 2 then year, month = year - 1, month + 12 end
  return 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 719469
end

--- "Mon, 23 Nov 2026 15:03:09 GMT" in seconds since 1970; nil of anything else.
---@param text string|nil
---@return integer|nil
function http_date.read(text)
  local day, name, year, hour, minute, second = (text or ""):match("^%a+, (%d%d) (%a%a%a) (%d%d%d%d) (%d%d):(%d%d):(%d%d) GMT$")
  if not day or not months[name] then return nil end
  day, year = math.tointeger(tonumber(day)), math.tointeger(tonumber(year))
  return days(year, months[name], day) * 86400 + tonumber(hour) * 3600 + tonumber(minute) * 60 + tonumber(second)
end

return http_date
