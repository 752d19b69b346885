--- The admin, logged in with a browser. The cookie holds a random secret; the journal keeps its hash, when it ends, and by a keyed hash
--- with which ADMIN_TOKEN it was begun: under another token it is over. It outlives a restart of the portal, and ends for good at its
--- log-out.
local config = require "core.config"
local crypto = require "core.crypto"
local store = require "core.store"
local query = require "lib.journal.query"
local cookie = require "lib.http.cookie"

local session = { seconds = 8 * 3600 }
local NAME = "admin"
local NOW = "((julianday('now') - 2440587.5) * 86400.0)"

local function timed(sql) return (sql:gsub("NOW", NOW)) end

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

local BEGIN = timed "INSERT INTO sessions (hash, token, network, created_at, expires_at) VALUES (?1, ?2, ?3, NOW, NOW + ?4)"

--- Begins one, and throws away those that are over.
---@param req Request
---@param network string
---@return string|nil set_cookie
function session.begin(req, network)
  local secret = crypto.token(32)
  local done, message = store.run {
    { timed "DELETE FROM sessions WHERE expires_at < NOW OR token <> ?1", session.mark() },
    { BEGIN, crypto.sha256(secret), session.mark(), network, session.seconds },
  }
  if not done then return nil, message, "journal" end
  return cookie.set(req, NAME, secret, session.seconds)
end

local FIND = timed "SELECT hash, network, created_at, expires_at FROM sessions WHERE hash = ?1 AND token = ?2 AND expires_at > NOW"

--- The session of that hash; false when it is over.
---@param hash string
---@return { hash: string, created_at: number, expires_at: number }|false|nil row, string? message, string? code
function session.find(hash)
  if not token() then return false end
  local rows, message = query.rows(FIND, hash, session.mark())
  if not rows then return nil, message, "journal" end
  return rows[1] or false
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
function session.finish(hash)
  local rows, message = query.rows("DELETE FROM sessions WHERE hash = ?1", hash)
  if not rows then return nil, message, "journal" end
  return rows.changes > 0
end

--- The Set-Cookie after that.
function session.no_cookie(req) return cookie.forget(req, NAME) end

return session
