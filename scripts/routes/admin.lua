--- The admin's: invites, tokens for programs, and the audit trail.
local json = require "core.json"
local server = require "core.server"
local clock = require "lib.base.clock"
local change_events = require "lib.journal.change_events"
local body = require "lib.http.body"
local credentials = require "lib.auth.credentials"
local owner = require "lib.auth.owner"
local ledger = require "lib.journal.ledger"
local problem = require "lib.http.problem"
local door = require "routes.door"
local filter = require "routes.filter"

local admin = {} -- for the admin's page, which does the same

local YEARS = 10 * 366 * 86400 -- the longest that anything is good, in seconds

local function list_of(rows, view)
  local list = {}
  for i, row in ipairs(rows) do list[i] = view(row) end
  return json.array(list)
end

-- A whole number within bounds; nil and the refusal when it is none.
local function whole(req, name, value, least, most)
  local number = math.tointeger(value)
  if number and number >= least and number <= most then return number end
  return nil, problem.value(req, name, { tostring(least), "...", tostring(most) })
end

-- The fields that invites and tokens share, checked: label and how long it is good.
local function common(req, asked)
  local new = { label = asked.label or "" }
  if #new.label > 100 or new.label:find("%c") then return nil, problem.value(req, "label", { "100" }) end
  if not asked.expiresIn then return new end
  local refusal
  new.seconds, refusal = whole(req, "expiresIn", asked.expiresIn, 1, YEARS)
  return new.seconds and new, refusal
end

local function revoked(req, action, revoke, unknown)
  local id = req.params.id
  local who, refusal = door.allow(req, action, {}, id)
  if not who then return refusal end
  local done = revoke(id)
  if done == nil then return problem.failure(req, "journal") end
  return done and { json = { id = id, revoked = true } } or problem.reply(req, unknown)
end

admin.key_filters = { "search", "state", "after" }

-- A page of invites or tokens as a document; nil when the journal cannot be read.
local function page_of(name, rows, next_after, view)
  return rows and { [name] = list_of(rows, view), next = next_after or json.null }
end

local function listing(path, action, document)
  server.route("GET", path, function(req)
    local who, refusal = door.allow(req, action, {})
    if not who then return refusal end
    local which
    which, refusal = filter.which(req, admin.key_filters)
    if not which then return refusal end
    local doc = document(which)
    return doc and { json = doc } or problem.failure(req, "journal")
  end)
end

-- Invites ----------------------------------------------------------------------------------------------------------------

local function invite_view(row)
  return {
    id = row.id, state = row.state or "good", code = row.code, label = row.label, uses = row.uses, used = row.used,
    createdAt = clock.iso(row.created_at), expiresAt = clock.iso(row.expires_at), revokedAt = clock.iso(row.revoked_at),
  }
end

--- A page of them, newest first; nil when the journal cannot be read.
---@param which WhichKeys
function admin.invites(which)
  local rows, next_after = credentials.invites(which)
  return page_of("invites", rows, next_after, invite_view)
end

listing("/api/invites", "list_invites", admin.invites)

admin.invite_fields = { label = { type = "string" }, uses = { type = "number" }, expiresIn = { type = "number" } }

--- A new invite, with its code; nil and the refusal.
---@param asked table  what admin.invite_fields lists
function admin.make_invite(req, asked)
  local who, refusal = door.allow(req, "make_invite", {})
  if not who then return nil, refusal end
  local new, row
  new, refusal = common(req, asked)
  if not new then return nil, refusal end
  new.uses, refusal = whole(req, "uses", asked.uses or 1, 1, 100000)
  if not new.uses then return nil, refusal end
  row = credentials.new_invite(new)
  if not row then return nil, problem.failure(req, "journal") end
  return invite_view(row)
end

local function making(fields, optional, make)
  return function(req)
    local asked, refusal = body.read(req, fields, optional)
    if not asked then return refusal end
    local made
    made, refusal = make(req, asked)
    return made and { status = 201, json = made } or refusal
  end
end

server.route("POST", "/api/invites", making(admin.invite_fields, true, admin.make_invite))

function admin.revoke_invite(req) return revoked(req, "revoke_invite", credentials.revoke_invite, "invite_unknown") end

server.route("DELETE", "/api/invites/:id", admin.revoke_invite)

-- Tokens -----------------------------------------------------------------------------------------------------------------

local function scopes_of(text)
  local list = {}
  for scope in text:gmatch("%S+") do list[#list + 1] = scope end
  return json.array(list)
end

local function token_view(row)
  return {
    id = row.id, state = row.state or "good", token = row.token, label = row.label, scopes = scopes_of(row.scopes), ownerId = row.owner_id,
    createdAt = clock.iso(row.created_at), expiresAt = clock.iso(row.expires_at), revokedAt = clock.iso(row.revoked_at),
    usedAt = clock.iso(row.used_at),
  }
end

--- A page of them, newest first; nil when the journal cannot be read.
---@param which WhichKeys
function admin.tokens(which)
  local rows, next_after = credentials.tokens(which)
  return page_of("tokens", rows, next_after, token_view)
end

listing("/api/tokens", "list_tokens", admin.tokens)

admin.scopes = { "create", "read", "delete", "admin" }

-- The scopes in their order, each once; nil and the refusal when one is unknown or there is none.
local function read_scopes(req, text)
  local wanted, sorted = {}, {}
  for word in text:gmatch("[^%s,]+") do wanted[word] = true end
  for _, scope in ipairs(admin.scopes) do
    if wanted[scope] then sorted[#sorted + 1] = scope end
    wanted[scope] = nil
  end
  if next(wanted) or #sorted == 0 then return nil, problem.value(req, "scopes", admin.scopes) end
  return table.concat(sorted, " ")
end

local token_fields = {
  label = { type = "string", required = true }, scopes = { type = "string", required = true }, expiresIn = { type = "number" },
  owner = { type = "string" },
}

--- A new token, with its secret; nil and the refusal.
function admin.make_token(req, asked)
  local who, refusal = door.allow(req, "make_token", {}, asked.owner)
  if not who then return nil, refusal end
  local new, row
  new, refusal = common(req, asked)
  if not new then return nil, refusal end
  new.scopes, refusal = read_scopes(req, asked.scopes)
  if not new.scopes then return nil, refusal end
  if asked.owner and not asked.owner:find("^[%w_.-]+$") then return nil, problem.value(req, "owner", { "an owner's id" }) end
  new.owner_id = asked.owner
  row = credentials.new_token(new)
  if not row then return nil, problem.failure(req, "journal") end
  return token_view(row)
end

server.route("POST", "/api/tokens", making(token_fields, false, admin.make_token))

-- What it opened is closed with it.
local function revoke_token(id)
  local done, message, code = credentials.revoke_token(id)
  if done then change_events.dismiss(owner.pass { kind = "token", token_id = id }) end
  return done, message, code
end

function admin.revoke_token(req) return revoked(req, "revoke_token", revoke_token, "token_unknown") end

server.route("DELETE", "/api/tokens/:id", admin.revoke_token)

-- The trail --------------------------------------------------------------------------------------------------------------

local function entry_view(row)
  return {
    id = row.id, at = clock.iso(row.at), who = row.who, ownerId = row.who_id, whoName = row.who_name, network = row.network,
    action = row.action, name = row.name, deploymentId = row.operation_id, allowed = row.allowed == 1, rule = row.rule,
    policy = row.policy, requestId = row.request_id,
  }
end

--- A page of the trail, newest first; nil when the journal cannot be read.
---@param which table  limit, and what admin.audit_filters lists
function admin.audit(which)
  local rows, next_before = ledger.audit(which)
  return rows and { entries = list_of(rows, entry_view), next = next_before or json.null }
end

admin.audit_filters = { "search", "who", "action", "name", "allowed", "before" }

server.route("GET", "/api/audit", function(req)
  local who, refusal = door.allow(req, "read_audit", {})
  if not who then return refusal end
  local which
  which, refusal = filter.which(req, admin.audit_filters)
  if not which then return refusal end
  local doc = admin.audit(which)
  return doc and { json = doc } or problem.failure(req, "journal")
end)

return admin
