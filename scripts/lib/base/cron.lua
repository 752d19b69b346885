--- Times in the notation of cron: "minute hour day month weekday". Pure.
---
--- A field is "*", a number, a range "1-5", a list "1,15,30", or a step "*/10", "8-18/2"; months
--- and weekdays also by name ("jan", "mon"); Sunday is 0 or 7. When both day and weekday are given,
--- one of them is enough, as in cron. In zones with summer time, a schedule with given hours runs
--- once a day: at the first valid minute when its time is skipped, and at the first of the two when
--- its time comes twice. One whose hour is "*" runs by the hours that pass.
local cron = {}

local function names(first, text)
  local map, number = {}, first
  for name in text:gmatch "%a+" do map[name], number = number, number + 1 end
  return map
end

local fields = {
  { name = "minute", least = 0, most = 59 },
  { name = "hour", least = 0, most = 23 },
  { name = "day", least = 1, most = 31 },
  { name = "month", least = 1, most = 12,
    names = names(1, "jan feb mar apr may jun jul aug sep oct nov dec") },
  { name = "weekday", least = 0, most = 7, names = names(0, "sun mon tue wed thu fri sat") },
}

local function number_of(text, field)
  local number = field.names and field.names[text:lower()]
    or text:find "^%d+$" and math.tointeger(tonumber(text))
  if not number or number < field.least or number > field.most then
    error(("%s: %q is not from %d to %d"):format(field.name, text, field.least, field.most), 0)
  end
  return number
end

local function range_of(text, field)
  if text == "*" then return field.least, field.name == "weekday" and 6 or field.most end
  local from, to = text:match "^(%w+)%-(%w+)$"
  if not from then
    local number = number_of(text, field)
    return number, number
  end
  from, to = number_of(from, field), number_of(to, field)
  if from > to then error(("%s: %q ends before it begins"):format(field.name, text), 0) end
  return from, to
end

local function read_field(text, field)
  local set = {}
  for item in (text .. ","):gmatch "(.-)," do
    local range, step = item:match "^([^/]+)/?(%d*)$"
    if not range or item:sub(-1) == "/" or tonumber(step) == 0 then
      error(("%s: %q cannot be read"):format(field.name, item), 0)
    end
    local from, to = range_of(range, field)
    if step ~= "" and not range:find "[*-]" then to = field.most end
    for number = from, to, math.tointeger(tonumber(step)) or 1 do set[number] = true end
  end
  if field.name == "weekday" and set[7] then set[0] = true end
  return set
end

local function read(text)
  local plan, parts = {}, {}
  for part in text:gmatch "%S+" do parts[#parts + 1] = part end
  if #parts ~= #fields then
    error(("%d fields; cron has 5: minute hour day month weekday"):format(#parts), 0)
  end
  for i, field in ipairs(fields) do plan[field.name] = read_field(parts[i], field) end
  plan.is_hourly = parts[2]:sub(1, 1) == "*"
  plan.any_day, plan.any_weekday = parts[3]:sub(1, 1) == "*", parts[5]:sub(1, 1) == "*"
  return plan
end

--- Reads a schedule.
---@param text string  "0 22 * * 1-5"
---@return table|nil plan  for cron.next
---@return string? message
function cron.read(text)
  local is_read, plan = pcall(read, text)
  if is_read then return plan end
  return nil, plan
end

local function matches_date(plan, date)
  local day, weekday = plan.day[date.day], plan.weekday[date.wday - 1]
  if not plan.month[date.month] then return false end
  if plan.any_day or plan.any_weekday then return day and weekday end
  return day or weekday
end

local function matches(plan, wall)
  local date = os.date("!*t", wall)
  return plan.minute[date.min] and plan.hour[date.hour] and matches_date(plan, date) or false
end

-- Whether a schedule with given hours has a time among those that a change of the clock skips.
local function has_skipped(plan, from, to)
  for wall = from, to - 60, 60 do
    if matches(plan, wall) then return true end
  end
  return false
end

local LONGEST = 9 * 366 * 86400 -- from one 29 February to the next, at most 8 years

--- The first time after `after` at which a plan is due; nil when there is none.
---@param plan table
---@param after number  seconds since 1970
---@param zone Zone  lib/base/zone.lua
---@return integer|nil seconds
function cron.next(plan, after, zone)
  local at = after // 60 * 60 + 60
  local offset, began, ends, before = zone.at(at)
  local last = at + LONGEST
  at = math.tointeger(at)
  while at < last do
    if at >= ends then offset, began, ends, before = zone.at(at) end
    local is_changed = not plan.is_hourly and at - began < 86400 and offset ~= before
    if is_changed and at == began and offset > before
      and has_skipped(plan, began + before, began + offset) then return at end
    local wall = at + offset
    local date = os.date("!*t", wall)
    if not matches_date(plan, date) then
      at = math.min(at + 86400 - wall % 86400, math.max(ends, at + 60))
    else
      local is_repeated = is_changed and offset < before and at - began < before - offset
      if plan.minute[date.min] and plan.hour[date.hour] and not is_repeated then return at end
      at = at + 60
    end
  end
end

return cron
