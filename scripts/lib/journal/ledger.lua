--- The journal as the admin reads it: stacks, operations and the trail, searched and a page at a time. Failures are nil, message, code.
---
--- A search is a piece of text, whatever its case; pages go from a cursor that the page before told.
local json = require "core.json"
local query = require "lib.base.query"
local ledger = {}

-- A list of conditions, each with its value; those without a value do not count.
local function where(conditions)
  local parts, values = {}, {}
  for _, condition in ipairs(conditions) do
    local sql, value = condition[1], condition[2]
    if value ~= nil then
      parts[#parts + 1] = sql
      if value ~= true then values[#values + 1] = value end
    end
  end
  return #parts > 0 and " WHERE " .. table.concat(parts, " AND ") or "", values
end

local function rows_of(sql, values, ...)
  local all = { table.unpack(values) }
  for _, value in ipairs { ... } do all[#all + 1] = value end
  local rows, message = query.rows(sql, table.unpack(all))
  if not rows then return nil, message, "journal" end
  rows.changes = nil -- a plain list, as documents want it
  return rows
end

-- One more row than asked for tells that there is another page: its cursor, and the rows without it.
local function page(rows, limit, cursor)
  local more = #rows > limit
  for i = #rows, limit + 1, -1 do rows[i] = nil end
  return rows, more and rows[limit][cursor] or nil
end

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
  local sql, values = where {
    { IN_STACK, lower(which.search) }, { "shown = ?", which.state }, { "owner_id = ?", which.owner }, { "name > ?", which.after },
  }
  local rows, message, code = rows_of("SELECT * FROM " .. STACKS .. sql .. " ORDER BY name LIMIT ?", values, which.limit + 1)
  if not rows then return nil, message, code end
  return page(rows, which.limit, "name")
end

--- One of them; false when there is none.
function ledger.stack(name)
  return query.first(rows_of("SELECT * FROM " .. STACKS .. " WHERE name = ?", { name }))
end

--- How many stacks of each state there are, of a search and an owner: { {state, count}, ... }.
function ledger.states(which)
  local sql, values = where { { IN_STACK, lower(which.search) }, { "owner_id = ?", which.owner } }
  return rows_of("SELECT shown AS state, count(*) AS count FROM " .. STACKS .. sql .. " GROUP BY shown ORDER BY shown", values)
end

-- Operations -------------------------------------------------------------------------------------------------------------

local IN_OPERATION = "instr(lower(name || ' ' || id || ' ' || owner_id), ?) > 0"

--- Operations, newest first; state "open": those that have not ended.
---@param which { search: string|nil, state: string|nil, kind: string|nil, name: string|nil, before: integer|nil, limit: integer }
---@return table[]|nil rows, integer|nil next
function ledger.operations(which)
  local is_open = which.state == "open"
  local sql, values = where {
    { "ended_at IS NULL", is_open or nil }, { "state = ?", not is_open and which.state or nil }, { "kind = ?", which.kind },
    { "name = ?", which.name }, { IN_OPERATION, lower(which.search) }, { "rowid < ?", which.before },
  }
  local rows, message, code = rows_of("SELECT rowid AS number, * FROM operations" .. sql .. " ORDER BY rowid DESC LIMIT ?",
    values, which.limit + 1)
  if not rows then return nil, message, code end
  for _, row in ipairs(rows) do row.params, row.failure = json.decode(row.params), row.failure and json.decode(row.failure) end
  return page(rows, which.limit, "number")
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
  local sql, values = where {
    { "who = ?", which.who }, { "action = ?", which.action }, { "name = ?", which.name },
    { allowed and "allowed = 1" or "allowed = 0", allowed ~= nil or nil }, { IN_AUDIT, lower(which.search) }, { "id < ?", which.before },
  }
  local rows, message, code = rows_of("SELECT * FROM audit" .. sql .. " ORDER BY id DESC LIMIT ?", values, which.limit + 1)
  if not rows then return nil, message, code end
  return page(rows, which.limit, "id")
end

return ledger
