--- Data that outlived its stack is removed after all, because its owner asks: an operation of its own, with a receipt. Where Dokploy cannot
--- remove a volume, it stays listed as left. A volume that a stack has is never touched.
local log = require "core.log"
local task = require "core.task"
local timer = require "core.timer"
local create = require "lib.operations.create"
local events = require "lib.operations.events"
local undo = require "lib.operations.undo"
local dokploy = require "lib.dokploy"
local journal = require "lib.journal"

local purge = { deadline = 240 } -- seconds, also for the delete that it waits for
-- Beginning --------------------------------------------------------------------------------------------------------------

--- Writes it down; the one that runs already, when there is one.
---@param id string
---@return table|nil operation, string? message, string? code  journal
function purge.begin(id, name, owner_id)
  local begun, message, code = journal.operations.begin {
    id = id, kind = "purge", name = name, owner_id = owner_id, params = {}, state = "deleting" }
  if not begun and code ~= "conflict" then return nil, message, "journal" end
  if not begun then
    local running = journal.operations.newest(name, "purge", owner_id)
    id = running and not running.ended_at and running.id or id
  end
  local op
  op, message = journal.operations.get(id)
  if not op then return nil, message or "it has just ended", "journal" end
  if begun then log.info("data.purge_accepted", { operation = id, name = name, owner = owner_id }) end
  return op
end

--- The volumes of that name and owner that outlived their stacks.
---@return table[]|nil rows, string? message, string? code
function purge.kept(name, owner_id)
  return journal.volumes.kept(name, owner_id)
end

-- Doing it ---------------------------------------------------------------------------------------------------------------

local function always() return true end
local function surely(act) return create.surely(act, always) end

-- A delete that keeps the data may still run: the volume is free, and listed, when it has ended.
local function delete_ended(op)
  local ends = timer.now() + purge.deadline
  repeat
    local deleting = surely(function() return journal.operations.newest(op.name, "delete", op.owner_id) end)
    if not deleting or deleting.ended_at then return true end
  until timer.now() >= ends or not task.sleep(0.5)
  return false
end

-- One volume: its line in the receipt. The row goes only when it is proved gone.
local function remove(client, row)
  local gone, _, reason, unable = undo.volume(client, row.volume)
  local line = { kind = "volume", id = row.volume, state = gone and not unable and "undone" or "left", ended_at = os.time() }
  line.reason = unable and "unable" or reason
  if line.state == "undone" then
    surely(function() return journal.volumes.forget(row.volume) end)
  else
    row.reason = "left"
    surely(function() return journal.volumes.keep(row) end)
  end
  return line
end

local function finish(op, event, data, how)
  how.target = op.id
  return surely(function()
    return events.finish(op.id, event, data, function(list) return journal.operations.finish(op.id, list[1], how) end)
  end)
end

local function told_left(lines)
  local left = {}
  for _, line in ipairs(lines) do
    if line.state == "left" then left[#left + 1] = { kind = "volume", id = line.id, reason = line.reason } end
  end
  return left
end

-- The first that this Dokploy could have removed, and did not.
local function first_that_could(left)
  for _, line in ipairs(left) do
    if line.reason ~= "unable" then return line end
  end
end

local function finish_with(op, lines)
  local left, newest = told_left(lines), lines[#lines]
  local receipt = { resources = lines, since = os.time() }
  local stuck = first_that_could(left)
  if stuck then
    local code = stuck.reason == "in_use" and "volume_in_use" or stuck.reason == "unreachable" and "dokploy_unreachable" or "dokploy_error"
    local data = { code = code, step = "volume", args = { name = op.name, volume = stuck.id }, rolledBack = false, leftovers = left }
    finish(op, "failed", data, { state = "failed", code = code, receipt = receipt })
  else
    local data = { name = op.name, data = left[1] and "left" or "deleted", volume = left[1] and left[1].id or newest and newest.id }
    finish(op, "deleted", data, { state = "deleted", receipt = receipt })
  end
  log.info("data.purged", { operation = op.id, name = op.name, volumes = #lines, left = #left })
end

-- What an interrupted run has removed already is in no list any more; that it did is in the events.
local function tell(op, state) events.emit(op.id, { { event = "progress", data = { step = "volume", state = state } } }) end

--- The body of the operation's task. Returns when it has ended.
---@param op table  the journal's row
function purge.run(op)
  task.shield()
  tell(op, "waiting")
  local lines = {}
  if not delete_ended(op) then
    lines[1] = { kind = "volume", id = op.name, state = "left", reason = "in_use", ended_at = os.time() }
    return finish_with(op, lines)
  end
  tell(op, "undoing")
  local client = dokploy.client { patient = true }
  for i, row in ipairs(surely(function() return purge.kept(op.name, op.owner_id) end)) do
    local line, message = task.run(purge.deadline, remove, client, row)
    lines[i] = line or { kind = "volume", id = row.volume, state = "left", reason = "unreachable", ended_at = os.time() }
    if not line then log.warn("data.not_purged", { operation = op.id, volume = row.volume, message = message }) end
  end
  if #told_left(lines) == 0 then tell(op, "undone") end
  finish_with(op, lines)
end

return purge
