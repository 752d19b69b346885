--- The names by which the "name" of a fault rule can select a call: those of the project, of the
--- application, and the first label of a host.
local database = require "rehearsal.database"

local subjects = {}

local links = {
  projectId = "project", environmentId = "environment", applicationId = "application",
  serviceId = "application", deploymentId = "deployment", domainId = "domain", mountId = "mount",
}

--- The first label of a host name.
---@param host string
---@return string
function subjects.label(host)
  return host:match "^[^.]*"
end

-- Adds the names in `fields`, and those of the objects that its ids identify.
local function collect(names, fields, seen)
  if not fields or seen[fields] then return names end
  seen[fields] = true
  for _, column in ipairs { "name", "appName", "q" } do
    local name = fields[column]
    if type(name) == "string" then names[name] = true end
  end
  if type(fields.host) == "string" then names[subjects.label(fields.host)] = true end
  for column, kind in pairs(links) do
    local object = database.get(kind, fields[column])
    collect(names, object, seen)
    if object and kind == "application" then
      local domain = database.find("domain", { applicationId = object.applicationId })
      collect(names, domain, seen)
    end
  end
  return names
end

--- Everything that an input, an application or a host may be called.
---@param fields table  the input of a procedure, an object, or { host = "..." }
---@return table<string, true>
function subjects.of(fields)
  local application = fields.appName and database.find("application", { appName = fields.appName })
  return collect(collect({}, fields, {}), application, {})
end

return subjects
