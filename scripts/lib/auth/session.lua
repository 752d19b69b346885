--- The admin's log-in sessions. The cookie holds a random secret; the journal keeps its hash and a
--- keyed hash of the ADMIN_TOKEN that began it: another token ends the session.
local crypto = require "core.crypto"
local admin_token = require "lib.auth.admin_token"
local cookie = require "lib.auth.cookie"
local refusal = require "lib.base.refusal"
local sessions = require "lib.journal.sessions"

local session = {
  seconds = 8 * 3600,
  shortest_token = 16, -- characters; a shorter one can be guessed
}
local NAME = "admin"

--- Identifies the present ADMIN_TOKEN without revealing it.
---@return string
function session.mark() return crypto.sign("admin-session", admin_token.get() or "") end

--- Whether there is a token to log in with.
---@return boolean
function session.is_open() return admin_token.get() ~= nil end

--- Whether the token is too long to be guessed.
---@return boolean
function session.is_unguessable() return #(admin_token.get() or "") >= session.shortest_token end

--- Whether the text is the token.
session.opens = admin_token.is

--- Begins a session. Raises the journal's failures.
---@param req Request
---@param network string
---@return string set_cookie
function session.begin(req, network)
  local secret = crypto.token(32)
  refusal.check(sessions.add {
    hash = crypto.sha256(secret), token = session.mark(), network = network,
    seconds = session.seconds,
  })
  return cookie.set(req, NAME, secret, session.seconds, "Strict")
end

--- The session with that hash; false when it has ended.
---@param hash string
---@return { hash: string, expires_at: number }|false|nil row, string? message, string? code
function session.find(hash)
  if not admin_token.get() then return false end
  return sessions.get(hash, session.mark())
end

--- The session of a request, or false. Raises the journal's failures.
---@param req Request
---@return table|false
function session.of(req)
  local secret = cookie.get(req, NAME)
  return secret ~= nil and refusal.check(session.find(crypto.sha256(secret)))
end

--- Whether the browser had a session, which may have ended.
---@return boolean
function session.was(req) return (cookie.get(req, NAME)) ~= nil end

--- Ends a session. Raises the journal's failures.
---@param hash string
function session.finish(hash) refusal.check(sessions.delete(hash)) end

--- The fields that remove it from the browser.
---@return string[]
function session.clear_cookie(req) return cookie.clear(req, NAME) end

return session
