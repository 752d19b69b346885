--- Accepts operations: writes each down before anything is done for it, and starts it. Also
--- cancels. All functions wait for the journal, and finish even when the client leaves meanwhile.
--- Refusals are nil, message, code; code "journal" is the disk.
local config = require "core.config"
local log = require "core.log"
local task = require "core.task"
local attempt = require "lib.base.attempt"
local ids = require "lib.base.ids"
local workspace = require "lib.base.workspace"
local journal = require "lib.journal"
local change_events = require "lib.journal.change_events"
local reservations = require "lib.journal.reservations"
local kinds = require "lib.operations.kinds"
local scheduler = require "lib.operations.scheduler"
local secrets = require "lib.operations.secrets"
local sorted_keys = require("lib.schema").sorted_keys

local accept = {}
local try = attempt.try

-- An operation's id is unguessable (88 bits), and fit for a volume's name as it is.
local function new_id() return ids.new(11) end

-- Runs in a task of its own, which does not end with the client's request. fn may raise failures.
local function detached(fn, ...) return assert(task.spawn(nil, attempt.catch, fn, ...)):wait() end

-- The operation of that id, which must be there.
local function get(id)
  return try(journal.operations.get(id)) or try(nil, "the operation is gone", "journal")
end

local function note_accepted(op, fields)
  fields = fields or {}
  fields.operation, fields.name, fields.owner, fields.kind = op.id, op.name, op.owner_id, op.kind
  log.info("operation.accepted", fields)
end

-- Deploy

local function refuse_deploy(name, message, code)
  if code == "conflict" then return nil, "the name " .. name .. " is taken", "name_taken" end
  if code ~= "queue_full" then return nil, message, code end
  return nil, message, code, math.max(1, scheduler.next_slot() or scheduler.typical())
end

-- Which variables hold secrets, whose values are not in the journal; nil: none.
local function secret_names(variables)
  local names = sorted_keys(variables or {})
  return #names > 0 and names or nil
end

-- A deploy on files that are kept: nothing else is done with them, and whatever becomes of it, they
-- stay.
local function use_volume(op, also)
  also.gates[#also.gates + 1] = journal.volumes.free_gate(op.params.volume, op.owner_id)
  also[#also + 1] = journal.resources.kept_volume_statement(op.id, op.params.volume)
end

local function deploy(request)
  local stack = config.stack
  local op = {
    id = new_id(), kind = request.volume and "restore" or "deploy", state = "queued",
    name = request.name,
    owner_id = request.owner_id, template = request.template,
    url = workspace.address(request.name, stack),
    params = {
      image = request.image or stack.image, env = request.env,
      memory_bytes = request.memory_bytes or stack.memory_bytes,
      cpu_nanos = request.cpu_nanos or stack.cpu_nanos, owner = request.owner,
      parameters = request.parameters, volume = request.volume,
      secrets = request.secret_names or secret_names(request.secrets),
    },
  }
  if not reservations.take(op.name, op.id) then return refuse_deploy(op.name, nil, "conflict") end
  local limit = config.limits.running_deployments + config.limits.queue
  local also = request.also and request.also(op.id) or { gates = {} }
  if request.volume then use_volume(op, also) end
  secrets.keep(op.id, request.secrets or {})
  local accepted, message, code = journal.operations.accept(op, request.idempotency, limit, also)
  if not accepted then
    reservations.drop(op.name, op.id)
    secrets.forget(op.id)
    return refuse_deploy(op.name, message, code)
  end
  note_accepted(op)
  change_events.changed "operations"
  if request.also then change_events.changed "audit" end
  if request.volume then change_events.changed "leftovers" end
  scheduler.enqueue(op.id)
  return op
end

-- An Idempotency-Key that was seen gives the operation that it began.
local function deploy_once(request)
  local key = request.idempotency
  local before = try(journal.idempotency.get(key.key))
  if not before then return deploy(request) end
  if before.body_hash ~= key.body_hash then
    return nil, "this Idempotency-Key came with another request before", "idempotency_conflict"
  end
  local op = get(before.operation_id)
  op.replayed = true
  return op
end

--- Accepts a deploy of a name that is well formed and allowed.
---@param request { name: string, owner_id: string, owner: table|nil, template: string|nil,
--- image: string|nil, memory_bytes: integer|nil, cpu_nanos: integer|nil,
--- env: table<string, string>|nil, parameters: table<string, any>|nil,
--- secrets: table<string, string>|nil, idempotency: { key: string, body_hash: string }|nil,
--- volume: string|nil, secret_names: string[]|nil,
--- also: (fun(id: string): any[][])|nil }  owner: { kind, name, email, groups } as far as known,
--- for steps; parameters: values by id; secrets: variables whose values are kept in memory until
--- the container has them; volume: kept files of the owner, to begin on; secret_names: of secrets
--- that the workspace of these had; also: statements written together with the
--- operation, given its id
---@return table|nil operation  `replayed` when the Idempotency-Key was known
---@return string? message
---@return string? code  name_taken name_resting invite_invalid stack_busy queue_full
--- idempotency_conflict journal
---@return integer? seconds  with queue_full: when to try again
function accept.deploy(request)
  if not request.idempotency then return detached(deploy, request) end
  return detached(task.lock, "key:" .. request.idempotency.key, deploy_once, request)
end

-- Everything else

local function is_in(list, value)
  for _, item in ipairs(list) do
    if item == value then return true end
  end
  return false
end

-- Why an operation could not begin on a workspace.
local function refuse(kind, op)
  local stack = journal.stacks.get(op.name)
  local is_fit = stack and stack.owner_id == op.owner_id and is_in(kind.from, stack.state)
  if is_fit then return nil, "it is being worked on", "stack_busy" end
  return nil, "its state does not allow that", "stack_unfit"
end

---@class BeginOptions
---@field id? string      of the operation; nil: a new one
---@field params? table
---@field template? string  where it is not about a workspace that exists
---@field also? fun(id: string): any[][]  statements that are written together with the operation
---@field logged? table  more fields for the log

-- Begins an operation and starts it.
---@param name string  a kind
---@param on { name: string, owner_id: string, operation_id: string|nil }  the workspace;
--- operation_id: only if that deploy made it
---@param options BeginOptions
local function begin(name, on, options)
  local kind = kinds[name]
  local op = {
    id = options.id or new_id(), kind = name, state = kind.state, params = options.params or {},
    name = on.name, owner_id = on.owner_id, template = options.template,
  }
  local statements = options.also and options.also(op.id)
  local begun, message, code
  if kind.from then
    local where = { states = kind.from, operation_id = on.operation_id, change = kind.begins }
    begun, message, code = journal.operations.begin_on_stack(op, where, statements)
  else
    begun, message, code = journal.operations.begin(op, statements)
  end
  if code == "conflict" then return nil, "it is being worked on", "stack_busy" end
  if not try(begun, message, code) then return refuse(kind, op) end
  op = get(op.id)
  note_accepted(op, options.logged)
  scheduler.launch(op)
  return op
end

--- Begins an operation of a kind that has no function of its own here: stop, start, restart,
--- rotate, sleep, wake, repair, redeploy, rebuild, remove, prepare, retire.
---@param kind string
---@param on { name: string, owner_id: string, operation_id: string|nil }  the workspace as it was
--- when access was decided
---@param options BeginOptions|nil
---@return table|nil operation, string? message, string? code  stack_busy stack_unfit journal
function accept.begin(kind, on, options) return detached(begin, kind, on, options or {}) end

--- A new operation's id, for statements that are made before it begins.
accept.new_id = new_id

-- Removes what a delete kept; while that delete still runs, after it. A second call gets the same
-- operation.
local function purge(name, owner_id, options)
  local on, volume = { name = name, owner_id = owner_id }, options.params and options.params.volume
  local op, message, code = begin("purge", on, options)
  if op or code ~= "stack_busy" then return op, message, code end
  local before = journal.operations.newest(name, "purge", owner_id) or try(nil, message, "journal")
  local is_same = not before.params.volume or before.params.volume == volume
  if is_same then return before end
  return nil, "other files of that name are being removed", "stack_busy"
end

--- Removes the data that outlived a workspace which is gone: all of that name and owner, or with
--- options.params.volume one volume. A second call gets the same operation.
---@param options BeginOptions|nil
---@return table|nil operation, string? message, string? code  stack_busy journal
function accept.purge(name, owner_id, options)
  return detached(purge, name, owner_id, options or {})
end

-- Cancel

local function cancel(id)
  local op = try(journal.operations.get(id))
  if not op then return nil, "no such operation", "deployment_unknown" end
  local is_open = not op.ended_at and (kinds[op.kind] or {}).is_cancellable
  if not is_open then return { state = op.state, cancelled = false } end
  local requested = try(journal.operations.request_cancel(id))
  op = journal.operations.get(id) or op
  if not requested then return { state = op.state, cancelled = false } end
  log.info("operation.cancel_requested", { operation = id, name = op.name, state = op.state })
  if op.state == "queued" then -- nothing was made, and its row says that it must not start
    try(scheduler.remove(op, "cancelled", "cancelled"))
    return { state = "cancelled", cancelled = true }
  end
  scheduler.cancel(id)
  return { state = op.state, cancelled = true }
end

--- Stops a deploy that has not ended, and undoes what it made; calls back a workspace that is
--- falling asleep. Changes nothing on anything else.
---@param id string
---@return { state: string, cancelled: boolean }|nil, string? message
---@return string? code  deployment_unknown journal
function accept.cancel(id) return detached(cancel, id) end

-- Delete

-- It is being deleted: the same operation again. If that keeps the data and they are to go now,
-- that is work of its own.
local function delete_again(stack, request)
  local op = get(stack.delete_id)
  if request.data ~= "delete" or op.params.data == "delete" then return op end
  return purge(stack.name, stack.owner_id, {})
end

local function delete(request)
  local stack = try(journal.stacks.get(request.name))
  if not stack or stack.owner_id ~= request.owner_id
    or request.operation_id and stack.operation_id ~= request.operation_id then
    return nil, "they have no workspace of that name", "stack_unknown"
  end
  if stack.state == "deleting" then return delete_again(stack, request) end
  if stack.state ~= "deploying" then
    return begin("delete", stack, {
      params = { data = request.data, reason = request.reason }, also = request.also,
      logged = { by = request.by, data = request.data },
    })
  end
  local cancelled = try(cancel(stack.operation_id)) -- deleting what is not there yet
  -- It has just ended, and something of it is there.
  if not cancelled.cancelled and journal.stacks.get(request.name) then return delete(request) end
  return journal.operations.get(stack.operation_id)
end

--- Removes a workspace. Its data stays unless data is "delete". A second call gets the same
--- operation.
---@param request { name: string, owner_id: string, operation_id: string|nil, data: string,
--- also: (fun(id: string): any[][])|nil } owner_id: whose it is: meanwhile the name may be somebody
--- else's; operation_id: only if that deploy made it
---@return table|nil operation, string? message
---@return string? code  stack_unknown stack_busy stack_unfit journal
function accept.delete(request)
  return detached(task.lock, "delete:" .. request.name, delete, request)
end

return accept
