--- After "ready": each stack is looked at once a round, slowly, one after the other. One that stops answering, keeps being started anew,
--- or answers without its lock becomes "unhealthy", with a reason; when it is well again, it is ready again. Nothing else is changed.
---
--- Only the lock is looked at: a locked stack is a living one, and no password has to be asked for or sent.
local config = require "core.config"
local log = require "core.log"
local shared = require "core.shared"
local task = require "core.task"
local change_events = require "lib.journal.change_events"
local health = require "lib.operations.health"
local place = require "lib.operations.workspace_address"
local dokploy = require "lib.dokploy"
local journal = require "lib.journal"

local monitor = {
  round = 60,  -- seconds in which every stack has had its turn
  patience = 3, -- bad looks in a row before it is said aloud: one may be a proxy that was reloading
  crashes = 2, -- containers that ended by themselves, for "keeps being started anew"
}
local once = dokploy.client { tries = 1 }

local function app_name(operation_id)
  for _, row in ipairs(journal.resources.list(operation_id) or {}) do
    if row.kind == "application" then return row.data.ids and row.data.ids.app_name end
  end
end

local function keeps_ending(stack)
  local name = app_name(stack.operation_id)
  return name and health.crashes(once:tasks(name) or {}) >= monitor.crashes
end

--- What is wrong with a stack, seen from outside: stack_open stack_restarts stack_silent; nil when nothing is.
local function trouble_of(stack)
  local lock = health.lock(place.public(stack.url, config))
  if lock == "locked" then return nil end
  if lock == "open" then return "stack_open" end
  return keeps_ending(stack) and "stack_restarts" or "stack_silent"
end

local function write(stack, reason)
  if not journal.stacks.set_health(stack, reason) then return end
  change_events.changed("stacks")
  local state = reason and "unhealthy" or "ready"
  log.warn("stack.watched", { name = stack.name, operation = stack.operation_id, state = state, reason = reason })
end

local function look(stack)
  local key = "watch:" .. stack.operation_id
  local trouble = trouble_of(stack)
  if not trouble then
    shared.set(key, nil)
    shared.set("seen:" .. stack.operation_id, os.time())
    if stack.state == "unhealthy" then write(stack) end
  elseif shared.incr(key, 1, 10 * monitor.round) >= monitor.patience then
    write(stack, trouble)
  end
end

--- When the stack that this deploy made was last seen to be well, since the portal was started.
---@return number|nil
function monitor.seen(operation_id) return shared.get("seen:" .. operation_id) end

local watched = { ready = true, unhealthy = true }

--- One round: every stack that should answer, spread over the time.
function monitor.run()
  local stacks = {}
  for _, stack in ipairs(journal.stacks.list {} or {}) do
    if watched[stack.state] then stacks[#stacks + 1] = stack end
  end
  for _, stack in ipairs(stacks) do
    look(stack)
    task.sleep(monitor.round / #stacks)
  end
end

return monitor
