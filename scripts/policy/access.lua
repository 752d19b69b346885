--- Who may do what. Each request asks one question (who, action, what), and the first rule with an
--- answer decides. An installation adds rules of its own in site/policy/access.lua, each before or
--- after one of these. The examples at the end are tried before any change is in force.
---
--- The fields of `who` and `what` are described in scripts/meta/policy.lua.

-- The scope that a token needs for an action. Every other action needs "admin".
local scopes = {
  deploy = "create",
  restore = "create",
  stop = "create",
  start = "create",
  restart = "create",
  rotate = "create",
  sleep = "create",
  wake = "create",
  keep_awake = "create",
  extend = "create",
  cancel = "create",
  look = "read",
  list = "read",
  reveal = "secrets",
  delete = "delete",
}

-- What owners may do with their own workspaces, and with their own key.
local own = {
  look = true, stop = true, start = true, restart = true, rotate = true, reveal = true,
  cancel = true, delete = true, restore = true, sleep = true, wake = true, keep_awake = true,
  extend = true,
}
local own_key = { link = true, reveal_key = true, rotate_key = true, revoke_key = true }

-- Actions that leave no entry in the audit log: those that only read.
local unaudited = {
  look = true, list = true, list_invites = true, list_tokens = true, read_audit = true,
  list_finding = true, oversee = true, read_metrics = true, read_site = true, try_site = true,
}

-- What makes a workspace: a deploy, also one on files that a deleted workspace left.
local makes = { deploy = true, restore = true }

local function is_admin(who)
  return who.kind == "admin" or who.kind == "token" and who.scopes.admin == true
end

-- The first quota that one more workspace would exceed.
local function exceeded_quota(what)
  for _, name in ipairs { "owner", "network", "site", "total" } do
    local most = what.quotas[name]
    if most and what.stacks[name] >= most then return name == "site" and "network" or name end
  end
end

-- Who may deploy in each access mode: true, or false and the code of the refusal.
local modes = {
  open = function() return true end,
  invite = function(who, what)
    if who.kind == "token" or what.invite == "good" then return true end
    return false, what.invite and "invite_invalid" or "invite_needed"
  end,
  ["forward-auth"] = function(who)
    if who.kind == "token" or who.kind == "user" then return true end
    return false, "login_needed"
  end,
  closed = function() return false, "access_closed" end,
}

-- In order. `decide` returns nothing when the rule does not apply, else true, or false and the code
-- of the refusal, or false and { code =, status =, text = { en =, nl =, ar = }, retry_after = }.
-- The audit log shows the name of the rule that decided.
local rules = {
  { name = "passwords_are_their_owners", -- the admin may change a password, but not read it
    decide = function(who, action, what)
      if action ~= "reveal" then return nil end
      if who.id and what.owner_id ~= who.id then return false, "not_owner" end
      if not who.id then return false, who.kind == "admin" and "not_owner" or "key_missing" end
    end },

  { name = "keys_are_their_owners", -- the admin may change a key, but not read it
    decide = function(who, action)
      if action == "reveal_key" and is_admin(who) then return false, "owner_key_only" end
    end },

  { name = "admin_may_all",
    decide = function(who) return is_admin(who) or nil end },

  { name = "metrics_from_nearby",
    decide = function(_, action, what)
      if action == "read_metrics" then return what.is_near, "key_missing" end
    end },

  { name = "token_scope",
    decide = function(who, _, what)
      if who.kind ~= "token" then return nil end
      if not what.scope or not who.scopes[what.scope] then return false, "scope_missing" end
    end },

  { name = "quota",
    decide = function(_, action, what)
      local quota = makes[action] and exceeded_quota(what)
      if quota then return false, "quota_" .. quota end
    end },

  { name = "mode",
    decide = function(who, action, what)
      if action == "deploy" then return modes[what.mode](who, what) end
      if action == "restore" and what.mode == "closed" then return false, "access_closed" end
    end },

  { name = "strangers_may_nothing",
    decide = function(who)
      if not who.id then return false, "key_missing" end
    end },

  { name = "owner",
    decide = function(who, action, what)
      if not own[action] then return nil end
      if what.owner_id == who.id then return true end
      return false, "not_owner"
    end },

  { name = "own_list",
    decide = function(_, action)
      if action == "list" then return true end
    end },

  { name = "own_key",
    decide = function(who, action)
      if not own_key[action] then return nil end
      if who.kind == "owner" then return true end
      return false, "owner_key_only"
    end },
}

-- Examples: the outcome ("yes", or the code of the refusal), who, action, what.
-- The ids are such as the portal makes. What an example leaves out is empty, but for the mode
-- (open), the name (anna), the template (default) and the moment (a Monday at noon).
local stranger, admin = { kind = "visitor" }, { kind = "admin" }
local anna = { kind = "owner", id = "29d1a3b4c05f8a36d2e17c40b9" }
local bob = { kind = "owner", id = "29d1a3f7125d0948ac71fe6380" }
local eve = { kind = "user", id = "user.3c186e1e5d66280e63c7ad46", user = "eve" }

local function token(...)
  local granted = {}
  for _, scope in ipairs { ... } do granted[scope] = true end
  return { kind = "token", id = "token.4f1c92aa07d3", scopes = granted }
end

local open, annas = { mode = "open" }, { mode = "open", owner_id = anna.id }
local tokens = { mode = "open", owner_id = token().id }

local function with_quotas(owner, total)
  return {
    mode = "open",
    quotas = { owner = 1, total = 3 },
    stacks = { owner = owner, network = 1, total = total },
  }
end

local examples = {
  { "yes", stranger, "deploy", open },
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
  { "scope_missing", token("read", "delete"), "deploy", open },
  { "quota_owner", anna, "deploy", with_quotas(1, 1) },
  { "quota_total", stranger, "deploy", with_quotas(0, 3) },
  { "yes", admin, "deploy", with_quotas(1, 3) },
  { "yes", anna, "restore", { mode = "invite", owner_id = anna.id } },
  { "not_owner", bob, "restore", annas },
  { "access_closed", anna, "restore", { mode = "closed", owner_id = anna.id } },
  { "yes", anna, "delete", { mode = "closed", owner_id = anna.id } },
  { "not_owner", bob, "delete", annas },
  { "key_missing", stranger, "look", annas },
  { "yes", anna, "reveal", annas },
  { "not_owner", admin, "reveal", annas },
  { "yes", admin, "rotate", annas },
  { "admin_only", anna, "redeploy", annas },
  { "yes", admin, "redeploy", annas },
  { "yes", anna, "rotate_key", { mode = "closed" } },
  { "yes", anna, "reveal_key", { mode = "closed" } },
  { "owner_key_only", admin, "reveal_key", open },
  { "owner_key_only", token "admin", "reveal_key", open },
  { "owner_key_only", eve, "rotate_key", { mode = "forward-auth" } },
  { "admin_only", anna, "revoke_other_key", open },
  { "yes", eve, "list", { mode = "forward-auth" } },
  { "scope_missing", token "read", "delete", tokens },
  { "scope_missing", token("create", "read", "delete"), "reveal", tokens },
  { "yes", token "secrets", "reveal", tokens },
  { "not_owner", token "delete", "delete", annas },
  { "yes", token "admin", "delete", annas },
  { "scope_missing", token("create", "read", "delete"), "list_invites", open },
  { "admin_only", anna, "list_invites", open },
  { "key_missing", stranger, "read_audit", open },
  { "yes", admin, "adopt_finding", { mode = "closed" } },
  { "admin_only", anna, "remove_finding", annas },
  { "yes", admin, "read_audit", { mode = "closed" } },
  { "yes", stranger, "read_metrics", { mode = "open", is_near = true } },
  { "yes", token "admin", "read_metrics", { mode = "open", is_near = false } },
  { "key_missing", token "read", "read_metrics", { mode = "open", is_near = false } },
  { "key_missing", stranger, "read_metrics", { mode = "open", is_near = false } },
}

return { scopes = scopes, unaudited = unaudited, rules = rules, examples = examples }
