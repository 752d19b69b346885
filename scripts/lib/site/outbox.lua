--- Delivers events to hooks and webhooks: at least once, in order for each workspace, again with
--- growing pauses for 24 hours when it fails. What waits is in the journal, so it survives a crash
--- and a change of the scripts; nothing that a receiver does holds up an operation.
local log = require "core.log"
local metrics = require "core.metrics"
local server = require "core.server"
local shared = require "core.shared"
local task = require "core.task"
local timer = require "core.timer"
local check = require "lib.base.check"
local rows = require "lib.journal.outbox"
local change_events = require "lib.journal.change_events"
local event = require "lib.site.event"
local kinds = require "lib.operations.kinds"

local outbox = {
  first_pause = 5, longest_pause = 900, most = 24 * 3600, -- seconds
  at_once = 8,          -- deliveries to one target
  kept = 30 * 24 * 3600, -- seconds for which what was given up is listed
}

---@class OutboxTarget
---@field kind string  hook webhook
---@field on string[]  types of events
---@field deliver fun(event: HookEvent): boolean|nil, string?, string?  true; or nil, message, and
--- "gone" when it wants nothing any more. May wait

local targets = {} ---@type table<string, OutboxTarget>
local script_version = server.info().generation -- only the newest scripts deliver
local START_SECONDS = 5 -- that the start waits for it

metrics.declare("deployer_hooks_total", "counter",
  "Deliveries of events to hooks and webhooks", { "kind", "result" })
for _, kind in ipairs { "hook", "webhook" } do
  for _, result in ipairs { "ok", "failed", "gave_up" } do
    metrics.add("deployer_hooks_total", 0, kind, result)
  end
end

--- Adds a target. Only while the scripts load.
---@param name string  hooks/NAME or webhooks/NAME
---@param target OutboxTarget
function outbox.add(name, target) targets[name] = target end

--- Seconds until the next attempt.
---@param attempts integer  so far
---@return number
function outbox.pause(attempts)
  return math.min(outbox.first_pause * 2.0 ^ (attempts - 1), outbox.longest_pause)
end

local function note_failure(row, target, message)
  local pause = timer.to_real(outbox.pause(row.attempts))
  local gave_up = rows.failed(row.id, message:sub(1, 2000), pause, timer.to_real(outbox.most))
  metrics.add("deployer_hooks_total", 1, target and target.kind or "hook",
    gave_up and "gave_up" or "failed")
  log.warn(gave_up and "outbox.gave_up" or "outbox.failed", {
    target = row.target, type = row.type, name = row.name, operation = row.operation_id,
    attempts = row.attempts, message = message,
  })
  change_events.changed "outbox"
end

local function attempt(target, row)
  if not target then return nil, "the scripts have no " .. row.target .. " any more" end
  local found, message, code = event.of(row)
  if not found then return nil, message, code end
  return target.deliver(found)
end

local wake

local function deliver(id)
  local row = rows.claim(id)
  if not row then return end
  local target = targets[row.target]
  local done, message, code = attempt(target, row)
  if done then
    rows.delivered(row)
    metrics.add("deployer_hooks_total", 1, target.kind, "ok")
    wake()
  elseif code == "gone" then
    rows.disable(row.target, message)
    log.warn("webhook.disabled", { target = row.target, message = message })
    change_events.changed "outbox"
  else
    note_failure(row, target, tostring(message))
  end
end

-- A task for each, named after it: no version of the scripts delivers what another one delivers.
local busy = {}

local function begin(row)
  local target = row.target
  if (busy[target] or 0) >= outbox.at_once then return end
  local handle = task.spawn("outbox." .. row.id, deliver, row.id)
  if not handle then return end
  busy[target] = (busy[target] or 0) + 1
  task.spawn(nil, function()
    handle:wait()
    busy[target] = busy[target] - 1
  end)
end

local function run()
  local due, message = rows.due(2 * outbox.at_once)
  if not due then return log.warn("outbox.unreadable", { message = message }) end
  for _, row in ipairs(due) do begin(row) end
end

function wake()
  if shared.get "outbox.version" == script_version then task.spawn("outbox", run) end
end

local function subscribe()
  local wanted = {}
  for name, target in pairs(targets) do
    for _, type in ipairs(target.on) do wanted[#wanted + 1] = { type = type, target = name } end
  end
  local done, message = rows.subscribe(wanted)
  if not done then return log.warn("outbox.unwritable", { message = message }) end
  shared.set("outbox.version", script_version)
end

-- Before the portal listens, the scripts that are in force by then have subscribed: these, or newer
-- ones when they replaced these. Until then the last run's subscriptions count.
local function start()
  shared.set("outbox.started", true)
  if server.info().generation == script_version + 1 then return subscribe() end
  local ends = timer.now() + START_SECONDS
  while not shared.get "outbox.version" and timer.now() < ends do task.sleep(0.1) end
end

local function tick()
  if not shared.get "outbox.started" then return end
  if shared.get "outbox.version" ~= script_version then subscribe() end
  wake()
end

--- Starts delivering. Called once while the scripts load, after every target was added and after
--- what puts the site's files into force at the start.
function outbox.register()
  server.on_start(start)
  server.on_replace(subscribe)
  timer.every("outbox", 1, tick)
  timer.every("outbox.prune", 3600, function() rows.prune(outbox.kept) end)
end

check.add(function()
  local faults = {}
  for kind in pairs(kinds) do
    if rows.type(kind, "ready") == nil then
      faults[#faults + 1] = "lib/journal/outbox.lua: no type of event for the kind " .. kind
    end
  end
  return faults
end)

return outbox
