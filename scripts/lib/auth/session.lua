--- The admin, logged in with a browser. The cookie holds a random secret; the journal keeps its hash, when it ends, and by a keyed hash
--- with which ADMIN_TOKEN it was begun: under another token it is over. It outlives a restart of the portal, and ends for good at its
--- log-out.
local config = require "core.config"
local crypto = require "core.crypto"
local sessions = require "lib.journal.sessions"
local cookie = require "lib.auth.cookie"

local session = { seconds = 8 * 3600 }
local NAME = "admin"
local function token()
  local text = config.secret("ADMIN_TOKEN")
  return text ~= "" and text or nil
end

--- What stands for the token that is good now: it cannot be read back from it.
---@return string
function session.mark() return crypto.sign("admin-session", token() or "") end

--- Whether there is a token to log in with.
function session.is_open() return token() ~= nil end

--- Whether that is the token.
---@param text string
---@return boolean
function session.opens(text)
  local good = token()
  return good ~= nil and crypto.equal(text, good)
end

--- Begins one, and throws away those that are over.
---@param req Request
---@param network string
---@return string|nil set_cookie
function session.begin(req, network)
  local secret = crypto.token(32)
  local new = { hash = crypto.sha256(secret), token = session.mark(), network = network, seconds = session.seconds }
  local added, message, code = sessions.add(new)
  if not added then return nil, message, code end
  return cookie.set(req, NAME, secret, session.seconds)
end

--- The session of that hash; false when it is over.
---@param hash string
---@return { hash: string, created_at: number, expires_at: number }|false|nil row, string? message, string? code
function session.find(hash)
  if not token() then return false end
  return sessions.get(hash, session.mark())
end

--- The session that a request belongs to; false when there is none.
---@param req Request
function session.of(req)
  local secret = cookie.get(req, NAME)
  if not secret then return false end
  return session.find(crypto.sha256(secret))
end

--- Whether the browser had one, which may be over.
function session.was(req) return cookie.get(req, NAME) ~= nil end

--- Ends it, whoever has its cookie.
---@param hash string
---@return boolean|nil ended, string? message, string? code
function session.finish(hash) return sessions.delete(hash) end

--- The Set-Cookie that removes it from the browser.
function session.clear_cookie(req) return cookie.clear(req, NAME) end

return session
