--- Keeps what decisions were made of, so that a change of the rules can be tried on them
--- (lib/site/try.lua). Ids are hashed, with the same result for the same id, names of people are
--- left out, and of an e-mail address its domain is kept.
local crypto = require "core.crypto"
local json = require "core.json"
local shared = require "core.shared"
local site = require "lib.base.site"
local rows = require "lib.journal.decisions"
local decisions = {}

-- A rule may tell "user." and "token." ids apart.
local function hashed(id)
  if not id then return nil end
  return (id:match "^%l+%." or "") .. crypto.sign("decision", id):sub(1, 20)
end

local function without_mailbox(email)
  local mailbox, domain = (email or ""):match "^(.+)@(.+)$"
  return mailbox and hashed(mailbox) .. "@" .. domain or nil
end

local function plain_who(who)
  return json.encode {
    kind = who.kind, id = hashed(who.id), groups = { table.unpack(who.groups or {}) },
    scopes = who.scopes, email = without_mailbox(who.email), network = who.network,
  }
end

local function plain_what(what)
  local plain = {}
  for key, value in pairs(what) do plain[key] = value end
  plain.owner_id = hashed(what.owner_id)
  return json.encode(plain)
end

local function row_of(entry)
  return {
    who = plain_who(entry.who), action = entry.action, what = plain_what(entry.what),
    allowed = entry.allowed, code = entry.code, rule = entry.rule, site_version = site.number(),
  }
end

--- The statement that keeps a decision, to be run together with its audit entry; nil for an entry
--- that no rule decided.
---@param entry AuditEntry
---@return any[]|nil
function decisions.statement(entry) return entry.what and rows.statement(row_of(entry)) end

local MOST, SECONDS = 20, 3600 -- of one network: clients can ask for the same again and again

--- Keeps a decision that has no audit entry. A failure of the journal is ignored.
---@param entry AuditEntry
function decisions.note(entry)
  if shared.incr("decided " .. entry.network, 1, SECONDS) <= MOST then rows.add(row_of(entry)) end
end

return decisions
