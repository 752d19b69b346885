--- One statement, and what is wanted of its answer.
local store = require "core.store"
local query = {}

--- The rows; nil, message, code of the store.
function query.rows(sql, ...)
  local results, message, code = store.run { { sql, ... } }
  if not results then return nil, message, code end
  return results[1]
end

--- The first of what query.rows gave; false when there is none.
function query.first(rows, message, code)
  if not rows then return nil, message, code end
  return rows[1] or false
end

--- A value for a statement: nil would end the list of them.
function query.or_null(value)
  if value == nil then return store.null end
  return value
end

-- Lists that are searched and read a page at a time -----------------------------------------------------------------------

--- Conditions, each with its value, as SQL and the values for it; those without a value do not count, and true is no value.
---@param conditions { [1]: string, [2]: any }[]
---@return string sql, any[] values
function query.where(conditions)
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

--- The rows as a plain list, as documents want it. nil, message, "journal" when they cannot be read.
function query.list(sql, values)
  local rows, message = query.rows(sql, table.unpack(values))
  if not rows then return nil, message, "journal" end
  rows.changes = nil
  return rows
end

--- A page of what `select` finds under the conditions; when there is another, also the column `cursor` of the last row, to go on after.
---@param select string
---@param conditions { [1]: string, [2]: any }[]
---@param order string
---@param limit integer
---@param cursor string
---@return table[]|nil rows, any next, string? code
function query.page(select, conditions, order, limit, cursor)
  local sql, values = query.where(conditions)
  values[#values + 1] = limit + 1 -- one more tells that there is another page
  local rows, message, code = query.list(select .. sql .. " ORDER BY " .. order .. " LIMIT ?", values)
  if not rows then return nil, message, code end
  local more = #rows > limit
  rows[limit + 1] = nil
  return rows, more and rows[limit][cursor] or nil
end

return query
