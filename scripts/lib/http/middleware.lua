--- What every request passes before its route: the host must be the portal's, unsafe methods must
--- come from its own pages or from a program, and rate limits apply. Refusals that are raised
--- anywhere below become problem documents here. Behind TLS, browsers are told to keep to it.
local config = require "core.config"
local log = require "core.log"
local server = require "core.server"
local shared = require "core.shared"
local task = require "core.task"
local auth = require "lib.auth"
local client = require "lib.auth.client"
local origin = require "lib.auth.origin"
local rate_limit = require "lib.auth.rate_limit"
local address = require "lib.base.address"
local refusal = require "lib.base.refusal"
local problem = require "lib.http.problem"
local guarded = require "lib.policy.guarded"
local limits = require "lib.policy.limits"
local faults = require "lib.site.faults"
local middleware = {}

local is_safe = { GET = true, HEAD = true, OPTIONS = true }
local loopback_hosts = { ["127.0.0.1"] = true, ["::1"] = true, localhost = true }
local for_monitors = { ["/health"] = true, ["/ready"] = true, ["/metrics"] = true }
local HSTS = "max-age=31536000"

-- A portal that listens on loopback only answers to loopback names, so that a web page whose name
-- resolves to this machine (DNS rebinding) cannot use it.
local hosts, has_loopback_only = config.hosts, loopback_hosts[config.host] == true
local function is_own_host(host)
  if hosts then return hosts[host] == true end
  if not has_loopback_only or loopback_hosts[host] then return true end
  return host ~= nil and address.parse(host:match("^%[(.*)%]$") or host) ~= nil
end

-- Why a page does not work behind a proxy is only known here. Once a minute for each client.
local LOG_SECONDS = 60
local cures = {
  host_unknown = "add the host to PORTAL_HOSTS, or let the proxy pass the browser's Host on",
  forbidden_origin = "if Origin is the portal's own address: let the proxy pass the browser's Host "
    .. "with its port on, or be trusted and send X-Forwarded-Host",
}

local function refuse(req, code)
  if shared.add(("refused %s %s"):format(code, client.of(req).key), true, LOG_SECONDS) then
    log.warn("request." .. code, {
      origin = req.headers.origin, host = req.headers.host,
      forwarded_host = req.headers["x-forwarded-host"], peer = req.peer, cure = cures[code],
    })
  end
  refusal.raise(code, { args = { host = client.host(req) or req.host } })
end

local function apply_rate_limit(req, pattern)
  local class = limits.class(req.method, pattern)
  if not class then return nil end
  local from = client.of(req)
  local is_allowed, left, full_in, wait = rate_limit.take(class, from)
  if not is_allowed then
    if auth.is_from_admin(req) then return nil end
    rate_limit.refuse(class, from, left, full_in, wait)
  end
  return not is_safe[req.method] and rate_limit.headers(class, from, left, full_in) or nil
end

-- Raises, or returns the header fields that the reply gets.
local function admit(req, pattern)
  client.of(req) -- first, because it takes the proxy's secret out of the request
  if not for_monitors[pattern] and not is_own_host(client.host(req)) then
    refuse(req, "host_unknown")
  end
  if not is_safe[req.method] and not origin.is_own(req) then refuse(req, "forbidden_origin") end
  return apply_rate_limit(req, pattern)
end

local function with_headers(reply, headers)
  if type(reply) == "string" then reply = { text = reply } end
  if type(reply) == "number" then reply = { status = reply } end
  reply.headers = reply.headers or {}
  for name, value in pairs(headers) do reply.headers[name] = reply.headers[name] or value end
  return reply
end

-- Also makes the cookie of the language Secure: lib/pages does not know the connection.
local function with_hsts(req, reply)
  if not client.is_over_tls(req) then return reply end
  reply = with_headers(reply, { ["Strict-Transport-Security"] = HSTS })
  local cookie = reply.headers["Set-Cookie"]
  if type(cookie) == "string" and not cookie:find("; Secure", 1, true) then
    reply.headers["Set-Cookie"] = cookie .. "; Secure"
  end
  return reply
end

local function serve(req, handler, pattern)
  local headers = admit(req, pattern)
  if headers then req.rate_limit = headers end
  return handler(req)
end

-- An error other than a refusal goes on to the core, which logs it; the calls that led to it are
-- known only here.
local function described(err) return refusal.is(err) and err or task.traceback(err) end

local function pass(req, handler, pattern)
  local is_served, reply = xpcall(serve, described, req, handler, pattern)
  if not is_served and not refusal.is(reply) then error(reply, 0) end
  if not is_served then reply = problem.reply(req, reply.code, reply.options) end
  if type(reply) == "table" and reply.channel then return reply end -- streams have fixed headers
  local headers, renewed = rawget(req, "rate_limit"), rawget(req, "renewed_cookie")
  if headers then reply = with_headers(reply, headers) end
  if renewed then reply = with_headers(reply, { ["Set-Cookie"] = renewed }) end
  return with_hsts(req, reply)
end

-- A handler may have failed because a policy that it asked was stopped.
local function on_error(req, status, code, extra)
  if extra.message and guarded.was_stopped(extra.message, req.id) then
    return with_hsts(req, problem.reply(req, "policy_failed"))
  end
  if extra.message then
    faults.note {
      kind = "handler", name = extra.route, message = extra.message, request = req.id,
    }
  end
  return with_hsts(req, problem.from_core(req, status, code, extra))
end

--- Registers the middleware and the wording of errors that the core finds itself.
function middleware.register()
  server.middleware(pass)
  server.on_start(function() server.too_large_page(problem.too_large_page()) end)
  server.on_error(on_error)
end

return middleware
