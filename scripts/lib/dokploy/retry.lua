--- When to try again, and how long to wait before. Pure.
local clock = require "lib.base.clock"
local retry = { tries = 4, base = 0.5, cap = 15, longest_after = 60, share = 0.2, least = 3 }

--- Seconds to wait before try number `attempt` + 1: full jitter under an exponential bound.
---@param attempt integer  how many tries there were, from 1
---@param random number    from 0 to 1
function retry.delay(attempt, random)
  return random * math.min(retry.cap, retry.base * 2 ^ (attempt - 1))
end

--- The seconds that a Retry-After field asks for, at most 60; nil when it cannot be read.
---@param value string|nil  seconds, or an HTTP date
---@param now number        seconds since 1970
function retry.after(value, now)
  if not value then return nil end
  local seconds = tonumber(value:match("^%s*(%d+)%s*$"))
  local date = not seconds and clock.read_http_date(value)
  if date then seconds = date - now end
  return seconds and math.max(0, math.min(retry.longest_after, seconds))
end

--- Whether one more retry may be on its way: a fifth of the calls of a minute, three at least, so
--- that an outage does not multiply the load.
---@param under_way integer  retries that are on their way
---@param calls integer      calls of the last minute, of all kinds
function retry.may_go(under_way, calls)
  return under_way < math.max(retry.least, math.floor(retry.share * calls))
end

local transient = {
  [408] = true, [425] = true, [429] = true, [500] = true, [502] = true, [503] = true, [504] = true,
}

--- What an answer means for trying again.
---@param outcome { status: integer|nil, sent: boolean|nil, auth: boolean|nil,
--- readable: boolean|nil, outage: boolean|nil, vague: boolean|nil }  status: nil when no answer
--- came; sent = false: certainly nothing left this machine; auth: the authentication layer refused,
--- so nothing was done; readable = false: an answer that cannot be understood; outage: Dokploy's
--- database is down; vague: a refusal that does not say why
---@param repeatable boolean  doing it twice does no harm
---@param has_retry_after boolean
---@return string verdict  "again"; "unknown": it may have been done, look before trying again;
--- "final"
function retry.verdict(outcome, repeatable, has_retry_after)
  local status = outcome.status
  if outcome.sent == false or outcome.auth then return "again" end
  if not status or outcome.readable == false or outcome.outage then
    return repeatable and "again" or "unknown"
  end
  if outcome.vague and not repeatable then return "unknown" end
  if not transient[status] then return "final" end
  if repeatable then return "again" end
  if (status == 429 or status == 503) and has_retry_after then return "again" end
  return "unknown"
end

return retry
