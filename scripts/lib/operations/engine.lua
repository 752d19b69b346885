--- The deployment engine, as routes see it: deploy, delete, cancel, password; and what init.lua sets going.
local config = require "core.config"
local log = require "core.log"
local server = require "core.server"
local task = require "core.task"
local timer = require "core.timer"
local dotenv = require "lib.base.dotenv"
local change_events = require "lib.journal.change_events"
local ids = require "lib.base.ids"
local workspace = require "lib.base.workspace"
local operate = require "lib.operations.operate"
local scheduler = require "lib.operations.scheduler"
local purge = require "lib.operations.purge"
local dokploy = require "lib.dokploy"
local journal = require "lib.journal"
local reservations = require "lib.journal.reservations"
local drift = require "lib.journal.drift"

local engine = {}
local quick = dokploy.client { tries = 2 } -- for questions from outside

--- A new operation's id: unguessable (88 bits), and fit for a volume's name and a search as it is.
---@return string
function engine.new_id() return ids.new(11) end

-- Work that must not end halfway when the client leaves: in a task of its own.
local function apart(fn, ...) return assert(task.spawn(nil, fn, ...)):wait() end

-- Deploy -----------------------------------------------------------------------------------------------------------------

local function refused(name, message, code)
  if code == "conflict" then return nil, "somebody has the name " .. name, "name_taken" end
  if code ~= "queue_full" then return nil, message, "journal" end
  return nil, message, code, math.max(1, scheduler.next_slot() or scheduler.typical())
end

local function accept(request)
  local op = {
    id = engine.new_id(), kind = "deploy", name = request.name, owner_id = request.owner_id, template = request.template,
    url = workspace.address(request.name, config.stack), state = "queued",
    params = { image = request.image or config.stack.image, memory_bytes = request.memory_bytes or config.stack.memory_bytes,
      cpu_nanos = request.cpu_nanos or config.stack.cpu_nanos, env = request.env },
  }
  if not reservations.take(op.name, op.id) then return refused(op.name, nil, "conflict") end
  local most = config.limits.running_deployments + config.limits.queue
  local accepted, message, code = journal.operations.accept(op, request.idempotency, most, request.also and request.also(op.id))
  if not accepted then
    reservations.drop(op.name, op.id)
    return refused(op.name, message, code)
  end
  log.info("deployment.accepted", { operation = op.id, name = op.name, owner = op.owner_id })
  change_events.changed("operations")
  if request.also then change_events.changed("audit") end
  scheduler.enqueue(op.id)
  return op
end

-- A key that was seen gives the operation that it began.
local function accept_once(request)
  local key = request.idempotency
  local before, message = journal.idempotency.get(key.key)
  if before == nil then return nil, message, "journal" end
  if not before then return accept(request) end
  if before.body_hash ~= key.body_hash then
    return nil, "this Idempotency-Key came with another request before", "idempotency_conflict"
  end
  local op
  op, message = journal.operations.get(before.operation_id)
  if not op then return nil, message or "its operation is gone", "journal" end
  op.replayed = true
  return op
end

--- Accepts a deployment of a name that is well formed and allowed; the work goes on by itself.
---@param request { name: string, owner_id: string, template: string|nil, image: string|nil, memory_bytes: integer|nil,
--- cpu_nanos: integer|nil, env: table<string, string>|nil, idempotency: { key: string, body_hash: string }|nil,
--- also: (fun(id: string): any[][])|nil }  also: statements that are written together with the operation, given its id
---@return table|nil operation  the journal's row; `replayed` when the Idempotency-Key was known
---@return string? message
---@return string? code  name_taken queue_full idempotency_conflict journal
---@return integer? seconds  with queue_full: when to try again
function engine.deploy(request)
  if not request.idempotency then return apart(accept, request) end
  return apart(task.lock, "key:" .. request.idempotency.key, accept_once, request)
end

-- Cancel -----------------------------------------------------------------------------------------------------------------

local function cancel(id)
  local op, message = journal.operations.get(id)
  if op == nil then return nil, message, "journal" end
  if not op then return nil, "no such operation", "deployment_unknown" end
  if op.kind ~= "deploy" or op.ended_at then return { state = op.state, cancelled = false } end
  local asked, why = journal.operations.request_cancel(id)
  if asked == nil then return nil, why, "journal" end
  op = journal.operations.get(id) or op
  if not asked then return { state = op.state, cancelled = false } end
  log.info("deployment.cancel_asked", { operation = id, name = op.name, state = op.state })
  if op.state == "queued" then -- nothing was made, and its row says that it may not be started any more
    local left, trouble, code = scheduler.remove(op, "cancelled", "cancelled")
    if left == nil then return nil, trouble, code end
    return { state = "cancelled", cancelled = true }
  end
  scheduler.cancel(id)
  return { state = op.state, cancelled = true }
end

--- Stops a deployment that has not ended, and takes away what it made. Changes nothing on anything else, and says so.
---@param id string
---@return { state: string, cancelled: boolean }|nil, string? message, string? code  deployment_unknown journal
function engine.cancel(id) return apart(cancel, id) end

-- Delete -----------------------------------------------------------------------------------------------------------------

local function begin_delete(stack, request)
  local op = { id = engine.new_id(), kind = "delete", name = stack.name, owner_id = stack.owner_id, state = "deleting",
    params = { data = request.data } }
  local on = { states = { "ready", "stopped", "unhealthy", "leftover" }, operation_id = stack.operation_id, change = "deleting" }
  local begun, message = journal.operations.begin_on_stack(op, on, request.also and request.also(op.id))
  if begun == nil then return nil, message, "journal" end
  op = journal.operations.get(op.id)
  if not begun or not op then return nil, "something is done with it", "stack_busy" end
  log.info("stack.delete_accepted", { operation = op.id, name = op.name, data = request.data, by = request.by })
  scheduler.launch(op)
  return op
end

-- Removes what a delete kept; while that still runs, afterwards.
local function purge_data(name, owner_id)
  local op, message, code = purge.begin(engine.new_id(), name, owner_id)
  if not op then return nil, message, code end
  scheduler.launch(op)
  return op
end

--- Removes the data that outlived a stack which is gone. Asked again, the same operation.
---@return table|nil operation, string? message, string? code  journal
function engine.purge(name, owner_id) return apart(purge_data, name, owner_id) end

-- It is being deleted: the same operation again. If that keeps the data and they are to go now, that is work of its own.
local function deleting(stack, request)
  local op, message = journal.operations.get(stack.delete_id)
  if not op then return nil, message, "journal" end
  if request.data ~= "delete" or op.params.data == "delete" then return op end
  return purge_data(stack.name, stack.owner_id)
end

local function delete(request)
  local stack, message = journal.stacks.get(request.name)
  if stack == nil then return nil, message, "journal" end
  if not stack or stack.owner_id ~= request.owner_id then return nil, "he has no stack of that name", "stack_unknown" end
  if stack.state == "deleting" then return deleting(stack, request) end
  if stack.state ~= "deploying" then return begin_delete(stack, request) end
  local cancelled, why, code = cancel(stack.operation_id) -- not there yet: taking it away is cancelling it
  if not cancelled then return nil, why, code end
  if not cancelled.cancelled and journal.stacks.get(request.name) then return delete(request) end -- it has ended, and left something
  return journal.operations.get(stack.operation_id)
end

--- Removes a stack. Its data stays unless data is "delete". Asked again, the same operation.
---@param request { name: string, owner_id: string, data: string, by: string, also: (fun(id: string): any[][])|nil }
--- owner_id: whose it is: it may have gone, and somebody else have the name, since that was looked at; also: as in engine.deploy
---@return table|nil operation, string? message, string? code  stack_unknown journal
function engine.delete(request) return apart(task.lock, "delete:" .. request.name, delete, request) end

-- What is done with a stack that stands --------------------------------------------------------------------------------

local function begin(kind, stack, also)
  local id = engine.new_id()
  local op, message, code = operate.begin(kind, stack, id, also and also(id))
  if not op then return nil, message, code end
  scheduler.launch(op)
  return op
end

--- Stops, starts, restarts or redeploys a stack, or gives it a new password; the work goes on by itself.
---@param kind string  stop start restart rotate repair redeploy
---@param stack { name: string, owner_id: string }  as it was when it was looked at who may do that
---@param also (fun(id: string): any[][])|nil  statements that are written together with the operation, given its id
---@return table|nil operation, string? message, string? code  stack_busy stack_unfit journal
function engine.operate(kind, stack, also) return apart(begin, kind, stack, also) end

-- Password ---------------------------------------------------------------------------------------------------------------

local function application_of(operation_id)
  for _, row in ipairs(journal.resources.list(operation_id) or {}) do
    if row.kind == "application" and row.state == "created" then return row.id end
  end
end

--- A stack's password, out of Dokploy's environment of its application: it is kept nowhere else.
---@return string|nil, string? message, string? code
function engine.password(name)
  local stack, message = journal.stacks.get(name)
  if stack == nil then return nil, message, "journal" end
  local id = stack and application_of(stack.operation_id)
  if not id then return nil, "there is no stack of that name", "stack_unknown" end
  local application, why, code = quick:application_one(id)
  if not application then return nil, why, code end
  local password = type(application.env) == "string" and dotenv.get(application.env, "OPENCODE_SERVER_PASSWORD")
  if not password then return nil, "the application's environment has no password", "dokploy_unexpected_answer" end
  return password
end

-- Start ------------------------------------------------------------------------------------------------------------------

-- So that /health can tell, without waiting, whether Dokploy can be reached.
local function look_at_dokploy() quick:version() end

--- After a start: every name is claimed again, and every operation that has not ended goes on, or is rolled back.
function engine.resume()
  for _, stack in ipairs(assert(journal.stacks.list {})) do reservations.set(stack.name, stack.operation_id) end
  local running = assert(journal.operations.running())
  for _, op in ipairs(running) do scheduler.launch(op) end
  if #running > 0 then log.info("engine.resumed", { operations = #running }) end
  assert(drift.refresh())
  scheduler.wake()
  task.spawn(nil, look_at_dokploy)
end

--- Sets the engine going with these steps: called once while the scripts load, by init.lua.
---@param steps table[]  scripts/steps/init.lua
function engine.register(steps)
  scheduler.use(steps)
  server.on_start(engine.resume)
  timer.every("engine.queue", 1, scheduler.tick)
  timer.every("engine.dokploy", 30, look_at_dokploy)
end

return engine
