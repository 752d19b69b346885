--- What an admin may do about a finding: adopt what is unknown, repair what is broken, remove what is not wanted. Where Dokploy has to work
--- for it, an operation of its own is begun, with a stream, a receipt and one end; the finding is resolved when that ends well.
--- Before anything is changed in Dokploy, the finding is looked at once more: the world may have changed since.
local log = require "core.log"
local task = require "core.task"
local engine = require "lib.operations.engine"
local scheduler = require "lib.operations.scheduler"
local journal = require "lib.journal"
local drift = require "lib.journal.drift"
local adopt = require "lib.workspaces.adopt"
local reconcile = require "lib.workspaces.reconcile"

local drift_actions = {}

--- What may be done about a finding, as it stands.
---@param row table  of lib/journal/drift.lua
---@return string[]  of adopt repair remove
function drift_actions.actions(row)
  if row.resolved_at then return {} end
  if row.kind == "in_error" then return { "repair" } end
  if row.kind == "vanished" then return row.facts.volume and { "repair", "remove" } or { "remove" } end
  return adopt.is_whole(row.facts) and row.taken == 0 and { "adopt", "remove" } or { "remove" }
end

local function may(row, action)
  for _, possible in ipairs(drift_actions.actions(row)) do
    if possible == action then return true end
  end
  return false
end

-- The operation that was begun before, as long as it runs or when it has done it; false when there is none. What ends well resolves the
-- finding in the same moment, and that may lie between the two readings: one that has ended is held against the finding as it is now.
local function begun_before(row)
  local op = row.work_id and journal.operations.get(row.work_id)
  if not op then return false end
  local now = op.ended_at and not row.resolved_at and drift.get(row.id) or row
  if not op.ended_at or now.resolved_at then return op end
  return false
end

-- One thing at a time is done about a finding, and it is read again before.
local function alone(fn, id, ...) return task.lock("finding:" .. id, fn, id, ...) end

-- Adopt ------------------------------------------------------------------------------------------------------------------

local function adopt_one(id)
  local row, message, code = drift.get(id)
  if not row then return nil, message or "no such finding", code or "finding_unknown" end
  if row.resolution == "adopted" then return true end
  if row.resolved_at then return nil, "it is no longer so", "finding_gone" end
  if begun_before(row) then return nil, "it is being worked on", "stack_busy" end
  if row.taken == 1 then return nil, "there is a stack of that name", "name_taken" end
  if not may(row, "adopt") then return nil, "it cannot be adopted", "finding_unfit" end
  return adopt.one(row)
end

--- Adopts one; true also when it was adopted before.
---@return boolean|nil, string? message, string? code  finding_unknown finding_unfit finding_gone stack_busy name_taken journal
function drift_actions.adopt(row)
  local done, message, code = alone(adopt_one, row.id)
  if done then drift.refresh() end
  return done, message, code
end

--- Adopts several. For each that could not be: {row, code}.
---@param rows table[]
---@return table[] adopted, table[] refused
function drift_actions.adopt_all(rows)
  local adopted, refused = {}, {}
  for _, row in ipairs(rows) do
    local done, _, code = alone(adopt_one, row.id)
    if done then adopted[#adopted + 1] = row else refused[#refused + 1] = { row = row, code = code } end
  end
  drift.refresh()
  return adopted, refused
end

-- Repair -----------------------------------------------------------------------------------------------------------------

local function noted(row) return function(id) return { drift.worked_on(row.id, id) } end end

local function launched(id)
  local op, message = journal.operations.get(id)
  if not op then return nil, message, "journal" end
  log.info("finding.work_accepted", { operation = id, name = op.name, kind = op.kind })
  scheduler.launch(op)
  return op
end

local function rebuild(row)
  local id, volume = engine.new_id(), row.facts.volume
  local target, message = journal.operations.get(row.operation_id)
  if not target then return nil, message or "its deploy is unknown", "journal" end
  local params = target.params
  params.volume = volume
  local op = { id = id, kind = "rebuild", name = row.name, owner_id = row.owner_id, params = params, state = "running" }
  local on = { states = { "ready", "stopped", "unhealthy" }, operation_id = row.operation_id }
  local begun, why = journal.operations.begin_on_stack(op, on,
    { journal.resources.kept_volume_statement(id, volume), drift.worked_on(row.id, id) })
  if begun == nil then return nil, why, "journal" end
  if not begun then
    local now = journal.stacks.get(row.name)
    return nil, "it cannot begin", now and now.state ~= "deleting" and "stack_busy" or "stack_unfit"
  end
  return launched(id)
end

local function repair(row)
  if row.kind == "vanished" then return rebuild(row) end
  return engine.operate("repair", row, noted(row))
end

-- Remove -----------------------------------------------------------------------------------------------------------------

local function remove_unknown(row, data)
  local id = engine.new_id()
  local taken, message = journal.resources.has_owner(row.facts.volume or "")
  if taken == nil then return nil, message, "journal" end
  local op = { id = id, kind = "remove", name = row.name, owner_id = row.owner_id, state = "deleting",
    params = { data = data, target = id, mark = row.facts.mark, finding = row.id } }
  local batch = { drift.worked_on(row.id, id) }
  table.move(adopt.resources(id, row.facts, not taken and "created" or nil), 1, 99, #batch + 1, batch)
  local begun, why = journal.operations.begin(op, batch)
  if not begun then return nil, why, "journal" end
  return launched(id)
end

local function remove(row, data)
  if row.kind == "unknown" then return remove_unknown(row, data) end
  return engine.delete { name = row.name, owner_id = row.owner_id, data = data, by = "admin", also = noted(row) }
end

-- Both -------------------------------------------------------------------------------------------------------------------

local acts = { repair = repair, remove = remove }

local function act(id, action, data)
  local row, message, code = drift.get(id)
  if not row then return nil, message or "no such finding", code or "finding_unknown" end
  local before = begun_before(row)
  if before then return before end
  if not may(row, action) then return nil, "that cannot be done about it", "finding_unfit" end
  local holds, why, trouble = reconcile.holds(row)
  if holds == nil then return nil, why, trouble end
  if holds then return acts[action](row, data) end
  drift.resolve(row.id, "gone")
  return nil, "it is no longer so", "finding_gone"
end

--- Begins to repair or remove; asked again, the same operation.
---@param action string  repair remove
---@param id integer     the finding's
---@param data string    of remove: keep delete
---@return table|nil operation, string? message, string? code  finding_unknown finding_unfit finding_gone stack_busy stack_unfit journal
function drift_actions.begin(action, id, data)
  return assert(task.spawn(nil, alone, act, id, action, data)):wait()
end

return drift_actions
