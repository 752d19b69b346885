--- More entries for routes/openapi.lua, of the form that openapi_entries.lua tells: what is done with a stack that stands, with the owner's
--- key, and by the admin.
local json = require "core.json"

local none = json.array {}
local key = json.array { { ownerKey = none }, { ownerCookie = none }, { adminToken = none }, { apiToken = none } }
local key_if_any = json.array { {}, table.unpack(key) }
local admin = json.array { { adminToken = json.array {} }, { apiToken = json.array {} } }

local who = { "key_missing", "key_invalid", "key_expired", "key_revoked", "scope_missing", "forbidden_origin", "rate_limited", "journal" }

local function problems(...)
  local list = { ... }
  for _, code in ipairs(who) do list[#list + 1] = code end
  return list
end

local function work(path, summary, text)
  return {
    "POST", "/api/stack/:name/" .. path, summary, parameters = { "name", "lang" }, security = key, text = text, form = true,
    answers = { [202] = { "Begun; follow statusUrl", "Operation", location = true } },
    problems = problems("stack_unknown", "stack_busy", "stack_unfit"),
  }
end

return {
  work("stop", "Stop a stack", "Its container ends; its address, files and settings stay. Ends with the event stopped."),
  work("start", "Start a stack that was stopped", "Ends with the event ready, once it is healthy."),
  work("restart", "Stop a stack and start it", "Ends with the event ready, once it is healthy."),
  {
    "POST", "/api/stack/:name/password", "See or change the stack's password", parameters = { "name", "lang" }, security = key,
    body = "PasswordAction", form = true,
    text = "`reveal` tells it, to the owner only, and writes that into the audit trail. `rotate` makes a new one and starts the stack "
      .. "with it; it ends with the event ready, once the stack answers to the new password. When it does not, the old one is put back.",
    answers = { [200] = { "The password", "Password" }, [202] = { "Being changed; follow statusUrl", "Operation", location = true } },
    problems = problems("stack_unknown", "stack_busy", "stack_unfit", "value_invalid", "dokploy_unreachable"),
  },
  {
    "POST", "/api/stack/:name/delete", "Delete a stack, from a form", parameters = { "name", "lang" }, security = key,
    body = "DeleteForm", form = true, text = "The same as DELETE /api/stack/:name.",
    answers = { [202] = { "Being deleted, or deleted already", "Operation", location = true } },
    problems = problems("stack_unknown", "value_invalid"),
  },
  {
    "GET", "/api/owner", "Who am I?", parameters = { "lang" }, security = key_if_any,
    text = "What the portal takes the request for, and the token that forms need.",
    answers = { [200] = { "The one who asks", "Owner" } }, problems = { "key_invalid", "key_expired", "key_revoked", "rate_limited" },
  },
  {
    "POST", "/api/owner/link", "Make a link to another browser", parameters = { "lang" }, security = key, body = "OwnerName", form = true,
    text = "Whoever opens the link and presses its button has the owner's key in that browser. It works once, for ten minutes. The "
      .. "admin may name any owner: that is the way back for one who has lost the key.",
    answers = { [201] = { "The link", "Link" } }, problems = problems("owner_key_only", "value_invalid"),
  },
  {
    "GET", "/move/:link", "The page that such a link opens", parameters = { "link", "lang" },
    answers = { [200] = { "A page with a button; looking at it uses nothing up", "html" } },
  },
  {
    "POST", "/api/owner/move", "Use such a link", parameters = { "lang" }, body = "LinkSecret", form = true,
    answers = { [200] = { "The owner's key, and a cookie that holds it", "OwnerKey" } },
    problems = { "link_invalid", "field_missing", "forbidden_origin", "rate_limited", "journal" },
  },
  {
    "POST", "/api/owner/rotate", "Change the owner key", parameters = { "lang" }, security = key, body = "OwnerName", form = true,
    text = "The key so far, in whichever browser or program it is, is worthless from now on. The admin may do that to any owner, and "
      .. "does not see the new key.",
    answers = { [200] = { "The new key", "OwnerKey" } }, problems = problems("owner_key_only", "value_invalid"),
  },
  {
    "POST", "/api/owner/revoke", "Make the owner key worthless", parameters = { "lang" }, security = key, body = "OwnerName", form = true,
    text = "Nobody has a key then; only a link that the admin makes leads back to the stacks.",
    answers = { [200] = { "It is worthless", "Revoked" } }, problems = problems("owner_key_only", "value_invalid"),
  },
  {
    "POST", "/api/owner/leave", "Make this browser forget", parameters = { "lang" }, form = true,
    text = "Takes the cookie away; the key stays good elsewhere.",
    answers = { [200] = { "Forgotten", "Left" } }, problems = { "forbidden_origin", "rate_limited" },
  },
  {
    "GET", "/api/invites", "The invites", parameters = { "search", "key_state", "limit", "after_id", "lang" }, security = admin,
    answers = { [200] = { "A page of them, newest first, without their codes", "Invites" } },
    problems = problems("admin_only", "value_invalid"),
  },
  {
    "POST", "/api/invites", "Make an invite", parameters = { "lang" }, security = admin, body = "NewInvite",
    text = "Its code is told this once. A deployment that fails or is cancelled gives its use back.",
    answers = { [201] = { "The invite with its code", "Invite" } },
    problems = problems("admin_only", "value_invalid", "field_type", "field_unknown"),
  },
  {
    "DELETE", "/api/invites/:id", "Revoke an invite", parameters = { "row_id", "lang" }, security = admin,
    answers = { [200] = { "It is good for nothing more", "RevokedRow" } }, problems = problems("admin_only", "invite_unknown"),
  },
  {
    "GET", "/api/tokens", "The tokens of programs", parameters = { "search", "key_state", "limit", "after_id", "lang" }, security = admin,
    answers = { [200] = { "A page of them, newest first, without their secrets", "Tokens" } },
    problems = problems("admin_only", "value_invalid"),
  },
  {
    "POST", "/api/tokens", "Make a token for a program", parameters = { "lang" }, security = admin, body = "NewToken",
    text = "It is told this once. It makes and sees stacks of an owner of its own, or of the one that is named. Scopes: create (deploy, "
      .. "stop, start, restart, change a password, cancel), read, delete, admin.",
    answers = { [201] = { "The token", "Token" } },
    problems = problems("admin_only", "value_invalid", "field_missing", "field_type", "field_unknown"),
  },
  {
    "DELETE", "/api/tokens/:id", "Revoke a token", parameters = { "row_id", "lang" }, security = admin,
    answers = { [200] = { "It is good for nothing more", "RevokedRow" } }, problems = problems("admin_only", "token_unknown"),
  },
  {
    "GET", "/api/audit", "Who did what", security = admin,
    parameters = { "search", "who", "action", "of_name", "allowed", "limit", "before", "lang" },
    text = "Newest first: every act but looking, and every one that was refused to somebody known, with the rule that decided and the "
      .. "policy that it stood in. Entries are never changed or removed.",
    answers = { [200] = { "A page of entries", "Audit" } }, problems = problems("admin_only", "value_invalid"),
  },
}
