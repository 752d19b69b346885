--- The table `sessions`: browsers in which the admin is logged in. Of a cookie only the hash is
--- kept.
local db = require "lib.journal.db"
local sessions = {}

local INSERT = [[
  INSERT INTO sessions (hash, token, network, created_at, expires_at)
  VALUES (?1, ?2, ?3, NOW, NOW + ?4)]]
local FIND = [[
  SELECT hash, network, created_at, expires_at FROM sessions
  WHERE hash = ?1 AND token = ?2 AND expires_at > NOW]]

--- Adds a session, and deletes those that have expired or were begun with another token.
---@param new { hash: string, token: string, network: string, seconds: number }
--- token: a keyed hash of the admin's token
---@return boolean|nil added, string? message, string? code
function sessions.add(new)
  local results, message, code = db.run {
    { "DELETE FROM sessions WHERE expires_at < NOW OR token <> ?1", new.token },
    { INSERT, new.hash, new.token, new.network, new.seconds },
  }
  return results and true, message, code
end

--- The session of that hash, if it was begun with that token and has not expired; else false.
function sessions.get(hash, token) return db.row(FIND, hash, token) end

--- The condition that a session has not ended, for db.run.
---@return any[] statement
function sessions.gate(hash)
  return { "SELECT 1 FROM sessions WHERE hash = ?1 AND expires_at > NOW", hash, gate = true }
end

--- Ends a session. False when there was none.
function sessions.delete(hash) return db.change("DELETE FROM sessions WHERE hash = ?1", hash) end

return sessions
