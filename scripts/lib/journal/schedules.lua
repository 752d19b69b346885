--- The table `schedules`: up to when each schedule was run.
local db = require "lib.journal.db"
local schedules = {}

local TAKE_UP = [[
  INSERT INTO schedules (name, plan, due_at) VALUES (?1, ?2, NOW)
  ON CONFLICT (name) DO UPDATE SET plan = ?2, due_at = NOW WHERE plan <> ?2]]

--- Makes a schedule known: a new or changed one runs from now on.
---@param name string
---@param plan string  its cron and zone
---@return table|nil row, string? message, string? code
function schedules.take_up(name, plan)
  local results, message, code = db.run {
    { TAKE_UP, name, plan }, { "SELECT * FROM schedules WHERE name = ?1", name },
  }
  if not results then return nil, message, code end
  return results[2][1]
end

local BEGIN = [[
  UPDATE schedules SET due_at = ?2, began_at = NOW WHERE name = ?1 AND due_at < ?2]]

--- Notes that the run due at a time begins. False when it has begun already.
---@param due_at number  seconds since 1970
---@return boolean|nil begun, string? message, string? code
function schedules.begin(name, due_at) return db.change(BEGIN, name, due_at) end

--- Notes how a run ended.
---@param error string|nil
function schedules.finish(name, error)
  local sql = "UPDATE schedules SET ended_at = NOW, error = ?2 WHERE name = ?1"
  return db.change(sql, name, db.or_null(error))
end

--- All rows.
---@return table[]|nil rows, string? message, string? code
function schedules.list() return db.rows "SELECT * FROM schedules ORDER BY name" end

return schedules
