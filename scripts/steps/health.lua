--- Waits until the stack answers at its public address: locked, as itself, and usable, three times in a row (lib/operations/health.lua says
--- how). Open to everybody: the deployment ends at once. A container that ends again and again: likewise.
local config = require "core.config"
local health = require "lib.operations.health"
local stack = require "lib.operations.workspace_address"

local IN_A_ROW = 3 -- good looks, one a second, before it is called ready
local PAGES = 10   -- pages without a lock in a row before they are taken for the stack's own, not the proxy's
local CRASHES = 6  -- containers that ended by themselves, summed up over the looks at them, one every five seconds
local RESERVE = 3  -- seconds before the deadline in which the reason is told

local function count(watch, seen)
  watch.good = seen.code and 0 or watch.good + 1
  watch.pages = seen.lock == "page" and watch.pages + 1 or 0
  watch.last = seen
end

-- A reason to end at once, or nothing.
local function hopeless(ctx, watch)
  if watch.last.code == "stack_unprotected" then return "it answers without a password", "stack_unprotected" end
  if watch.pages >= PAGES then return "a page without a lock answers at its address", "stack_unprotected" end
  local crashes, reason = stack.crashes(ctx, watch)
  if crashes >= CRASHES then return "its container ends again and again: " .. reason, "stack_unhealthy", { reason = reason } end
end

-- The time is over. Locked is proved, and only the certificate is missing: ready, with a warning that says what was not proved.
local function late(ctx, watch)
  local last = watch.last
  if last.code == "certificate" then
    ctx.warning = "certificate"
    return true
  end
  return nil, "it did not become healthy in time", last.code or "stack_unhealthy", { reason = watch.reason or "" }
end

local function tell(ctx, watch)
  local key = watch.last.code or "steady"
  if key ~= watch.told then ctx:progress(key, { count = watch.good }) end
  watch.told = key
end

return {
  name = "health",
  deadline = 150,
  expect = 10,
  run = function(ctx)
    local target, message, code = stack.target(ctx, config)
    if not target then return nil, message, code end
    local watch = { good = 0, pages = 0, looks = 0, crashes = 0 }
    repeat
      count(watch, health.look(target))
      if watch.good >= IN_A_ROW then return true end
      local why, word, args = hopeless(ctx, watch)
      if why then return nil, why, word, args end
      tell(ctx, watch)
      if not ctx:sleep(1) then return nil, "cancelled", "cancelled" end
    until ctx:remaining() <= RESERVE
    return late(ctx, watch)
  end,
}
