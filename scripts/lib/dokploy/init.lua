--- Dokploy's API as this portal needs it: one function a procedure, with the input that every
--- version from 0.26.5 on takes (all fields, always) and only what is needed of the answer.
--- Functions return their result, or nil, message, code, info as in lib/dokploy/call.lua.
---
---   local quick = dokploy.client { tries = 2 }        -- fails fast while Dokploy is in trouble
---   local patient = dokploy.client { patient = true } -- waits out an outage
---   local project = patient:project_create("blue", "what it is")
local config = require "core.config"
local shared = require "core.shared"
local counts = require "lib.base.counts"
local image = require "lib.base.image"
local call = require "lib.dokploy.call"
local versions = require "lib.dokploy.version"

local dokploy = {}
local Client = {}
Client.__index = Client

---@param options { patient: boolean|nil, tries: integer|nil, wanted: (fun(): boolean)|nil,
--- waits: function|nil, secret_names: string[]|nil }  see call.run
function dokploy.client(options) return setmetatable(options or {}, Client) end

--- What is known of the server, without waiting.
---@return { reachable: boolean|nil, version: string|nil, at: number|nil, message: string|nil,
--- denied: string|nil }  denied: the procedure that the portal's key may not call
function dokploy.last()
  return {
    reachable = shared.get "dokploy.reachable", version = shared.get "dokploy.version",
    at = shared.get "dokploy.at", message = shared.get "dokploy.message",
    denied = shared.get "dokploy.denied",
  }
end

-- Shapes: the wanted part of an answer, or nil when it is not as expected

local function text(value) return type(value) == "string" and value ~= "" and value or nil end

local function list(value) return type(value) == "table" and value or nil end

local function object(key)
  return function(value) return list(value) and text(value[key]) and value end
end

-- Saves and deletes answer true, the object, or nothing at all.
local function done(value)
  return (value == nil or value == true or type(value) == "table") and true or nil
end

-- A list of objects. (An empty table may have been [] or {}.)
local function objects(value)
  if not list(value) or (#value == 0 and next(value) ~= nil) then return nil end
  for _, row in ipairs(value) do
    if not list(row) then return nil end
  end
  return value
end

-- A list of objects that each have an id under `key`.
local function rows(key)
  return function(value)
    for _, row in ipairs(objects(value) or { {} }) do
      if not text(row[key]) then return nil end
    end
    return value
  end
end

-- The same, where the list itself may be missing; null is userdata.
local function maybe(shape)
  return function(value)
    return value == nil or type(value) == "userdata" or shape(value) ~= nil
  end
end

local has_applications, has_mounts = maybe(rows "applicationId"), maybe(rows "mountId")

local function whole_project(value)
  if not object "projectId"(value) or not objects(value.environments) then return nil end
  for _, environment in ipairs(value.environments) do
    if not has_applications(environment.applications) then return nil end
  end
  return value
end

local function whole_application(value)
  return object "applicationId"(value) and has_mounts(value.mounts) and value or nil
end

-- The four kinds of calls

local MISSING_SECONDS = 30 -- how long a call that this Dokploy does not have is not tried again

local function run(client, request)
  local missing, reason = "dokploy.missing." .. request.procedure,
    "this Dokploy has no " .. request.procedure
  if shared.get(missing) then return nil, reason, "no_such_call", {} end
  local value, message, code, info = call.run(client, request)
  if code ~= "no_such_call" then return value, message, code, info end
  shared.set(missing, true, MISSING_SECONDS)
  return nil, reason, code, info
end

local function ask(client, procedure, query, shape, max_body)
  local request = {
    procedure = procedure, query = query, shape = shape, repeatable = true, max_body = max_body,
  }
  return run(client, request)
end

local function save(client, procedure, body, more)
  local request = { procedure = procedure, body = body, shape = done, repeatable = true }
  for key, value in pairs(more or {}) do request[key] = value end
  return run(client, request)
end

-- Makes something; never repeated blindly.
local function make(client, procedure, body, shape)
  return run(client, { procedure = procedure, body = body, shape = shape })
end

-- Deletes something; "gone" when it was gone already.
local function remove(client, procedure, body)
  local value, message, code, info = save(client, procedure, body, { timeout = 30 })
  if code == "not_found" then return "gone" end
  return value, message, code, info
end

-- Simple calls

-- Reads with at most one argument: method -> procedure, the argument's name, the answer's shape.
local LARGE = 16 << 20 -- bytes of an answer
local reads = {
  -- with its environments and what is in them
  project_one = { "project.one", "projectId", whole_project },
  -- the whole row, with environment text, mounts and domains; holds secrets: never log it
  application_one = { "application.one", "applicationId", whole_application },
  domains = { "domain.byApplicationId", "applicationId", rows "domainId" },
  domains_of_compose = { "domain.byComposeId", "composeId", rows "domainId" },
  -- every domain, with its service (0.30.0 and later)
  all_domains = { "overview.domains", nil, rows "domainId", LARGE },
  -- Dokploy's own host, and more
  web_server = { "settings.getWebServerSettings", nil, list },
  -- newest first: {deploymentId, title, status, ...}, without those that still wait
  deployments = { "deployment.all", "applicationId", rows "deploymentId" },
  -- Dokploy's queue (0.28.3 and later): {data = {applicationId, titleLog}, state, ...}
  queue = { "deployment.queueList", nil, objects },
  -- Docker's networks as far as Dokploy knows them (0.30 and later)
  networks = { "network.all", nil, rows "networkId" },
  -- what Docker says of one: {Name, Containers = {ID = {Name}}}, of Dokploy's own machine
  network_inspect = { "network.inspect", "networkId", object "Name" },
  -- the tasks of a service, newest first: {name, state, currentState?, error?}; `state` is the
  -- desired one
  tasks = { "docker.getServiceContainersByAppName", "appName", objects },
  -- its containers on this machine, stopped ones too: {name, state, status}
  containers = { "docker.getContainersByAppNameMatch", "appName", objects },
}
for name, read in pairs(reads) do
  local procedure, argument, shape = read[1], read[2], read[3]
  counts.declare_call(procedure)
  Client[name] = function(self, value)
    return ask(self, procedure, argument and { [argument] = value }, shape, read[4])
  end
end

--- A service's tasks where Dokploy says how each is (0.27.0 and later), else its containers on this
--- machine, ended ones too; for lib/dokploy/containers.lua.
function Client:instances(app_name)
  local tasks, message, code, info = self:tasks(app_name)
  if not tasks then return nil, message, code, info end
  if tasks[1] and text(tasks[1].currentState) then return tasks end
  return self:containers(app_name)
end

-- Deletes: method -> procedure, the argument's name. Of a mount, the volume stays.
local deletes = {
  project_remove = { "project.remove", "projectId" },
  application_delete = { "application.delete", "applicationId" },
  domain_delete = { "domain.delete", "domainId" },
  mount_remove = { "mounts.remove", "mountId" },
}
for name, row in pairs(deletes) do
  counts.declare_call(row[1])
  Client[name] = function(self, id) return remove(self, row[1], { [row[2]] = id }) end
end

-- The others, so that each is counted from the start.
for _, procedure in ipairs {
  "application.cleanQueues", "application.create", "application.deploy",
  "application.readTraefikConfig", "application.reload", "application.saveDockerProvider",
  "application.saveEnvironment", "application.stop", "application.update",
  "application.updateTraefikConfig", "deployment.readLogs", "dockerVolume.removeVolume",
  "domain.create", "domain.update", "mounts.create", "network.create",
  "network.import", "project.all", "project.create", "project.search", "project.update",
  "settings.getDokployVersion",
} do
  counts.declare_call(procedure)
end

-- Any procedure, for steps of an installation

-- Its last answer; true when it was empty, as many are.
local function any_answer(value)
  if value == nil then return true end
  return value
end

-- Doing these twice does no harm.
local function is_repeatable(procedure)
  local verb = procedure:match "%.(%l+)[^.]*$"
  return verb == "update" or verb == "save" or verb == "remove" or verb == "delete"
end

--- Calls a procedure that changes something. Waits, and is sent again like every other call, but
--- not when it may have been done all the same: then info.unknown is true.
---@param procedure string  such as "application.update"
---@param body table|nil
---@param options { repeatable: boolean|nil, secret: boolean|nil, timeout: number|nil }|nil
--- repeatable: doing it twice does no harm, which holds for update, save, remove and delete anyway;
--- secret: the answer may hold a secret, so its message is not repeated
---@return any value  true when the answer was empty
---@return string? message, string? code, table? info
function Client:call(procedure, body, options)
  local request = { repeatable = is_repeatable(procedure) }
  for key, value in pairs(options or {}) do request[key] = value end
  request.procedure, request.body, request.shape = procedure, body or {}, any_answer
  return run(self, request)
end

--- Calls a procedure that only reads. Waits.
---@param procedure string  such as "application.one"
---@param query table<string, string|number>|nil
---@return any value, string? message, string? code, table? info
function Client:query(procedure, query) return ask(self, procedure, query, any_answer, LARGE) end

-- Projects

local function new_project(value)
  local project, environment = list(value) and value.project, list(value) and value.environment
  if not list(project) or not text(project.projectId) then return nil end
  if not list(environment) or not text(environment.environmentId) then return nil end
  return { id = project.projectId, environment = environment.environmentId }
end

---@return { id: string, environment: string }|nil
function Client:project_create(name, description)
  local body = { name = name, description = description, env = "" }
  return make(self, "project.create", body, new_project)
end

local function found_items(value) return list(value) and rows "projectId"(value.items) end

--- All projects at once, before 0.28.3 with all that is in them: 3 kB each.
function Client:every_project()
  return ask(self, "project.all", nil, rows "projectId", LARGE)
end

local PAGE = 100 -- projects at a time: the most that Dokploy gives

--- Every project whose description contains these words: { {projectId, description, ...}, ... }.
--- One that comes or goes while the pages are read may be missing, or be there twice.
function Client:projects_containing(words)
  local found, offset = {}, 0
  repeat
    local query = { description = words, limit = PAGE, offset = offset }
    local items, message, code, info = ask(self, "project.search", query, found_items)
    local is_old = code == "no_such_call"
    if is_old then items, message, code, info = self:every_project() end
    if not items then return nil, message, code, info end
    for _, row in ipairs(items) do
      local description = text(row.description)
      if description and description:find(words, 1, true) then found[#found + 1] = row end
    end
    offset = offset + #items
  until is_old or #items < PAGE
  return found
end

--- The projects whose description is exactly this, oldest first.
function Client:projects_described(description)
  local found, message, code, info = self:projects_containing(description)
  if not found then return nil, message, code, info end
  local exact = {}
  for _, row in ipairs(found) do
    if row.description == description then exact[#exact + 1] = row end
  end
  table.sort(exact, function(a, b) return tostring(a.createdAt) < tostring(b.createdAt) end)
  return exact
end

--- The default environment of what project_one returned; nil when it has none.
function dokploy.environment_of(project)
  for _, environment in ipairs(project.environments) do
    if environment.isDefault or environment.name == "production" then
      return text(environment.environmentId)
    end
  end
end

--- The applications in it, and how many services of other kinds there are.
function dokploy.services_of(project)
  local applications, others = {}, 0
  for _, environment in ipairs(project.environments) do
    for kind, services in pairs(environment) do
      local found = type(services) == "table" and #services or 0
      if kind ~= "applications" then others = others + found end
    end
    for _, application in ipairs(list(environment.applications) or {}) do
      application.appName = text(application.appName)
      applications[#applications + 1] = application
    end
  end
  return applications, others
end

-- Applications

local function new_application(value)
  if not object "applicationId"(value) or not text(value.appName) then return nil end
  return { id = value.applicationId, app_name = value.appName }
end

---@param new { name: string, app_name: string, description: string, environment: string }
---@return { id: string, app_name: string }|nil
function Client:application_create(new)
  return make(self, "application.create", {
    name = new.name, appName = new.app_name, description = new.description,
    environmentId = new.environment,
  }, new_application)
end

-- The login for an image: none, unless it is in the registry that the login is for. Dokploy's name
-- for Docker Hub is "".
local function login_for(name)
  local registry, parsed = config.stack.registry, image.parse(name)
  if not registry.username or not parsed or parsed.host ~= registry.url then return "", "", "" end
  return registry.username, config.secret "STACK_REGISTRY_PASSWORD" or "",
    registry.url ~= image.hub and registry.url or ""
end

--- Sets the image, with the login for its registry.
function Client:save_image(id, name)
  local username, password, url = login_for(name)
  return save(self, "application.saveDockerProvider", {
    applicationId = id, dockerImage = name,
    username = username, password = password, registryUrl = url,
  }, { secret = true })
end

--- Replaces the whole environment text.
function Client:save_environment(id, environment)
  return save(self, "application.saveEnvironment", {
    applicationId = id, env = environment, buildArgs = "", buildSecrets = "", createEnvFile = false,
  }, { secret = true })
end

---@param fields table  as application.update takes them; limits are texts
function Client:application_update(id, fields)
  local body = { applicationId = id }
  for key, value in pairs(fields) do body[key] = value end
  return save(self, "application.update", body)
end

--- Scales it to 0, slowly. Succeeds also when it failed: look at its containers.
function Client:application_stop(id)
  return save(self, "application.stop", { applicationId = id }, { timeout = 30 })
end

--- Applies what is stored, without a pull, and starts it if it was stopped.
function Client:application_reload(id, app_name)
  local body = { applicationId = id, appName = app_name }
  return save(self, "application.reload", body, { timeout = 30 })
end

--- Newer versions answer with the mount, older ones with true.
---@return { id: string|nil }|nil
function Client:mount_create(application, volume, path)
  return make(self, "mounts.create", {
    type = "volume", volumeName = volume, mountPath = path, serviceId = application,
    serviceType = "application",
  }, function(value)
    if value == true then return {} end
    return list(value) and text(value.mountId) and { id = value.mountId }
  end)
end

---@return { id: string }|nil
function Client:domain_create(application, host, port, https)
  return make(self, "domain.create", {
    host = host, path = "/", port = port, https = https,
    certificateType = https and "letsencrypt" or "none",
    applicationId = application, domainType = "application",
  }, function(value) return object "domainId"(value) and { id = value.domainId } end)
end

--- Changes fields of a domain; Dokploy writes its routers again.
---@param domain table  its row
---@param fields table
function Client:domain_update(domain, fields)
  local body = {
    domainId = domain.domainId, host = domain.host, path = domain.path, port = domain.port,
    https = domain.https, certificateType = domain.certificateType,
  }
  for key, value in pairs(fields) do body[key] = value end
  return save(self, "domain.update", body)
end

--- Traefik's file for an application.
---@return string|nil
function Client:traefik_config(id)
  return ask(self, "application.readTraefikConfig", { applicationId = id }, text)
end

--- Replaces it.
function Client:save_traefik_config(id, text_of_file)
  return save(self, "application.updateTraefikConfig",
    { applicationId = id, traefikConfig = text_of_file }, { secret = true })
end

-- Deployments

--- Only puts it into Dokploy's queue.
function Client:deploy(application, title)
  local body = { applicationId = application, title = title, description = "" }
  return make(self, "application.deploy", body, done)
end

--- Whether one of its deployments runs now; asked in another way when the first call fails.
---@return boolean|nil runs, string? message, string? code
function Client:is_deploying(application)
  local found, message, code, info = self:deployments(application)
  if not found then
    local whole = self:application_one(application)
    found = whole and rows "deploymentId"(whole.deployments)
  end
  if not found then return nil, message, code, info end
  for _, row in ipairs(found) do
    if row.status == "running" then return true end
  end
  return false
end

--- Takes the application's waiting deployments out of Dokploy's queue.
function Client:clean_queue(application)
  local body = { applicationId = application }
  local value, message, code, info = save(self, "application.cleanQueues", body)
  if code == "not_found" then return true end
  return value, message, code, info
end

--- A deployment's log so far (0.29.5 and later).
function Client:deployment_log(id)
  return ask(self, "deployment.readLogs", { deploymentId = id, tail = 10000 }, function(value)
    return value == nil and "" or type(value) == "string" and value
  end)
end

-- Networks, volumes and the server

--- Lets Dokploy know a network that Docker has; succeeds also where Docker has none (0.30 and
--- later).
function Client:network_import(name)
  return save(self, "network.import", { names = { name } })
end

--- An overlay network that containers can join by hand (0.30 and later).
---@return { id: string }|nil
function Client:network_create(name)
  return make(self, "network.create", {
    name = name, driver = "overlay", attachable = true, internal = false, enableIPv4 = true,
    enableIPv6 = false,
  }, function(value) return object "networkId"(value) and { id = value.networkId } end)
end

--- Removes a volume with all data in it (0.30 and later; else "no_such_call"). "in_use" while a
--- container holds it.
function Client:volume_remove(volume)
  local value, message, code, info = save(self, "dockerVolume.removeVolume",
    { volumeName = volume }, { tries = 1, lenient = true, done = "no such volume" })
  if (message or ""):lower():find("in use", 1, true) then code = "in_use" end
  return value, message, code, info
end

--- The server's version. Proves the network, the key and its database at once.
function Client:version()
  local version, message, code, info = ask(self, "settings.getDokployVersion", nil, text)
  if version then shared.set("dokploy.version", (version:gsub("^v", ""))) end
  return version, message, code, info
end

--- Whether the server is of this version or later. One whose version is unknown counts as new: it
--- drops fields that it does not know.
---@param oldest integer[]  such as { 0, 30, 0 }
---@return boolean
function Client:is_since(oldest)
  local version = versions.read(dokploy.last().version or self:version())
  return not version or not versions.is_older(version, oldest)
end

return dokploy
