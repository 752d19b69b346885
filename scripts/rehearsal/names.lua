--- The names by which a fault rule can mean one stack: of its project, of its application, and the first part of its host.
local model = require "rehearsal.model"

local names = {}

local function add(list, name)
  if type(name) == "string" then list[name] = true end
end

local function add_project(list, id)
  local project = type(id) == "string" and model.get("project", id)
  if project then add(list, project.name) end
end

local function add_environment(list, id)
  local environment = type(id) == "string" and model.get("environment", id)
  if environment then add_project(list, environment.projectId) end
end

local function add_application(list, application)
  add(list, application.name)
  add(list, application.appName)
  add_environment(list, application.environmentId)
  for _, domain in ipairs(model.list("domain", { applicationId = application.applicationId })) do add(list, names.of_host(domain.host)) end
end

function names.of_host(host)
  return host:match "^[^.]+"
end

function names.of_application(application)
  local list = {}
  add_application(list, application)
  return list
end

-- The application that an input is about, by whatever field says so.
local function application_of(input)
  local id = input.applicationId or input.serviceId or input.id
  for field, kind in pairs { deploymentId = "deployment", domainId = "domain", mountId = "mount" } do
    local object = type(input[field]) == "string" and model.get(kind, input[field])
    if object then id = object.applicationId end
  end
  if type(id) == "string" then return model.get("application", id) end
  return type(input.appName) == "string" and model.find("application", { appName = input.appName }) or nil
end

--- All names that an input of a procedure may be about.
function names.of_input(input)
  local list = {}
  add(list, input.name)
  add(list, input.appName)
  add(list, input.q)
  if type(input.host) == "string" then add(list, names.of_host(input.host)) end
  add_project(list, input.projectId)
  add_environment(list, input.environmentId)
  local application = application_of(input)
  if application then add_application(list, application) end
  return list
end

return names
