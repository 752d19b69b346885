--- Lets workspaces fall asleep that nobody used for as long as their template says (sleep_after).
--- Those that may be due soon are asked once a minute, all others not at all. The owner is warned
--- before; lib/operations/work.lua looks once more right before it stops one.
local log = require "core.log"
local server = require "core.server"
local shared = require "core.shared"
local task = require "core.task"
local timer = require "core.timer"
local audit = require "lib.auth.audit"
local journal = require "lib.journal"
local change_events = require "lib.journal.change_events"
local rows = require "lib.journal.sleep"
local accept = require "lib.operations.accept"
local limits = require "lib.policy.limits"
local templates = require "lib.policy.templates"
local address = require "lib.workspaces.address"
local idle = require "lib.workspaces.idle"

local sleeper = {
  round = 60,  -- seconds in which each that may be due is asked once
  again = 600, -- seconds after a try
  slack = 2,   -- real seconds that answers may be off: their times are whole seconds
}

-- Policy

local sleeping = {} -- ids of templates
for _, template in ipairs(templates.all()) do
  if template.sleep_after then sleeping[#sleeping + 1] = template.id end
end

local function sleep_after(template_id)
  local seconds = templates.sleep_after(template_id)
  return seconds and timer.to_real(seconds)
end

-- The owner is warned that long before, but not before half of the time is over.
local function warning_of(after)
  return math.min(timer.to_real(limits.sleep.warn), after / 2)
end

-- When a workspace falls asleep, if it is not used any more; used_at: when it was, as far as is
-- known.
local function due_time(stack, used_at, after)
  local last = math.max(used_at, stack.since or stack.created_at, stack.visited_at or 0)
  return math.max(last + after, stack.awake_until or 0)
end

-- One workspace

local function used_key(stack) return "sleeper.used:" .. stack.operation_id end

-- When it was last used, as it says itself. Kept, so that it is not asked again before it may be
-- due.
local function last_use(stack, after)
  local password = address.password(stack.name)
  local seconds, why
  if password then seconds, why = idle.seconds(address.public(stack.url), password) end
  if not seconds then
    log.debug("sleeper.awake", { name = stack.name, reason = why or "its password is not known" })
  end
  local used_at = server.now() - (seconds or 0)
  shared.set(used_key(stack), used_at, after)
  return used_at
end

local function fall_asleep(stack, after)
  local entry = {
    who = { kind = "script", name = "sleep_after" }, network = "", action = "sleep",
    name = stack.name, allowed = true, rule = "it was not used", request_id = "",
  }
  local op, message, code = accept.begin("sleep", stack, {
    params = { idle_seconds = after - sleeper.slack },
    also = function(id) return { audit.statement(entry, id) } end,
    logged = { by = "sleep_after" },
  })
  if op then change_events.changed "audit" end
  if op or code ~= "stack_busy" then
    shared.set("sleeper.rest:" .. stack.operation_id, true, timer.to_real(sleeper.again))
  end
  if not op then log.warn("sleeper.not_begun", { name = stack.name, message = message }) end
end

local function unwarn(stack)
  if stack.sleeps_at and rows.unwarn(stack) then change_events.changed "stacks" end
end

local function warn(stack, at)
  if not rows.warn(stack, at) then return end
  change_events.changed "stacks"
  log.info("workspace.sleeps_soon", { name = stack.name, operation = stack.operation_id })
end

-- Whether it may be due so soon that it has to be asked. Two rounds early, so that the warning is
-- not late.
local function is_near(stack, used_at, after)
  local due_at = due_time(stack, used_at, after)
  return server.now() >= due_at - warning_of(after) - timer.to_real(2 * sleeper.round), due_at
end

--- Asks one that may be due, and warns its owner or lets it fall asleep.
---@param stack table
function sleeper.look(stack)
  local after = sleep_after(stack.template)
  local may_sleep, due_at = is_near(stack, last_use(stack, after), after)
  if not may_sleep then return unwarn(stack) end
  if not stack.sleeps_at then
    return warn(stack, math.max(due_at, server.now() + warning_of(after)))
  end
  if server.now() >= math.max(due_at, stack.sleeps_at) then fall_asleep(stack, after) end
end

local function is_asked(stack)
  if shared.get("sleeper.rest:" .. stack.operation_id) then return false end
  local after = sleep_after(stack.template)
  return stack.sleeps_at ~= nil or is_near(stack, shared.get(used_key(stack)) or 0, after)
end

-- Seconds until the i-th of n is asked: at its time if that comes in this round, so that it is not
-- decided late; else spread over the round.
local function delay_of(stack, i, n)
  local at = stack.sleeps_at and stack.sleeps_at + sleeper.slack
  local left = at and (at - server.now()) / timer.to_real(1)
  if left and left < sleeper.round then return math.max(0, left) end
  return (i - 1) / n * sleeper.round
end

local function look_later(stack, delay)
  task.sleep(delay)
  local now = journal.stacks.get(stack.name)
  local is_same = now and now.operation_id == stack.operation_id and now.state == "ready"
  if is_same then sleeper.look(now) end
end

--- One round: asks those that may be due.
function sleeper.run()
  local stacks, message = rows.candidates(sleeping)
  if not stacks then return log.warn("sleeper.unreadable", { message = message }) end
  local asked = {}
  for _, stack in ipairs(stacks) do
    if is_asked(stack) then asked[#asked + 1] = stack end
  end
  for i, stack in ipairs(asked) do
    task.spawn(nil, look_later, stack, delay_of(stack, i, #asked))
  end
end

--- Starts it. Called once while the scripts load.
function sleeper.register()
  if #sleeping > 0 then timer.every("sleeper", sleeper.round, sleeper.run) end
end

return sleeper
