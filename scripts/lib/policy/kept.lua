--- Applies `kept` of policy/limits.lua: when files that a deleted workspace left are purged.
local server = require "core.server"
local policy = require("lib.policy.limits").kept

local kept = {}

--- Whether any are purged.
function kept.is_limited() return policy.purge_after ~= nil end

--- When a volume is purged, as far as is known now: not before it was announced for that long.
---@param row { reason: string, at: number, purge_at: number|nil }  as in the journal
---@return number|nil ends_at  nil: never
---@return boolean? is_near  that is to be announced
function kept.ends(row)
  if not policy.purge_after or row.reason ~= "kept" then return nil end
  local due, now = row.at + policy.purge_after, server.now()
  return math.max(due, row.purge_at or now + policy.warn), now >= due - policy.warn
end

return kept
