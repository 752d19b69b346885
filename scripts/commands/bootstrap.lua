--- deployer bootstrap: the portal's place in Dokploy, made once: project, application, environment, volume, domain, limits. What is there
--- already stays; so it may be run again at any time, and mends what is missing.
local config = require "core.config"
local console = require "core.console"
local dotenv = require "lib.base.dotenv"
local options = require "lib.base.options"
local report = require "lib.doctor.report"
local dokploy = require "lib.dokploy"
local call = require "lib.dokploy.call"
local release = require "lib.release"
local rollout = require "lib.release.rollout"

local help = [[
deployer bootstrap --image IMAGE --domain HOST [--env NAME=VALUE]... [--http] [--release WORD] [--no-start]
                   [--url URL] [--connect-to HOST:PORT] [--seconds N] [--name portal]

  --image   the portal's image; rolled out when none is in force yet, else left to deployer rollout
  --domain  the host name people open
  --env     a variable of the portal's; those it knows are taken from this environment when they are set
  --http    the domain is served without TLS
Other options: see deployer rollout --help.]]

local known = {
  image = "text", domain = "text", env = "list", http = "flag", release = "text", ["no-start"] = "flag", url = "text",
  ["connect-to"] = "text", seconds = "number", name = "text", help = "flag",
}

-- What a portal reads, in config.lua.
local plain = {
  "DOKPLOY_URL", "STACK_DOMAIN_SUFFIX", "STACK_SCHEME", "STACK_CONNECT_TO", "STACK_IMAGE", "STACK_REGISTRY_URL",
  "STACK_REGISTRY_USERNAME", "RESERVED_NAMES", "ACCESS", "LOG_LEVEL", "PORTAL_HOSTS", "TRUSTED_PROXIES", "FORWARD_AUTH_HEADER",
  "FORWARD_AUTH_ADMINS",
}
local secret = { "DOKPLOY_API_TOKEN", "ADMIN_TOKEN", "STACK_REGISTRY_PASSWORD" }

local function variables(given)
  local all = { NODE_ENV = "production" }
  for _, name in ipairs(plain) do all[name] = console.env(name) end
  for _, name in ipairs(secret) do all[name] = config.secret(name) end
  for _, pair in ipairs(given.env or {}) do
    local name, value = pair:match("^([%w_]+)=(.*)$")
    if not name then return nil, ("--env %s: write NAME=VALUE"):format(pair:match("^[^=]*")) end
    all[name] = value
  end
  return all
end

-- What stands in the text stays, unless it is given anew.
local function merged(text, given)
  local lines = {}
  for line in (text or ""):gmatch("[^\r\n]+") do
    local name = line:match("^%s*([%w_]+)%s*=")
    if not name or given[name] == nil then lines[#lines + 1] = line end
  end
  local new, message = dotenv.text(given)
  if not new then return nil, message end
  lines[#lines + 1] = new
  return table.concat(lines, "\n")
end

-- Each part: makes what is missing, or says why not. They go one after the other.
local parts = {}

-- Dokploy may have made it although no good answer came: look before it is called failed.
local function made_after_all(find, message)
  local found = find()
  if found then return found end
  return nil, message
end

local function project_of(name)
  local found, message = release.client:projects_described(release.mark(name))
  if not found then return nil, message end
  return found[1] and found[1].projectId or false
end

function parts.project(work)
  local id, message = project_of(work.name)
  if id == nil then return nil, message end
  if id then
    work.project = id
    return "is there"
  end
  local made, why = release.client:project_create("AI Stack Deployer (" .. work.name .. ")", release.mark(work.name))
  work.project = made and made.id or made_after_all(function() return project_of(work.name) end)
  if not work.project then return nil, why end
  return "made"
end

local function application_in(project_id)
  local project, message = release.client:project_one(project_id)
  if not project then return nil, message end
  local applications = dokploy.services_of(project)
  return applications[1] and applications[1].applicationId or false, dokploy.environment_of(project)
end

function parts.application(work)
  local id, environment = application_in(work.project)
  if id == nil then return nil, environment end
  if not id then
    if not environment then return nil, "the project has no environment to put it into" end
    local made, why = release.client:application_create {
      name = "portal", app_name = "deployer-" .. work.name, description = "", environment = environment,
    }
    id = made and made.id or made_after_all(function() return (application_in(work.project)) end)
    if not id then return nil, why end
    work.is_new = true
  end
  local message
  work.application, message = release.client:application_one(id)
  if not work.application then return nil, message end
  return work.is_new and "made" or "is there"
end

local function image_of(application)
  return type(application.dockerImage) == "string" and application.dockerImage ~= "" and application.dockerImage or nil
end

function parts.image(work)
  local now = image_of(work.application)
  if now then return "in force: " .. now end
  local good, message = release.client:save_image(work.application.applicationId, work.given.image, {
    url = config.stack.registry.url, username = config.stack.registry.username,
    password = config.stack.registry.username and config.secret "STACK_REGISTRY_PASSWORD",
  })
  if not good then return nil, message end
  work.is_first = true
  return "set to " .. work.given.image
end

function parts.environment(work)
  local before = type(work.application.env) == "string" and work.application.env or ""
  local text, message = merged(before, work.variables)
  if not text then return nil, message end
  local same = true
  for name, value in pairs(work.variables) do same = same and dotenv.get(before, name) == value end
  if same then return "is as it should be" end
  local good, why = release.client:save_environment(work.application.applicationId, text)
  if not good then return nil, why end
  return work.is_first and "set" or "changed; in force at the next rollout"
end

function parts.volume(work)
  for _, mount in ipairs(type(work.application.mounts) == "table" and work.application.mounts or {}) do
    if mount.mountPath == "/data" then return "is there" end
  end
  local good, message = release.client:mount_create(work.application.applicationId, "deployer-data-" .. work.name, "/data")
  if not good then return nil, message end
  return "deployer-data-" .. work.name .. " at /data"
end

function parts.domain(work)
  local domains, message = release.client:domains(work.application.applicationId)
  if not domains then return nil, message end
  for _, domain in ipairs(domains) do
    if domain.host == work.given.domain then return work.given.domain .. " is there" end
  end
  local good, why = release.client:domain_create(work.application.applicationId, work.given.domain, release.port, not work.given.http)
  if not good then return nil, why end
  return work.given.domain .. " leads to it"
end

-- stop-first: two portals must never work in one journal. The grace is longer than the portal takes to drain.
function parts.limits(work)
  local good, message = call.run(release.client, {
    procedure = "application.update", repeatable = true, shape = function() return true end,
    body = {
      applicationId = work.application.applicationId, replicas = 1, memoryLimit = tostring(256 << 20),
      updateConfigSwarm = { Parallelism = 1, Order = "stop-first", FailureAction = "rollback", Monitor = 30000000000 },
    },
  })
  if not good then return nil, message end
  return "256 MiB, one container, stop-first"
end

local order = { "project", "application", "image", "environment", "volume", "domain", "limits" }
local cures = {
  project = "the token must be of an owner or admin: deployer doctor checks it",
  environment = "see config.lua for what each variable holds",
  domain = "a host name such as portal.example.com",
}

local function make(work, lines)
  for _, part in ipairs(order) do
    local said, message = parts[part](work)
    if not said then
      lines:fail(part, tostring(message), cures[part] or "run deployer doctor; then this again: what was made is kept")
      return false
    end
    lines:ok(part, said)
  end
  return true
end

local function start(work, lines)
  local given = work.given
  local image = image_of(work.application) or given.image
  if not work.is_first or given["no-start"] then return lines:status() end
  local word = given.release or release.word_of(image)
  if not word then
    lines:fail("release", "the image has no tag", "say --release, what it calls itself at /ready")
    return lines:status()
  end
  return rollout.run(lines, { image = image, release = word }, {
    name = work.name, url = given.url, connect_to = given["connect-to"], seconds = given.seconds or 180,
  })
end

return {
  run = function(arguments)
    local given, message = options.read(arguments, known)
    if not given or given.help or not given.image or not given.domain then
      console.print((message and message .. "\n\n" or "") .. help)
      return given and given.help and 0 or 2
    end
    local name, all, why = given.name or "portal", variables(given)
    if not name:find("^%l[%l%d-]*$") then all, why = nil, "--name takes lower-case letters, digits and hyphens" end
    if not all then
      console.print(why)
      return 2
    end
    local lines, work = report.new(), { name = name, given = given, variables = all }
    if not make(work, lines) then return lines:status() end
    return start(work, lines)
  end,
}
