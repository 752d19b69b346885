--- A deploy: forward through the steps, or back through the record of what was made.
local log = require "core.log"
local task = require "core.task"
local workspace = require "lib.base.workspace"
local owners = require "lib.dokploy.owners"
local journal = require "lib.journal"
local context = require "lib.operations.ctx"
local create = require "lib.operations.create"
local ending = require "lib.operations.ending"
local failure = require "lib.operations.failure"
local kinds = require "lib.operations.kinds"
local removal = require "lib.operations.removal"
local step_list = require "lib.operations.step_list"
local warm = require "lib.operations.warm"
local faults = require "lib.site.faults"
local reconcile = require "lib.workspaces.reconcile"
local remains = require "lib.workspaces.remains"

local deploy = { late_answers = 60 } -- seconds to wait for answers that are on their way

local surely = create.surely

-- Forward

-- Whether nothing else has the name: in Dokploy, or at the proxy, which still knows the address of
-- a project that was removed in Dokploy.
local function check_free(ctx)
  local free, message, code = reconcile.is_name_free(ctx)
  if not free then return nil, message, code end
  if not ctx.url or not remains.stays_routed(ctx.url) then return true end
  local holders, why, trouble = owners.of(ctx.dokploy, ctx.host)
  if not holders then return nil, why, trouble end
  if #holders > 0 then return true end -- the step domain says whose it is
  return nil, ctx.host .. " is routed already", "host_routed", { host = ctx.host }
end

-- A step that makes one thing.
local function make(ctx, step)
  return ctx:create(step.kind, { key = step.key },
    function() return step_list.call(step, "make", ctx) end,
    function() return step_list.call(step, "find", ctx) end)
end

--- Does the work of a step: true or what it made; or nil, message, code, args. Waits.
function deploy.perform(ctx, step)
  local is_first = step.kind == "project" and (ctx.is_warm or not ctx.ids.project)
  if is_first and not ctx.params.target then -- before it makes anything, its name must be free
    local free, message, code, args = check_free(ctx)
    if not free then return nil, message, code, args end
  end
  if ctx.is_warm and step.ahead then return warm.perform(ctx, step) end
  if step.run then return step_list.call(step, "run", ctx) end
  return make(ctx, step)
end

-- An optional step that failed is a warning.
local function skip(ctx, message, where)
  ctx:warn(message)
  if where then
    faults.note { kind = "step", name = ctx.step.name, message = message, where = where }
  end
  ctx:report("skipped", 1)
end

-- Why the step failed; nothing when it is done.
local function run_step(ctx, index)
  local step = ctx.steps[index]
  ctx:enter(index)
  local is_cancelled = surely(function()
    return journal.operations.enter_step(ctx.id, step.name)
  end)
  if is_cancelled then return failure.new(ctx:at(), "it was cancelled", "cancelled") end
  ctx:report("running", 0)
  local limit = step.deadline
  if ctx.is_warm and not step.key then limit = math.min(limit, warm.patience) end
  local good, message, code, args = task.run(limit, deploy.perform, ctx, step)
  if good then return ctx:report("done", 1) end
  local sentence, where = step_list.explain(step, message, code, limit)
  if step.optional and code ~= "cancelled" then return skip(ctx, sentence, where) end
  local at = ctx:at()
  at.script = where
  return failure.new(at, sentence, code, args)
end

local function walk(ctx, first)
  for index = first, #ctx.steps do
    local why = run_step(ctx, index)
    if why then return why end
  end
  return false
end

local function index_of(steps, name)
  if not name then return 1 end
  return select(2, step_list.find(steps, name))
end

local function forward(ctx, op)
  local first = index_of(ctx.steps, op.step)
  if not first then
    local at = { name = op.name, step = op.step }
    local message = ("step %s no longer exists: it was removed while it ran"):format(op.step)
    return failure.new(at, message, "script_error", { reason = op.step })
  end
  local why, message, code = task.run(ctx.steps.deadline, walk, ctx, first)
  if why == nil then return failure.new(ctx:at(), message, code) end
  return why or nil
end

-- The names of the optional steps that failed, also before a restart; nil: none.
local function skipped_steps(ctx)
  local states, skipped, has_optional = {}, {}, false
  for _, step in ipairs(ctx.steps) do has_optional = has_optional or step.optional end
  if not has_optional then return nil end
  for _, row in ipairs(journal.events.list(ctx.id, 0) or {}) do
    if row.event == "progress" then states[row.data.step] = row.data.state end
  end
  for _, step in ipairs(ctx.steps) do
    if states[step.name] == "skipped" then skipped[#skipped + 1] = step.name end
  end
  return #skipped > 0 and skipped or nil
end

local function end_well(ctx, op)
  local done = kinds[op.kind].done
  local data = {
    name = ctx.name, url = ctx.url, openUrl = ctx.url and workspace.open(ctx.url),
    warning = ctx.warning, skipped = skipped_steps(ctx),
  }
  return ending.finish(op, done.event, data, {
    state = done.state, change = done.change, target = op.params.target or op.id, made = op.id,
    used_volume = ctx.params.volume, unless_cancelled = true,
  })
end

-- Back

-- Answers that are on their way are still written down.
local function await_answers(ctx)
  ctx.wanted = false
  for _, handle in ipairs(ctx.pending) do handle:wait(deploy.late_answers) end
end

-- From the health check on a container has started, and its volume exists.
local function has_started(steps, name)
  local _, first = step_list.find(steps, "health")
  local _, index = step_list.find(steps, name)
  return first ~= nil and index ~= nil and index >= first
end

local function end_back(op, work, leftovers, why)
  local now = journal.operations.get(op.id) or op
  local was_cancelled = why.code == "cancelled" or now.cancel == 1
  local is_free, volume = #leftovers == 0, nil
  if work.unable then
    -- A volume that this Dokploy cannot remove does not keep the name: its own is never used again.
    leftovers[#leftovers + 1] = {
      kind = "volume", id = work.unable, reason = "unable",
      unsure = not has_started(work.steps, why.step),
    }
    volume = {
      volume = work.unable, name = op.name, owner_id = op.owner_id, operation_id = op.id,
      reason = "left",
    }
  end
  ending.fail(op, why, {
    state = was_cancelled and "cancelled" or "failed", rolledBack = #leftovers == 0,
    leftovers = leftovers, target = op.id, change = is_free and "gone" or "leftover",
    volume = volume,
  })
end

local function back(op, ctx, why)
  task.shield()
  local turned = surely(function() return journal.operations.turn_back(op.id, why) end)
  if not turned and op.state ~= "rolling_back" then -- it had ended: what it made is in use
    log.error("operation.ended_twice", { operation = op.id, name = op.name, code = why.code })
    return
  end
  await_answers(ctx)
  local resources = surely(function() return journal.resources.list(op.id) end)
  local work = ending.removal(op, op, resources, ctx.steps)
  work.dokploy.secrets = ctx.dokploy.secrets
  work.never_ran = why.args and why.args.never_ran
  end_back(op, work, (ending.remove(work, "rolling_back")), why)
end

-- Where it is, by its record.
local function context_of(op, steps)
  local resources = surely(function() return journal.resources.list(op.id) end)
  local ctx = context.new(op, resources, steps)
  ctx.index, ctx.is_warm = index_of(steps, op.step), op.kind == "deploy" and op.params.warm ~= nil
  return ctx
end

-- Goes forward; where a warm workspace is of no use, once more without it. Returns why it failed,
-- and the context to go on with.
local function go(ctx, op)
  local why = forward(ctx, op)
  if not why or not warm.may_start_over(ctx, why) then return why, ctx end
  await_answers(ctx)
  if not warm.give_back(ctx, why) then return why, ctx end
  op = surely(function() return journal.operations.get(op.id) end)
  ctx = context_of(op, ctx.steps)
  return forward(ctx, op), ctx
end

--- Runs a deploy (or a rebuild, or a workspace that is made ahead) to its end, from wherever its
--- record says that it is.
---@param op table  the journal's row
---@param steps table[]
function deploy.run(op, steps)
  local why = op.state == "rolling_back"
    and (op.failure or failure.new({ name = op.name }, "unknown", op.code))
  if op.kind == "prepare" then
    steps = warm.steps(steps) or {}
    why = why or #steps == 0 and failure.new({ name = op.name }, "there is no pool", "cancelled")
  end
  if not why and op.kind == "rebuild" then why = removal.make_room(op, steps) end
  if not why and op.kind == "deploy" then op = warm.claim(op, steps) end
  local ctx = context_of(op, steps)
  log.info("operation.started", {
    operation = op.id, name = op.name, kind = op.kind, state = op.state, step = op.step,
  })
  if not why then why, ctx = go(ctx, op) end
  if not why and not end_well(ctx, op) then
    why = failure.new(ctx:at(), "it was cancelled", "cancelled")
  end
  if why then back(op, ctx, why) end
end

return deploy
