--- Turns what ended an operation early into a failure: a code, and what explains it to people.
local log = require "core.log"
local call = require "lib.dokploy.call"
local journal = require "lib.journal"
local cause = require "lib.operations.cause"
local faults = require "lib.site.faults"
local failure = { log_lines = 5 }

-- Codes of tasks and of lib/dokploy -> codes of "failure.CODE" in the locales.
local codes = {
  timeout = "step_timeout", failed = "script_error", stopped = "script_error",
  not_found = "dokploy_error", no_such_call = "dokploy_error",
}
-- Reasons of lib/operations/undo.lua -> codes.
local reason_codes = {
  timeout = "step_timeout", unreachable = "dokploy_unreachable", refused = "dokploy_refused",
  undo = "undo_failed", no_step = "undo_failed", service_remains = "service_remains",
}
-- A call waits these out: when time ran out meanwhile, they are the reason.
local waited_for = { dokploy_unreachable = true, dokploy_refused = true }

---@class Failure
---@field code string
---@field step string|nil
---@field args table      for the texts
---@field message string  for the log
---@field answer table|nil  Dokploy's last, as call.last_answer

--- A failure at a step.
---@param at { name: string, step: string|nil, seconds: integer|nil, client: table|nil,
--- script: string|nil }  script: the place of a mistake in a step
---@return Failure
function failure.new(at, message, code, args)
  code = codes[code] or code or "script_error"
  local answer = at.client and call.last_answer(at.client)
  if code == "step_timeout" and answer and waited_for[answer.code] then code = answer.code end
  if code == "script_error" or at.script and not waited_for[code] then
    faults.note {
      kind = "step", name = at.step, message = message, where = at.script or args and args.reason,
    }
  end
  if code == "script_error" and at.script then args = { reason = at.script } end
  args = args or {}
  args.name, args.step, args.seconds = at.name, at.step, at.seconds
  message = tostring(message or code)
  return { code = code, step = at.step, args = args, message = message, answer = answer }
end

--- A failure to undo something.
---@param reason string  of lib/operations/undo.lua
---@param args table|nil
---@return Failure
function failure.of_reason(at, reason, args)
  local code = reason_codes[reason] or "dokploy_error"
  return failure.new(at, "not everything could be removed", code, args)
end

--- The data of a `failed` event (see lib/operations/events.lua).
---@param op { id: string, name: string }
---@param why Failure
---@param more { rolledBack: boolean, leftovers: table[] }
---@param cause_step string|nil  when the likely cause depends on something else than the step
function failure.event_data(op, why, more, cause_step)
  local lines = journal.events.last_log(op.id, failure.log_lines)
  return {
    code = why.code, step = why.step, args = why.args, rolledBack = more.rolledBack,
    leftovers = more.leftovers, answer = why.answer, lines = lines,
    cause = cause.of {
      code = why.code, step = cause_step or why.step, answer = why.answer, lines = lines,
      reason = why.args and why.args.reason,
    },
  }
end

--- Writes an operation's end into the log.
---@param op table
---@param fields table  state; code; message; leftovers: how many; data
function failure.log_end(op, fields)
  fields.operation, fields.name, fields.kind = op.id, op.name, op.kind
  local is_good = fields.state ~= "failed" and fields.state ~= "cancelled"
  local write = is_good and log.info or log.warn
  write("operation.ended", fields)
end

return failure
