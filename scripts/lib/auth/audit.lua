--- The audit trail: who did what to which stack, or was kept from it, by which rule of which policy. Rows are only ever added; the journal
--- itself refuses to change or remove one. An act that cannot be written down is not done.
local server = require "core.server"
local clock = require "lib.base.clock"
local rows = require "lib.journal.audit"
local change_events = require "lib.journal.change_events"
local audit = {}

-- The scripts in force: how often they were loaded since the start, and when. That is known once they are in force.
local in_force
local function policy_in_force()
  if in_force then return in_force end
  local info = server.info()
  in_force = ("%d, loaded %s"):format(info.generation, clock.iso(info.loaded_at))
  return in_force
end

---@class AuditEntry
---@field who Who
---@field network string
---@field action string
---@field name? string
---@field allowed boolean
---@field rule string
---@field request_id string

--- The statement that adds an entry, to be run together with what it tells of.
---@param entry AuditEntry
---@param operation_id string|nil
---@return any[]
function audit.statement(entry, operation_id)
  return rows.statement(entry, operation_id, policy_in_force())
end

--- Adds an entry.
---@param entry AuditEntry
---@return boolean|nil written, string? message, string? code
function audit.write(entry)
  local written, message, code = rows.add(entry, policy_in_force())
  if not written then return nil, message, code end
  change_events.changed("audit")
  return true
end

return audit
