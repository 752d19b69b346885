--- What happened on the way of operations that ended long ago is forgotten, a little at a time, so that the journal does not grow for ever.
--- Their rows, their receipts and their last events stay: how each of them ended can be asked for as long as the journal lives.
local log = require "core.log"
local server = require "core.server"
local task = require "core.task"
local journal_events = require "lib.journal.events"
local timer = require "core.timer"
local retention = { round = 600, batch = 20, pause = 0.2 } -- seconds between two rounds; operations at a time; seconds between two batches

local function some(age)
  local before = server.now() - age -- the same for both: what becomes old in between waits for the next time
  local operations, events = journal_events.prune(before, retention.batch)
  if operations then return operations, events end
  log.warn("journal.not_pruned", { message = events })
  return 0, 0
end

--- One round: everything that is older than that.
---@param age number  seconds since its end
---@return integer operations, integer events
function retention.run(age)
  local operations, events = 0, 0
  repeat
    local ended, forgotten = some(age)
    operations, events = operations + ended, events + forgotten
  until ended < retention.batch or not task.sleep(retention.pause)
  if operations > 0 then log.info("journal.pruned", { operations = operations, events = events }) end
  return operations, events
end

--- Sets it going.
---@param age number  policy/limits.lua: events_kept
function retention.register(age) timer.every("journal.prune", retention.round, function() retention.run(age) end) end

return retention
