--- Time zones: reads the files of the IANA database (TZif, RFC 8536) that core.timer's zone()
--- gives. Pure.
local clock = require "lib.base.clock"
local zone = {}

local HEADER = 44
local FOREVER = math.maxinteger

---@class Zone
--- `at(seconds)` returns the offset from UTC in seconds at a time, when that offset began, when it
--- ends, and the offset before it. Times are seconds since 1970.

-- The rule behind the last transition: a POSIX TZ text such as "CET-1CEST,M3.5.0,M10.5.0/3".

local function read_time(text)
  local sign, hours, rest = text:match "^([+-]?)(%d+)(.*)$"
  local minutes, seconds = rest:match "^:(%d+):?(%d*)$"
  local value = tonumber(hours) * 3600 + (tonumber(minutes) or 0) * 60 + (tonumber(seconds) or 0)
  return math.tointeger(sign == "-" and -value or value)
end

local function is_leap(year) return year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0) end

-- Midnight of the day that a rule names, as if the zone were UTC.
local function day_of(rule, year)
  local first = clock.utc(year, 1, 1, 0, 0, 0)
  local julian = rule:match "^J(%d+)$"
  if julian then -- 29 February is not counted
    local day = math.tointeger(tonumber(julian))
    return first + (day - 1 + (is_leap(year) and day > 59 and 1 or 0)) * 86400
  end
  local month, week, weekday = rule:match "^M(%d+)%.(%d+)%.(%d+)$"
  if not month then return first + math.tointeger(tonumber(rule)) * 86400 end
  month, week, weekday = tonumber(month), tonumber(week), tonumber(weekday)
  local month_first = clock.utc(year, math.tointeger(month), 1, 0, 0, 0)
  local next_first = month == 12 and clock.utc(year + 1, 1, 1, 0, 0, 0)
    or clock.utc(year, math.tointeger(month) + 1, 1, 0, 0, 0)
  local began = (month_first // 86400 + 4) % 7 -- 1970-01-01 was a Thursday
  local day = month_first + ((weekday - began) % 7 + (week - 1) * 7) * 86400
  while day >= next_first do day = day - 7 * 86400 end
  return math.tointeger(day)
end

-- The offset, and for a zone with summer time: changes(year) -> two { at, offset, before }.
local function read_rule(text)
  local name = text:match("^<[^>]+>") or text:match "^%a+"
  if not name then return 0 end
  local standard, rest = text:sub(#name + 1):match "^([+-]?[%d:]+)(.*)$"
  local offset = -read_time(standard)
  local summer_name = rest:match("^<[^>]+>") or rest:match "^%a+"
  if not summer_name then return offset end
  local given, from, to = rest:sub(#summer_name + 1):match "^([+-]?[%d:]*),([^,]+),([^,]+)$"
  if not from then return offset end
  local summer = given ~= "" and -read_time(given) or offset + 3600
  local function moment(rule, year, before)
    local day, time = rule:match "^([^/]+)/?(.*)$"
    return day_of(day, year) + (time ~= "" and read_time(time) or 7200) - before
  end
  return offset, function(year)
    local list = {
      { at = moment(from, year, offset), offset = summer, before = offset },
      { at = moment(to, year, summer), offset = offset, before = summer },
    }
    table.sort(list, function(a, b) return a.at < b.at end)
    return list
  end
end

-- By the rule: the changes of the years around a time.
local function at_by_rule(rule_offset, changes, seconds, least)
  if not changes then return rule_offset, least, FOREVER, rule_offset end
  local year = tonumber(os.date("!%Y", seconds))
  local last
  for each = year - 1, year + 1 do
    for _, change in ipairs(changes(each)) do
      if change.at > seconds then
        return last.offset, math.max(last.at, least), change.at, last.before
      end
      last = change
    end
  end
end

-- The file

local function counts_of(bytes, at)
  local magic, version = bytes:match("^(TZif)(.)", at)
  if not magic then return nil end
  local utc, standard, leaps, times, types, letters = string.unpack(">I4I4I4I4I4I4", bytes, at + 20)
  return version, { utc = utc, standard = standard, leaps = leaps, times = times, types = types,
    letters = letters }
end

local function size_of(counts, width)
  return counts.times * (width + 1) + counts.types * 6 + counts.letters
    + counts.leaps * (width + 4) + counts.standard + counts.utc
end

local function read_transitions(bytes, at, counts, width)
  local times, offsets = {}, {}
  local format = width == 8 and ">i8" or ">i4"
  local types = at + counts.times * width
  local infos = types + counts.times
  local function offset_of(index) return (string.unpack(">i4", bytes, infos + index * 6)) end
  for i = 1, counts.times do
    times[i] = string.unpack(format, bytes, at + (i - 1) * width)
    offsets[i] = offset_of(bytes:byte(types + i - 1))
  end
  return times, offsets, offset_of(0)
end

-- The last index whose time is not after `seconds`; 0 when there is none.
local function search(times, seconds)
  local low, high = 0, #times
  while low < high do
    local middle = (low + high + 1) // 2
    if times[middle] <= seconds then low = middle else high = middle - 1 end
  end
  return low
end

--- The zone of a file's bytes.
---@param bytes string
---@return Zone|nil
---@return string? message
function zone.read(bytes)
  local version, counts = counts_of(bytes, 1)
  if not version then return nil, "this is no time zone file" end
  local at, width, footer = HEADER + 1, 4, ""
  if version ~= "\0" then
    at, width = at + size_of(counts, 4), 8
    counts = select(2, counts_of(bytes, at))
    if not counts then return nil, "this time zone file is cut off" end
    at = at + HEADER
    footer = bytes:match("^\n([^\n]*)\n", at + size_of(counts, 8)) or ""
  end
  local times, offsets, first = read_transitions(bytes, at, counts, width)
  local rule_offset, changes = read_rule(footer)
  if footer == "" then rule_offset = offsets[#times] or first end
  local self = {}
  function self.at(seconds)
    local index = search(times, seconds)
    if index == #times then
      return at_by_rule(rule_offset, changes, seconds, times[index] or math.mininteger)
    end
    local offset = offsets[index] or first
    return offset, times[index] or math.mininteger, times[index + 1], offsets[index - 1] or first
  end
  return self
end

--- UTC.
zone.utc = { at = function() return 0, math.mininteger, FOREVER, 0 end }

return zone
