--- What opens a door, in the journal: generations of owner keys, links to another browser, invites, tokens. Only hashes are kept: what was
--- given out once cannot be read back. Functions return nil, message, "journal" when the journal cannot be read or written.
local crypto = require "core.crypto"
local shared = require "core.shared"
local change_events = require "lib.journal.change_events"
local access = require "lib.journal.access"
local owners = require "lib.journal.owners"
local stacks = require "lib.journal.stacks"
local credentials = { link_seconds = 600 }

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
  for _, row in ipairs(assert(owners.list())) do shared.set(shadow(row.id), row.generation) end
end

--- Makes every key of the owner worthless, and every link. The next generation.
---@return integer|nil generation
function credentials.next_generation(owner_id)
  local generation, message, code = owners.next_generation(owner_id)
  if not generation then return nil, message, code end
  shared.set(shadow(owner_id), generation)
  return generation
end

-- Links ----------------------------------------------------------------------------------------------------------------

--- A link to another browser: its secret, good once and for a few minutes.
---@return string|nil secret
function credentials.new_link(owner_id)
  local secret = crypto.token(32)
  local added, message, code = owners.add_link(crypto.sha256(secret), owner_id, credentials.link_seconds)
  if not added then return nil, message, code end
  return secret
end

--- The owner that a link stands for, and the link is used up; false when it is none any more.
---@return string|false|nil owner_id
function credentials.use_link(secret)
  local row, message, code = owners.use_link(crypto.sha256(secret))
  if not row then return row, message, code end
  return row.good == 1 and row.owner_id
end

-- Invites --------------------------------------------------------------------------------------------------------------

--- A new invite: its row with `code`, which is told this once.
---@param new { label: string, uses: integer, seconds: number|nil }
function credentials.new_invite(new)
  local id, secret = new_pair()
  local code = "inv_" .. secret
  local row, message, trouble = access.add_invite {
    id = id, hash = crypto.sha256(code), label = new.label, uses = new.uses, seconds = new.seconds }
  if not row then return nil, message, trouble end
  row.code = code
  change_events.changed("access")
  return row
end

--- Invites, newest first.
---@param which KeyFilter
---@return table[]|nil rows, string|nil next
function credentials.invites(which) return access.invites(which) end

--- What a code is worth: "good", or "unknown" "revoked" "expired" "used_up"; and its id.
---@param code string
---@param more integer|nil  uses that the journal does not have yet
---@return string|nil state, string? id, string? code
function credentials.invite_state(code, more)
  local row, message, trouble = access.invite(crypto.sha256(code))
  if row == nil then return nil, message, trouble end
  if not row then return "unknown" end
  local is_used_up = row.state == "good" and row.used + (more or 0) >= row.uses
  return is_used_up and "used_up" or row.state, row.id
end

local function revoke(kind, id)
  local revoked, message, code = access.revoke(kind, id)
  if revoked == nil then return nil, message, code end
  change_events.changed("access")
  return revoked
end

--- False when there is none of that id.
function credentials.revoke_invite(id) return revoke("invites", id) end

-- Tokens ---------------------------------------------------------------------------------------------------------------

--- A new token: its row with `token`, which is told this once.
---@param new { label: string, scopes: string, seconds: number|nil, owner_id: string|nil }
function credentials.new_token(new)
  local id, secret = new_pair()
  local row, message, code = access.add_token {
    id = id, hash = crypto.sha256(secret), label = new.label, scopes = new.scopes,
    owner_id = new.owner_id or "token." .. id, seconds = new.seconds }
  if not row then return nil, message, code end
  row.token = "tok_" .. id .. "." .. secret
  change_events.changed("access")
  return row
end

--- Tokens, newest first.
---@param which KeyFilter
---@return table[]|nil rows, string|nil next
function credentials.tokens(which) return access.tokens(which) end

function credentials.revoke_token(id) return revoke("tokens", id) end

local USED_EVERY = 60 -- seconds between two notes of when it was used last

local function note_use(id)
  if shared.add("token.used:" .. id, true, USED_EVERY) then access.note_token_use(id) end
end

--- Whose token that is: its row, or false and why not: key_invalid key_expired key_revoked.
---@return table|false|nil row, string? code
function credentials.token(id, secret)
  local row, message, code = access.token(id)
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
  local row, message, code = access.token(id)
  if row == nil then return nil, message, code end
  return row ~= false and row.state == "good"
end

-- Quotas ---------------------------------------------------------------------------------------------------------------

--- How many stacks there are: of the owner, from the network, in all.
---@return { owner: integer, network: integer, total: integer }|nil
function credentials.counts(owner_id, network) return stacks.count(owner_id, network) end

--- The statement that notes where a deploy came from, to be run together with what accepts it.
function credentials.origin_statement(operation_id, network, invite_id)
  return access.origin_statement(operation_id, network, invite_id)
end

return credentials
