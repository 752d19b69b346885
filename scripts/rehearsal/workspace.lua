--- What a deployed container answers over HTTP. Like the OpenCode server, it asks for the password
--- everywhere. A portal that was rolled out as an application answers /ready.
local clock = require "rehearsal.clock"
local crypto = require "core.crypto"
local database = require "rehearsal.database"
local docker = require "rehearsal.docker"
local faults = require "rehearsal.faults"
local json = require "core.json"
local page = require "rehearsal.workspace_page"
local proxy = require "rehearsal.proxy"
local subjects = require "rehearsal.subjects"

local workspace = {}

local WORKSPACE_PORT, PORTAL_PORT = 8080, 3000

local function not_found()
  return { status = 404, text = "404 page not found\n" }
end

local function bad_gateway()
  return { status = 502, text = "Bad Gateway" }
end

-- "user:password" of the request, or nil.
local function credentials(req)
  local encoded = (req.headers.authorization or ""):match "^[Bb]asic%s+(%S+)"
  return encoded and crypto.unbase64(encoded)
end

local function is_allowed(req, spec, mode)
  local password = spec.env.OPENCODE_SERVER_PASSWORD or ""
  if mode == "unprotected" then password = "" end
  if mode == "wrong_password" then password = "another-" .. spec.id end
  if password == "" then return true end
  local user = spec.env.OPENCODE_SERVER_USERNAME or "opencode"
  return crypto.equal(credentials(req) or "", user .. ":" .. password)
end

local function challenge()
  local headers = { ["WWW-Authenticate"] = 'Basic realm="Secure Area"' }
  return { status = 401, text = "", headers = headers }
end

-- What tests make it say (control.lua): { session, idle, report }.
local function activity(spec) return spec.activity or {} end

-- Seconds for which nothing was at work, as the image reports.
local function idle_seconds(spec)
  local seconds = activity(spec).idle
  return seconds or (clock.now() - (spec.used_at or spec.since)) / 1000
end

local function file(spec, req)
  if req.query.path ~= ".stack/activity.json" or activity(spec).report == false then
    return { type = "text", content = "" }
  end
  local report = { at = clock.now() // 1000, idle = idle_seconds(spec) // 1 }
  return { type = "text", content = json.encode(report) }
end

local answers = {
  ["/global/health"] = function() return { healthy = true, version = "1.18.33" } end,
  ["/path"] = function()
    return { home = "/home/opencode", worktree = "/workspace", directory = "/workspace" }
  end,
  ["/session/status"] = function(spec)
    local session = activity(spec).session
    return session and { ["ses_" .. spec.id] = { type = session } } or {}
  end,
  ["/file/content"] = file,
  ["/project"] = function(spec) -- kept on the volume
    local volume = spec.volumes[1] and database.get("volume", spec.volumes[1].name)
    local since = volume and volume.since or 0
    return json.array { {
      id = "global", worktree = "/", time = { created = since, updated = since },
      sandboxes = json.array {},
    } }
  end,
  ["/session"] = function(spec) -- one, made when the page was opened
    if not spec.used_at then return json.array {} end
    return json.array { {
      id = "ses_" .. spec.id, title = "New session", directory = "/workspace",
      time = { created = spec.used_at, updated = spec.used_at },
    } }
  end,
}

-- As text, so that a fault can spoil it.
local function json_reply(value)
  return { status = 200, body = json.encode(value), type = "application/json" }
end

local function serve_workspace(req, spec, mode)
  if mode == "html" then return { html = page.foreign } end
  if req.method == "OPTIONS" then return 204 end
  if not is_allowed(req, spec, mode) then return challenge() end
  local answer = answers[req.path]
  if answer then return json_reply(answer(spec, req)) end
  spec.used_at = clock.now()
  local headers = { ["Content-Security-Policy"] = page.policy }
  return { html = page.html(subjects.label(req.host), spec, req), headers = headers }
end

-- The release of a portal is the tag of its image.
local function serve_portal(req, spec)
  if spec.image:find("never-ready", 1, true) then return bad_gateway() end
  if req.path ~= "/ready" then return not_found() end
  return { status = 200, json = { status = "ready", release = spec.image:match ":([%w._-]+)$" } }
end

local function through_proxy(req, fault)
  local route = proxy.route(req.host)
  if not route then return not_found() end
  local service = database.get("service", route.appName)
  local spec = service and service.live
  if not spec or not spec.listens or not docker.is_routed(spec) then return bad_gateway() end
  if route.port == PORTAL_PORT then return serve_portal(req, spec) end
  local mode = fault or spec.mode
  if route.port ~= WORKSPACE_PORT or mode == "never_ready" then return bad_gateway() end
  return serve_workspace(req, spec, mode)
end

--- Whether the host is a deployed application's, not Dokploy's own.
---@param host string
function workspace.is_host(host)
  if host:find "%.localhost$" then return true end
  return host:find "%.%a" ~= nil and proxy.route(host) ~= nil
end

--- Makes the workspace of a host say that it is at work, or that nothing is known.
---@param host string
---@param given { session: string|nil, idle: number|nil, report: boolean|nil,
--- isUsed: boolean|nil }  session: busy or retry; idle: seconds; report: false: its image has none;
--- isUsed: somebody worked in it until now
---@return boolean found
function workspace.set_activity(host, given)
  local route = proxy.route(host)
  local service = route and database.get("service", route.appName)
  if not service or not service.live then return false end
  service.live.activity = given
  if given.isUsed then service.live.used_at = clock.now() end
  database.update(service)
  return true
end

--- Answers a request to an application's host. May wait.
function workspace.handle(req)
  local rule = faults.take("stack", subjects.of { host = req.host })
  return faults.apply(rule, function()
    return through_proxy(req, rule and rule.kind)
  end)
end

return workspace
