--- Watches workspaces after they are ready: each is probed once a round, one after the other. One
--- that stops answering, keeps being restarted, or answers without its lock becomes "unhealthy",
--- with a reason; when it is well again, it is ready again. Nothing else is changed.
local log = require "core.log"
local shared = require "core.shared"
local task = require "core.task"
local dokploy = require "lib.dokploy"
local containers = require "lib.dokploy.containers"
local journal = require "lib.journal"
local change_events = require "lib.journal.change_events"
local address = require "lib.workspaces.address"
local health = require "lib.workspaces.health"

local monitor = {
  round = 60,       -- seconds in which every workspace is probed once
  usage_round = 600, -- seconds in which every workspace is asked once when it was last used
  patience = 3,     -- bad probes in a row before it counts: one may be a proxy that was reloading
  crashes = 2,      -- containers that ended by themselves, for "keeps being restarted"
}
local once = dokploy.client { tries = 1 }

-- Calls visit(stack) for each workspace in one of these states, spread over `seconds`.
local function each(states, seconds, visit)
  local stacks = {}
  for _, stack in ipairs(journal.stacks.list {} or {}) do
    if states[stack.state] then stacks[#stacks + 1] = stack end
  end
  for _, stack in ipairs(stacks) do
    visit(stack)
    task.sleep(seconds / #stacks)
  end
end

-- Health

local function keeps_restarting(stack)
  for _, row in ipairs(journal.resources.list(stack.operation_id) or {}) do
    local app_name = row.kind == "application" and row.data.ids and row.data.ids.app_name
    if app_name then return containers.crashes(once:tasks(app_name) or {}) >= monitor.crashes end
  end
  return false
end

-- What is wrong with a workspace, seen from outside; nil when nothing is. Only the lock is probed:
-- a locked workspace is alive, and no password has to be read or sent.
local function trouble_of(stack)
  local lock = health.lock(address.public(stack.url))
  if lock == "locked" then return nil end
  if lock == "open" then return "stack_open" end
  return keeps_restarting(stack) and "stack_restarts" or "stack_silent"
end

local function set_health(stack, reason)
  if not journal.stacks.set_health(stack, reason) then return end
  change_events.changed "stacks"
  log.warn("workspace.health_changed", {
    name = stack.name, operation = stack.operation_id, reason = reason,
    state = reason and "unhealthy" or "ready",
  })
end

local function probe(stack)
  local key = "monitor.bad:" .. stack.operation_id
  local trouble = trouble_of(stack)
  if not trouble then
    shared.set(key, nil)
    shared.set("monitor.seen:" .. stack.operation_id, os.time())
    if stack.state == "unhealthy" then set_health(stack) end
  elseif shared.incr(key, 1, 10 * monitor.round) >= monitor.patience then
    set_health(stack, trouble)
  end
end

--- When the workspace of this deploy was last seen healthy, since the portal was started.
---@return number|nil
function monitor.seen(operation_id) return shared.get("monitor.seen:" .. operation_id) end

--- One round: every workspace that should answer.
function monitor.run() each({ ready = true, unhealthy = true }, monitor.round, probe) end

-- Usage

-- When a workspace was last worked in, by its own list of sessions. That is behind the lock, so the
-- password is read from Dokploy each time, and sent only over a valid certificate.
local function note_use(stack)
  local public = address.public(stack.url)
  local lock, is_certified = health.lock(public)
  if lock ~= "locked" or not is_certified then return end
  local password = address.password(stack.name)
  local used_at = password and health.last_used(public, password)
  if used_at then journal.stacks.note_use(stack, used_at) end
end

--- One round: notes of every workspace that answers when it was last used.
function monitor.run_usage() each({ ready = true }, monitor.usage_round, note_use) end

return monitor
