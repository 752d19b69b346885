--- Starts what waits, as places become free, and tells the others where they stand. The journal is the queue; this only looks at it.
local config = require "core.config"
local crypto = require "core.crypto"
local log = require "core.log"
local shared = require "core.shared"
local task = require "core.task"
local timer = require "core.timer"
local change_events = require "lib.journal.change_events"
local events = require "lib.operations.events"
local estimate = require "lib.operations.estimate"
local postmortem = require "lib.operations.postmortem"
local queue = require "lib.operations.queue"
local runner = require "lib.operations.runner"
local journal = require "lib.journal"
local reservations = require "lib.journal.reservations"
local states = require "lib.journal.states"

local scheduler = {
  guess = 45,   -- seconds that a deployment takes, as long as none has been seen
  window = 500, -- how many of those that wait are looked at in one go; who stands further back is told his place when he comes nearer
}
local steps
local generation = crypto.token(6) -- of the scripts: after a reload, only the newest starts anything

local nameless = { purge = true, remove = true } -- operations that need no name: somebody else may have it

local function task_name(id) return "op:" .. id end

--- Whether the operation's task is alive, in whatever generation.
function scheduler.alive(id) return task.alive(task_name(id)) end

--- Asks the operation's task to stop.
function scheduler.cancel(id) return task.cancel(task_name(id)) end

--- How many seconds a deployment takes: the median of the newest.
function scheduler.typical() return queue.median(journal.operations.durations()) or scheduler.guess end

--- Runs an operation in a task of its own; nothing if it runs already.
function scheduler.launch(op)
  if not nameless[op.kind] then reservations.set(op.name, op.params.target or op.id) end
  change_events.changed("operations")
  return task.spawn(task_name(op.id), function()
    runner.run(op, steps)
    shared.set("queue.ended:" .. op.owner_id, os.time() + 1, states.queued.deadline)
    scheduler.wake()
  end) ~= nil
end

--- Ends a deploy that waits: nothing was made, so it leaves at once.
---@return boolean|nil ended
function scheduler.remove(op, state, code)
  local args = { name = op.name, seconds = states.queued.deadline }
  local data = { code = code, args = args, rolledBack = true, leftovers = {} }
  if state == "failed" then postmortem.add(op.id, data, nil, "queued") end
  local how = { state = state, code = code, receipt = {}, stack = "gone", target = op.id }
  local ended, message = events.finish(op.id, state, data, function(list) return journal.operations.finish(op.id, list[1], how) end)
  if ended == nil then return nil, message, "journal" end
  reservations.drop(op.name, op.id)
  scheduler.wake()
  return ended
end

-- For how long it has been waiting; by the timer's clock, so that nobody leaves because the clock was set. Who came before this start of
-- the portal is taken over by the time of day, at the first look.
local function waits(id, seconds) shared.add("queue.since:" .. id, timer.now() - seconds, states.queued.deadline) end

local function waited(op)
  waits(op.id, math.max(0, os.time() - op.created_at))
  local now = timer.now()
  return now - (shared.get("queue.since:" .. op.id) or now)
end

local function too_late(op) return waited(op) > states.queued.deadline end

-- Those that may still wait; the others leave.
local function still_waiting(queued)
  local waiting = {}
  for _, op in ipairs(queued) do
    if op.cancel == 1 then
      scheduler.remove(op, "cancelled", "cancelled")
    elseif too_late(op) then
      scheduler.remove(op, "failed", "step_timeout")
    else
      waiting[#waiting + 1] = op
    end
  end
  return waiting
end

-- What should run and does not (its task was stopped) is started again.
local function revive(running)
  for _, op in ipairs(running) do
    if not scheduler.alive(op.id) then scheduler.launch(op) end
  end
end

local function deploys_of(running)
  local list = {}
  for _, op in ipairs(running) do
    if op.kind == "deploy" then list[#list + 1] = op end
  end
  return list
end

local function start(waiting, running)
  local op = journal.operations.start(waiting.id)
  if not op then return end
  running[#running + 1] = op
  for _, key in ipairs { "queue.position:", "queue.since:" } do shared.set(key .. op.id, nil) end
  scheduler.launch(op)
end

local function ended_of(waiting)
  local ended = {}
  for _, op in ipairs(waiting) do ended[op.owner_id] = shared.get("queue.ended:" .. op.owner_id) end
  return ended
end

local function ages_of(running)
  local ages, now = {}, os.time()
  for i, op in ipairs(running) do ages[i] = math.max(0, now - (op.started_at or now)) end
  return ages
end

local function starts(count, running)
  return queue.starts(count, ages_of(running), config.limits.running_deployments, scheduler.typical(), estimate.known())
end

-- Who waits, as they came, and the deploys that run. What runs is read last: revive() must see it as it is, since an operation that ends
-- while something else is read would have no task and seem to run.
local function open_deploys()
  local waiting, message, code = journal.operations.waiting(scheduler.window)
  if not waiting then return nil, message, code end
  local running, trouble, why = journal.operations.running()
  if not running then return nil, trouble, why end
  return waiting, deploys_of(running), running
end

--- The line as it stands: who waits, in the order in which he will be served; who is being served; seconds until each who waits will be.
---@return table[]|nil waiting, table[]|string running, integer[]|string etas
function scheduler.snapshot()
  local waiting, running, code = open_deploys()
  if not waiting then return nil, running, code end
  return queue.order(waiting, running, ended_of(waiting)), running, starts(#waiting, running)
end

--- Whole seconds until one more that comes would start, behind those that wait already.
---@return integer|nil, string? message, string? code
function scheduler.forecast()
  local waiting, running, code = open_deploys()
  if not waiting then return nil, running, code end
  return starts(#waiting + 1, running)[#waiting + 1]
end

--- Whole seconds until whoever waits first is started, and leaves his place to others. Those that wait are not read for it: it is told to
--- everybody who comes while the queue is full.
---@return integer|nil, string? message, string? code
function scheduler.next_slot()
  local running, message, code = journal.operations.running()
  if not running then return nil, message, code end
  return starts(1, deploys_of(running))[1]
end

-- Whether somebody who was told his place, and when his turn would come, has to be told anew.
local function is_news(told, position, eta)
  local place, at = (told or ""):match("^(%d+) (%d+)$")
  if tonumber(place) ~= position then return true end
  return math.abs(os.time() + eta - tonumber(at)) > math.max(10, eta / 2)
end

local function tell_positions(waiting, running)
  local etas, news = #waiting > 0 and starts(#waiting, running), {}
  for position, op in ipairs(waiting) do
    local key, eta = "queue.position:" .. op.id, etas[position]
    if is_news(shared.get(key), position, eta) then
      shared.set(key, ("%d %d"):format(position, os.time() + eta), states.queued.deadline)
      news[#news + 1] = { id = op.id, event = "queued", data = { position = position, etaSeconds = eta } }
    end
  end
  events.emit_each(news)
end

local function round()
  local queued, running, all = open_deploys()
  if not queued then return log.warn("queue.unreadable", { message = running }) end
  revive(all)
  local waiting, places = still_waiting(queued), config.limits.running_deployments
  waiting = queue.order(waiting, running, ended_of(waiting))
  while #waiting > 0 and #running < places do start(table.remove(waiting, 1), running) end
  shared.set("queue.waiting", #waiting)
  shared.set("queue.full", #running >= places)
  tell_positions(waiting, running)
  if #waiting > 0 then task.spawn("queue.pace", estimate.look) end
end

local function rounds()
  repeat
    shared.set("queue.again", nil)
    round()
  until not shared.get("queue.again")
end

--- Looks at the queue soon. One look at a time; a look that is asked for meanwhile is had afterwards.
function scheduler.wake()
  shared.set("queue.again", true)
  if shared.get("queue.generation") == generation then task.spawn("queue", rounds) end
end

--- Something has come to wait. While all places are taken there is no hurry: scheduler.tick tells it where it stands.
---@param id string
function scheduler.enqueue(id)
  waits(id, 0)
  if shared.get("queue.full") then shared.set("queue.asked", true) else scheduler.wake() end
end

--- Called each second: looks when somebody asked, or waits; and every half minute in any case.
function scheduler.tick()
  shared.set("queue.generation", generation)
  local due, asked = shared.add("queue.looked", true, 30), shared.get("queue.asked")
  if asked then shared.set("queue.asked", nil) end -- a look that begins now sees who asked
  if due or asked or shared.get("queue.again") or (shared.get("queue.waiting") or 0) > 0 then scheduler.wake() end
end

--- From now on this generation starts what waits, with these steps.
function scheduler.use(list)
  steps = list
  shared.set("queue.generation", generation)
end

return scheduler
