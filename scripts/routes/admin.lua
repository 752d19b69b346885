--- The admin's: invites, tokens for programs, and the audit trail.
local json = require "core.json"
local server = require "core.server"
local audit = require "lib.audit"
local body = require "lib.body"
local clock = require "lib.clock"
local credentials = require "lib.credentials"
local problem = require "lib.problem"
local limits = require "policy.limits"
local door = require "routes.door"

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

-- Invites ----------------------------------------------------------------------------------------------------------------

local function invite_view(row)
  return {
    id = row.id, code = row.code, label = row.label, uses = row.uses, used = row.used, createdAt = clock.iso(row.created_at),
    expiresAt = clock.iso(row.expires_at), revokedAt = clock.iso(row.revoked_at),
  }
end

server.route("GET", "/api/invites", function(req)
  local who, refusal = door.allow(req, "list_invites", {})
  if not who then return refusal end
  local rows = credentials.invites()
  return rows and { json = { invites = list_of(rows, invite_view) } } or problem.failure(req, "journal")
end)

local invite_fields = { label = { type = "string" }, uses = { type = "number" }, expiresIn = { type = "number" } }

server.route("POST", "/api/invites", function(req)
  local who, refusal = door.allow(req, "make_invite", {})
  if not who then return refusal end
  local asked, new, row
  asked, refusal = body.read(req, invite_fields, true)
  if not asked then return refusal end
  new, refusal = common(req, asked)
  if not new then return refusal end
  new.uses, refusal = whole(req, "uses", asked.uses or 1, 1, 100000)
  if not new.uses then return refusal end
  row = credentials.new_invite(new)
  return row and { status = 201, json = invite_view(row) } or problem.failure(req, "journal")
end)

server.route("DELETE", "/api/invites/:id", function(req)
  return revoked(req, "revoke_invite", credentials.revoke_invite, "invite_unknown")
end)

-- Tokens -----------------------------------------------------------------------------------------------------------------

local function scopes_of(text)
  local list = {}
  for scope in text:gmatch("%S+") do list[#list + 1] = scope end
  return json.array(list)
end

local function token_view(row)
  return {
    id = row.id, token = row.token, label = row.label, scopes = scopes_of(row.scopes), ownerId = row.owner_id,
    createdAt = clock.iso(row.created_at), expiresAt = clock.iso(row.expires_at), revokedAt = clock.iso(row.revoked_at),
    usedAt = clock.iso(row.used_at),
  }
end

server.route("GET", "/api/tokens", function(req)
  local who, refusal = door.allow(req, "list_tokens", {})
  if not who then return refusal end
  local rows = credentials.tokens()
  return rows and { json = { tokens = list_of(rows, token_view) } } or problem.failure(req, "journal")
end)

local known_scopes = { "create", "read", "delete", "admin" }

-- The scopes in their order, each once; nil and the refusal when one is unknown or there is none.
local function read_scopes(req, text)
  local wanted, sorted = {}, {}
  for word in text:gmatch("[^%s,]+") do wanted[word] = true end
  for _, scope in ipairs(known_scopes) do
    if wanted[scope] then sorted[#sorted + 1] = scope end
    wanted[scope] = nil
  end
  if next(wanted) or #sorted == 0 then return nil, problem.value(req, "scopes", known_scopes) end
  return table.concat(sorted, " ")
end

local token_fields = {
  label = { type = "string", required = true }, scopes = { type = "string", required = true }, expiresIn = { type = "number" },
  owner = { type = "string" },
}

server.route("POST", "/api/tokens", function(req)
  local who, refusal = door.allow(req, "make_token", {})
  if not who then return refusal end
  local asked, new, row
  asked, refusal = body.read(req, token_fields)
  if not asked then return refusal end
  new, refusal = common(req, asked)
  if not new then return refusal end
  new.scopes, refusal = read_scopes(req, asked.scopes)
  if not new.scopes then return refusal end
  if asked.owner and not asked.owner:find("^[%w_.-]+$") then return problem.value(req, "owner", { "an owner's id" }) end
  new.owner_id = asked.owner
  row = credentials.new_token(new)
  return row and { status = 201, json = token_view(row) } or problem.failure(req, "journal")
end)

server.route("DELETE", "/api/tokens/:id", function(req)
  return revoked(req, "revoke_token", credentials.revoke_token, "token_unknown")
end)

-- The trail --------------------------------------------------------------------------------------------------------------

local function entry_view(row)
  return {
    id = row.id, at = clock.iso(row.at), who = row.who, ownerId = row.who_id, whoName = row.who_name, network = row.network,
    action = row.action, name = row.name, deploymentId = row.operation_id, allowed = row.allowed == 1, rule = row.rule,
    policy = row.policy, requestId = row.request_id,
  }
end

local function number_in(text) return text and #text <= 15 and text:find("^%d+$") and math.tointeger(tonumber(text)) or nil end

server.route("GET", "/api/audit", function(req)
  local who, refusal = door.allow(req, "read_audit", {})
  if not who then return refusal end
  local size, before = limits.page_size(req.query.limit), number_in(req.query.before)
  if not size then return problem.value(req, "limit", { "1", "...", tostring(limits.page_max) }) end
  if req.query.before and not before then return problem.value(req, "before", { "1", "2", "..." }) end
  local rows = audit.page(size + 1, before)
  if not rows then return problem.failure(req, "journal") end
  local next_before = #rows > size and rows[size].id or json.null
  rows[size + 1] = nil
  return { json = { entries = list_of(rows, entry_view), next = next_before } }
end)
