--- When to try again, and how long to wait before. Pure: numbers in, numbers out.
local retry = { tries = 4, base = 0.5, cap = 15, longest_after = 60 }

--- Seconds to wait before try number `attempt` + 1: full jitter under an exponential bound.
---@param attempt integer  how many tries there were, from 1
---@param random number    from 0 to 1
function retry.delay(attempt, random) return random * math.min(retry.cap, retry.base * 2 ^ (attempt - 1)) end

local months = { Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12 }

-- Seconds since 1970 of a date in UTC, without os.time, which knows local time alone.
local function utc(year, month, day, hour, minute, second)
  if month <= 2 then year, month = year - 1, month + 12 end
  local days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 1 - 719468
  return ((days * 24 + hour) * 60 + minute) * 60 + second
end

--- The seconds that a Retry-After field asks for, at most 60; nil when there is none that can be read.
---@param value string|nil  seconds, or an HTTP date
---@param now number        seconds since 1970
function retry.after(value, now)
  if not value then return nil end
  local seconds = tonumber(value:match("^%s*(%d+)%s*$"))
  if not seconds then
    local day, month, year, hour, minute, second = value:match("(%d+) (%a%a%a) (%d%d%d%d) (%d%d):(%d%d):(%d%d) GMT")
    if not months[month] then return nil end
    seconds = utc(year // 1, months[month], day // 1, hour // 1, minute // 1, second // 1) - now
  end
  return math.max(0, math.min(retry.longest_after, seconds))
end

local worth_it = { [408] = true, [425] = true, [429] = true, [500] = true, [502] = true, [503] = true, [504] = true }

--- What an answer means for trying again.
---@param outcome { status: integer|nil, sent: boolean|nil, auth: boolean|nil, readable: boolean|nil }
--- status: none when no answer came; sent = false: certainly nothing left this machine;
--- auth: the authentication layer refused, so nothing was done; readable = false: an answer that cannot be understood
---@param repeatable boolean  doing it twice does no harm
---@param asked_to_wait boolean  the answer had a Retry-After
---@return string verdict  "again": try again; "unknown": it may have been done, look before trying again; "final"
function retry.verdict(outcome, repeatable, asked_to_wait)
  local status = outcome.status
  if outcome.sent == false or outcome.auth then return "again" end
  if not status or outcome.readable == false then return repeatable and "again" or "unknown" end
  if not worth_it[status] then return "final" end
  if repeatable then return "again" end
  if (status == 429 or status == 503) and asked_to_wait then return "again" end
  return "unknown"
end

return retry
