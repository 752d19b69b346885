--- Who asks: the admin, an owner, a user whom the proxy in front has logged in, a program with a token, or a visitor.
---
--- An owner is whoever brings an owner key; nothing but the owner's id is kept. A key is "own_ID.SIGNATURE", where the signature is made
--- with the installation's secret: it can be told again, and not be guessed. Programs send it as a bearer; a browser has it in a cookie
--- that no script can read. A changed key is one of the next generation; those before are worthless then.
local config = require "core.config"
local crypto = require "core.crypto"
local ids = require "lib.base.ids"
local client = require "lib.http.client"
local cookie = require "lib.http.cookie"
local credentials = require "lib.auth.credentials"
local session = require "lib.auth.session"
local owner = {}

---@class Who
---@field kind string   admin owner user token visitor; forged: brings something that is nobody's
---@field id? string    the owner's id
---@field name? string  a user's name, a token's label
---@field scopes? table<string, boolean>  of a token
---@field via string    bearer cookie proxy none
---@field session? string  of an admin who has logged in: the hash of his session
---@field session_ends? number
---@field code? string  of forged: what is wrong

local MONTHS = 34560000 -- seconds that a browser keeps the cookie: 400 days, the most that browsers allow

--- A new owner's id. It is no secret: the signature in the key is.
---@return string
function owner.new() return ids.new(8) end

--- The key of an owner's id, of the generation that is good now, or of another one.
---@param id string
---@param generation integer|nil
---@return string
function owner.key(id, generation)
  generation = generation or credentials.generation(id)
  return "own_" .. id .. "." .. crypto.sign("owner", generation == 0 and id or id .. ":" .. generation)
end

--- The Set-Cookie that makes a browser the owner's of this key.
function owner.cookie(req, key) return cookie.set(req, "owner", key, MONTHS) end

--- The Set-Cookie that makes it forget.
function owner.no_cookie(req) return cookie.forget(req, "owner") end

-- Reading --------------------------------------------------------------------------------------------------------------

local function of_key(key)
  local id = #key <= 200 and key:match("^own_([%w_-]+)%.[%w_-]+$")
  return id and crypto.equal(key, owner.key(id)) and id or nil
end

local function is_admin(key)
  local token = config.secret("ADMIN_TOKEN")
  return token ~= nil and token ~= "" and crypto.equal(key, token)
end

local function forged(code) return { kind = "forged", code = code, via = "none" } end

local function of_token(id, secret)
  local row, code = credentials.token(id, secret)
  if not row then return forged(code) end
  local scopes = {}
  for scope in row.scopes:gmatch("%a+") do scopes[scope] = true end
  return { kind = "token", id = row.owner_id, name = row.label, token_id = row.id, scopes = scopes, via = "bearer" }
end

local function of_bearer(key)
  local id = of_key(key)
  if id then return { kind = "owner", id = id, via = "bearer" } end
  local token_id, secret = key:match("^tok_(%x+)%.([%w_-]+)$")
  if token_id and #key <= 200 then return of_token(token_id, secret) end
  return is_admin(key) and { kind = "admin", via = "bearer" } or forged "key_invalid"
end

local function contains(list, value)
  for _, item in ipairs(list) do
    if item == value then return true end
  end
  return false
end

-- The user whom a trusted proxy names. A field that came twice, and anything that is no plain name, is refused; from anybody else than the
-- proxy the field means nothing.
local function of_proxy(req)
  if config.access ~= "forward-auth" or not client.of(req).trusted then return nil end
  local name = req.headers[config.forward_auth.user_header]
  if not name or name == "" then return nil end
  if #name > 200 or name:find("[%c,]") or name:find("^%s") or name:find("%s$") then return forged "forward_user_invalid" end
  local kind = contains(config.forward_auth.admins, name) and "admin" or "user"
  return { kind = kind, id = "user." .. crypto.sha256("forward-auth\n" .. name):sub(1, 24), name = name, via = "proxy" }
end

-- A cookie that is no longer good is as none: the browser cannot help it.
local function of_cookie(req)
  local key = cookie.get(req, "owner")
  local id = key and of_key(key)
  return id and { kind = "owner", id = id, via = "cookie" } or nil
end

-- The admin's session is good in the admin's rooms alone: everywhere else the browser is its owner's.
local function of_session(req)
  local path = req.path
  if path:sub(1, 6) ~= "/admin" and path:sub(1, 11) ~= "/api/admin/" then return nil end
  local row, _, trouble = session.of(req)
  if row == nil then return forged(trouble) end
  return row and { kind = "admin", session = row.hash, session_ends = row.expires_at, via = "cookie" } or nil
end

local function read(req)
  local scheme, key = (req.headers.authorization or ""):match("^(%a+) +(%S+) *$")
  if scheme and scheme:lower() == "bearer" then return of_bearer(key) end -- other schemes are a proxy's matter
  return of_session(req) or of_proxy(req) or of_cookie(req) or { kind = "visitor", via = "none" }
end

--- Who sent the request. Waits for the journal when it brings a token.
---@param req Request
---@return Who
function owner.from(req)
  local who = rawget(req, "who")
  if not who then
    who = read(req)
    req.who = who
  end
  return who
end

--- Whether that is an admin, by whatever means.
---@param who Who
---@return boolean
function owner.is_admin(who) return who.kind == "admin" or who.kind == "token" and who.scopes.admin == true end

-- What stays open ------------------------------------------------------------------------------------------------------

--- What let an admin in, as a word that can be kept with what stays open for him. It holds no secret.
---@param who Who
---@return string
function owner.pass(who)
  if who.session then return "session " .. who.session end
  if who.kind == "token" then return "token " .. who.token_id end
  if who.via == "proxy" then return "user " .. who.name end
  return "bearer " .. session.mark()
end

local stands = {}
function stands.session(hash) return session.find(hash) ~= false end
function stands.token(id) return credentials.token_stands(id) ~= false end
function stands.user(name) return contains(config.forward_auth.admins, name) end
function stands.bearer(mark) return session.is_open() and mark == session.mark() end

--- Whether that would let him in today. While the journal cannot be read, nobody is sent away.
---@param pass string
---@return boolean
function owner.pass_stands(pass)
  local kind, id = pass:match("^(%a+) (.*)$")
  return stands[kind](id)
end

--- Whether that person may see and change what belongs to owner_id.
---@param who Who
---@param owner_id string
---@return boolean
function owner.may(who, owner_id) return owner.is_admin(who) or who.id ~= nil and who.id == owner_id end

return owner
