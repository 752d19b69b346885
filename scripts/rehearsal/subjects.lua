--- The names by which the "name" of a fault rule can select a call: those of the project, of the
--- application, and the first label of the host. Each function returns a set { [name] = true }.
local database = require "rehearsal.database"

local subjects = {}

local function add(names, name)
  if type(name) == "string" then names[name] = true end
end

local function add_environment(names, id)
  local environment = database.get("environment", id)
  local project = environment and database.get("project", environment.projectId)
  if project then add(names, project.name) end
end

local function add_application(names, application)
  add(names, application.name)
  add(names, application.appName)
  add_environment(names, application.environmentId)
  local domains = database.list("domain", { applicationId = application.applicationId })
  for _, domain in ipairs(domains) do add(names, subjects.label(domain.host)) end
end

--- The first label of a host name.
---@param host string
---@return string
function subjects.label(host)
  return host:match "^[^.]+"
end

---@return table<string, true>
function subjects.of_application(application)
  local names = {}
  add_application(names, application)
  return names
end

---@return table<string, true>
function subjects.of_host(host)
  return { [subjects.label(host) or ""] = true }
end

local function application_of(input)
  local id = input.applicationId or input.serviceId
  for field, kind in pairs { deploymentId = "deployment", domainId = "domain", mountId = "mount" } do
    local object = database.get(kind, input[field])
    if object then id = object.applicationId end
  end
  return database.get("application", id)
    or input.appName and database.find("application", { appName = input.appName })
end

--- Everything that a procedure's input may be about.
---@param input table
---@return table<string, true>
function subjects.of_input(input)
  local names = {}
  add(names, input.name)
  add(names, input.appName)
  add(names, input.q)
  if type(input.host) == "string" then add(names, subjects.label(input.host)) end
  local project = database.get("project", input.projectId)
  if project then add(names, project.name) end
  add_environment(names, input.environmentId)
  local application = application_of(input)
  if application then add_application(names, application) end
  return names
end

return subjects
