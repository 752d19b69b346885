--- Ends operations: one function for every kind, and the removal that precedes many ends.
local log = require "core.log"
local task = require "core.task"
local dokploy = require "lib.dokploy"
local tag = require "lib.dokploy.tag"
local journal = require "lib.journal"
local reservations = require "lib.journal.reservations"
local context = require "lib.operations.ctx"
local create = require "lib.operations.create"
local events = require "lib.operations.events"
local failure = require "lib.operations.failure"
local secrets = require "lib.operations.secrets"
local states = require "lib.operations.states"
local undo = require "lib.operations.undo"

-- Seconds after each try to remove things: Dokploy may be in trouble for a moment.
local ending = { undo_pauses = { 3, 10, 0 } }

local function receipt_of(id)
  local list = {}
  for i, row in ipairs(id and journal.resources.list(id) or {}) do
    list[i] = {
      kind = row.kind, id = row.id or row.key, state = row.state, reason = row.data.reason,
      intended_at = row.intended_at, created_at = row.created_at, ended_at = row.ended_at,
    }
  end
  return { resources = list, since = os.time() }
end

--- Writes an operation's end, as often as the disk needs, and reports it.
---@param op table
---@param event string
---@param data table
---@param how table  as in journal.operations.finish; made: the operation whose resources the
--- receipt lists; receipt: another one; message: for the log
---@return boolean ended  false: it had ended, or was cancelled and `unless_cancelled` is set
function ending.finish(op, event, data, how)
  how.kind = op.kind
  how.receipt = how.receipt or receipt_of(how.made or how.target)
  local ended = create.surely(function()
    return events.finish(op.id, event, data, function(list)
      return journal.operations.finish(op.id, list[1], how)
    end)
  end)
  if not ended then return false end
  secrets.forget(op.id)
  if how.change == "gone" then reservations.drop(op.name, how.target) end
  if how.change == "rebuilt" then reservations.set(op.name, op.id) end
  failure.log_end(op, {
    state = how.state, code = how.code, message = how.message, data = data.data,
    leftovers = data.leftovers and #data.leftovers or nil,
  })
  return true
end

--- Ends an operation as failed (or, with how.state, as cancelled).
---@param why Failure
---@param how table  as for ending.finish; rolledBack, leftovers: for the event
function ending.fail(op, why, how)
  local more = { rolledBack = how.rolledBack == true, leftovers = how.leftovers or {} }
  how.state, how.code, how.message = how.state or "failed", why.code, why.message
  local data = failure.event_data(op, why, more)
  if how.state == "cancelled" then data.answer, data.lines, data.cause = nil, nil, nil end
  return ending.finish(op, how.state, data, how)
end

-- Removing

--- The work of removing what `target` made, for an operation.
---@param op table
---@param target table
---@param resources table[]
---@param steps table[]
---@return Undo
function ending.removal(op, target, resources, steps)
  local work = {
    id = target.id, tag = tag.of(target), resources = resources, op = target, steps = steps,
    stream_id = op.id,
  }
  -- what else carries the tag is for the admin to decide
  work.exact = op.kind == "remove" or op.kind == "rebuild" and op ~= target
  function work.report(kind, state, key, args)
    work.at = kind
    local data = { step = kind, state = state, key = key, args = args }
    events.emit(op.id, { { event = "progress", data = data } })
  end
  work.dokploy = dokploy.client {
    patient = true, secret_names = context.secret_names(target),
    waits = context.waits(function(key, args)
      if work.at then work.report(work.at, key and "waiting" or "undoing", key, args) end
    end),
  }
  return work
end

local may_pass = { unreachable = true, refused = true, error = true, undo = true }

local function undo_patiently(work)
  local clean, message, reason
  for _, pause in ipairs(ending.undo_pauses) do
    clean, message, reason = undo.run(work)
    if clean or not may_pass[reason] then break end
    log.warn("undo.incomplete", { operation = work.id, message = message, reason = reason })
    task.sleep(pause)
  end
  return clean, message, reason
end

--- Removes what is in the record, within the deadline of a state; what is left is written down.
---@param work Undo
---@param state string  rolling_back deleting
---@return table[] leftovers, string? reason
function ending.remove(work, state)
  local clean, message, reason = task.run(states[state].deadline, undo_patiently, work)
  if not clean then
    log.warn("undo.gave_up", { operation = work.id, message = message, reason = reason })
    local is_ours = reason == "timeout" or reason == "failed"
    undo.give_up(work, is_ours and "error" or reason)
  end
  return undo.leftovers(work), reason
end

return ending
