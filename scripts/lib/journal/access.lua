--- The tables `invites`, `tokens` and `origins`: what was given out to let others in, and where
--- deploys came from. Of a secret only the hash is kept.
local db = require "lib.journal.db"
local access = {}

-- A deploy that came to nothing gives its use of an invite back.
local INVITE = [[
  SELECT *, CASE WHEN revoked_at NOT NULL THEN 'revoked' WHEN expires_at <= NOW THEN 'expired'
    WHEN used >= uses THEN 'used_up' ELSE 'good' END AS state
  FROM (SELECT *, (SELECT count(*) FROM origins
    JOIN operations ON operations.id = origins.operation_id
    WHERE invite_id = invites.id AND state NOT IN ('failed', 'cancelled')) AS used FROM invites)]]
local TOKEN = [[
  SELECT *, CASE WHEN revoked_at NOT NULL THEN 'revoked' WHEN expires_at <= NOW THEN 'expired'
    ELSE 'good' END AS state
  FROM tokens]]

---@class KeyFilter
---@field search string|nil
---@field state string|nil   good revoked expired used_up
---@field after string|nil   the id to go on after
---@field limit integer

-- A page, newest first; and the id to go on after.
local function search(select, text, which)
  return db.page("SELECT * FROM (" .. select .. ")", {
    { "instr(lower(" .. text .. "), lower(?)) > 0", which.search }, { "state = ?", which.state },
    { "(created_at, id) < (SELECT created_at, id FROM (" .. select .. ") WHERE id = ?)",
      which.after },
  }, { order = "created_at DESC, id DESC", limit = which.limit, cursor = "id" })
end

local IS_GOOD = [[SELECT 1 FROM %s WHERE id = ?1 AND revoked_at IS NULL
  AND (expires_at IS NULL OR expires_at > NOW)]]

--- The condition that an invite or a token is still valid, for db.run: the statements after it are
--- skipped when it is not.
---@param kind "invites"|"tokens"
---@return any[] statement
function access.gate(kind, id) return { IS_GOOD:format(kind), id, gate = true } end

-- The row that a gated insertion returned; false when the gate was closed.
local function gated_row(gate, ...)
  local results, message, code = db.run { gate, { ... } }
  if not results then return nil, message, code end
  return results[2] and results[2][1] or false
end

local INSERT_INVITE = [[
  INSERT INTO invites (id, hash, label, uses, created_at, expires_at)
  VALUES (?1, ?2, ?3, ?4, NOW, NOW + ?5)
  RETURNING id, label, uses, 0 AS used, created_at, expires_at]]

--- Adds an invite: its row; false when the gate is closed, because the sender's credential has
--- become invalid.
---@param new { id: string, hash: string, label: string, uses: integer, seconds: number|nil,
--- gate: any[] }
function access.add_invite(new)
  return gated_row(new.gate, INSERT_INVITE, new.id, new.hash, new.label, new.uses,
    db.or_null(new.seconds))
end

--- The invite of a code, with `state` and `used`; false when there is none.
function access.invite(hash) return db.row(INVITE .. " WHERE hash = ?1", hash) end

---@param which KeyFilter
---@return table[]|nil rows, string|nil next
function access.invites(which) return search(INVITE, "label || ' ' || id", which) end

local INSERT_TOKEN = [[
  INSERT INTO tokens (id, hash, label, scopes, owner_id, created_at, expires_at)
  VALUES (?1, ?2, ?3, ?4, ?5, NOW, NOW + ?6)
  RETURNING id, label, scopes, owner_id, created_at, expires_at]]

--- Adds a token for programs: its row.
---@param new { id: string, hash: string, label: string, scopes: string, owner_id: string,
--- seconds: number|nil, gate: any[] }
function access.add_token(new)
  return gated_row(new.gate, INSERT_TOKEN, new.id, new.hash, new.label, new.scopes, new.owner_id,
    db.or_null(new.seconds))
end

--- The token of that id, with `state`; false when there is none.
function access.token(id) return db.row(TOKEN .. " WHERE id = ?1", id) end

---@param which KeyFilter
---@return table[]|nil rows, string|nil next
function access.tokens(which)
  return search(TOKEN, "label || ' ' || id || ' ' || owner_id || ' ' || scopes", which)
end

--- Notes that a token was used now.
function access.note_token_use(id)
  return db.change("UPDATE tokens SET used_at = NOW WHERE id = ?1", id)
end

--- Revokes an invite or a token. False when there is none of that id.
---@param kind string  invites tokens
---@return boolean|nil revoked, string? message, string? code
function access.revoke(kind, id)
  local sql = "UPDATE %s SET revoked_at = COALESCE(revoked_at, NOW) WHERE id = ?1"
  return db.change(sql:format(kind), id)
end

local INSERT_ORIGIN = "INSERT INTO origins (operation_id, network, invite_id) VALUES (?1, ?2, ?3)"

--- The statement that notes where a deploy came from.
function access.origin_statement(operation_id, network, invite_id)
  return { INSERT_ORIGIN, operation_id, network, db.or_null(invite_id) }
end

return access
