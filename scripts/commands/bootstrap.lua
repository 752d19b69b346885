--- deployer bootstrap: creates the portal's own application in Dokploy, with project, environment,
--- volume, domain and limits, and the network of the workspaces. What exists stays: it may run
--- again and adds what is missing.
local config = require "core.config"
local console = require "core.console"
local crypto = require "core.crypto"
local command = require "lib.base.command"
local dotenv = require "lib.base.dotenv"
local of_url = require("lib.base.host").of_url
local images = require "lib.base.image"
local report = require "lib.doctor.report"
local dokploy = require "lib.dokploy"
local call = require "lib.dokploy.call"
local release = require "lib.release"
local network = require "lib.release.network"
local proxy = require "lib.release.proxy"
local rollout = require "lib.release.rollout"

local help = [[
deployer bootstrap --image IMAGE --domain HOST [--env NAME=VALUE]... [--http] [--release NAME]
                   [--no-start] [--url URL] [--connect-to HOST:PORT] [--seconds N] [--name portal]

  --image   the portal's image; deployed when none is in force yet, else left to deployer rollout
  --domain  the host name of the portal
  --env     a variable for the portal; those it reads are taken from this environment when set
  --http    the domain is served without TLS
Without ADMIN_TOKEN, here or in the application, it makes one and shows it once.
Other options: see deployer rollout --help.]]

-- What config.lua reads.
local plain = {
  "DOKPLOY_URL", "STACK_DOMAIN_SUFFIX", "STACK_SCHEME", "STACK_CONNECT_TO", "STACK_IMAGE",
  "STACK_NETWORK",
  "STACK_REGISTRY_URL", "STACK_REGISTRY_USERNAME", "RESERVED_NAMES", "ACCESS", "LOG_LEVEL",
  "PORTAL_HOSTS", "TRUSTED_PROXIES", "FORWARD_AUTH_HEADER", "FORWARD_AUTH_ADMINS",
  "FORWARD_AUTH_NAME_HEADER", "FORWARD_AUTH_EMAIL_HEADER", "FORWARD_AUTH_GROUPS_HEADER",
  "OUTGOING_PROXY", "OUTGOING_DIRECT", "ZONE", "SITE_EDIT",
}
local secret = {
  "DOKPLOY_API_TOKEN", "ADMIN_TOKEN", "STACK_REGISTRY_PASSWORD", "PROXY_SECRET", "WEBHOOK_SECRET",
}

local function variables_of(given)
  local variables = { NODE_ENV = "production" }
  for _, name in ipairs(plain) do variables[name] = console.env(name) end
  for _, name in ipairs(secret) do variables[name] = config.secret(name) end
  for _, pair in ipairs(given.env or {}) do
    local name, value = pair:match("^([%w_]+)=(.*)$")
    if not name then return nil, ("--env %s: write NAME=VALUE"):format(pair:match("^[^=]*")) end
    variables[name] = value
  end
  return variables
end

-- A portal without an administrator could invite nobody.
local function add_admin_token(work, before)
  for _, name in ipairs { "ADMIN_TOKEN", "ADMIN_TOKEN_FILE" } do
    if work.variables[name] or dotenv.get(before, name) then return end
  end
  work.variables.ADMIN_TOKEN = crypto.token(32)
  work.admin_token = work.variables.ADMIN_TOKEN
end

-- The lines of the text, with the given variables replaced or added.
local function merge(text, variables)
  local lines = {}
  for line in text:gmatch("[^\r\n]+") do
    local name = line:match("^%s*([%w_]+)%s*=")
    if not name or variables[name] == nil then lines[#lines + 1] = line end
  end
  local added, message = dotenv.text(variables)
  if not added then return nil, message end
  lines[#lines + 1] = added
  return table.concat(lines, "\n")
end

-- Each part creates what is missing and says what it found, or returns nil and a message.
local parts = {}

local function project_id_of(name)
  local projects, message = release.client:projects_described(release.tag(name))
  if not projects then return nil, message end
  return projects[1] and projects[1].projectId or false
end

-- Dokploy may have created it although the answer was lost: look before it counts as failed.
local function find_after_failure(find, message)
  local found = find()
  if found then return found end
  return nil, message
end

function parts.project(work)
  local id, message = project_id_of(work.name)
  if id == nil then return nil, message end
  work.project = id
  if id then return "exists" end
  local title = "AI Stack Deployer (" .. work.name .. ")"
  local created, why = release.client:project_create(title, release.tag(work.name))
  if created then
    work.project = created.id
  else
    work.project = find_after_failure(function() return project_id_of(work.name) end)
  end
  if not work.project then return nil, why end
  return "created"
end

local function application_in(project_id)
  local project, message = release.client:project_one(project_id)
  if not project then return nil, message end
  local applications = dokploy.services_of(project)
  return applications[1] and applications[1].applicationId or false, dokploy.environment_of(project)
end

local function create_application(work, environment)
  local created, message = release.client:application_create {
    name = "portal", app_name = "deployer-" .. work.name, description = "",
    environment = environment,
  }
  if created then return created.id end
  return find_after_failure(function() return (application_in(work.project)) end, message)
end

function parts.application(work)
  local id, environment = application_in(work.project)
  if id == nil then return nil, environment end
  local exists = id ~= false
  if not exists then
    if not environment then return nil, "the project has no environment for it" end
    local message
    id, message = create_application(work, environment)
    if not id then return nil, message end
  end
  local message
  work.application, message = release.client:application_one(id)
  if not work.application then return nil, message end
  return exists and "exists" or "created"
end

local function image_of(application)
  local image = application.dockerImage
  return type(image) == "string" and image ~= "" and image or nil
end

function parts.image(work)
  local current = image_of(work.application)
  if current then return "in force: " .. current end
  local saved, message =
    release.client:save_image(work.application.applicationId, work.given.image)
  if not saved then return nil, message end
  work.is_first = true
  return "set to " .. work.given.image
end

function parts.network(work)
  return network.prepare(work.application, work.variables, work.results)
end

-- The hosts that the portal answers to: its domain, and those that an admin added in Dokploy.
local function hosts_of(work)
  local hosts, domains = { work.given.domain }, work.application.domains
  for _, domain in ipairs(type(domains) == "table" and domains or {}) do
    local host = domain.host
    if type(host) == "string" and host ~= work.given.domain then hosts[#hosts + 1] = host end
  end
  return table.concat(hosts, ",")
end

function parts.environment(work)
  local before = type(work.application.env) == "string" and work.application.env or ""
  add_admin_token(work, before)
  proxy.set_variables(work.variables, before, hosts_of(work))
  local text, message = merge(before, work.variables)
  if not text then return nil, message end
  local is_same = true
  for name, value in pairs(work.variables) do
    is_same = is_same and dotenv.get(before, name) == value
  end
  if is_same then return "unchanged" end
  local saved, why = release.client:save_environment(work.application.applicationId, text)
  if not saved then return nil, why end
  return work.is_first and "set" or "changed; in force at the next rollout"
end

function parts.volume(work)
  local mounts = type(work.application.mounts) == "table" and work.application.mounts or {}
  for _, mount in ipairs(mounts) do
    if mount.mountPath == "/data" then return "exists" end
  end
  local volume = "deployer-data-" .. work.name
  local created, message =
    release.client:mount_create(work.application.applicationId, volume, "/data")
  if not created then return nil, message end
  return volume .. " at /data"
end

function parts.domain(work)
  local id, host = work.application.applicationId, work.given.domain
  local domains, message = release.client:domains(id)
  if not domains then return nil, message end
  for _, domain in ipairs(domains) do
    if domain.host == host then return host .. " exists" end
  end
  local created, why = release.client:domain_create(id, host, release.port, not work.given.http)
  if not created then return nil, why end
  return host .. " created"
end

function parts.trust(work) return proxy.prepare(work.application, work.variables) end

-- stop-first, because two portals must never write one journal.
function parts.limits(work)
  local saved, message = call.run(release.client, {
    procedure = "application.update", repeatable = true, shape = function() return true end,
    body = {
      applicationId = work.application.applicationId, replicas = 1,
      memoryLimit = tostring(256 << 20),
      updateConfigSwarm = {
        Parallelism = 1, Order = "stop-first", FailureAction = "rollback", Monitor = 30000000000,
      },
    },
  })
  if not saved then return nil, message end
  return "256 MiB, one container, stop-first"
end

local order = {
  "project", "application", "image", "network", "environment", "volume", "domain", "trust",
  "limits",
}
local corrections = {
  project = "the token must belong to an owner or admin: deployer doctor checks it",
  environment = "config.lua explains each variable",
  trust = 'docs/install.md, "The proxy in front", shows what the file must hold',
  domain = "give a host name such as portal.example.com",
  network = "a network of that name that exists must be an attachable overlay",
}

local function report_environment(work, results)
  if work.admin_token then
    results:ok("admin", "ADMIN_TOKEN, made here and not shown again: " .. work.admin_token)
  end
  local url = work.variables.DOKPLOY_URL
  if url and images.is_loopback(of_url(url)) then
    results:warn("environment", url .. " is this machine; in the portal's container it is another",
      "run it again with --env DOKPLOY_URL=http://dokploy:3000")
  end
end

local function create_parts(work, results)
  for _, part in ipairs(order) do
    local found, message = parts[part](work)
    if not found then
      results:fail(part, tostring(message), corrections[part]
        or "run deployer doctor, then this again: what was created is kept")
      return false
    end
    results:ok(part, found)
    if part == "environment" then report_environment(work, results) end
  end
  return true
end

local function start(work, results)
  local given = work.given
  if not work.is_first or given["no-start"] then return results:status() end
  local image = image_of(work.application) or given.image
  local name = given.release or release.name_of(image)
  if not name then
    results:fail("release", "the image has no tag", "give --release, the name it shows at /ready")
    return results:status()
  end
  return rollout.run(results, { image = image, release = name }, given)
end

return command.define {
  help = help,
  options = {
    image = "text", domain = "text", env = "list", http = "flag", release = "text",
    ["no-start"] = "flag", url = "text", ["connect-to"] = "text", seconds = "number", name = "text",
  },
  required = { "image", "domain" },
  run = function(given)
    local name = given.name or "portal"
    local variables, message = variables_of(given)
    local _, fault = images.parse(given.image)
    if fault then message = ("--image %s: %s"):format(given.image, fault) end
    if not name:find("^%l[%l%d-]*$") then
      message = "--name takes lower-case letters, digits and hyphens"
    end
    if message then
      console.print(message)
      return 2
    end
    local results = report.new()
    local work = { name = name, given = given, variables = variables, results = results }
    if not create_parts(work, results) then return results:status() end
    return start(work, results)
  end,
}
