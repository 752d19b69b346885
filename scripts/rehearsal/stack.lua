--- What a deployed stack answers over HTTP, as the OpenCode server does: everything asks for the password, but for the manifest.
local crypto = require "core.crypto"
local clock = require "rehearsal.clock"
local faults = require "rehearsal.faults"
local json = require "core.json"
local names = require "rehearsal.names"
local page = require "rehearsal.stack_page"
local swarm = require "rehearsal.swarm"
local traefik = require "rehearsal.traefik"

local stack = {}

local listening_port, portal_port = 8080, 3000
local opencode_version = "1.18.33"

local function not_found()
  return { status = 404, text = "404 page not found\n" }
end

local function bad_gateway()
  return { status = 502, text = "Bad Gateway" }
end

-- "user:password" that the request brings, or nil.
local function credentials(req)
  local encoded = (req.headers.authorization or ""):match "^[Bb]asic%s+(%S+)" or req.query.auth_token
  return encoded and crypto.unbase64(encoded)
end

local function password_of(spec, mode)
  if mode == "unprotected" then return "" end
  if mode == "wrong_password" then return "another-" .. spec.id end
  return spec.env.OPENCODE_SERVER_PASSWORD or ""
end

local function let_in(req, spec, mode)
  local password = password_of(spec, mode)
  if password == "" then return true end
  local user = spec.env.OPENCODE_SERVER_USERNAME or "opencode"
  return crypto.equal(credentials(req) or "", user .. ":" .. password)
end

local function challenge(req)
  local headers = { ["WWW-Authenticate"] = 'Basic realm="Secure Area"' }
  if req.path:find "^/api/" then
    return { status = 401, json = { _tag = "UnauthorizedError", message = "Unauthorized" }, headers = headers }
  end
  return { status = 401, text = "", headers = headers }
end

local answers = {
  ["/global/health"] = function() return { healthy = true, version = opencode_version } end,
  ["/api/health"] = function() return { healthy = true } end,
  ["/path"] = function()
    return { home = "/home/opencode", state = "/home/opencode/.local/state/opencode", config = "/home/opencode/.config/opencode",
      worktree = "/workspace", directory = "/workspace" }
  end,
  ["/agent"] = function() return json.array { { name = "Sisyphus - Ultraworker", mode = "primary" } } end,
  ["/config"] = function() return { model = "opencode/big-pickle" } end,
  ["/session"] = function(spec) -- one, from whoever was there last
    if not spec.used_at then return json.array {} end
    local time = { created = spec.used_at, updated = spec.used_at }
    return json.array { { id = "ses_" .. spec.id, title = "New session", directory = "/workspace", time = time } }
  end,
  ["/project/current"] = function() return { id = "global", worktree = "/workspace" } end,
  ["/mcp"] = function() return {} end,
  ["/vcs"] = function() return {} end,
}

-- As text, so that a fault can spoil it.
local function as_text(value)
  return { status = 200, body = json.encode(value), type = "application/json" }
end

local function serve(req, spec, mode)
  if mode == "html" then return { html = page.other() } end
  if req.method == "OPTIONS" then return 204 end
  if req.path == "/site.webmanifest" then return as_text { name = "OpenCode", short_name = "OpenCode" } end
  if not let_in(req, spec, mode) then return challenge(req) end
  local value = answers[req.path]
  if value then return as_text(value(spec)) end
  spec.used_at = clock.now()
  return { html = page.html(names.of_host(req.host), spec, req), headers = { ["Content-Security-Policy"] = page.policy } }
end

-- A portal that was rolled out as an application: as much of it as a rollout looks at. Its release is its image's tag.
local function serve_portal(req, spec)
  if spec.image:find("never-ready", 1, true) then return bad_gateway() end
  if req.path ~= "/ready" then return not_found() end
  return { status = 200, json = { status = "ready", release = spec.image:match ":([%w._-]+)$" } }
end

local function through_proxy(req, fault)
  local route = traefik.route(req.host)
  if not route then return not_found() end
  local service = swarm.service(route.appName)
  local spec = service and service.live
  local mode = fault or spec and spec.mode
  if spec and spec.listens and route.port == portal_port then return serve_portal(req, spec) end
  if not spec or not spec.listens or route.port ~= listening_port or mode == "never_ready" then return bad_gateway() end
  return serve(req, spec, mode)
end

--- True when this host is a stack's, not the double's own.
function stack.is_host(host)
  if host:find "%.localhost$" then return true end
  return host:find "%.%a" ~= nil and traefik.route(host) ~= nil
end

--- Answers a request to a stack's host.
function stack.handle(req)
  local rule = faults.take("stack", { [names.of_host(req.host)] = true })
  return faults.play(rule, function()
    return through_proxy(req, rule and rule.kind)
  end)
end

return stack
