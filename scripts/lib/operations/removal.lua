--- Removes a workspace: a delete, the removal of something unknown, and what is left of a workspace
--- that is deployed again.
local task = require "core.task"
local call = require "lib.dokploy.call"
local journal = require "lib.journal"
local create = require "lib.operations.create"
local ending = require "lib.operations.ending"
local failure = require "lib.operations.failure"
local kinds = require "lib.operations.kinds"
local remains = require "lib.workspaces.remains"

local removal = {}
local surely = create.surely

local function target_of(op)
  local target = surely(function() return journal.operations.get(op.params.target) end)
  return target, surely(function() return journal.resources.list(target.id) end)
end

-- Data that stays is marked first: after a crash, what continues from here must keep it.
local function keep_volume(resources, target)
  for _, row in ipairs(resources) do
    if row.kind == "volume" and row.state ~= "undone" then
      row.state = "kept"
      surely(function() return journal.resources.settle(target.id, row.kind, row.key, "kept") end)
      return row.key
    end
  end
end

-- Data that an earlier delete kept is removed now on its owner's request.
local function release_volume(resources)
  for _, row in ipairs(resources) do
    if row.kind == "volume" and row.state == "kept" then row.state = "created" end
  end
end

local function forget_volumes(resources)
  for _, row in ipairs(resources) do
    if row.kind == "volume" and row.state == "undone" then
      surely(function() return journal.volumes.forget(row.key) end)
    end
  end
end

local function app_name_of(row) return row.data.ids and row.data.ids.app_name end

-- What the text of service_remains needs.
local function remains_args(resources)
  for _, row in ipairs(resources) do
    if row.kind == "application" and app_name_of(row) then return remains.args(app_name_of(row)) end
  end
end

local function failure_of(op, work, reason)
  local args = reason == "service_remains" and remains_args(work.resources) or nil
  local why = failure.of_reason({ name = op.name, step = work.at }, reason, args)
  why.answer = call.last_answer(work.dokploy)
  return why
end

local function end_delete(op, target, work, kept, leftovers, reason)
  local volume, what, row = kept or work.unable, "deleted", nil
  if volume then
    what = kept and "kept" or "left"
    row = {
      volume = volume, name = op.name, owner_id = op.owner_id, operation_id = target.id,
      reason = what,
    }
  end
  if #leftovers > 0 then
    ending.fail(op, failure_of(op, work, reason), {
      target = target.id, change = "leftover", volume = row, leftovers = leftovers,
    })
    return
  end
  local done = kinds[op.kind].done
  ending.finish(op, done.event, { name = op.name, data = what, volume = volume }, {
    state = done.state, change = done.change, target = target.id, volume = row,
  })
end

-- A deploy that was never ready was never used, so its volume is removed as well, unless it began
-- with kept files.
local never_ready = { failed = true, cancelled = true }
local function has_files(target) return target.params.volume or not never_ready[target.state] end

--- Runs a delete, or the removal of something unknown, to its end.
---@param op table  the journal's row
---@param steps table[]
function removal.run(op, steps)
  task.shield()
  local target, resources = target_of(op)
  local keeps = op.params.data ~= "delete" and has_files(target)
  local kept = keeps and keep_volume(resources, target) or nil
  if not kept then release_volume(resources) end
  local work = ending.removal(op, target, resources, steps)
  local leftovers, reason = ending.remove(work, kinds[op.kind].state)
  forget_volumes(resources)
  end_delete(op, target, work, kept, leftovers, reason)
end

-- Why a workspace must be left alone: its application is there, what ran in it is, or that cannot
-- be known.
local function still_there(op, work, resources)
  for _, row in ipairs(resources) do
    if row.kind == "application" and row.state == "created" then
      local application, message, code = work.dokploy:application_one(row.id)
      local at = { name = op.name }
      if application then return failure.new(at, "its application is there", "not_vanished") end
      if code ~= "not_found" then return failure.new(at, message, code) end
      local is_left = app_name_of(row) and remains.of(work.dokploy, app_name_of(row), work.op.url)
      if is_left then return failure_of(op, work, "service_remains") end
    end
  end
end

--- Before a rebuild: removes what is left of the workspace that vanished, except its files.
---@param steps table[]
---@return Failure|nil
function removal.make_room(op, steps)
  local target, resources = target_of(op)
  keep_volume(resources, target)
  local work = ending.removal(op, target, resources, steps)
  local why = still_there(op, work, resources)
  if why then return why end
  local leftovers, reason = ending.remove(work, "deleting")
  if #leftovers == 0 then return nil end
  return failure_of(op, work, reason)
end

return removal
