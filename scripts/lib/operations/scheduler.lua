--- Starts waiting deploys as slots become free, and reports their position to the others. The
--- journal is the queue; this only looks at it.
local config = require "core.config"
local crypto = require "core.crypto"
local log = require "core.log"
local server = require "core.server"
local shared = require "core.shared"
local task = require "core.task"
local timer = require "core.timer"
local dokploy = require "lib.dokploy"
local call = require "lib.dokploy.call"
local journal = require "lib.journal"
local change_events = require "lib.journal.change_events"
local drift = require "lib.journal.drift"
local reservations = require "lib.journal.reservations"
local estimate = require "lib.operations.estimate"
local events = require "lib.operations.events"
local failure = require "lib.operations.failure"
local kinds = require "lib.operations.kinds"
local queue = require "lib.operations.queue"
local runner = require "lib.operations.runner"
local secrets = require "lib.operations.secrets"
local states = require "lib.operations.states"
local i18n = require "lib.pages.i18n"

local scheduler = {
  guess = 45,   -- seconds that a deployment takes, until one has been measured
  window = 500, -- how many waiting deploys a round considers
  full_round = 30, -- seconds between two rounds when nothing happens
}
local steps
-- After a reload, only the newest scripts start anything.
local script_version = crypto.token(6)
local WAIT = states.queued.deadline

local function task_name(id) return "op:" .. id end

--- Cancels the operation's task.
function scheduler.cancel(id) return task.cancel(task_name(id)) end

--- How many seconds a deployment takes: the median of the newest.
function scheduler.typical()
  return queue.median(journal.operations.durations()) or scheduler.guess
end

--- Runs an operation in a task of its own, unless it runs already.
function scheduler.launch(op)
  if kinds[op.kind].holds_name then reservations.set(op.name, op.params.target or op.id) end
  change_events.changed "operations"
  task.spawn(task_name(op.id), function()
    runner.run(op, steps)
    shared.set("queue.ended:" .. op.owner_id, os.time() + 1, WAIT)
    scheduler.wake()
  end)
end

--- Ends a deploy that waits: nothing was made.
---@param state string  failed cancelled
---@return boolean|nil ended, string? message, string? code
function scheduler.remove(op, state, code)
  local data = { code = code, args = { name = op.name, seconds = WAIT }, rolledBack = true,
    leftovers = {} }
  if state == "failed" then data = failure.event_data(op, data, data, "queued") end
  local how = {
    kind = op.kind, state = state, code = code, receipt = {}, change = "gone", target = op.id,
  }
  local ended, message, trouble = events.finish(op.id, state, data, function(list)
    return journal.operations.finish(op.id, list[1], how)
  end)
  if ended == nil then return nil, message, trouble end
  reservations.drop(op.name, op.id)
  secrets.forget(op.id)
  failure.log_end(op, { state = state, code = code })
  scheduler.wake()
  return ended
end

-- Waiting

-- Since when it waits, by the timer's clock, so that no deploy times out because the clock was set.
-- Those from before this start are taken over by the time of day.
local function note_waiting(id, seconds)
  shared.add("queue.since:" .. id, timer.now() - seconds, WAIT)
end

local function has_timed_out(op)
  note_waiting(op.id, math.max(0, os.time() - op.created_at))
  local since = shared.get("queue.since:" .. op.id)
  return since ~= nil and timer.now() - since > WAIT
end

-- Those that may still wait; the others end.
local function still_waiting(queued)
  local waiting = {}
  for _, op in ipairs(queued) do
    if op.cancel == 1 then
      scheduler.remove(op, "cancelled", "cancelled")
    elseif has_timed_out(op) then
      scheduler.remove(op, "failed", "step_timeout")
    else
      waiting[#waiting + 1] = op
    end
  end
  return waiting
end

local function ordered(waiting, running)
  local ended = {}
  for _, op in ipairs(waiting) do
    ended[op.owner_id] = shared.get("queue.ended:" .. op.owner_id)
  end
  return queue.order(waiting, running, ended)
end

-- Those that wait, as they came; the deploys that run; and all that runs. What runs is read last:
-- an operation that ended after it was read would have no task and seem to need a restart.
local function open_operations()
  local waiting, message, code = journal.operations.waiting(scheduler.window)
  if not waiting then return nil, message, code end
  local running
  running, message, code = journal.operations.running()
  if not running then return nil, message, code end
  local deploys = {}
  for _, op in ipairs(running) do
    if kinds[op.kind].is_queued then deploys[#deploys + 1] = op end
  end
  return waiting, deploys, running
end

-- Estimates

local function starts(count, deploys)
  local ages, now = {}, os.time()
  for i, op in ipairs(deploys) do ages[i] = math.max(0, now - (op.started_at or now)) end
  local slots = config.limits.running_deployments
  local hold = queue.hold(journal.operations.durations(), ages, scheduler.guess)
  return queue.starts(count, ages, slots, hold, estimate.known())
end

--- The queue as it is: who waits, in the order of their turns; which deploys run; seconds until
--- each of those that wait starts.
---@return table[]|nil waiting, table[]|string running, integer[]|string etas
function scheduler.snapshot()
  local waiting, deploys, code = open_operations()
  if not waiting then return nil, deploys, code end
  return ordered(waiting, deploys), deploys, starts(#waiting, deploys)
end

--- Whole seconds until a new deploy would start, behind those that wait already.
---@return integer|nil, string? message, string? code
function scheduler.forecast()
  local waiting, deploys, code = open_operations()
  if not waiting then return nil, deploys, code end
  return starts(#waiting + 1, deploys)[#waiting + 1]
end

--- Whole seconds until a place in the queue becomes free.
---@return integer|nil, string? message, string? code
function scheduler.next_slot()
  local running, message, code = journal.operations.running()
  if not running then return nil, message, code end
  local deploys = {}
  for _, op in ipairs(running) do
    if kinds[op.kind].is_queued then deploys[#deploys + 1] = op end
  end
  return starts(1, deploys)[1]
end

-- Rounds

-- What should run and does not (its task was stopped) is started again.
local function revive(running)
  for _, op in ipairs(running) do
    if not task.alive(task_name(op.id)) then scheduler.launch(op) end
  end
end

local function start(waiting, deploys)
  local op = journal.operations.start(waiting.id, kinds[waiting.kind].state)
  if not op then return end
  deploys[#deploys + 1] = op
  shared.set("queue.position:" .. op.id, nil)
  shared.set("queue.since:" .. op.id, nil)
  scheduler.launch(op)
end

-- Whether a position and a start differ enough from those that were reported.
local function is_news(reported, position, eta)
  local old_position, start_at = (reported or ""):match "^(%d+) (%d+)$"
  if tonumber(old_position) ~= position then return true end
  return math.abs(os.time() + eta - tonumber(start_at)) > math.max(10, eta / 2)
end

local function report_positions(waiting, deploys)
  local etas, news = #waiting > 0 and starts(#waiting, deploys), {}
  for position, op in ipairs(waiting) do
    local key, eta = "queue.position:" .. op.id, etas[position]
    if is_news(shared.get(key), position, eta) then
      shared.set(key, ("%d %d"):format(position, os.time() + eta), WAIT)
      local data = { position = position, etaSeconds = eta }
      news[#news + 1] = { id = op.id, event = "queued", data = data }
    end
  end
  events.emit_each(news)
end

local function run_round()
  local queued, deploys, running = open_operations()
  if not queued then return log.warn("queue.unreadable", { message = deploys }) end
  revive(running)
  local waiting, slots = ordered(still_waiting(queued), deploys), config.limits.running_deployments
  while #waiting > 0 and #deploys < slots do start(table.remove(waiting, 1), deploys) end
  shared.set("queue.waiting", #waiting)
  shared.set("queue.full", #deploys >= slots)
  report_positions(waiting, deploys)
  if #waiting > 0 then task.spawn("queue.estimate", estimate.refresh) end
end

local function run_rounds()
  repeat
    shared.set("queue.again", nil)
    run_round()
  until not shared.get "queue.again"
end

--- Looks at the queue soon. One round at a time; a wake during a round is followed by another
--- round.
function scheduler.wake()
  shared.set("queue.again", true)
  if shared.get "queue.version" == script_version then task.spawn("queue", run_rounds) end
end

--- A deploy was accepted. While all slots are taken there is no hurry: the next tick reports its
--- position.
---@param id string
function scheduler.enqueue(id)
  note_waiting(id, 0)
  if shared.get "queue.full" then shared.set("queue.asked", true) else scheduler.wake() end
end

local function tick()
  shared.set("queue.version", script_version)
  local is_due = shared.add("queue.looked", true, scheduler.full_round)
  local was_asked = shared.get "queue.asked"
  if was_asked then shared.set("queue.asked", nil) end -- a round that begins now sees them all
  local has_waiting = (shared.get "queue.waiting" or 0) > 0
  if is_due or was_asked or shared.get "queue.again" or has_waiting then scheduler.wake() end
end

-- Start

-- So that /health knows, without waiting, whether Dokploy can be reached.
local quick = dokploy.client { tries = 2 }
local function ask_dokploy() quick:version() end

-- After a start: every name is reserved again, and every operation that has not ended goes on, or
-- is rolled back.
local function resume()
  for _, stack in ipairs(assert(journal.stacks.list {})) do
    reservations.set(stack.name, stack.operation_id)
  end
  local running = assert(journal.operations.running())
  revive(running)
  if #running > 0 then log.info("operations.resumed", { operations = #running }) end
  assert(drift.refresh())
  scheduler.wake()
  task.spawn(nil, ask_dokploy)
end

--- Starts deployments with these steps. Called once while the scripts load.
---@param list table[]  scripts/steps/init.lua
function scheduler.register(list)
  for _, step in ipairs(list) do
    if next(step.title) then
      i18n.define(step.file, "title", ("step.%s.title"):format(step.name), step.title)
    end
  end
  steps = list
  shared.set("queue.version", script_version)
  server.on_start(resume)
  timer.every("operations.queue", 1, tick)
  timer.every("operations.dokploy", 30, ask_dokploy)
  timer.every("operations.breaker", 1, call.probe_if_due)
end

return scheduler
