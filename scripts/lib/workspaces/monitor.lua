--- Watches workspaces after they are ready: each is probed once a round. One that stops answering,
--- keeps being restarted, was deleted in Dokploy, or answers without its lock becomes "unhealthy",
--- with a reason; when it is well again, it is ready again. Nothing else is changed.
local log = require "core.log"
local shared = require "core.shared"
local task = require "core.task"
local timer = require "core.timer"
local dokploy = require "lib.dokploy"
local containers = require "lib.dokploy.containers"
local journal = require "lib.journal"
local change_events = require "lib.journal.change_events"
local drift = require "lib.journal.drift"
local address = require "lib.workspaces.address"
local files = require "lib.workspaces.files"
local health = require "lib.workspaces.health"
local reconcile = require "lib.workspaces.reconcile"

local monitor = {
  round = 40,       -- seconds in which every workspace is probed once
  usage_round = 600, -- seconds in which every workspace is asked once when it was last used
  patience = 3,     -- bad probes in a row before it counts: one may be a proxy that was reloading
  pause = 10,       -- seconds from one bad probe to the next
  crashes = 2,      -- containers that end by themselves meanwhile, for "keeps being restarted"
  spread = 0.9,     -- of a round: the first of the next one must not come while it still runs
}
local once = dokploy.client { tries = 1 }

-- Starts visit(stack) for each workspace in one of these states, spread over `seconds`. Each visit
-- is a task of its own, so that one that takes long delays no other.
local function each(what, states, seconds, visit)
  local began, stacks = timer.now(), {}
  for _, stack in ipairs(journal.stacks.list {} or {}) do
    if states[stack.state] then stacks[#stacks + 1] = stack end
  end
  for i, stack in ipairs(stacks) do
    local due = began + monitor.spread * seconds * (i - 1) / #stacks
    task.sleep(math.max(0, due - timer.now()))
    task.spawn(("%s:%s"):format(what, stack.operation_id), visit, stack)
  end
end

-- Health

local function application_of(stack)
  for _, row in ipairs(journal.resources.list(stack.operation_id) or {}) do
    local app_name = row.kind == "application" and row.data.ids and row.data.ids.app_name
    if app_name then return { id = row.id, app_name = app_name } end
  end
end

local function is_deleted(application)
  local _, _, code = once:application_one(application.id)
  return code == "not_found"
end

-- Why a workspace does not answer. `seen`: what the look before returned, whose containers are not
-- counted again.
local function look_at_containers(stack, seen)
  local application = application_of(stack)
  local rows = application and once:instances(application.app_name)
  if not rows then return "stack_silent", seen end
  if #rows == 0 and is_deleted(application) then return "stack_vanished", seen end
  local ended = containers.crashes(seen, rows)
  if not seen then ended.count = 0 end -- they may have ended long ago
  return ended.count >= monitor.crashes and "stack_restarts" or "stack_silent", ended
end

local function set_health(stack, reason)
  if not journal.stacks.set_health(stack, reason) then return end
  change_events.changed "stacks"
  log.warn("workspace.health_changed", {
    name = stack.name, operation = stack.operation_id, reason = reason,
    state = reason and "unhealthy" or "ready",
  })
  if reason == "stack_vanished" then reconcile.start() end -- for the admin
end

-- An operation on it reports by itself what became of it.
local function is_busy(stack)
  local stacks, busy = drift.known(stack)
  return not stacks or busy[stack.operation_id] ~= nil
end

-- Only the lock is probed: a locked workspace is alive, and no password has to be read or sent.
local function probe(stack)
  local reason, seen
  for look = 1, monitor.patience do
    if look > 1 and not task.sleep(monitor.pause) then return end
    local lock = health.lock(address.public(stack.url))
    if lock == "locked" then
      shared.set("monitor.seen:" .. stack.operation_id, os.time())
      if stack.state == "unhealthy" then set_health(stack) end
      return
    end
    if is_busy(stack) then return end
    reason = "stack_open"
    if lock ~= "open" then reason, seen = look_at_containers(stack, seen) end
  end
  set_health(stack, reason)
end

--- When the workspace of this deploy was last seen healthy, since the portal was started.
---@return number|nil
function monitor.seen(operation_id) return shared.get("monitor.seen:" .. operation_id) end

--- One round: every workspace that should answer.
function monitor.run()
  each("workspaces.health", { ready = true, unhealthy = true }, monitor.round, probe)
end

-- Usage

-- When a workspace was last worked in, by its own list of sessions. That is behind the lock, so the
-- password is read from Dokploy each time, and sent only over a valid certificate.
local function note_use(stack)
  local public = address.public(stack.url)
  local lock, is_certified = health.lock(public)
  if lock ~= "locked" or not is_certified then return end
  local password = address.password(stack.name)
  if not password then return end
  files.note(stack.operation_id, public, password)
  local used_at = health.last_used(public, password)
  if used_at then journal.stacks.note_use(stack, used_at) end
end

--- One round: notes of every workspace that answers when it was last used.
function monitor.run_usage()
  each("workspaces.usage", { ready = true }, monitor.usage_round, note_use)
end

return monitor
