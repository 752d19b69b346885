--- Removes data that outlived its workspace, on its owner's request. A volume that Dokploy cannot
--- remove stays listed as left. A volume that a workspace has is never touched.
local log = require "core.log"
local task = require "core.task"
local timer = require "core.timer"
local dokploy = require "lib.dokploy"
local journal = require "lib.journal"
local create = require "lib.operations.create"
local ending = require "lib.operations.ending"
local events = require "lib.operations.events"
local failure = require "lib.operations.failure"
local states = require "lib.operations.states"
local undo = require "lib.operations.undo"

local purge = {}
local surely = create.surely

local function report(op, state)
  events.emit(op.id, { { event = "progress", data = { step = "volume", state = state } } })
end

-- A delete that keeps the data may still run: the volume is free, and listed, when it has ended.
local function await_delete(op)
  local ends = timer.now() + states.deleting.deadline
  repeat
    local delete = surely(function()
      return journal.operations.newest(op.name, "delete", op.owner_id)
    end)
    if not delete or delete.ended_at then return true end
  until timer.now() >= ends or not task.sleep(0.5)
  return false
end

-- A line of the receipt.
local function line_of(volume, reason)
  local state = reason and "left" or "undone"
  return { kind = "volume", id = volume, state = state, reason = reason, ended_at = os.time() }
end

-- Removes one volume: its line. The row goes only when the volume is proved gone.
local function remove(client, row)
  local result, _, reason = undo.volume(client, row.volume)
  if result == "removed" then
    surely(function() return journal.volumes.forget(row.volume) end)
    return line_of(row.volume)
  end
  row.reason = "left"
  surely(function() return journal.volumes.keep(row) end)
  return line_of(row.volume, result or reason)
end

-- Of the lines, those that are left; and the first that this Dokploy could have removed.
local function left_of(lines)
  local left, stuck = {}, nil
  for _, line in ipairs(lines) do
    if line.state == "left" then
      left[#left + 1] = { kind = "volume", id = line.id, reason = line.reason }
      if line.reason ~= "unable" then stuck = stuck or line end
    end
  end
  return left, stuck
end

local function finish(op, lines)
  local left, stuck = left_of(lines)
  local receipt = { resources = lines, since = os.time() }
  if stuck then
    local why = failure.of_reason({ name = op.name, step = "volume" }, stuck.reason)
    if stuck.reason == "in_use" then why.code = "volume_in_use" end
    why.args.volume = stuck.id
    return ending.fail(op, why, { leftovers = left, receipt = receipt })
  end
  local volume = left[1] or lines[#lines]
  ending.finish(op, "deleted", {
    name = op.name, data = left[1] and "left" or "deleted", volume = volume and volume.id,
  }, { state = "deleted", receipt = receipt })
end

--- Runs a purge to its end.
---@param op table  the journal's row
function purge.run(op)
  task.shield()
  report(op, "waiting")
  if not await_delete(op) then return finish(op, { line_of(op.name, "in_use") }) end
  report(op, "undoing")
  local client, lines = dokploy.client { patient = true }, {}
  local rows = surely(function() return journal.volumes.purged(op.name, op.owner_id) end)
  if #rows == 0 and op.params.volume then -- a workspace has it by now
    return finish(op, { line_of(op.params.volume, "in_use") })
  end
  for i, row in ipairs(rows) do
    local line, message = task.run(states.deleting.deadline, remove, client, row)
    lines[i] = line or line_of(row.volume, "unreachable")
    if not line then
      log.warn("purge.failed", { operation = op.id, volume = row.volume, message = message })
    end
  end
  if #left_of(lines) == 0 then report(op, "undone") end
  finish(op, lines)
end

return purge
