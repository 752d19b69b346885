--- The columns of `stacks` that say how a workspace's lifetime ends.
local db = require "lib.journal.db"
local outbox = require "lib.journal.outbox"
local lifetimes = {}

local WARN = [[
  UPDATE stacks SET ends_at = ?3
  WHERE name = ?1 AND operation_id = ?2 AND ends_at IS NULL]]

--- Notes that the owner is warned, and writes the event of that.
---@param stack { name: string, operation_id: string }
---@param at number  when it will be deleted
---@return boolean|nil warned, string? message, string? code
function lifetimes.warn(stack, at)
  local change = { WARN, stack.name, stack.operation_id, at }
  return outbox.announce(change, stack.operation_id, "ends_soon")
end

--- Withdraws the warning of one workspace, or of all.
---@param name string|nil
function lifetimes.withdraw(name)
  return db.change("UPDATE stacks SET ends_at = NULL WHERE ends_at IS NOT NULL"
    .. " AND (?1 IS NULL OR name = ?1)", db.or_null(name))
end

local EXTEND = [[
  UPDATE stacks SET extended = extended + ?3, ends_at = NULL
  WHERE name = ?1 AND operation_id = ?2 AND extended + ?3 <= ?4
    AND state IN ('ready', 'stopped', 'unhealthy')]]

--- Extends a lifetime; the warning before its new end is given again.
---@param stack { name: string, operation_id: string }
---@param seconds number
---@param most number  seconds of all extensions together
---@return boolean|nil extended, string? message, string? code  false: it would be too long
function lifetimes.extend(stack, seconds, most)
  return db.change(EXTEND, stack.name, stack.operation_id, seconds, most)
end

return lifetimes
