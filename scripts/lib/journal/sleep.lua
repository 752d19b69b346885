--- The columns of `stacks` that decide when a workspace falls asleep.
local json = require "core.json"
local db = require "lib.journal.db"
local outbox = require "lib.journal.outbox"
local sleep = {}

local CANDIDATES = [[
  SELECT name, operation_id, template, created_at, since, sleeps_at, visited_at, awake_until
  FROM stacks
  WHERE state = 'ready' AND template IN (SELECT value FROM json_each(?1)) ORDER BY name]]

--- The workspaces of these templates that run.
---@param templates string[]
---@return table[]|nil rows, string? message, string? code
function sleep.candidates(templates)
  return db.rows(CANDIDATES, json.encode(json.array(templates)))
end

local WARN = [[
  UPDATE stacks SET sleeps_at = ?3
  WHERE name = ?1 AND operation_id = ?2 AND state = 'ready' AND sleeps_at IS NULL]]

--- Notes that the owner is warned, and writes the event of that.
---@param stack { name: string, operation_id: string }
---@param at number  when it will fall asleep
---@return boolean|nil warned, string? message, string? code
function sleep.warn(stack, at)
  local change = { WARN, stack.name, stack.operation_id, at }
  return outbox.announce(change, stack.operation_id, "sleep_soon")
end

--- It is in use after all.
function sleep.unwarn(stack)
  local sql = "UPDATE stacks SET sleeps_at = NULL WHERE name = ?1 AND operation_id = ?2"
  return db.change(sql, stack.name, stack.operation_id)
end

--- Notes that its owner looks at it here.
function sleep.note_visit(stack)
  local sql = "UPDATE stacks SET visited_at = NOW, sleeps_at = NULL"
    .. " WHERE name = ?1 AND operation_id = ?2"
  return db.change(sql, stack.name, stack.operation_id)
end

local KEEP = [[
  UPDATE stacks SET awake_until = NOW + ?3, sleeps_at = NULL
  WHERE name = ?1 AND operation_id = ?2 RETURNING awake_until]]
-- Not once it is being stopped.
local CANCEL = [[
  UPDATE operations SET cancel = 1
  WHERE name = ?1 AND kind = 'sleep' AND ended_at IS NULL AND step IS NOT 'stop']]

--- Keeps it awake from now on, also when it is about to fall asleep.
---@param seconds number
---@return number|false|nil until_at  false: there is no such workspace
---@return string? message, string? code
function sleep.keep_awake(stack, seconds)
  local results, message, code = db.run {
    { KEEP, stack.name, stack.operation_id, seconds, gate = true }, { CANCEL, stack.name },
  }
  if not results then return nil, message, code end
  local row = results[1][1]
  return row and row.awake_until or false
end

--- How much memory those that sleep would have.
---@return integer|nil bytes
function sleep.saved_memory()
  local row = db.row [[
    SELECT COALESCE(SUM(json_extract(params, '$.memory_bytes')), 0) AS bytes
    FROM stacks JOIN operations ON operations.id = stacks.operation_id
    WHERE asleep = 1 AND stacks.state = 'stopped']]
  return row and row.bytes
end

return sleep
