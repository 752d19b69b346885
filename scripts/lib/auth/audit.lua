--- The audit log: who did what, or was refused, by which rule of which policy. Entries are only
--- ever added, and an action that cannot be recorded is not done.
local server = require "core.server"
local decisions = require "lib.auth.decisions"
local clock = require "lib.base.clock"
local refusal = require "lib.base.refusal"
local site = require "lib.base.site"
local rows = require "lib.journal.audit"
local change_events = require "lib.journal.change_events"
local audit = {}

---@class AuditEntry
---@field who Who
---@field network string
---@field action string
---@field name? string
---@field what? What  nil when no rule decided
---@field allowed boolean
---@field rule string
---@field code? string  why not
---@field request_id string

-- The scripts that decided: the version of the installation's own files; how often all were loaded
-- since the start, and when.
local function policy()
  local info, number = server.info(), site.number()
  local version = number > 0 and ("site %d, "):format(number) or ""
  return version .. ("%d, loaded %s"):format(info.generation, clock.iso(info.loaded_at))
end

--- The statement that adds an entry, to be run together with what it records.
---@param entry AuditEntry
---@param operation_id string|nil
---@return any[]
function audit.statement(entry, operation_id)
  return rows.statement(entry, operation_id, policy())
end

--- Adds an entry. Raises the journal's failures.
---@param entry AuditEntry
function audit.write(entry)
  refusal.check(rows.add(entry, policy(), decisions.statement(entry)))
  change_events.changed("audit")
end

return audit
