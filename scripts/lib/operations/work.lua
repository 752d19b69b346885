--- Work on a workspace that exists: stop, start, restart, a new password, deploying it once more.
--- One that was interrupted is done again from the beginning: each call to Dokploy may be made
--- twice.
---
--- Dokploy's own start hangs when the container does not come up; "reload" applies what is stored,
--- at once, also from stopped.
local crypto = require "core.crypto"
local task = require "core.task"
local timer = require "core.timer"
local dotenv = require "lib.base.dotenv"
local workspace = require "lib.base.workspace"
local containers = require "lib.dokploy.containers"
local tag = require "lib.dokploy.tag"
local journal = require "lib.journal"
local context = require "lib.operations.ctx"
local create = require "lib.operations.create"
local ending = require "lib.operations.ending"
local events = require "lib.operations.events"
local failure = require "lib.operations.failure"
local kinds = require "lib.operations.kinds"
local states = require "lib.operations.states"
local submission = require "lib.operations.submission"
local address = require "lib.workspaces.address"
local health = require "lib.workspaces.health"

local work = { stopping = 60, healthy = 180 } -- seconds: for its containers to end, to be healthy
local surely = create.surely

-- The parts: true; or nil, message, code, args --

local parts = {}

-- Dokploy says that it stopped a workspace also when it did not: what counts is that no container
-- runs.
function parts.stop(ctx)
  local stopped, message, code = ctx.dokploy:application_stop(ctx.ids.application)
  if not stopped then return nil, message, code end
  local ends = timer.now() + work.stopping
  repeat
    local rows
    rows, message, code = ctx.dokploy:containers(ctx.ids.app_name)
    if not rows then return nil, message, code end
    if not containers.any_up(rows) then return true end
    if not task.sleep(1) then return nil, "cancelled", "cancelled" end
  until timer.now() >= ends
  return nil, "its container does not end", "stack_does_not_stop"
end

function parts.start(ctx)
  return ctx.dokploy:application_reload(ctx.ids.application, ctx.ids.app_name)
end

function parts.health(ctx)
  local target, message, code = address.target(ctx)
  if not target then return nil, message, code end
  local good, warning, why, args = health.wait(target, { seconds = work.healthy })
  if good then ctx.warning = warning end
  return good, warning, why, args
end

-- The new password takes the old one's place; all other lines stay as they are.
function parts.password(ctx)
  local text, message, code = address.environment(ctx.dokploy, ctx.ids.application)
  if not text then return nil, message, code end
  local password, lines = crypto.token(32), {}
  for line in (text .. "\n"):gmatch("(.-)\r?\n") do
    local is_old = line:find("^%s*" .. address.password_variable .. "%s*=")
    if not is_old and line ~= "" then lines[#lines + 1] = line end
  end
  lines[#lines + 1] = assert(dotenv.line(address.password_variable, password))
  local id, new_text = ctx.ids.application, table.concat(lines, "\n")
  local saved, why, trouble = ctx.dokploy:save_environment(id, new_text)
  if not saved then return nil, why, trouble end
  ctx.password, ctx.old_environment = password, text
  return true
end

-- Deploys what Dokploy holds of it once more, and follows that to its end.
function parts.deploy(ctx)
  local watch, is_sent = { lines = 0 }, false
  repeat
    local row, message, code = submission.row(ctx)
    if row == nil then return nil, message, code end
    if row then submission.pass_log(ctx, row, watch) end
    if row and row.status == "done" then return true end
    if row and row.status ~= "running" then return submission.failure(ctx, row, watch) end
    if not row and not is_sent and not submission.position(ctx) then
      is_sent, message, code = ctx.dokploy:deploy(ctx.ids.application, ctx.title)
      if not is_sent then return nil, message, code end
    end
  until not task.sleep(1)
  return nil, "cancelled", "cancelled"
end

-- The flow --

local function report(ctx, part, state, key, args)
  local data = { step = part, state = state, key = key, args = args }
  events.emit(ctx.op.id, { { event = "progress", data = data } })
end

local function run_parts(ctx, names)
  for _, name in ipairs(names) do
    ctx.part = name
    report(ctx, name, "running")
    local good, message, code, args = parts[name](ctx)
    if not good then return nil, message, code, args end
    report(ctx, name, "done")
  end
  return true
end

-- Puts the old password back when the workspace does not come up with the new one. True when it
-- answers to the old one again.
local function restore_password(ctx)
  report(ctx, "password", "undoing")
  local id, text = ctx.ids.application, ctx.old_environment
  if not ctx.dokploy:save_environment(id, text) then return false end
  ctx.password = nil
  local runs = ctx.op.params.from ~= "stopped"
  if runs and not (parts.start(ctx) and parts.health(ctx)) then return false end
  report(ctx, "password", "undone")
  return true
end

-- Whether nothing was changed. A stop that failed may have stopped it all the same: whether it
-- answers shows that.
local function is_as_before(ctx, op)
  if op.kind == "rotate" then return not ctx.old_environment end
  if ctx.part ~= "stop" then return ctx.part == "deploy" end
  return op.params.from == "stopped" or health.lock(address.public(op.url)) == "locked"
end

local function end_badly(ctx, op, message, code, args)
  local seconds = math.floor(timer.now() - ctx.began)
  local at = { name = op.name, step = ctx.part, seconds = seconds, client = ctx.dokploy }
  local why = failure.new(at, message, code, args) -- before anything is put back
  local is_restored = ctx.old_environment ~= nil
    and task.run(work.healthy, restore_password, ctx) == true
  local is_same = is_restored or is_as_before(ctx, op)
  ending.fail(op, why, {
    rolledBack = is_restored, target = op.params.target,
    change = not is_same and "unhealthy" or nil,
  })
end

local function context_of(op)
  local target = surely(function() return journal.operations.get(op.params.target) end)
  local resources = surely(function() return journal.resources.list(target.id) end)
  local ctx = context.new(target, resources, {})
  ctx.op, ctx.began = op, timer.now()
  ctx.dokploy.waits = context.waits(function(key, args)
    report(ctx, ctx.part, key and "waiting" or "running", key, args)
  end)
  if kinds[op.kind].parts[1] == "deploy" then -- a deployment of its own
    ctx.id, ctx.title = op.id, tag.title(op.id)
    ctx.resources["deployment 2"] = nil
  end
  return ctx
end

--- Runs it to its end.
---@param op table  the journal's row
function work.run(op)
  task.shield() -- it is not called back halfway; it ends within its deadline
  local ctx, kind = context_of(op), kinds[op.kind]
  local plan = op.params.from == "stopped" and kind.from_stopped or kind
  local deadline = states[kind.state].deadline
  local good, message, code, args = task.run(deadline, run_parts, ctx, plan.parts)
  if not good then return end_badly(ctx, op, message, code, args) end
  local done = plan.done or kind.done
  local data = { name = op.name }
  if done.event == "ready" then
    data.url, data.openUrl, data.warning = op.url, workspace.open(op.url), ctx.warning
  end
  ending.finish(op, done.event, data, {
    state = done.state, change = done.change, target = op.params.target, receipt = {},
  })
end

return work
