--- application.*: making, showing, finding, deleting
local errors = require "rehearsal.errors"
local json = require "core.json"
local model = require "rehearsal.model"
local procedures = require "rehearsal.procedures"
local rights = require "rehearsal.rights"
local rows = require "rehearsal.rows"
local search = require "rehearsal.search"
local swarm = require "rehearsal.swarm"
local v = require "rehearsal.validate"
local version = require "rehearsal.version"
local worker = require "rehearsal.worker"

local application = {}

application.by_id = { applicationId = v.text { min_new = 1 } }

--- The application; a 404 when there is none.
function application.find(id)
  return model.get("application", id) or errors.not_found "Application"
end

local function rows_of(kind, id)
  return rows.list(model.list(kind, { applicationId = id }), rows.show)
end

--- The whole application with all that hangs on it, as application.one and its like show it.
function application.whole(found, fields)
  local id, null, none = found.applicationId, json.null, json.array
  local environment = model.get("environment", found.environmentId)
  local server = found.serverId ~= null and model.get("server", found.serverId)
  local shown = rows.show(found, {
    environment = rows.show(environment, { project = rows.show(model.get("project", environment.projectId)) }),
    domains = rows_of("domain", id), deployments = rows_of("deployment", id), mounts = rows_of("mount", id),
    redirects = none {}, security = none {}, ports = none {}, previewDeployments = none {}, gitlab = null, github = null, bitbucket = null,
    gitea = null, registry = null, buildRegistry = null, rollbackRegistry = null, server = server and rows.show(server) or null,
  })
  for name, value in pairs(fields or {}) do shown[name] = value end
  return shown
end

local verbs = { "bypass", "copy", "input", "index", "calculate", "override" }
local adjectives = { "mobile", "primary", "neural", "solid-state", "online", "virtual" }
local nouns = { "system", "pixel", "transmitter", "bus", "feed", "panel" }

local function pick(list)
  return list[math.random(#list)]
end

-- The name in Docker: what was asked for and a random end, always.
local function app_name(asked)
  if not asked or asked == "" then asked = ("app-%s-%s-%s"):format(pick(verbs), pick(adjectives), pick(nouns)) end
  return asked:lower():gsub("%s+", "-") .. "-" .. model.letters(6)
end

-- The double has other servers only in name.
local function check_server(id)
  if id == nil or id == json.null or model.get("server", id) then return end
  if version.new() and id ~= "" then errors.raise("UNAUTHORIZED", "You are not authorized to access this server") end
  errors.bad "Error creating the application"
end

local create_input = {
  name = v.text { min = 1 },
  appName = v.text { optional = true, min_new = 1, max_new = 63,
    pattern = { "^[%w._-]+$", "/^[a-zA-Z0-9._-]+$/", "App name can only contain letters, numbers, dots, underscores and hyphens" } },
  description = v.text { optional = true, null = true },
  environmentId = v.text {},
  serverId = v.text { optional = true, null = true },
}

procedures.mutation("application.create", create_input, function(input, who)
  local environment = model.get("environment", input.environmentId) or errors.not_found "Environment"
  rights.need(who, "canCreateServices", "service")
  rights.project(who, environment.projectId)
  check_server(input.serverId)
  local made = model.new("application", rows.application {
    name = input.name, appName = app_name(input.appName), description = input.description, environmentId = input.environmentId,
    serverId = input.serverId,
  })
  rights.grant(who, "accessedServices", made.applicationId)
  return rows.show(made)
end)

procedures.query("application.one", application.by_id, function(input, who)
  rights.service(who, input.applicationId)
  return application.whole(application.find(input.applicationId), { hasGitProviderAccess = true, unauthorizedProvider = json.null })
end)

local function delete_rows(found)
  for _, kind in ipairs { "domain", "mount", "deployment" } do
    for _, row in ipairs(model.list(kind, { applicationId = found.applicationId })) do model.delete(row) end
  end
  model.delete(found)
end

-- The service, Traefik's file and waiting jobs go too; volumes stay. A deployment that runs goes on, and makes its service afterwards.
procedures.mutation("application.delete", application.by_id, function(input, who)
  rights.need(who, "canDeleteServices", "service")
  local found = application.find(input.applicationId)
  local shown = application.whole(found)
  worker.forget(found.applicationId)
  delete_rows(found)
  swarm.remove(found.appName)
  for _, route in ipairs(model.list("route", { appName = found.appName })) do model.delete(route) end
  return shown
end)

local searched = { "name", "appName", "description", "repository", "owner", "dockerImage" }
local search_input = search.input(searched)
search_input.projectId = v.text { optional = true }
search_input.environmentId = v.text { optional = true }

local function project_of(found)
  local environment = model.get("environment", found.environmentId)
  return environment and environment.projectId
end

-- It asks even the owner's list of services, which loses entries when creates run side by side.
procedures.query("application.search", search_input, function(input, who)
  local all = model.newest("application", { environmentId = input.environmentId })
  local function show(found)
    return rows.pick(found, "applicationId name appName description environmentId applicationStatus sourceType createdAt")
  end
  return search.run(all, input, searched, show, function(found)
    if input.projectId and project_of(found) ~= input.projectId then return false end
    return rights.listed(who, "accessedServices", found.applicationId)
  end)
end, { new = true })

local move_input = { applicationId = v.text {}, targetEnvironmentId = v.text {} }

procedures.mutation("application.move", move_input, function(input)
  local found = model.get("application", input.applicationId)
  if not found and version.new() then errors.raise("INTERNAL_SERVER_ERROR", "Failed to move application") end
  found = application.find(input.applicationId)
  if not model.get("environment", input.targetEnvironmentId) then errors.not_found "Environment" end
  found.environmentId = input.targetEnvironmentId
  model.touch(found)
  return rows.show(found)
end)

return application
