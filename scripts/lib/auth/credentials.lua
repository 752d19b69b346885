--- Credentials that were given out: generations of owner keys, one-time links, invites, tokens.
--- Only hashes of secrets are stored. The journal's failures are raised.
local crypto = require "core.crypto"
local shared = require "core.shared"
local refusal = require "lib.base.refusal"
local access = require "lib.journal.access"
local change_events = require "lib.journal.change_events"
local owners = require "lib.journal.owners"
local sessions = require "lib.journal.sessions"
local credentials = { link_seconds = 600 }

-- Between the decision about a request and its statement the credential may be revoked or changed:
-- this condition goes along with the statement.
local function gate_of(who)
  if who.kind == "token" then return access.gate("tokens", who.token_id) end
  if who.kind == "owner" then return owners.key_gate(who.id, who.generation) end
  if who.session then return sessions.gate(who.session) end
  return { "SELECT 1", gate = true }
end

-- A statement that its gate kept out.
local function still_valid(who, result)
  if result == false then refusal.raise(who.kind == "token" and "key_revoked" or "key_invalid") end
  return result
end

local USE_SECONDS = 60 -- between two records of a token's last use

local function changed(result)
  change_events.changed("access")
  return result
end

-- Owner keys

-- Every request needs the generation, so it is in core.shared as well.
local function generation_key(owner_id) return "owner.generation:" .. owner_id end

--- How often the owner's key was changed.
---@return integer
function credentials.generation(owner_id) return shared.get(generation_key(owner_id)) or 0 end

--- Reads all generations; before the first request.
function credentials.resume()
  for _, row in ipairs(assert(owners.list())) do
    shared.set(generation_key(row.id), row.generation)
  end
end

--- Invalidates every key and link of the owner. Raises when the sender's credential has become
--- invalid meanwhile.
---@param who Who
---@return integer generation  of the new key
function credentials.begin_generation(who, owner_id)
  local next_generation = refusal.check(owners.next_generation(owner_id, gate_of(who)))
  still_valid(who, next_generation)
  -- Another change of the same key may have been written later and got here first.
  local known = credentials.generation(owner_id)
  shared.set(generation_key(owner_id), math.max(known, next_generation))
  return next_generation
end

-- Links

--- The secret of a new link to another browser, which works once.
---@param who Who
---@return string
function credentials.new_link(who, owner_id)
  local secret, seconds = crypto.token(32), credentials.link_seconds
  local hash = crypto.sha256(secret)
  still_valid(who, refusal.check(owners.add_link(hash, owner_id, seconds, gate_of(who))))
  return secret
end

--- Uses a link. The owner's id and the generation of the key that it stands for, or false when it
--- is not valid.
---@return string|false owner_id, integer|nil generation
function credentials.use_link(secret)
  local row = refusal.check(owners.use_link(crypto.sha256(secret)))
  if not row or row.good ~= 1 then return false end
  return row.owner_id, row.generation
end

-- Invites

--- A new invite: its row with `code`, which is shown once.
---@param who Who
---@param new { label: string, uses: integer, seconds: number|nil }
---@return table
function credentials.new_invite(who, new)
  local code = "inv_" .. crypto.token(32)
  new.id, new.hash, new.gate = crypto.hex(6), crypto.sha256(code), gate_of(who)
  local row = changed(still_valid(who, refusal.check(access.add_invite(new))))
  row.code = code
  return row
end

--- The state of an invite's code: good unknown revoked expired used_up; its id and label.
---@param code string
---@param pending integer  uses that the journal does not contain yet
---@return string state, string|nil id, string|nil label
function credentials.invite_state(code, pending)
  local row = refusal.check(access.invite(crypto.sha256(code)))
  if not row then return "unknown" end
  local is_used_up = row.state == "good" and row.used + pending >= row.uses
  return is_used_up and "used_up" or row.state, row.id, row.label
end

-- Tokens

--- A new token: its row with `token`, which is shown once.
---@param who Who
---@param new { label: string, scopes: string, seconds: number|nil, owner_id: string|nil }
---@return table
function credentials.new_token(who, new)
  local id, secret = crypto.hex(6), crypto.token(32)
  new.gate = gate_of(who)
  new.id, new.hash, new.owner_id = id, crypto.sha256(secret), new.owner_id or "token." .. id
  local row = changed(still_valid(who, refusal.check(access.add_token(new))))
  row.token = "tok_" .. id .. "." .. secret
  return row
end

--- The row of a token, or false and why it is not valid: key_invalid key_expired key_revoked.
---@return table|false row, string? code
function credentials.token(id, secret)
  local row = refusal.check(access.token(id))
  -- Compared for an unknown id, too, so that time does not reveal which ids exist.
  local is_same = crypto.equal(row and row.hash or "", crypto.sha256(secret))
  if not row or not is_same then return false, "key_invalid" end
  if row.state ~= "good" then return false, "key_" .. row.state end
  if shared.add("token.used:" .. id, true, USE_SECONDS) then access.note_token_use(id) end
  return row
end

--- Whether a token is valid. While the journal cannot be read, it is.
---@return boolean
function credentials.is_token_valid(id)
  local row = access.token(id)
  return row == nil or row ~= false and row.state == "good"
end

--- Revokes an invite or a token. False when there is none.
---@param kind "invites"|"tokens"
---@return boolean
function credentials.revoke(kind, id) return changed(refusal.check(access.revoke(kind, id))) end

return credentials
