--- Authentication and authorization of a request: who sent it, and may they do that? Refusals are
--- raised (lib/base/refusal.lua); decisions go into the audit log.
local config = require "core.config"
local log = require "core.log"
local shared = require "core.shared"
local audit = require "lib.auth.audit"
local client = require "lib.auth.client"
local decisions = require "lib.auth.decisions"
local identity = require "lib.auth.identity"
local origin = require "lib.auth.origin"
local rate_limit = require "lib.auth.rate_limit"
local session = require "lib.auth.session"
local refusal = require "lib.base.refusal"
local site = require "lib.base.site"
local access = require "lib.policy.access"
local auth = {}

local MOST_REFUSALS, REFUSALS_SECONDS = 20, 3600 -- of one person in the audit log

-- After which a client may ask again while the installation's own rules are missing.
local MISSING_SECONDS = 60

local is_safe = { GET = true, HEAD = true, OPTIONS = true }

-- Guesses

--- Counts an invalid secret against the client; raises rate_limited after too many.
---@param req Request
---@param class string|nil  "auth" when left out, or "login"
function auth.count_guess(req, class) rate_limit.spend(class or "auth", client.of(req)) end

--- Raises rate_limited for a client that sent too many invalid secrets. An admin token may be short
--- enough to guess, so after too many failed attempts the correct one is refused as well; not
--- where the attempts are those of others and the token is too long to guess.
---@param req Request
---@param class string|nil  as above
function auth.refuse_guesser(req, class)
  local from = client.of(req)
  if from.is_shared and session.is_unguessable() then return end
  if rate_limit.is_exhausted(class or "auth", from) then auth.count_guess(req, class) end
end

--- Whether the request holds the credential of an admin, whom the attempts of others must not hold
--- up: a session, or the right token.
---@param req Request
---@return boolean
function auth.is_from_admin(req)
  local is_known, row = refusal.catch(session.of, req)
  if is_known and row then return true end
  return req.headers.authorization ~= nil and identity.is_admin(auth.reader(req))
end

-- Who

local function authenticate(req)
  local who = identity.of(req)
  if who.kind == "forged" then
    auth.count_guess(req)
    refusal.raise(who.code)
  end
  if who.kind == "admin" and who.via == "bearer" then auth.refuse_guesser(req) end
  return who
end

-- Once for each request: an invalid secret is one guess, however often it is read.
local function authenticate_once(req)
  local found = rawget(req, "authenticated")
  if not found then
    local is_known, result = refusal.catch(authenticate, req)
    found = { is_known = is_known, result = result }
    req.authenticated = found
  end
  if not found.is_known then error(found.result, 0) end
  return found.result
end

--- Who sent the request; raises when its credential is invalid.
---@param req Request
---@return Who
function auth.who(req)
  local who = authenticate_once(req)
  -- Browsers attach the cookie to requests of any page, so they must state the origin.
  if who.via == "cookie" and not is_safe[req.method] and not origin.is_stated(req) then
    refusal.raise "forbidden_origin"
  end
  return who
end

--- Who reads something public. Anyone with an invalid credential is a visitor; the attempt counts
--- as a guess, so a public page does not reveal whether a secret is correct.
---@param req Request
---@return Who
function auth.reader(req)
  local is_known, who = refusal.catch(auth.who, req)
  return is_known and who or identity.visitor(req)
end

-- May they?

--- What rules get to know of a workspace or an operation.
---@param row table|false  the journal's
---@return What
function auth.what(row)
  return row and { owner_id = row.owner_id, template = row.template } or {}
end

--- Decides by policy/access.lua.
---@param req Request
---@param who Who
---@param action string
---@param what What
---@param name string|nil  of the workspace or other thing that is acted on
---@return AuditEntry entry  not written yet
---@return string? code      why not
---@return ProblemOptions? more  of a refusal with a code of its own
function auth.decide(req, who, action, what, name)
  what.mode, what.name = config.access, name
  local is_allowed, rule, code, more = access.decide(who, action, what)
  if is_allowed and site.is_missing() and who.kind ~= "admin" and access.is_audited(action) then
    is_allowed, rule, code = false, "site_missing", "not_ready"
    more = { detail = "problem.not_ready.rules", retry_after = MISSING_SECONDS }
  end
  local entry = {
    who = who, network = client.of(req).network, action = action, what = what, name = name,
    allowed = is_allowed, rule = rule, code = code, request_id = req.id,
  }
  return entry, code, more
end

--- Raises a refusal that was decided.
---@param code string
---@param more ProblemOptions|nil  as auth.decide returned it
---@param options ProblemOptions
function auth.refuse(code, more, options)
  for key, value in pairs(more or {}) do options[key] = value end
  refusal.raise(code, options)
end

--- Writes a decision to the audit log; raises when that fails, and then nothing may be done.
--- Refusals of anonymous clients, and of a person beyond the first of an hour, go to the log
--- instead: anyone could flood the audit log.
---@param entry AuditEntry
function auth.record(entry)
  if not access.is_audited(entry.action) then return end
  local who = entry.who
  local refusals = (who.id or who.kind == "admin") and "refused " .. who.kind .. (who.id or "")
  if entry.allowed
    or refusals and shared.incr(refusals, 1, REFUSALS_SECONDS) <= MOST_REFUSALS then
    audit.write(entry)
    return
  end
  log.info("access.refused", {
    action = entry.action, name = entry.name, rule = entry.rule, network = entry.network,
  })
  decisions.note(entry)
end

--- Notes that a deploy was refused because of its name, for replays.
---@param req Request
---@param who Who
---@param name string
---@param code string
function auth.note_name(req, who, name, code)
  local what = { mode = config.access, name = name }
  decisions.note {
    who = who, network = client.of(req).network, action = "name", what = what, name = name,
    allowed = false, rule = "names", code = code,
  }
end

--- Decides and records. Raises when the credential is invalid, not when it is not sufficient.
---@return Who|nil
---@return string? code  why not
---@return ProblemOptions? more
function auth.check(req, action, what, name)
  local who = auth.who(req)
  local entry, code, more = auth.decide(req, who, action, what, name)
  auth.record(entry)
  if entry.allowed then return who end
  return nil, code, more
end

--- Who sent the request, if they may do that; raises otherwise.
---@param req Request
---@param action string
---@param what What|nil
---@param name string|nil
---@return Who
function auth.allow(req, action, what, name)
  local who, code, more = auth.check(req, action, what or {}, name)
  if not who then auth.refuse(code, more, { args = { name = name or "" } }) end
  return who
end

return auth
