--- Applies policy/access.lua: the first rule with an answer decides.
local check = require "lib.base.check"
local schema = require "lib.schema"
local kinds = require "lib.schema.kinds"

local FILE = "scripts/policy/access.lua"
local text, flag = { kinds.text, required = true }, { kinds.flag }
local example = {
  { hint = "{ outcome, who, action, what }", read = function(value)
    return type(value) == "table", value
  end },
}
local policy = schema.check(require "policy.access", {
  scopes = schema.map(text), unaudited = schema.map(flag),
  rules = schema.list { name = text, decide = { kinds.func, required = true } },
  examples = schema.list(example),
}, FILE)

local access = { scopes = policy.scopes }

--- Whether a person may do something.
---@param who { kind: string, id: string|nil, scopes: table<string, boolean>|nil }
---@param action string
---@param what What  see policy/access.lua
---@return boolean is_allowed
---@return string rule   the name of the rule that decided
---@return string? code  why not
function access.decide(who, action, what)
  for _, rule in ipairs(policy.rules) do
    local is_allowed, code = rule.decide(who, action, what)
    if is_allowed ~= nil then return is_allowed, rule.name, code end
  end
  return false, "nobody_else", "admin_only"
end

--- Whether an action leaves an entry in the audit log.
---@return boolean
function access.is_audited(action) return not policy.unaudited[action] end

check.examples(FILE, function(who, action, what)
  local is_allowed, _, code = access.decide(who, action, what)
  return is_allowed and "yes" or code
end, policy.examples)

return access
