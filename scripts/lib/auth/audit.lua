--- The audit trail: who did what to which stack, or was kept from it, by which rule of which policy. Rows are only ever added; the journal
--- itself refuses to change or remove one. An act that cannot be written down is not done.
local server = require "core.server"
local store = require "core.store"
local clock = require "lib.base.clock"
local change_events = require "lib.journal.change_events"
local audit = {}

local INSERT = [[
  INSERT INTO audit (at, who, who_id, who_name, network, action, name, operation_id, allowed, rule, policy, request_id)
  VALUES ((julianday('now') - 2440587.5) * 86400.0, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)]]

local function or_null(value)
  if value == nil then return store.null end
  return value
end

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
  local who = entry.who
  return { INSERT, who.kind, or_null(who.id), or_null(who.name), entry.network, entry.action, or_null(entry.name), or_null(operation_id),
    entry.allowed, entry.rule, policy_in_force(), entry.request_id }
end

--- Adds an entry.
---@param entry AuditEntry
---@return boolean|nil written, string? message, string? code
function audit.write(entry)
  local results, message = store.run { audit.statement(entry) }
  if not results then return nil, message, "journal" end
  change_events.changed("audit")
  return true
end

return audit
