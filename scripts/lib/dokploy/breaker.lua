--- The circuit breaker in front of Dokploy. Closed: calls go through. Open: none does, for a while. Half open: one probe decides.
--- Its state is in core.shared, so that it outlives a reload. Waits run on a clock that never jumps: the lives of shared keys.
local log = require "core.log"
local shared = require "core.shared"
local counts = require "lib.base.counts"

local breaker = {
  window = 20,     -- the calls that are looked at
  least = 10,      -- and how many there must be of them
  share = 0.5,     -- this part of them failed: open
  refusals = 5,    -- so many in a row that could not even connect: open
  first_hold = 30, -- seconds that it stays open
  last_hold = 300, -- doubled each time up to this
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
  counts.breaker(state)
  set("since", os.time())
  fields = fields or {}
  fields.state = state
  log.warn("breaker." .. state, fields)
end

local function open(why)
  local hold = get("hold", breaker.first_hold)
  set("holding", true, hold)
  set("retry_at", os.time() + hold)
  set("hold", math.min(breaker.last_hold, hold * 2))
  set("probing", nil)
  change("open", { why = why, seconds = hold })
end

local function close()
  for _, key in ipairs { "holding", "retry_at", "hold", "probing", "calls", "refused" } do set(key, nil) end
  change("closed")
end

-- The newest calls as a text of "." (good) and "x" (failed), newest last.
local function remember(good)
  local calls = (get("calls", "") .. (good and "." or "x")):sub(-breaker.window)
  set("calls", calls)
  return calls
end

local function failures_in(calls) return select(2, calls:gsub("x", "")) end

--- Whether a call may go out now. While the breaker is open: false; when it is time for the probe, and the caller may make it: "probe".
---@return boolean|string
function breaker.admit()
  if get("state", "closed") == "closed" then return true end
  if get("holding") then return false end
  change("half_open")
  return shared.add("breaker.probing", true, breaker.probe) and "probe" or false
end

--- Tells how a call ended. Only a server that cannot be reached or fails itself counts as a failure; a refusal (4xx but 429) does not.
---@param good boolean
---@param refused boolean|nil  it could not even be connected to
function breaker.report(good, refused)
  local state = get("state", "closed")
  if state == "half_open" then
    if good then close() else open("the probe failed") end
    return
  elseif state == "open" then
    return -- a call that began before
  end
  local calls = remember(good)
  if good or not refused then set("refused", nil) end
  local refusals = refused and shared.incr("breaker.refused", 1) or 0
  if refusals >= breaker.refusals then
    open("it cannot be connected to")
  elseif #calls >= breaker.least and failures_in(calls) >= breaker.share * #calls and not good then
    open("half of the last calls failed")
  end
end

--- What it is doing, without waiting.
---@return { state: string, since: number|nil, failures: integer, retry_at: number|nil }
function breaker.state()
  local state = get("state", "closed")
  local retry_at = state ~= "closed" and get("retry_at") or nil
  return { state = state, since = get("since"), failures = failures_in(get("calls", "")), retry_at = retry_at }
end

return breaker
