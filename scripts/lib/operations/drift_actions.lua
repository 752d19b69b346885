--- What an admin may do about a row of drift: adopt what is unknown, repair what is broken, remove
--- what is not wanted. Where Dokploy has to work for it, an operation is begun, and the row is
--- resolved when that ends well. Before anything is changed in Dokploy, the row is confirmed once
--- more.
local task = require "core.task"
local attempt = require "lib.base.attempt"
local dokploy = require "lib.dokploy"
local journal = require "lib.journal"
local drift = require "lib.journal.drift"
local accept = require "lib.operations.accept"
local adopt = require "lib.workspaces.adopt"
local reconcile = require "lib.workspaces.reconcile"
local remains = require "lib.workspaces.remains"

local drift_actions = {}
local client = dokploy.client { tries = 2 }
local try = attempt.try

--- What may be done about a row.
---@param row table  of lib/journal/drift.lua
---@return string[]  of adopt repair remove
function drift_actions.actions(row)
  if row.resolved_at then return {} end
  if row.kind == "in_error" then return { "repair" } end
  local first
  if row.kind == "vanished" and row.facts.volume then first = "repair" end
  if row.kind == "unknown" and adopt.is_whole(row.facts) and row.taken == 0 then first = "adopt" end
  return first and { first, "remove" } or { "remove" }
end

local function is_possible(row, action)
  for _, possible in ipairs(drift_actions.actions(row)) do
    if possible == action then return true end
  end
  return false
end

-- The operation that was begun before, as long as it runs or when it has resolved the row; else
-- false. The row may be resolved between the two readings, so it is read again when the operation
-- has ended.
local function begun_before(row)
  local op = row.work_id and journal.operations.get(row.work_id)
  if not op then return false end
  if not op.ended_at then return op end
  local now = row.resolved_at and row or drift.get(row.id)
  return now and now.resolved_at and op or false
end

-- One action at a time is taken on a row.
local function alone(fn, id, ...)
  return task.lock("drift:" .. id, attempt.catch, fn, id, ...)
end

local function get(id)
  return try(drift.get(id)) or try(nil, "no such row", "finding_unknown")
end

-- Adopt

local function adopt_one(id)
  local row = get(id)
  if row.resolution == "adopted" then return true end
  if row.resolved_at then return nil, "it no longer holds", "finding_gone" end
  if begun_before(row) then return nil, "it is being worked on", "stack_busy" end
  if row.taken == 1 then return nil, "there is a workspace of that name", "name_taken" end
  if not is_possible(row, "adopt") then return nil, "it cannot be adopted", "finding_unfit" end
  return adopt.run(row)
end

--- Adopts one; true also when it was adopted before.
---@return boolean|nil, string? message
---@return string? code  finding_unknown finding_unfit finding_gone stack_busy name_taken journal
function drift_actions.adopt(row)
  local done, message, code = alone(adopt_one, row.id)
  if done then drift.refresh() end
  return done, message, code
end

--- Adopts several.
---@param rows table[]
---@return table[] adopted, { row: table, code: string }[] refused
function drift_actions.adopt_all(rows)
  local adopted, refused = {}, {}
  for _, row in ipairs(rows) do
    local done, _, code = alone(adopt_one, row.id)
    if done then
      adopted[#adopted + 1] = row
    else
      refused[#refused + 1] = { row = row, code = code }
    end
  end
  drift.refresh()
  return adopted, refused
end

-- Repair and remove

local actions = {}

-- Notes which operation works on the row, when that begins.
local function noted(row)
  return function(id) return { drift.worked_on(row.id, id) } end
end

function actions.repair(row)
  if row.kind ~= "vanished" then return accept.begin("repair", row, { also = noted(row) }) end
  local target = try(journal.operations.get(row.operation_id))
  if not target then return nil, "its deploy is unknown", "journal" end
  local params, volume = target.params, row.facts.volume
  params.volume = volume
  return accept.begin("rebuild", row, {
    params = params,
    also = function(id)
      -- The files are not this operation's: whatever becomes of it, they stay.
      return { journal.resources.kept_volume_statement(id, volume), drift.worked_on(row.id, id) }
    end,
  })
end

-- A volume that a workspace has is that workspace's, whatever else uses it.
local function remove_unknown(row, data)
  local is_used = try(journal.resources.has_owner(row.facts.volume or ""))
  local id = accept.new_id()
  local statements = adopt.resource_statements(id, row.facts, not is_used and "created" or nil)
  table.insert(statements, 1, drift.worked_on(row.id, id))
  local params = { data = data, target = id, mark = row.facts.mark, finding = row.id }
  return accept.begin("remove", { name = row.name, owner_id = row.owner_id }, {
    id = id, params = params, also = function() return statements end,
  })
end

function actions.remove(row, data)
  if row.kind == "unknown" then return remove_unknown(row, data) end
  return accept.delete {
    name = row.name, owner_id = row.owner_id, data = data, by = "admin", also = noted(row),
  }
end

-- Whether something of a vanished workspace still runs: an operation on it would only fail.
local function is_left(row)
  if row.kind ~= "vanished" or not row.facts.service then return false end
  local stack = journal.stacks.get(row.name)
  return try(remains.of(client, row.facts.service, stack and stack.url))
end

local function act(id, action, data)
  local row = get(id)
  local before = begun_before(row)
  if before then return before end
  if not is_possible(row, action) then return nil, "that cannot be done", "finding_unfit" end
  if try(reconcile.holds(row)) then
    if is_left(row) then
      return nil, "its service still runs", "service_remains", remains.args(row.facts.service)
    end
    return actions[action](row, data)
  end
  drift.resolve(row.id, "gone")
  return nil, "it no longer holds", "finding_gone"
end

--- Begins to repair or remove. A second call gets the same operation.
---@param action string  repair remove
---@param id integer     the row's
---@param data string    of remove: keep delete
---@return table|nil operation, string? message
---@return string? code  finding_unknown finding_unfit finding_gone stack_busy stack_unfit
--- service_remains journal
---@return table? args  of service_remains, for its text
function drift_actions.begin(action, id, data)
  return assert(task.spawn(nil, alone, act, id, action, data)):wait()
end

return drift_actions
