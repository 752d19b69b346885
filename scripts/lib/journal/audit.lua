--- The table `audit`: who did what, or was refused. The database refuses to change or delete a row.
local db = require "lib.journal.db"
local audit = {}

local INSERT = [[
  INSERT INTO audit (at, who, who_id, who_name, network, action, name, operation_id, allowed, rule,
    policy, request_id)
  VALUES (NOW, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)]]

--- The statement that adds an entry.
---@param entry AuditEntry  see lib/auth/audit.lua
---@param operation_id string|nil
---@param policy string  the version of the scripts that decided
function audit.statement(entry, operation_id, policy)
  local who = entry.who
  return { INSERT, who.kind, db.or_null(who.id), db.or_null(who.user or who.name), entry.network,
    entry.action, db.or_null(entry.name), db.or_null(operation_id), entry.allowed, entry.rule,
    policy, entry.request_id }
end

--- Adds an entry.
---@param also any[]  a statement that is written together with it
---@return boolean|nil written, string? message, string? code
function audit.add(entry, policy, also)
  local results, message, code = db.run { audit.statement(entry, nil, policy), also }
  return results and true, message, code
end

local MATCHES = [[instr(lower(who || ' ' || COALESCE(who_id, '') || ' ' || COALESCE(who_name, '')
  || ' ' || network || ' ' || action || ' ' || COALESCE(name, '') || ' ' || rule || ' '
  || request_id), lower(?)) > 0]]

--- Entries, newest first, a page at a time.
---@param which { search: string|nil, who: string|nil, action: string|nil, name: string|nil,
--- allowed: boolean|nil, before: integer|nil, limit: integer }
---@return table[]|nil rows, integer|nil next  the id to go on before
function audit.search(which)
  local allowed = which.allowed
  return db.page("SELECT * FROM audit", {
    { "who = ?", which.who }, { "action = ?", which.action }, { "name = ?", which.name },
    { allowed and "allowed = 1" or "allowed = 0", allowed ~= nil or nil },
    { MATCHES, which.search }, { "id < ?", which.before },
  }, { order = "id DESC", limit = which.limit, cursor = "id" })
end

return audit
