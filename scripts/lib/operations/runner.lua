--- Runs an operation to its end, in a task of its own.
local log = require "core.log"
local task = require "core.task"
local journal = require "lib.journal"
local ending = require "lib.operations.ending"
local failure = require "lib.operations.failure"
local kinds = require "lib.operations.kinds"
local undo = require "lib.operations.undo"

local flows = {
  deploy = require "lib.operations.deploy",
  purge = require "lib.operations.purge",
  removal = require "lib.operations.removal",
  work = require "lib.operations.work",
}
local runner = {}

-- An error in these scripts broke it off: it ends, and everything in its record is named as left.
-- What became of a workspace that was worked on is for lib/workspaces/monitor.lua to find out.
local function break_off(op, message)
  task.shield()
  log.error("operation.broken", { operation = op.id, kind = op.kind, message = message })
  local why = failure.new({ name = op.name }, message, "script_error")
  local flow = kinds[op.kind].flow
  if flow == "work" then
    ending.fail(op, why, { target = op.params.target, change = "unhealthy", receipt = {} })
    return
  end
  local target = { id = flow == "removal" and op.params.target or op.id }
  local work = { id = target.id, resources = journal.resources.list(target.id) or {} }
  undo.give_up(work, "error")
  ending.fail(op, why, {
    leftovers = undo.leftovers(work), target = target.id, change = "leftover",
  })
end

--- Returns when the operation has ended. Not in a child task: task.cancel must reach the task that
--- runs the steps.
---@param op table  the journal's row
---@param steps table[]
function runner.run(op, steps)
  local good, message = pcall(flows[kinds[op.kind].flow].run, op, steps)
  if not good then break_off(op, tostring(message)) end
end

return runner
