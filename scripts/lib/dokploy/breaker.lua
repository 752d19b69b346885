--- The circuit breaker in front of Dokploy. Closed: calls go through. Open: none does, and every
--- few seconds the caller looks whether the server is back. Half open: it is, and one call decides.
--- The state is in core.shared, so that it outlives a reload; holds are lifetimes of shared keys,
--- which no change of the clock touches.
local log = require "core.log"
local shared = require "core.shared"
local counts = require "lib.base.counts"

local breaker = {
  window = 20,     -- how many of the last calls are considered
  least = 10,      -- and how many there must be of them
  share = 0.5,     -- this part of them failed: open
  refusals = 5,    -- as many connections refused in a row: open
  first_hold = 3,  -- seconds that it stays open
  last_hold = 300, -- doubled with each call that failed while it was half open, up to this
  calm = 60,       -- seconds after a hold in which opening again doubles it
  probe = 20,      -- seconds that a probe may take
}

local function get(key, default)
  local value = shared.get("breaker." .. key)
  if value == nil then return default end
  return value
end

local function set(key, value, seconds) shared.set("breaker." .. key, value, seconds) end

local function change(state, fields)
  if get("state", "closed") == state then return end
  set("state", state)
  set("since", os.time())
  counts.breaker(state)
  fields = fields or {}
  fields.state = state
  log.warn("breaker." .. state, fields)
end

local function hold_back(seconds, is_away)
  set("holding", true, seconds)
  set("retry_at", os.time() + seconds)
  set("away", is_away)
  set("probing", nil)
end

local function open(why)
  local hold = get("hold", breaker.first_hold)
  hold_back(hold)
  set("hold", math.min(breaker.last_hold, hold * 2), hold + breaker.calm)
  change("open", { why = why, seconds = hold })
end

local function close()
  for _, key in ipairs { "holding", "retry_at", "away", "probing", "calls", "refused" } do
    set(key, nil)
  end
  change "closed"
end

-- The last calls are a text of "." (good) and "x" (failed), newest last.
local function failures_in(calls) return select(2, calls:gsub("x", "")) end

--- Whether a call may go out now. While the breaker is open: false; when it is time to look at the
--- server, and the caller is the one to do so: "probe". It then calls still_away or half_open.
---@return boolean|string
function breaker.admit()
  if get("state", "closed") == "closed" then return true end
  if get "holding" then return false end
  return shared.add("breaker.probing", true, breaker.probe) and "probe" or false
end

--- The server is not back: the next look is soon, however often that was so.
function breaker.still_away() hold_back(breaker.first_hold, true) end

--- The server is back: the caller makes one call, and its report decides.
function breaker.half_open() change "half_open" end

local function count_call(good, refused)
  local calls = (get("calls", "") .. (good and "." or "x")):sub(-breaker.window)
  set("calls", calls)
  if not refused then set("refused", nil) end
  if good then return end
  if refused and shared.incr("breaker.refused", 1) >= breaker.refusals then
    open "it cannot be connected to"
  elseif #calls >= breaker.least and failures_in(calls) >= breaker.share * #calls then
    open "half of the last calls failed"
  end
end

--- Reports how a call ended. Only a server that cannot be reached or fails itself counts as a
--- failure; a refusal (4xx but 429) does not.
---@param good boolean
---@param refused boolean|nil  it could not even be connected to
function breaker.report(good, refused)
  local state = get("state", "closed")
  if state == "closed" then
    count_call(good, refused)
  elseif state == "half_open" and good then
    close()
  elseif state == "half_open" then
    open "the probe failed"
  end
end

--- Its state, without waiting. is_away: the last look found no server.
---@return { state: string, since: number|nil, failures: integer, retry_at: number|nil,
--- is_away: boolean }
function breaker.state()
  local state = get("state", "closed")
  return {
    state = state, since = get "since", failures = failures_in(get("calls", "")),
    retry_at = state ~= "closed" and get "retry_at" or nil, is_away = get("away", false),
  }
end

return breaker
