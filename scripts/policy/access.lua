--- Who may do what: one question, asked before every act, answered by the first rule below that has an answer. Pure: nothing is read
--- or written here. Change a rule, or put another one between them; a change is in force when the scripts are reloaded. The examples at
--- the end are tried by `deployer --check`: a rule that was changed by mistake is told there.
local check = require "lib.base.check"
local policy = {}

---@class What
---@field mode string          access in config.lua: open invite forward-auth closed
---@field owner_id? string     whose stack or operation it is
---@field invite? string       of a deploy: what the code that came along is worth: good unknown revoked expired used_up
---@field stacks? { owner: integer, network: integer, total: integer }  of a deploy: how many stacks there are already
---@field quotas? { owner: integer|nil, network: integer|nil, total: integer|nil }  and how many there may be: policy/limits.lua

-- Which scope a token needs for an act. What is not named here needs "admin".
policy.scopes = {
  deploy = "create", stop = "create", start = "create", restart = "create", rotate = "create", cancel = "create",
  look = "read", list = "read", reveal = "read",
  delete = "delete",
}

-- Acts of an owner on what is his own, and on himself.
local own = { look = true, stop = true, start = true, restart = true, rotate = true, reveal = true, cancel = true, delete = true }
local own_key = { link = true, rotate_key = true, revoke_key = true } -- what is done with an owner key, by who has one

-- Acts that go into the audit trail: all but looking.
policy.unaudited = { look = true, list = true, list_invites = true, list_tokens = true, read_audit = true, list_finding = true,
  oversee = true }

local function is_admin(who) return who.kind == "admin" or who.kind == "token" and who.scopes.admin == true end

-- The quota that a deploy would break.
local function broken_quota(what)
  for _, name in ipairs { "owner", "network", "total" } do
    local most = what.quotas and what.quotas[name]
    if most and what.stacks and what.stacks[name] >= most then return name end
  end
end

local quota_codes = { owner = "quota_owner", network = "quota_network", total = "quota_total" }

-- Who may deploy, by mode. true, or false and why not.
local modes = {}

function modes.open() return true end

function modes.invite(who, what)
  if who.kind == "token" or what.invite == "good" then return true end
  return false, what.invite and "invite_invalid" or "invite_needed"
end

modes["forward-auth"] = function(who)
  if who.kind == "token" or who.kind == "user" then return true end
  return false, "login_needed"
end

function modes.closed() return false, "access_closed" end

--- The rules, in order. `decide` gets who, action, what; it returns nothing when the rule does not apply, else true, or false and a code
--- (of lib/http/problem.lua). The name of the rule that decided stands in the audit trail.
policy.rules = {
  { name = "passwords_are_their_owners", decide = function(who, action, what) -- also for the admin, who may change one, but not see it
    if action == "reveal" and who.id and what.owner_id ~= who.id then return false, "not_owner" end
    if action == "reveal" and not who.id then return false, who.kind == "admin" and "not_owner" or "key_missing" end
  end },

  { name = "admin_may_all", decide = function(who) return is_admin(who) or nil end },

  { name = "token_scope", decide = function(who, action)
    if who.kind ~= "token" then return nil end
    local scope = policy.scopes[action]
    if not scope or not who.scopes[scope] then return false, "scope_missing" end
  end },

  { name = "quota", decide = function(_, action, what)
    local quota = action == "deploy" and broken_quota(what)
    if quota then return false, quota_codes[quota] end
  end },

  { name = "mode", decide = function(who, action, what)
    if action == "deploy" then return modes[what.mode](who, what) end
  end },

  { name = "strangers_may_nothing", decide = function(who)
    if not who.id then return false, "key_missing" end
  end },

  { name = "owner", decide = function(who, action, what)
    if own[action] and what.owner_id == who.id then return true end
    if own[action] then return false, "not_owner" end
  end },

  { name = "own_list", decide = function(_, action)
    if action == "list" then return true end
  end },

  { name = "own_key", decide = function(who, action)
    if own_key[action] and who.kind == "owner" then return true end
    if own_key[action] then return false, "owner_key_only" end
  end },
}

--- Whether that person may do that.
---@param who { kind: string, id: string|nil, scopes: table<string, boolean>|nil }  kind: admin owner user token visitor, see
---lib/auth/owner.lua
---@param action string
---@param what What
---@return boolean allowed
---@return string rule   the name of the rule that decided
---@return string? code  why not
function policy.decide(who, action, what)
  for _, rule in ipairs(policy.rules) do
    local allowed, code = rule.decide(who, action, what)
    if allowed ~= nil then return allowed, rule.name, code end
  end
  return false, "nobody_else", "admin_only"
end

-- Examples: who, does what, with what; and what comes of it ("yes", or the code of the refusal).
local stranger, anna, bob, admin = { kind = "visitor" }, { kind = "owner", id = "anna" }, { kind = "owner", id = "bob" }, { kind = "admin" }
local eve = { kind = "user", id = "user.eve" }
local function token(...)
  local scopes = {}
  for _, scope in ipairs { ... } do scopes[scope] = true end
  return { kind = "token", id = "token.t", scopes = scopes }
end
local few = { owner = 1, total = 3 }

check.examples("scripts/policy/access.lua", function(who, action, what)
  local allowed, _, code = policy.decide(who, action, what)
  return allowed and "yes" or code
end, {
  { "yes", stranger, "deploy", { mode = "open" } },
  { "invite_needed", stranger, "deploy", { mode = "invite" } },
  { "invite_needed", anna, "deploy", { mode = "invite" } },
  { "yes", stranger, "deploy", { mode = "invite", invite = "good" } },
  { "invite_invalid", stranger, "deploy", { mode = "invite", invite = "used_up" } },
  { "login_needed", stranger, "deploy", { mode = "forward-auth" } },
  { "yes", eve, "deploy", { mode = "forward-auth" } },
  { "access_closed", anna, "deploy", { mode = "closed", invite = "good" } },
  { "yes", admin, "deploy", { mode = "closed" } },
  { "yes", token "create", "deploy", { mode = "invite" } },
  { "access_closed", token "create", "deploy", { mode = "closed" } },
  { "scope_missing", token("read", "delete"), "deploy", { mode = "open" } },
  { "quota_owner", anna, "deploy", { mode = "open", quotas = few, stacks = { owner = 1, network = 1, total = 1 } } },
  { "quota_total", stranger, "deploy", { mode = "open", quotas = few, stacks = { owner = 0, network = 0, total = 3 } } },
  { "yes", admin, "deploy", { mode = "open", quotas = few, stacks = { owner = 1, network = 1, total = 3 } } },
  { "yes", anna, "delete", { mode = "closed", owner_id = "anna" } },
  { "not_owner", bob, "delete", { mode = "open", owner_id = "anna" } },
  { "key_missing", stranger, "look", { mode = "open", owner_id = "anna" } },
  { "yes", anna, "reveal", { mode = "open", owner_id = "anna" } },
  { "not_owner", admin, "reveal", { mode = "open", owner_id = "anna" } },
  { "yes", admin, "rotate", { mode = "open", owner_id = "anna" } },
  { "admin_only", anna, "redeploy", { mode = "open", owner_id = "anna" } },
  { "yes", admin, "redeploy", { mode = "open", owner_id = "anna" } },
  { "yes", anna, "rotate_key", { mode = "closed" } },
  { "owner_key_only", eve, "rotate_key", { mode = "forward-auth" } },
  { "admin_only", anna, "revoke_other_key", { mode = "open" } },
  { "yes", eve, "list", { mode = "forward-auth" } },
  { "scope_missing", token "read", "delete", { mode = "open", owner_id = "token.t" } },
  { "not_owner", token "delete", "delete", { mode = "open", owner_id = "anna" } },
  { "yes", token "admin", "delete", { mode = "open", owner_id = "anna" } },
  { "scope_missing", token("create", "read", "delete"), "invites", { mode = "open" } },
  { "admin_only", anna, "invites", { mode = "open" } },
  { "key_missing", stranger, "audit", { mode = "open" } },
  { "yes", admin, "adopt_finding", { mode = "closed" } },
  { "admin_only", anna, "remove_finding", { mode = "open", owner_id = "anna" } },
  { "yes", admin, "audit", { mode = "closed" } },
})

return policy
