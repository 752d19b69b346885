--- Applies `lifetimes` of policy/limits.lua: when a workspace is deleted, and whether its owner may
--- put that off.
local server = require "core.server"
local limits = require "lib.policy.limits"
local templates = require "lib.policy.templates"
local schema = require "lib.schema"

local lifetimes = {}
local policy = limits.lifetimes

for _, id in ipairs(schema.sorted_keys(policy.after)) do
  if id ~= "all" and not templates.find(id) then
    schema.refuse("site/policy/limits.lua", "lifetimes.after." .. id,
      "there is no template of that name (templates: %s; all: every other one)",
      table.concat(templates.ids(), ", "))
  end
end

lifetimes.extend = policy.extend or 0
lifetimes.at_most = policy.at_most or lifetimes.extend

--- Whether any workspace has a lifetime.
function lifetimes.exist() return next(policy.after) ~= nil end

--- When the lifetime of a workspace is over; nil: never.
---@param stack { template: string|nil, created_at: number, extended: number }
---@return number|nil
function lifetimes.due(stack)
  local seconds = policy.after[stack.template or ""] or policy.after.all
  return seconds and stack.created_at + seconds + stack.extended
end

--- When a workspace is deleted, as far as is known now: never without having been warned before.
---@param stack { ends_at: number|nil }  as in the journal
---@return number|nil ends_at  nil: never
---@return boolean? is_near  its owner is to be warned
function lifetimes.ends(stack)
  local due, now = lifetimes.due(stack), server.now()
  if not due then return nil end
  return math.max(due, stack.ends_at or now + policy.warn), now >= due - policy.warn
end

--- Whether its owner may extend it once more.
function lifetimes.may_extend(stack)
  return lifetimes.extend > 0 and lifetimes.due(stack) ~= nil
    and stack.extended + lifetimes.extend <= lifetimes.at_most
end

return lifetimes
