--- The journal as the admin reads it: stacks, operations and the trail, searched and a page at a time. Failures are nil, message, code.
---
--- A search is a piece of text, whatever its case; pages go from a cursor that the page before told.
local json = require "core.json"
local query = require "lib.journal.query"
local ledger = {}

local function lower(text) return text and text:lower() end

-- Stacks -----------------------------------------------------------------------------------------------------------------

-- `shown`: what it is doing, else what it is.
local STACKS = [[(
  SELECT s.*, d.params, w.id AS work_id, w.kind AS work_kind,
    (SELECT key FROM resources r WHERE r.operation_id = s.operation_id AND r.kind = 'volume') AS volume,
    COALESCE(w.state, CASE s.state WHEN 'leftover' THEN 'failed' WHEN 'deploying' THEN 'running' ELSE s.state END) AS shown
  FROM stacks s JOIN operations d ON d.id = s.operation_id
  LEFT JOIN operations w ON w.rowid = (SELECT MAX(rowid) FROM operations o
    WHERE o.name = s.name AND o.ended_at IS NULL AND o.kind NOT IN ('purge', 'remove')))]] -- those are about what had the name before
local IN_STACK = "instr(lower(name || ' ' || owner_id || ' ' || COALESCE(image, '') || ' ' || COALESCE(template, '')), ?) > 0"

--- Stacks in the order of their names, those of one state, owner or search.
---@param which { search: string|nil, state: string|nil, owner: string|nil, after: string|nil, limit: integer }
---@return table[]|nil rows, string|nil next  the name to go on after
function ledger.stacks(which)
  return query.page("SELECT * FROM " .. STACKS, {
    { IN_STACK, lower(which.search) }, { "shown = ?", which.state }, { "owner_id = ?", which.owner }, { "name > ?", which.after },
  }, "name", which.limit, "name")
end

--- One of them; false when there is none.
function ledger.stack(name)
  return query.first(query.list("SELECT * FROM " .. STACKS .. " WHERE name = ?", { name }))
end

--- How many stacks of each state there are, of a search and an owner: { {state, count}, ... }.
function ledger.states(which)
  local sql, values = query.where { { IN_STACK, lower(which.search) }, { "owner_id = ?", which.owner } }
  return query.list("SELECT shown AS state, count(*) AS count FROM " .. STACKS .. sql .. " GROUP BY shown ORDER BY shown", values)
end

-- Operations -------------------------------------------------------------------------------------------------------------

local IN_OPERATION = "instr(lower(name || ' ' || id || ' ' || owner_id), ?) > 0"

--- Operations, newest first; state "open": those that have not ended.
---@param which { search: string|nil, state: string|nil, kind: string|nil, name: string|nil, before: integer|nil, limit: integer }
---@return table[]|nil rows, integer|nil next
function ledger.operations(which)
  local is_open = which.state == "open"
  local rows, next_before, code = query.page("SELECT rowid AS number, * FROM operations", {
    { "ended_at IS NULL", is_open or nil }, { "state = ?", not is_open and which.state or nil }, { "kind = ?", which.kind },
    { "name = ?", which.name }, { IN_OPERATION, lower(which.search) }, { "rowid < ?", which.before },
  }, "rowid DESC", which.limit, "number")
  for _, row in ipairs(rows or {}) do row.params, row.failure = json.decode(row.params), row.failure and json.decode(row.failure) end
  return rows, next_before, code
end

-- The trail --------------------------------------------------------------------------------------------------------------

local IN_AUDIT = [[instr(lower(who || ' ' || COALESCE(who_id, '') || ' ' || COALESCE(who_name, '') || ' ' || network || ' ' || action
  || ' ' || COALESCE(name, '') || ' ' || rule || ' ' || request_id), ?) > 0]]

--- Entries of the audit trail, newest first.
---@param which { search: string|nil, who: string|nil, action: string|nil, name: string|nil, allowed: boolean|nil, before: integer|nil,
--- limit: integer }
---@return table[]|nil rows, integer|nil next
function ledger.audit(which)
  local allowed = which.allowed
  return query.page("SELECT * FROM audit", {
    { "who = ?", which.who }, { "action = ?", which.action }, { "name = ?", which.name },
    { allowed and "allowed = 1" or "allowed = 0", allowed ~= nil or nil }, { IN_AUDIT, lower(which.search) }, { "id < ?", which.before },
  }, "id DESC", which.limit, "id")
end

return ledger
