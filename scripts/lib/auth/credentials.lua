--- What opens a door, in the journal: generations of owner keys, links to another browser, invites, tokens. Only hashes are kept: what was
--- given out once cannot be read back. Functions return nil, message, "journal" when the journal cannot be read or written.
local crypto = require "core.crypto"
local shared = require "core.shared"
local store = require "core.store"
local change_events = require "lib.journal.change_events"
local query = require "lib.journal.query"
local credentials = { link_seconds = 600 }

local or_null = query.or_null
local NOW = "((julianday('now') - 2440587.5) * 86400.0)"

local function timed(sql) return (sql:gsub("NOW", NOW)) end

local function rows_of(sql, ...)
  local rows, message = query.rows(timed(sql), ...)
  if not rows then return nil, message, "journal" end
  return rows
end

local function row_of(...) return query.first(rows_of(...)) end

-- A short name that may be seen, and a secret of 256 bits that is given out once.
local function new_pair()
  return crypto.hex(6), crypto.token(32)
end

-- Owner keys -----------------------------------------------------------------------------------------------------------

-- Which generation of an owner's key is good is asked with every request, so it stands in core.shared as well.
local function shadow(id) return "owner.generation:" .. id end

--- How often the owner's key was changed.
---@return integer
function credentials.generation(owner_id) return shared.get(shadow(owner_id)) or 0 end

--- After a start, before anybody is let in.
function credentials.resume()
  for _, row in ipairs(assert(rows_of "SELECT id, generation FROM owners")) do shared.set(shadow(row.id), row.generation) end
end

--- Makes every key of the owner worthless, and every link. The next generation.
---@return integer|nil generation
function credentials.next_generation(owner_id)
  local results, message = store.run {
    { "DELETE FROM links WHERE owner_id = ?1", owner_id },
    { [[INSERT INTO owners (id, generation) VALUES (?1, 1)
        ON CONFLICT DO UPDATE SET generation = generation + 1 RETURNING generation]], owner_id },
  }
  if not results then return nil, message, "journal" end
  local generation = results[2][1].generation
  shared.set(shadow(owner_id), generation)
  return generation
end

-- Links ----------------------------------------------------------------------------------------------------------------

--- A link to another browser: its secret, good once and for a few minutes.
---@return string|nil secret
function credentials.new_link(owner_id)
  local secret = crypto.token(32)
  local results, message = store.run {
    { timed "DELETE FROM links WHERE expires_at < NOW" },
    { timed "INSERT INTO links (hash, owner_id, expires_at) VALUES (?1, ?2, NOW + ?3)",
      crypto.sha256(secret), owner_id, credentials.link_seconds },
  }
  if not results then return nil, message, "journal" end
  return secret
end

--- The owner that a link stands for, and the link is used up; false when it is none any more.
---@return string|false|nil owner_id
function credentials.use_link(secret)
  local row, message, code = row_of("DELETE FROM links WHERE hash = ?1 RETURNING owner_id, expires_at > NOW AS good", crypto.sha256(secret))
  if not row then return row, message, code end
  return row.good == 1 and row.owner_id
end

-- Lists of what was given out ------------------------------------------------------------------------------------------

---@class WhichKeys
---@field search string|nil  a piece of text, whatever its case
---@field state string|nil   good revoked expired used_up
---@field after string|nil   the id to go on after
---@field limit integer

-- A page of them, newest first; and the id to go on after.
local function page(from, in_text, which)
  return query.page("SELECT * FROM (" .. timed(from) .. ")", {
    { "instr(lower(" .. in_text .. "), ?) > 0", which.search and which.search:lower() }, { "state = ?", which.state },
    { "(created_at, id) < (SELECT created_at, id FROM (" .. timed(from) .. ") WHERE id = ?)", which.after },
  }, "created_at DESC, id DESC", which.limit, "id")
end

-- Invites --------------------------------------------------------------------------------------------------------------

-- A deployment that came to nothing gives its use back.
local USED = [[(SELECT count(*) FROM origins JOIN operations ON operations.id = origins.operation_id
  WHERE invite_id = invites.id AND state NOT IN ('failed', 'cancelled'))]]
local INVITE = [[SELECT *, CASE WHEN revoked_at NOT NULL THEN 'revoked' WHEN expires_at <= NOW THEN 'expired'
  WHEN used >= uses THEN 'used_up' ELSE 'good' END AS state FROM (SELECT *, ]] .. USED .. " AS used FROM invites)"

--- A new invite: its row with `code`, which is told this once.
---@param new { label: string, uses: integer, seconds: number|nil }
function credentials.new_invite(new)
  local id, secret = new_pair()
  local code = "inv_" .. secret
  local row, message, trouble = row_of([[INSERT INTO invites (id, hash, label, uses, created_at, expires_at)
    VALUES (?1, ?2, ?3, ?4, NOW, NOW + ?5) RETURNING id, label, uses, 0 AS used, created_at, expires_at]],
    id, crypto.sha256(code), new.label, new.uses, or_null(new.seconds))
  if not row then return nil, message, trouble end
  row.code = code
  change_events.changed("access")
  return row
end

--- Invites, newest first.
---@param which WhichKeys
---@return table[]|nil rows, string|nil next
function credentials.invites(which) return page(INVITE, "label || ' ' || id", which) end

--- What a code is worth: "good", or "unknown" "revoked" "expired" "used_up"; and its id.
---@param code string
---@param more integer|nil  uses that the journal does not have yet
---@return string|nil state, string? id, string? code
function credentials.invite_state(code, more)
  local row, message, trouble = row_of(INVITE .. " WHERE hash = ?1", crypto.sha256(code))
  if row == nil then return nil, message, trouble end
  if not row then return "unknown" end
  local is_used_up = row.state == "good" and row.used + (more or 0) >= row.uses
  return is_used_up and "used_up" or row.state, row.id
end

local function revoke(table_name, id)
  local rows, message, code = rows_of("UPDATE " .. table_name .. " SET revoked_at = COALESCE(revoked_at, NOW) WHERE id = ?1", id)
  if not rows then return nil, message, code end
  change_events.changed("access")
  return rows.changes > 0
end

--- False when there is none of that id.
function credentials.revoke_invite(id) return revoke("invites", id) end

-- Tokens ---------------------------------------------------------------------------------------------------------------

local TOKEN = [[SELECT *, CASE WHEN revoked_at NOT NULL THEN 'revoked' WHEN expires_at <= NOW THEN 'expired' ELSE 'good' END AS state
  FROM tokens]]

--- A new token: its row with `token`, which is told this once.
---@param new { label: string, scopes: string, seconds: number|nil, owner_id: string|nil }
function credentials.new_token(new)
  local id, secret = new_pair()
  local row, message, code = row_of([[INSERT INTO tokens (id, hash, label, scopes, owner_id, created_at, expires_at)
    VALUES (?1, ?2, ?3, ?4, ?5, NOW, NOW + ?6) RETURNING id, label, scopes, owner_id, created_at, expires_at]],
    id, crypto.sha256(secret), new.label, new.scopes, new.owner_id or "token." .. id, or_null(new.seconds))
  if not row then return nil, message, code end
  row.token = "tok_" .. id .. "." .. secret
  change_events.changed("access")
  return row
end

--- Tokens, newest first.
---@param which WhichKeys
---@return table[]|nil rows, string|nil next
function credentials.tokens(which) return page(TOKEN, "label || ' ' || id || ' ' || owner_id || ' ' || scopes", which) end

function credentials.revoke_token(id) return revoke("tokens", id) end

local USED_EVERY = 60 -- seconds between two notes of when it was used last

local function note_use(id)
  if shared.add("token.used:" .. id, true, USED_EVERY) then rows_of("UPDATE tokens SET used_at = NOW WHERE id = ?1", id) end
end

--- Whose token that is: its row, or false and why not: key_invalid key_expired key_revoked.
---@return table|false|nil row, string? code
function credentials.token(id, secret)
  local row, message, code = row_of(TOKEN .. " WHERE id = ?1", id)
  if row == nil then return nil, code, message end
  -- Compared also when there is none, so that time does not tell which ids there are.
  local same = crypto.equal(row and row.hash or "", crypto.sha256(secret))
  if not row or not same then return false, "key_invalid" end
  if row.state ~= "good" then return false, "key_" .. row.state end
  note_use(id)
  return row
end

--- Whether a token that opened something once is still good; nil when the journal cannot be read.
---@return boolean|nil good, string? message, string? code
function credentials.token_stands(id)
  local row, message, code = row_of(TOKEN .. " WHERE id = ?1", id)
  if row == nil then return nil, message, code end
  return row ~= false and row.state == "good"
end

-- Quotas ---------------------------------------------------------------------------------------------------------------

--- How many stacks there are: of the owner, from the network, in all.
---@return { owner: integer, network: integer, total: integer }|nil
function credentials.counts(owner_id, network)
  return row_of([[SELECT count(*) AS total, count(CASE WHEN owner_id = ?1 THEN 1 END) AS owner,
    count(CASE WHEN network = ?2 THEN 1 END) AS network FROM stacks LEFT JOIN origins ON origins.operation_id = stacks.operation_id]],
    owner_id or "", network)
end

--- The statement that notes where a deploy came from, to be run together with what accepts it.
function credentials.origin_statement(operation_id, network, invite_id)
  return { "INSERT INTO origins (operation_id, network, invite_id) VALUES (?1, ?2, ?3)",
    operation_id, network, or_null(invite_id) }
end

return credentials
