--- The life of one deploy or delete, in a task of its own: forward through the steps, or back through the record; one end, told once.
local log = require "core.log"
local task = require "core.task"
local timer = require "core.timer"
local workspace = require "lib.base.workspace"
local create = require "lib.operations.create"
local context = require "lib.operations.ctx"
local events = require "lib.operations.events"
local operate = require "lib.operations.operate"
local postmortem = require "lib.operations.postmortem"
local purge = require "lib.operations.purge"
local undo = require "lib.operations.undo"
local dokploy = require "lib.dokploy"
local call = require "lib.dokploy.call"
local journal = require "lib.journal"
local reservations = require "lib.journal.reservations"
local states = require "lib.journal.states"

local runner = {
  pending = 60,               -- seconds to wait for answers that are still on their way
  undo_pauses = { 3, 10, 0 }, -- seconds after each try to take things away
}

local function always() return true end

-- Forward ----------------------------------------------------------------------------------------------------------------

local own_codes = {
  timeout = "step_timeout", failed = "script_error", stopped = "script_error", not_found = "dokploy_error", no_such_call = "dokploy_error",
}

-- What a call waits out: when time ran out meanwhile, that is the reason.
local waited_for = { dokploy_unreachable = true, dokploy_refused = true }

-- Why a step ended the deployment.
local function failure_of(ctx, message, code, args)
  code = own_codes[code] or code or "script_error"
  local last = call.last_answer(ctx.dokploy)
  if code == "step_timeout" and last and waited_for[last.code] then code = last.code end
  args = args or {}
  args.name, args.step, args.seconds = ctx.name, ctx.step and ctx.step.name, ctx.step and math.floor(timer.now() - ctx.began)
  return { code = code, step = args.step, args = args, message = tostring(message), answer = last }
end

local function run_step(ctx, index)
  local step = ctx.steps[index]
  ctx:enter(index)
  local cancelled, message, code = create.surely(function() return journal.operations.enter_step(ctx.id, step.name) end, always)
  if cancelled == nil then return failure_of(ctx, message, code) end
  if cancelled then return failure_of(ctx, "somebody asked to stop", "cancelled") end
  ctx:tell("running", 0)
  local good, why, word, args = task.run(step.deadline, step.run, ctx)
  if not good then return failure_of(ctx, why, word, args) end
  ctx:tell("done", 1)
end

-- The steps from `first` on; what went wrong, or nothing.
local function walk(ctx, first)
  for index = first, #ctx.steps do
    local failure = run_step(ctx, index)
    if failure then return failure end
  end
  return false
end

local function index_of(steps, name)
  if not name then return 1 end
  for index, step in ipairs(steps) do
    if step.name == name then return index end
  end
end

local function forward(ctx, op)
  local first = index_of(ctx.steps, op.step)
  if not first then
    local args = { name = op.name, step = op.step }
    return { code = "script_error", step = op.step, args = args, message = "there is no step of that name any more" }
  end
  local failure, message, code = task.run(ctx.steps.deadline, walk, ctx, first)
  if failure == nil then return failure_of(ctx, message, code) end
  return failure or nil
end

-- The end ----------------------------------------------------------------------------------------------------------------

local function receipt(resources, since)
  local list = {}
  for i, row in ipairs(resources) do
    list[i] = { kind = row.kind, id = row.id or row.key, state = row.state, reason = row.data.reason,
      intended_at = row.intended_at, created_at = row.created_at, ended_at = row.ended_at }
  end
  return { resources = list, since = since }
end

-- Writes the end, as often as the disk needs. True; false when the operation had ended, or was cancelled. The receipt is of what `how.made`
-- made, or else the target.
local function finish(id, event, data, how)
  how.receipt = receipt(journal.resources.list(how.made or how.target) or {}, os.time())
  return create.surely(function()
    return events.finish(id, event, data, function(list) return journal.operations.finish(id, list[1], how) end)
  end, always)
end

local function ready(ctx)
  local data = { name = ctx.name, url = ctx.url, openUrl = workspace.open(ctx.url), warning = ctx.warning }
  local how = { state = "ready", stack = "ready", target = ctx.id, made = ctx.id, unless_cancelled = true }
  local before = ctx.params.target -- it takes the place of another one
  if before then how.stack, how.target = "rebuilt", before end
  local ended = finish(ctx.id, "ready", data, how)
  if ended and before then reservations.set(ctx.name, ctx.id) end
  if ended then log.info("deployment.ready", { operation = ctx.id, name = ctx.name }) end
  return ended
end

-- Back -------------------------------------------------------------------------------------------------------------------

local function work_of(op, target, resources)
  local exact = op.kind == "remove" or op.kind == "rebuild" and op ~= target -- what else has the mark is for people to decide
  local work = { id = target.id, mark = context.mark(target), exact = exact, resources = resources }
  function work.tell(kind, state, key, args)
    work.at = kind
    events.emit(op.id, { { event = "progress", data = { step = kind, state = state, key = key, args = args } } })
  end
  work.dokploy = dokploy.client { patient = true, waits = context.waits(function(key, args)
    if work.at then work.tell(work.at, key and "waiting" or "undoing", key, args) end
  end) }
  return work
end

-- The steps' own undo, newest first: for what lib/operations/undo.lua does not know.
local function undo_steps(ctx)
  for index = ctx.index or 0, 1, -1 do
    local step = ctx.steps[index]
    if step.undo then
      ctx:enter(index)
      local good, message = task.run(step.deadline, step.undo, ctx)
      if not good then ctx:warn("undo failed: " .. tostring(message)) end
    end
  end
end

local passing = { unreachable = true, refused = true, error = true }

-- Dokploy may be in trouble for a moment: a few more tries, before it is left to the sweeper. (Other reasons have been waited for already.)
local function undo_again(work)
  local clean, message, reason
  for _, pause in ipairs(runner.undo_pauses) do
    clean, message, reason = undo.run(work)
    if clean or not passing[reason] then break end
    log.warn("undo.incomplete", { operation = work.id, message = message, reason = reason })
    task.sleep(pause)
  end
  return clean, message, reason
end

local function take_away(work, state)
  local clean, message, reason = task.run(states[state].deadline, undo_again, work)
  if not clean then
    log.warn("undo.given_up", { operation = work.id, message = message, reason = reason })
    undo.leave(work, (reason == "timeout" or reason == "failed") and "error" or reason)
  end
  return undo.left(work), reason
end

local function volume_row(target, work, reason)
  local volume = work.unable
  return volume and { volume = volume, name = target.name, owner_id = target.owner_id, operation_id = target.id, reason = reason } or nil
end

-- A volume that this Dokploy cannot remove is told, but keeps nobody from taking the name again: its own name is never used twice.
-- Before the last step nobody knows whether a container has started, and with it the volume come to be.
local function told_left(left, work, step)
  if work.unable then left[#left + 1] = { kind = "volume", id = work.unable, reason = "unable", unsure = step ~= "health" } end
  return left
end

local function end_back(op, work, left, failure)
  local now = journal.operations.get(op.id) or op
  local event = (failure.code == "cancelled" or now.cancel == 1) and "cancelled" or "failed"
  local free = #left == 0
  local leftovers = told_left(left, work, failure.step)
  local data = { code = failure.code, step = failure.step, args = failure.args, rolledBack = #leftovers == 0, leftovers = leftovers }
  if event == "failed" then postmortem.add(op.id, data, failure.answer) end
  finish(op.id, event, data, {
    state = event, code = failure.code, target = op.id, stack = free and "gone" or "leftover", volume = volume_row(op, work, "left"),
  })
  if free then reservations.drop(op.name, op.id) end
  log.warn("deployment." .. event, {
    operation = op.id, name = op.name, code = failure.code, step = failure.step, message = failure.message, left = #leftovers,
  })
end

local function back(op, ctx, failure)
  task.shield()
  ctx.wanted = false
  local turned = create.surely(function() return journal.operations.turn_back(op.id, failure) end, always)
  if not turned and op.state ~= "rolling_back" then -- it had come to its end: what it made is somebody's
    return log.error("deployment.ended_twice", { operation = op.id, name = op.name, code = failure.code })
  end
  for _, handle in ipairs(ctx.pending) do handle:wait(runner.pending) end
  undo_steps(ctx)
  local resources = create.surely(function() return journal.resources.list(op.id) end, always)
  local work = work_of(op, op, resources)
  work.never_ran = failure.args and failure.args.never_ran
  end_back(op, work, (take_away(work, "rolling_back")), failure)
end

--- Runs a deploy to its end, from wherever the record says that it stands.
function runner.deploy(op, steps)
  local resources = create.surely(function() return journal.resources.list(op.id) end, always)
  local ctx = context.new(op, resources, steps)
  ctx.index = index_of(steps, op.step)
  log.info("deployment.started", { operation = op.id, name = op.name, state = op.state, step = op.step })
  local failure = op.state == "rolling_back" and (op.failure or { code = op.code or "script_error" }) or forward(ctx, op)
  if not failure and not ready(ctx) then failure = failure_of(ctx, "somebody asked to stop", "cancelled") end
  if failure then back(op, ctx, failure) end
end

-- Delete -----------------------------------------------------------------------------------------------------------------

-- Data that stays is marked before anything else: nobody who goes on from here, after whatever happens, may remove it.
local function keep_volume(resources, target)
  for _, row in ipairs(resources) do
    if row.kind == "volume" and row.state ~= "undone" then
      row.state = "kept"
      create.surely(function() return journal.resources.settle(target.id, row.kind, row.key, "kept") end, always)
      return row.key
    end
  end
end

-- Why a deletion did not come to its end, as a code.
local reasons = { timeout = "step_timeout", unreachable = "dokploy_unreachable", refused = "dokploy_refused" }

local function end_delete(op, target, work, kept, left, reason)
  local volume, data = kept or work.unable, "deleted"
  if volume then data = kept and "kept" or "left" end
  local how = { target = target.id, volume = volume and
    { volume = volume, name = op.name, owner_id = op.owner_id, operation_id = target.id, reason = data } or nil }
  if #left == 0 then
    how.state, how.stack = "deleted", "gone"
    finish(op.id, "deleted", { name = op.name, data = data, volume = volume }, how)
    reservations.drop(op.name, target.id)
  else
    how.state, how.stack, how.code = "failed", "leftover", reasons[reason] or "dokploy_error"
    local told = { code = how.code, step = work.at, args = { name = op.name }, rolledBack = false, leftovers = left }
    finish(op.id, "failed", postmortem.add(op.id, told, call.last_answer(work.dokploy)), how)
  end
  local tell = how.state == "failed" and log.warn or log.info
  tell("stack." .. how.state, { operation = op.id, name = op.name, data = data, left = #left })
end

-- Data that an earlier delete kept, or that outlived an earlier make of the stack, goes with it now that its owner asks.
local function give_up_volume(resources)
  for _, row in ipairs(resources) do
    if row.kind == "volume" and row.state == "kept" then row.state = "created" end
  end
end

local function forget_volumes(resources)
  for _, row in ipairs(resources) do
    if row.kind == "volume" and row.state == "undone" then
      create.surely(function() return journal.volumes.forget(row.key) end, always)
    end
  end
end

local function target_of(op)
  local target = create.surely(function() return journal.operations.get(op.params.target) end, always)
  return target, create.surely(function() return journal.resources.list(target.id) end, always)
end

-- What a deploy left that never was ready is nobody's data: its volume goes, as it would have gone then.
local never_used = { failed = true, cancelled = true }

--- Runs a delete to its end.
function runner.delete(op)
  task.shield()
  local target, resources = target_of(op)
  local keeps = op.params.data ~= "delete" and not never_used[target.state]
  local kept = keeps and keep_volume(resources, target) or nil
  if not kept then give_up_volume(resources) end
  local work = work_of(op, target, resources)
  local left, reason = take_away(work, "deleting")
  forget_volumes(resources)
  end_delete(op, target, work, kept, left, reason)
end

-- Made again ------------------------------------------------------------------------------------------------------------

-- Nothing when its application is certainly not there; else why it must be left alone.
local function still_there(op, work, resources)
  for _, row in ipairs(resources) do
    if row.kind == "application" and row.state == "created" then
      local there, message, code = work.dokploy:application_one(row.id)
      if there then return { code = "not_vanished", args = { name = op.name }, message = "its application is there" } end
      if code ~= "not_found" then return { code = own_codes[code] or code, args = { name = op.name }, message = message } end
    end
  end
end

-- What is left of the stack that vanished is taken away, its files excepted. Nothing, or why it cannot be made again.
local function make_room(op)
  local target, resources = target_of(op)
  keep_volume(resources, target)
  local work = work_of(op, target, resources)
  local failure = still_there(op, work, resources)
  if failure then return failure end
  local left, reason = take_away(work, "deleting")
  if #left == 0 then return nil end
  return { code = reasons[reason] or "dokploy_error", args = { name = op.name }, answer = call.last_answer(work.dokploy),
    message = "what is left of it cannot be taken away" }
end

--- Makes a stack again that vanished from Dokploy, on the files that it had: a deploy like any other, whose rollback leaves them alone.
function runner.rebuild(op, steps)
  if op.state ~= "running" then return runner.deploy(op, steps) end
  local failure = make_room(op)
  if not failure then return runner.deploy(op, steps) end
  op.state, op.failure = "rolling_back", failure
  runner.deploy(op, steps)
end

-- Both -------------------------------------------------------------------------------------------------------------------

-- The last resort, for an error in these scripts themselves: an end, with everything in the record named as left.
local function broken(op, message)
  task.shield()
  log.error("operation.broken", { operation = op.id, message = message })
  if operate.kinds[op.kind] then return operate.broken(op) end
  local target = { id = op.kind ~= "delete" and op.id or op.params.target }
  local work = { id = target.id, resources = journal.resources.list(target.id) or {} }
  undo.leave(work, "error")
  finish(op.id, "failed", { code = "script_error", args = { name = op.name }, rolledBack = false, leftovers = undo.left(work) },
    { state = "failed", code = "script_error", stack = "leftover", target = target.id })
end

--- The body of an operation's task. Returns when it has ended. Not in a child: task.cancel reaches the task that runs the steps.
function runner.run(op, steps)
  local runs = { delete = runner.delete, remove = runner.delete, purge = purge.run, rebuild = runner.rebuild }
  local run = operate.kinds[op.kind] and operate.run or runs[op.kind] or runner.deploy
  local good, message = pcall(run, op, steps)
  if not good then broken(op, tostring(message)) end
end

return runner
