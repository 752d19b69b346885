--- Deletes the events of operations that ended long ago, a few at a time, and old decisions, so
--- that the journal does not grow for ever. Their rows, receipts and last events stay.
local log = require "core.log"
local server = require "core.server"
local task = require "core.task"
local decisions = require "lib.journal.decisions"
local events = require "lib.journal.events"

local retention = {
  round = 600, -- seconds between two rounds
  batch = 20,  -- operations at a time
  pause = 0.2, -- seconds between two batches
}

--- One round: everything that ended longer ago than that, and decisions that are too old or too
--- many.
---@param age number  seconds
function retention.run(age)
  decisions.prune()
  local before, operations, deleted = server.now() - age, 0, 0
  repeat
    local ended, count = events.prune(before, retention.batch)
    if not ended then return log.warn("retention.failed", { message = count }) end
    operations, deleted = operations + ended, deleted + count
  until ended < retention.batch or not task.sleep(retention.pause)
  if operations > 0 then
    log.info("retention.pruned", { operations = operations, events = deleted })
  end
end

return retention
