--- Runs SQL for the modules of this folder, which hold all of it: nothing else may use core.store.
---
--- Failures of the disk are nil, message, "journal"; a broken constraint is nil, message,
--- "conflict". SQL that is wrong raises an error: it is a bug, and repeating it would not help.
--- In SQL, NOW is the current time, in seconds since 1970.
local json = require "core.json"
local store = require "core.store"
local db = {}

local NOW = "((julianday('now') - 2440587.5) * 86400.0)"

--- A value for a statement, where nil would end the list of arguments.
function db.or_null(value)
  if value == nil then return store.null end
  return value
end

--- Brings the tables up to the newest version; only while the scripts load for the first time.
---@param migrations string[]
function db.migrate(migrations) store.migrate(migrations) end

--- Runs statements as one transaction: all of it is on disk when this returns, or none. Waits.
---@param batch any[][]  { {sql, argument...}, ... }. `gate = true` in a statement: when it yields
--- no row and changes none, the statements after it are skipped
---@return table[]|nil results  for each statement its rows, with `changes` = rows changed
---@return string? message, string? code  journal conflict
function db.run(batch)
  for _, statement in ipairs(batch) do
    statement[1] = statement[1]:gsub("%f[%w_]NOW%f[^%w_]", NOW)
  end
  local results, message, code = store.run(batch)
  if results then return results end
  if code == "invalid" or code == "closed" then error("journal: " .. message, 2) end
  if code == "conflict" then return nil, message, code end
  return nil, ("%s (%s)"):format(message, code), "journal"
end

--- The rows of one statement.
---@return table[]|nil rows, string? message, string? code
function db.rows(sql, ...)
  local results, message, code = db.run { { sql, ... } }
  if not results then return nil, message, code end
  return results[1]
end

--- Its first row; false when there is none.
---@return table|false|nil row, string? message, string? code
function db.row(sql, ...)
  local rows, message, code = db.rows(sql, ...)
  if not rows then return nil, message, code end
  return rows[1] or false
end

--- Whether a statement changed anything.
---@return boolean|nil changed, string? message, string? code
function db.change(sql, ...)
  local rows, message, code = db.rows(sql, ...)
  if not rows then return nil, message, code end
  return rows.changes > 0
end

--- Decodes JSON columns of a row in place.
---@param row table|false|nil
---@return table|false|nil row
function db.decode(row, ...)
  if not row then return row end
  for _, column in ipairs { ... } do row[column] = row[column] and json.decode(row[column]) end
  return row
end

--- Decodes JSON columns of each row in place.
---@param rows table[]|nil
---@return table[]|nil rows
function db.decode_each(rows, ...)
  for _, row in ipairs(rows or {}) do db.decode(row, ...) end
  return rows
end

--- Conditions joined into a WHERE clause, and its values. A condition whose value is nil is left
--- out; one whose value is true takes no value.
---@param conditions { [1]: string, [2]: any }[]
---@return string sql, any[] values
function db.where(conditions)
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

--- One page of what `select` finds under the conditions.
---@param select string
---@param conditions { [1]: string, [2]: any }[]
---@param page { order: string, limit: integer, cursor: string }  cursor: a column
---@return table[]|nil rows, any next  the cursor's value in the last row when there is another page
---@return string? code
function db.page(select, conditions, page)
  local sql, values = db.where(conditions)
  values[#values + 1] = page.limit + 1 -- one row more shows that there is another page
  sql = select .. sql .. " ORDER BY " .. page.order .. " LIMIT ?"
  local rows, message, code = db.rows(sql, table.unpack(values))
  if not rows then return nil, message, code end
  rows.changes = nil -- the rows go into a JSON document as a plain list
  local has_more = #rows > page.limit
  rows[page.limit + 1] = nil
  return rows, has_more and rows[page.limit][page.cursor] or nil
end

return db
