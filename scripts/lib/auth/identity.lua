--- Who sent a request: the admin, an owner, a user whom the proxy authenticated, a program with a
--- token, or a visitor.
---
--- Anyone who holds an owner key is that owner. The key is "own_ID.SIGNATURE", signed with the
--- installation's secret, so it can be derived again and only the id is stored. Programs send it as
--- a bearer token, browsers in a cookie that scripts cannot read. Changing a key begins its next
--- generation; keys of earlier generations are invalid.
local config = require "core.config"
local crypto = require "core.crypto"
local admin_token = require "lib.auth.admin_token"
local client = require "lib.auth.client"
local cookie = require "lib.auth.cookie"
local credentials = require "lib.auth.credentials"
local session = require "lib.auth.session"
local ids = require "lib.base.ids"
local clean = require("lib.base.text").clean
local subject = require "lib.policy.subject"
local identity = {}

---@class Who  more of it, for rules, in scripts/meta/policy.lua; `kind` may also be forged: an
--- invalid credential was sent
---@field generation? integer  of an owner's key. What is answered later is for this key
---@field token_id? string
---@field via string    bearer cookie proxy none
---@field session? string  of an admin who logged in: the hash of the session
---@field session_ends? number
---@field code? string  of forged: what is wrong

local COOKIE_SECONDS = 34560000 -- 400 days, the most that browsers allow
local LONGEST_KEY = 200
local LONGEST_USER = 200
local LONGEST_GROUPS, MOST_GROUPS = 8192, 200

--- A new owner's id. It is not secret; the signature in the key is.
---@return string
function identity.new_owner_id() return ids.new(8) end

--- The key of an owner, of the current generation or the one given.
---@param id string
---@param generation integer|nil
---@return string
function identity.owner_key(id, generation)
  generation = generation or credentials.generation(id)
  local signed = generation == 0 and id or id .. ":" .. generation
  return "own_" .. id .. "." .. crypto.sign("owner", signed)
end

--- The Set-Cookie that makes a browser the holder of this key.
function identity.set_cookie(req, key)
  return cookie.set(req, "owner", key, COOKIE_SECONDS, "Lax")
end

--- The fields that remove the key from the browser.
function identity.clear_cookie(req) return cookie.clear(req, "owner") end

-- Reading credentials

local function owner_id_of(key)
  local id = #key <= LONGEST_KEY and key:match("^own_([%w_-]+)%.[%w_-]+$")
  local generation = id and credentials.generation(id)
  if not id or not crypto.equal(key, identity.owner_key(id, generation)) then return nil end
  return id, generation
end

--- Whether a text is the valid key of an owner.
---@param key string
---@return boolean
function identity.is_owner_key(key) return owner_id_of(key) ~= nil end

local function forged(code) return { kind = "forged", code = code, via = "none" } end

local function of_token(id, secret)
  local row, code = credentials.token(id, secret)
  if not row then return forged(code) end
  local scopes = {}
  for scope in row.scopes:gmatch("%a+") do scopes[scope] = true end
  return {
    kind = "token", id = row.owner_id, name = row.label, token_id = row.id, scopes = scopes,
    via = "bearer",
  }
end

local function of_bearer(key)
  local id, generation = owner_id_of(key)
  if id then return { kind = "owner", id = id, generation = generation, via = "bearer" } end
  local token_id, secret = key:match("^tok_(%x+)%.([%w_-]+)$")
  if token_id and #key <= LONGEST_KEY then return of_token(token_id, secret) end
  if admin_token.is(key) then return { kind = "admin", via = "bearer" } end
  return forged "key_invalid"
end

local function contains(list, value)
  for _, item in ipairs(list) do
    if item == value then return true end
  end
  return false
end

-- What the proxy reports about the user is left out when it is malformed.
local function reported(req, field, longest)
  local text = req.headers[config.forward_auth[field]]
  text = text and utf8.len(text) and #text <= longest and clean(text)
  return text and text ~= "" and not text:find "%c" and text or nil
end

local function email_of(req)
  local email = reported(req, "email_header", LONGEST_USER)
  return email and email:find "^[^@%s,]+@[^@%s,]+$" and email:lower() or nil
end

-- Authelia and oauth2-proxy separate them by commas, Authentik by bars.
local function groups_of(req)
  local groups = {}
  for group in (reported(req, "groups_header", LONGEST_GROUPS) or ""):gmatch "[^,|]+" do
    group = clean(group)
    if group ~= "" and #groups < MOST_GROUPS then groups[#groups + 1] = group end
  end
  return groups
end

-- Only a trusted proxy may name the user. A repeated field arrives joined with commas.
local function of_proxy(req)
  if config.access ~= "forward-auth" or not client.of(req).is_trusted then return nil end
  local name = req.headers[config.forward_auth.user_header]
  if not name or name == "" then return nil end
  if #name > LONGEST_USER or name:find("[%c,]") or name:find("^%s") or name:find("%s$") then
    return forged "forward_user_invalid"
  end
  return {
    kind = contains(config.forward_auth.admins, name) and "admin" or "user",
    id = "user." .. crypto.sha256("forward-auth\n" .. name):sub(1, 24), user = name,
    name = reported(req, "name_header", LONGEST_USER) or name, email = email_of(req),
    groups = groups_of(req), via = "proxy",
  }
end

-- An invalid cookie counts as no cookie: the browser would send it again and again.
local function of_cookie(req)
  local key, is_old = cookie.get(req, "owner")
  if not key then return nil end
  local id, generation = owner_id_of(key)
  if not id then return nil end
  if is_old then req.renewed_cookie = identity.set_cookie(req, key) end
  return { kind = "owner", id = id, generation = generation, via = "cookie" }
end

-- The session counts on admin pages only; elsewhere the same browser is an owner.
local function of_session(req)
  local path = req.path
  if path:sub(1, 6) ~= "/admin" and path:sub(1, 11) ~= "/api/admin/" then return nil end
  local row = session.of(req)
  if not row then return nil end
  return { kind = "admin", session = row.hash, session_ends = row.expires_at, via = "cookie" }
end

local function read(req)
  local scheme, key = (req.headers.authorization or ""):match("^(%a+) +(%S+) *$")
  -- Other schemes belong to a proxy in front.
  if scheme and scheme:lower() == "bearer" then return of_bearer(clean(key)) end
  return of_session(req) or of_proxy(req) or of_cookie(req) or { kind = "visitor", via = "none" }
end

local function completed(req, who)
  who.network = client.of(req).network
  return subject.who(who)
end

--- A visitor.
---@return Who
function identity.visitor(req) return completed(req, { kind = "visitor", via = "none" }) end

--- Who sent the request; kept for the request. May wait for the journal, and raises its failures.
---@param req Request
---@return Who
function identity.of(req)
  local who = rawget(req, "who")
  if not who then
    who = completed(req, read(req))
    req.who = who
  end
  return who
end

--- Whether the person is an admin, by any credential.
---@param who Who
---@return boolean
function identity.is_admin(who)
  return who.kind == "admin" or who.kind == "token" and who.scopes.admin == true
end

--- Whether the person may see and change what belongs to owner_id.
---@param who Who
---@param owner_id string
---@return boolean
function identity.can_manage(who, owner_id)
  return identity.is_admin(who) or who.id ~= nil and who.id == owner_id
end

-- Open streams

--- Names the credential by which an admin opened a stream. It contains no secret.
---@param who Who
---@return string
function identity.pass(who)
  if who.session then return "session " .. who.session end
  if who.kind == "token" then return "token " .. who.token_id end
  if who.via == "proxy" then return "user " .. who.user end
  return "bearer " .. session.mark()
end

local is_valid = {
  session = function(hash) return session.find(hash) ~= false end,
  token = credentials.is_token_valid,
  user = function(name) return contains(config.forward_auth.admins, name) end,
  bearer = function(mark) return session.is_open() and mark == session.mark() end,
}

--- Whether that credential is still valid. While the journal cannot be read, it is.
---@param pass string
---@return boolean
function identity.is_pass_valid(pass)
  local kind, id = pass:match("^(%a+) (.*)$")
  return is_valid[kind](id)
end

return identity
