--- Creating and revoking invites and tokens, for the API and the admin pages.
local auth = require "lib.auth"
local credentials = require "lib.auth.credentials"
local identity = require "lib.auth.identity"
local lists = require "lib.admin.lists"
local refusal = require "lib.base.refusal"
local input = require "lib.http.input"
local change_events = require "lib.journal.change_events"
local credential_actions = { scopes = { "create", "read", "delete", "secrets", "admin" } }

--- A new invite with its code.
---@param req Request
---@param new { label: string|nil, uses: integer|nil, expiresIn: integer|nil }
---@return table document
function credential_actions.make_invite(req, new)
  local who = auth.allow(req, "make_invite")
  local row = { label = new.label or "", uses = new.uses or 1, seconds = new.expiresIn }
  return lists.invite_view(credentials.new_invite(who, row))
end

-- In their order, each once.
local function normalized_scopes(text)
  local wanted, sorted = {}, {}
  for word in text:gmatch("[^%s,]+") do wanted[word] = true end
  for _, scope in ipairs(credential_actions.scopes) do
    if wanted[scope] then sorted[#sorted + 1] = scope end
    wanted[scope] = nil
  end
  if next(wanted) or #sorted == 0 then
    input.refuse("scopes", table.concat(credential_actions.scopes, ", "))
  end
  return table.concat(sorted, " ")
end

--- A new token with its secret.
---@param req Request
---@param new { label: string, scopes: string, owner: string|nil, expiresIn: integer|nil }
---@return table document
function credential_actions.make_token(req, new)
  local who = auth.allow(req, "make_token", {}, new.owner)
  local row = {
    label = new.label, scopes = normalized_scopes(new.scopes), seconds = new.expiresIn,
    owner_id = new.owner,
  }
  return lists.token_view(credentials.new_token(who, row))
end

-- Revokes the invite or token that the path names.
local function revoke(req, kind, unknown)
  if not credentials.revoke(kind, req.params.id) then refusal.raise(unknown) end
  return { id = req.params.id, revoked = true }
end

--- Revokes an invite; raises invite_unknown.
---@param req Request
---@return table document
function credential_actions.revoke_invite(req) return revoke(req, "invites", "invite_unknown") end

--- Revokes a token and ends the streams that it opened; raises token_unknown.
---@param req Request
---@return table document
function credential_actions.revoke_token(req)
  local doc = revoke(req, "tokens", "token_unknown")
  change_events.dismiss(identity.pass { kind = "token", token_id = doc.id })
  return doc
end

return credential_actions
