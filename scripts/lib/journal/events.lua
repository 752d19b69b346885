--- The table `events`: what happened to each operation, in raw form (codes and arguments, no text).
local json = require "core.json"
local db = require "lib.journal.db"
local events = {}

local INSERT = [[
  INSERT INTO events (operation_id, seq, event, data, at)
  SELECT id, (SELECT COALESCE(MAX(seq), 0) + 1 FROM events WHERE operation_id = operations.id),
    ?2, ?3, NOW
  FROM operations WHERE id = ?1 AND ended_at IS NULL AND cancel <= 1 - ?4
  RETURNING seq, event, data, at]]

--- The statement that appends one event to an operation that has not ended.
---@param unless_cancelled boolean|nil  nor was cancelled
function events.statement(id, event, data, unless_cancelled)
  return { INSERT, id, event, json.encode(data), unless_cancelled and 1 or 0 }
end

--- Appends events.
---@param list { event: string, data: table }[]
---@return table[]|nil rows  as written; none after the operation's end
---@return string? message, string? code
function events.append(id, list)
  local batch, rows = {}, {}
  for i, item in ipairs(list) do batch[i] = events.statement(id, item.event, item.data) end
  local results, message, code = db.run(batch)
  if not results then return nil, message, code end
  for i in ipairs(batch) do rows[#rows + 1] = db.decode(results[i][1], "data") end
  return rows
end

local SINCE = [[
  SELECT seq, event, data, at FROM events WHERE operation_id = ?1 AND seq > ?2 ORDER BY seq]]

--- The events of an operation after number `after`, in order.
---@return { seq: integer, event: string, data: table, at: number }[]|nil, string?, string?
function events.list(id, after)
  local rows, message, code = db.rows(SINCE, id, after or 0)
  return db.decode_each(rows, "data"), message, code
end

local LAST_LOG = [[
  SELECT data FROM events WHERE operation_id = ?1 AND event = 'log' ORDER BY seq DESC LIMIT ?2]]

--- The last lines of its log that came from Dokploy, oldest first.
---@return string[]
function events.last_log(id, count)
  local lines = {}
  for _, row in ipairs(db.decode_each(db.rows(LAST_LOG, id, count), "data") or {}) do
    if row.data.line then table.insert(lines, 1, row.data.line) end
  end
  return lines
end

local OLD = [[
  SELECT id FROM operations WHERE pruned = 0 AND ended_at < ?1 ORDER BY ended_at LIMIT ?2]]
local DELETE_OLD = [[
  DELETE FROM events
  WHERE event IN ('queued', 'progress', 'log') AND operation_id IN (]] .. OLD .. ")"
local MARK_PRUNED = "UPDATE operations SET pruned = 1 WHERE id IN (" .. OLD .. ")"

--- Deletes the events of the oldest operations that ended before a time, all but each one's last.
---@param before number  seconds since 1970
---@param limit integer  operations
---@return integer|nil operations, integer|string events  how many; or nil, message
function events.prune(before, limit)
  local results, message = db.run { { DELETE_OLD, before, limit }, { MARK_PRUNED, before, limit } }
  if not results then return nil, message end
  return results[2].changes, results[1].changes
end

return events
