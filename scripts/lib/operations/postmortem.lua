--- What is told of a failure beside its code: what Dokploy answered last, the last lines of its log, and the likely cause.
local cause = require "lib.operations.cause"
local journal = require "lib.journal"
local postmortem = { lines = 5 } -- so many of the log

--- Adds them to the data of a `failed` event: answer, lines, cause (lib/operations/events.lua has the fields).
---@param id string     the operation's
---@param data table    code, step, args
---@param answer table|nil  Dokploy's last, as lib/dokploy/call.lua has it
---@param step string|nil  when it is none of the deployment's
---@return table data
function postmortem.add(id, data, answer, step)
  data.answer, data.lines = answer, journal.events.last_log(id, postmortem.lines)
  data.cause = cause.of {
    code = data.code, step = step or data.step, answer = answer, lines = data.lines, reason = data.args and data.args.reason,
  }
  return data
end

return postmortem
