--- The door: what every request goes through on its way to its route, whatever the route. The host is one of ours; whatever changes
--- something comes from our own pages or from a program; the client has not asked too often. Behind TLS, browsers are told to stay there.
---
--- And for the routes: may this person do that? door.allow asks policy/access.lua and writes the audit trail.
local config = require "core.config"
local limit = require "core.limit"
local log = require "core.log"
local server = require "core.server"
local address = require "lib.base.address"
local audit = require "lib.auth.audit"
local client = require "lib.http.client"
local origin = require "lib.http.origin"
local owner = require "lib.auth.owner"
local problem = require "lib.http.problem"
local access = require "policy.access"
local limits = require "policy.limits"

local door = {}
local rates = limits.of(limits.rates, config.production)

-- Hosts ----------------------------------------------------------------------------------------------------------------

local listens_here_alone = ({ ["127.0.0.1"] = true, ["::1"] = true, localhost = true })[config.host] == true
local always = { ["/health"] = true, ["/ready"] = true, ["/metrics"] = true } -- monitors ask by address

-- A portal that listens on this machine alone is asked by this machine's names alone: a page of the internet whose name was made to lead
-- here (DNS rebinding) is not.
local function is_ours(host)
  if config.hosts then return config.hosts[host] == true end
  if not listens_here_alone or host == "localhost" then return true end
  return address.parse(host:match("^%[(.*)%]$") or host) ~= nil
end

-- The host that was found to be ours last: mostly it is the same.
local last_host
local any_host = config.hosts == nil and not listens_here_alone

local function is_host(req)
  local host = req.host
  if host == last_host then return true end
  local good = is_ours(host)
  if good then last_host = host end
  return good
end

-- Limits ---------------------------------------------------------------------------------------------------------------

local policies = {}
for class, rate in pairs(rates) do policies[class] = ('"%s";q=%d;w=%d'):format(class, rate[1], rate[2]) end

local function fields_of(class, left, full)
  return {
    ["RateLimit-Policy"] = policies[class],
    RateLimit = ('"%s";r=%d;t=%d'):format(class, left, math.ceil(full)),
  }
end

--- Takes a token of that class for that key; the refusal when there is none left.
---@param req Request
---@param class string
---@param key string
---@param site string|nil  what the key is part of
---@return Reply|nil refusal
---@return integer|nil left  how many are left, and in how many seconds all are there again
---@return number|nil full
function door.take(req, class, key, site)
  local rate = rates[class]
  local group = site and class .. " " .. site
  local allowed, left, full, wait = limit.take(class .. " " .. key, rate[1], rate[2], 1, group, limits.site)
  if allowed then return nil, left, full end
  local seconds = math.max(1, math.ceil(wait))
  return problem.reply(req, "rate_limited", { retry_after = seconds, headers = fields_of(class, left, full) })
end

--- A secret that is nobody's was tried: the refusal when that happened too often.
---@param req Request
---@return Reply|nil refusal
function door.wrong_guess(req)
  local from = client.of(req)
  local refusal = door.take(req, "auth", from.key, from.site)
  return refusal
end

-- Passing --------------------------------------------------------------------------------------------------------------

local safe = { GET = true, HEAD = true, OPTIONS = true }
local HSTS = "max-age=31536000"

local function with_fields(reply, fields)
  if type(reply) == "string" then reply = { text = reply } end
  if type(reply) == "number" then reply = { status = reply } end
  local headers = {}
  for name, value in pairs(reply.headers or {}) do headers[name] = value end
  for name, value in pairs(fields) do headers[name] = headers[name] or value end
  reply.headers = headers
  return reply
end

-- The admin is never held up; looked at only when somebody is.
local function is_admins(req)
  if not req.headers.authorization then return false end
  local who = door.who(req)
  return who ~= nil and owner.is_admin(who)
end

-- What stands in the way of a request, or nothing; and the fields that the answer gets.
local function objection(req, pattern)
  if not any_host and not always[pattern] and not is_host(req) then
    return problem.reply(req, "host_unknown", { args = { host = req.host } })
  end
  local method = req.method
  if not safe[method] and not origin.is_own(req) then return problem.reply(req, "forbidden_origin") end
  local class = limits.class(method, pattern)
  if not class then return nil end
  local from = client.of(req)
  local refusal, left, full = door.take(req, class, from.key, from.site)
  if refusal and is_admins(req) then return nil end
  if refusal or class == "check" or class == "read" then return refusal end
  return nil, fields_of(class, left, full)
end

local function behind_tls(req, reply)
  return client.over_tls(req) and with_fields(reply, { ["Strict-Transport-Security"] = HSTS }) or reply
end

local function pass(req, handler, pattern)
  local refusal, fields = objection(req, pattern)
  local reply = refusal or handler(req)
  if type(reply) == "table" and reply.channel then return reply end -- a stream has its own head
  if fields then reply = with_fields(reply, fields) end
  return behind_tls(req, reply)
end

server.middleware(pass)

-- What the core itself cannot answer (no such path, a body too long, a script's mistake) is worded like any other problem.
server.on_error(function(req, ...) return behind_tls(req, problem.from_core(req, ...)) end)

-- May this person do that? ---------------------------------------------------------------------------------------------

--- The refusal when too many wrong secrets came from there: an admin's token may be short enough to be guessed, and after too many wrong
--- ones the right one is told from them no more.
---@param req Request
---@return Reply|nil refusal
function door.guessed_too_often(req)
  local from, most, seconds = client.of(req), rates.auth[1], rates.auth[2]
  local _, left = limit.take("auth " .. from.key, most, seconds, 0)
  if left > 0 and from.site then _, left = limit.take("auth " .. from.site, most * limits.site, seconds, 0) end
  return left == 0 and door.wrong_guess(req) or nil
end

-- Why who asks is nobody whom we know, or must not be told whether he is: the refusal.
local function doubt(req, who)
  if who.kind == "forged" and who.code == "journal" then return problem.failure(req, "journal") end
  if who.kind == "forged" then return door.wrong_guess(req) or problem.reply(req, who.code) end
  return who.kind == "admin" and who.via == "bearer" and door.guessed_too_often(req) or nil
end

-- Who asks, or the refusal. Found once for a request: a wrong secret is one guess, however often it is looked at.
local function identify(req)
  local found = rawget(req, "identified")
  if not found then
    local who = owner.from(req)
    local refusal = doubt(req, who)
    found = { who = not refusal and who or nil, refusal = refusal }
    req.identified = found
  end
  return found.who, found.refusal
end

-- A browser sends the cookie along with whatever a page makes it send: it must say from where.
local function is_proved(req, who) return who.via ~= "cookie" or safe[req.method] or origin.is_told(req) end

--- Who asks; else nil and the refusal.
---@param req Request
---@return Who|nil, Reply|nil
function door.who(req)
  local who, refusal = identify(req)
  if not who then return nil, refusal end
  if not is_proved(req, who) then return nil, problem.reply(req, "forbidden_origin") end
  return who
end

local visitor = { kind = "visitor", via = "none" }

--- Who looks at what is open to everybody. Whoever brings a secret that is nobody's is a visitor there, and it is counted; so is whoever
--- brought too many: what such a page shows must not tell the right secret from wrong ones.
---@param req Request
---@return Who
function door.onlooker(req) return (door.who(req)) or visitor end

-- What strangers were kept from is no news to the trail: whoever likes could make it long.
local function note(entry)
  if entry.allowed or entry.who.id or entry.who.kind == "admin" then return audit.write(entry) end
  log.info("access.refused", { action = entry.action, name = entry.name, rule = entry.rule, network = entry.network })
  return true
end

--- What policy/access.lua says, as an entry for the audit trail, not written yet.
---@param req Request
---@param who Who
---@param action string
---@param what What
---@param name string|nil
---@return AuditEntry entry, string|nil code
function door.decide(req, who, action, what, name)
  what.mode = config.access
  local allowed, rule, code = access.decide(who, action, what)
  local entry = {
    who = who, network = client.of(req).network, action = action, name = name, allowed = allowed, rule = rule, request_id = req.id,
  }
  return entry, code
end

--- Writes an entry down, if it is of that kind. nil, or the refusal when that failed: then nothing may be done.
---@param req Request
---@param entry AuditEntry
---@return Reply|nil refusal
function door.note(req, entry)
  if access.unaudited[entry.action] then return nil end
  local written = note(entry)
  return not written and problem.failure(req, "journal") or nil
end

--- Who asks, if he may do that; else nil, the refusal, and its code. It is in the audit trail then, whichever it is.
---@param req Request
---@param action string
---@param what What
---@param name string|nil  the stack's, or the id of what it is done to
---@return Who|nil, Reply|nil refusal, string|nil code
function door.allow(req, action, what, name)
  local who, refusal = door.who(req)
  if not who then return nil, refusal, "unknown" end
  local entry, code = door.decide(req, who, action, what, name)
  refusal = door.note(req, entry)
  if refusal then return nil, refusal, "journal" end
  if entry.allowed then return who end
  return nil, problem.reply(req, code, { args = { name = name or "" } }), code
end

return door
