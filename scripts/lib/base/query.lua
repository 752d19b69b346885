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

return query
