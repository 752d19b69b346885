--- What is done with a stack that stands: stop, start, restart, a new password, and deploying it once more. Each is an operation of its
--- own, with an id, a stream and one end. One that was interrupted is done again from the beginning: each of its calls to Dokploy may be
--- made twice.
---
--- Dokploy's own start hangs when the container does not come up; "reload" applies what is stored, at once, also from stopped.
local config = require "core.config"
local crypto = require "core.crypto"
local log = require "core.log"
local task = require "core.task"
local timer = require "core.timer"
local dotenv = require "lib.base.dotenv"
local workspace = require "lib.base.workspace"
local create = require "lib.operations.create"
local context = require "lib.operations.ctx"
local events = require "lib.operations.events"
local health = require "lib.operations.health"
local postmortem = require "lib.operations.postmortem"
local place = require "lib.operations.workspace_address"
local submission = require "lib.operations.submission"
local call = require "lib.dokploy.call"
local containers = require "lib.dokploy.containers"
local journal = require "lib.journal"

local operate = { deadline = 420, stopping = 60, healthy = 180 } -- seconds: for all, for its containers to end, for it to be healthy
local PASSWORD = "OPENCODE_SERVER_PASSWORD"
local IN_A_ROW = 3

-- The words for a state of the operation, and the stack's state when all went well.
operate.kinds = {
  stop = { state = "stopping", stack = "stopped" },
  start = { state = "starting", stack = "started" },
  restart = { state = "restarting", stack = "started" },
  rotate = { state = "rotating", stack = "started" },
  repair = { state = "restarting", stack = "started" }, -- of one that Dokploy could not start
  redeploy = { state = "redeploying", stack = "started" }, -- the same, because the admin wants it: the image is pulled anew
}

-- Beginning --------------------------------------------------------------------------------------------------------------

--- Writes the operation down, if the stack stands and nothing else is done with it.
---@param kind string  stop start restart rotate repair redeploy
---@param stack { name: string, owner_id: string }
---@param id string    the operation's
---@param also any[][]|nil  more statements, written with it if it is begun
---@return table|nil operation, string? message, string? code  stack_busy stack_unfit journal
function operate.begin(kind, stack, id, also)
  local new = { id = id, kind = kind, name = stack.name, owner_id = stack.owner_id, params = {}, state = operate.kinds[kind].state }
  local begun, message = journal.operations.begin_on_stack(new, { states = { "ready", "stopped", "unhealthy" } }, also)
  if begun == nil then return nil, message, "journal" end
  if not begun then
    local now = journal.stacks.get(stack.name)
    local can_begin = now and (now.state == "ready" or now.state == "stopped" or now.state == "unhealthy")
    return nil, "it cannot begin", can_begin and "stack_busy" or "stack_unfit"
  end
  log.info("stack.operation_accepted", { operation = id, name = stack.name, kind = kind })
  local op
  op, message = journal.operations.get(id)
  if not op then return nil, message, "journal" end
  return op
end

-- The pieces -------------------------------------------------------------------------------------------------------------

local function tell(ctx, step, state, key, args)
  events.emit(ctx.op.id, { { event = "progress", data = { step = step, state = state, key = key, args = args } } })
end

-- Runs a piece and tells of its beginning and end.
local function piece(ctx, step, fn)
  ctx.step_name = step
  tell(ctx, step, "running")
  local good, message, code, args = fn(ctx)
  if good then tell(ctx, step, "done") end
  return good, message, code, args
end

-- Dokploy says that it stopped a stack also when it did not: what counts is that no container runs.
local function stop(ctx)
  local stopped, message, code = ctx.dokploy:application_stop(ctx.ids.application)
  if not stopped then return nil, message, code end
  local ends = timer.now() + operate.stopping
  repeat
    local rows
    rows, message, code = ctx.dokploy:containers(ctx.ids.app_name)
    if not rows then return nil, message, code end
    if not containers.any_up(rows) then return true end
    if not task.sleep(1) then return nil, "no longer wanted", "cancelled" end
  until timer.now() >= ends
  return nil, "its container does not end", "stack_does_not_stop"
end

local function reload(ctx)
  return ctx.dokploy:application_reload(ctx.ids.application, ctx.ids.app_name)
end

-- Locked, itself and usable, three times in a row; or locked and waiting for its certificate only.
local function become_healthy(ctx)
  local target, message, code = place.target(ctx, config)
  if not target then return nil, message, code end
  local good, ends, last = 0, timer.now() + operate.healthy
  repeat
    local seen = health.look(target)
    last = seen.code
    good = seen.code and 0 or good + 1
    if good >= IN_A_ROW then return true end
    if last == "stack_unprotected" then break end
    ctx.warning = last == "certificate" and "certificate" or nil
    if not task.sleep(1) then return nil, "no longer wanted", "cancelled" end
  until timer.now() >= ends
  if last == "certificate" then return true end
  return nil, "it did not become healthy in time", last, { reason = "" }
end

local function environment(ctx)
  local application, message, code = ctx.dokploy:application_one(ctx.ids.application)
  if not application then return nil, message, code end
  if type(application.env) ~= "string" then return nil, "the application has no environment", "dokploy_unexpected_answer" end
  return application.env
end

-- The new password takes the old one's place; all other lines stay as they are.
local function change_password(ctx)
  local text, message, code = environment(ctx)
  if not text then return nil, message, code end
  local password = crypto.token(32)
  local line = assert(dotenv.line(PASSWORD, password))
  local kept = {}
  for before in (text .. "\n"):gmatch("(.-)\r?\n") do
    if not before:find("^%s*" .. PASSWORD .. "%s*=") and before ~= "" then kept[#kept + 1] = before end
  end
  kept[#kept + 1] = line
  local saved
  saved, message, code = ctx.dokploy:save_environment(ctx.ids.application, table.concat(kept, "\n"))
  if not saved then return nil, message, code end
  ctx.password, ctx.old_environment = password, text
  return true
end

local function send_again(ctx)
  if submission.place(ctx) then return true end -- it waits in Dokploy's queue
  if ctx.sent then return true end
  ctx.sent = true
  return ctx.dokploy:deploy(ctx.ids.application, ctx.title)
end

-- What Dokploy holds of it is deployed once more, and followed to its end.
local function deploy_again(ctx)
  local watch = { lines = 0 }
  repeat
    local row, message, code = submission.row(ctx)
    if row == nil then return nil, message, code end
    if row then submission.pass_log(ctx, row, watch) end
    if row and row.status == "done" then return true end
    if row and row.status ~= "running" then return submission.failure(ctx, row, watch) end
    if not row then
      local sent
      sent, message, code = send_again(ctx)
      if not sent then return nil, message, code end
    end
  until not task.sleep(1)
  return nil, "no longer wanted", "cancelled"
end

-- The whole --------------------------------------------------------------------------------------------------------------

local flows = {}

function flows.repair(ctx)
  local good, message, code, args = piece(ctx, "deploy", deploy_again)
  if not good then return nil, message, code, args end
  return piece(ctx, "health", become_healthy)
end

flows.redeploy = flows.repair

function flows.stop(ctx) return piece(ctx, "stop", stop) end

local function start(ctx)
  local good, message, code, args = piece(ctx, "start", reload)
  if not good then return nil, message, code, args end
  return piece(ctx, "health", become_healthy)
end

flows.start = start

function flows.restart(ctx)
  local good, message, code, args = piece(ctx, "stop", stop)
  if not good then return nil, message, code, args end
  return start(ctx)
end

-- A stack that is stopped stays so: it gets the new password with its next start.
function flows.rotate(ctx)
  local good, message, code, args = piece(ctx, "password", change_password)
  if not good then return nil, message, code, args end
  if ctx.op.params.from == "stopped" then return true end
  return start(ctx)
end

-- The old password is put back when the stack does not come up with the new one. True when it answers to the old one again.
local function put_back(ctx)
  tell(ctx, "password", "undoing")
  if not ctx.dokploy:save_environment(ctx.ids.application, ctx.old_environment) then return false end
  ctx.password = nil
  if ctx.op.params.from ~= "stopped" and not (reload(ctx) and become_healthy(ctx)) then return false end
  tell(ctx, "password", "undone")
  return true
end

local function always() return true end

local function finish(op, event, data, how)
  how.target, how.receipt = op.params.target, {}
  return create.surely(function()
    return events.finish(op.id, event, data, function(list) return journal.operations.finish(op.id, list[1], how) end)
  end, always)
end

local function end_well(ctx, op)
  local kind = operate.kinds[op.kind]
  local stopped = op.kind == "stop" or op.params.from == "stopped" and op.kind == "rotate"
  local data = { name = op.name, url = op.url, openUrl = workspace.open(op.url), warning = ctx.warning }
  if stopped then
    finish(op, "stopped", { name = op.name }, { state = "stopped", stack = "stopped" })
  else
    finish(op, "ready", data, { state = "ready", stack = kind.stack })
  end
  log.info("stack.operation_done", { operation = op.id, name = op.name, kind = op.kind })
end

local codes = { timeout = "step_timeout", failed = "script_error", stopped = "script_error", not_found = "dokploy_error",
  no_such_call = "dokploy_error" }

-- Nothing was changed, or what was tried came to nothing. A stop that failed may have stopped it all the same: whether it answers tells.
local function as_before(ctx, op)
  if op.kind == "rotate" then return not ctx.old_environment end
  if ctx.step_name ~= "stop" then return ctx.step_name == "deploy" end
  return op.params.from == "stopped" or health.lock(place.public(op.url, config)) == "locked"
end

local function end_badly(ctx, op, message, code, args)
  code = codes[code] or code or "script_error"
  args = args or {}
  args.name, args.step, args.seconds = op.name, ctx.step_name, math.floor(timer.now() - ctx.began)
  local answer = call.last_answer(ctx.dokploy) -- before anything is put back
  local back = ctx.old_environment ~= nil and task.run(operate.healthy, put_back, ctx) == true
  local same = back or as_before(ctx, op)
  local data = { code = code, step = ctx.step_name, args = args, rolledBack = back, leftovers = {} }
  postmortem.add(op.id, data, answer)
  finish(op, "failed", data, { state = "failed", code = code, stack = not same and "unhealthy" or nil })
  log.warn("stack.operation_failed", { operation = op.id, name = op.name, kind = op.kind, code = code, message = tostring(message) })
end

local function context_of(op)
  local target = create.surely(function() return journal.operations.get(op.params.target) end, always)
  local resources = create.surely(function() return journal.resources.list(op.params.target) end, always)
  local ctx = context.new(target, resources, {})
  ctx.op, ctx.began = op, timer.now()
  function ctx.waits(_, key, args) tell(ctx, ctx.step_name, key and "waiting" or "running", key, args) end
  if flows[op.kind] == flows.repair then -- a deployment of its own
    ctx.id, ctx.title = op.id, "ai-stack-deployer " .. op.id
    ctx.resources["deployment 2"] = nil
  end
  return ctx
end

--- The body of the operation's task. Returns when it has ended.
---@param op table  the journal's row
function operate.run(op)
  task.shield() -- it is not called back halfway: each has an end within its deadline
  local ctx = context_of(op)
  local good, message, code, args = task.run(operate.deadline, flows[op.kind], ctx)
  if good then return end_well(ctx, op) end
  end_badly(ctx, op, message, code, args)
end

--- The end of one that an error in these scripts broke off. What became of the stack nobody knows; lib/workspaces/monitor.lua looks.
function operate.broken(op)
  finish(op, "failed", { code = "script_error", args = { name = op.name }, rolledBack = false, leftovers = {} },
    { state = "failed", code = "script_error", stack = "unhealthy" })
end

return operate
