--- domain.*: the host names by which the proxy finds an application.
local database = require "rehearsal.database"
local errors = require "rehearsal.errors"
local json = require "core.json"
local proxy = require "rehearsal.proxy"
local rows = require "rehearsal.rows"
local version = require "rehearsal.version"

local procedures = {}

-- The columns that a domain is made and changed with, and `last`.
local function input_with(last)
  return {
    { "host", "string", pattern = "^%S.*%S$" },
    { "host", "string", pattern = "^[%w.-]+$", limits_new = true },
    { "path", "string", optional = true, nullable = true, min = 1 },
    { "port", "number", optional = true, nullable = true, coerce = "new", min = 1, max = 65535 },
    { "https stripPath", "boolean", optional = true },
    { "forwardAuthEnabled", "boolean", optional = true, new_only = true },
    { "certificateType", "choice", optional = true, values = "letsencrypt none custom" },
    { "domainType", "choice", optional = true, values = "application compose preview" },
    { "customCertResolver serviceName internalPath", "string", optional = true, nullable = true },
    { "customEntrypoint", "string", optional = true, nullable = true, new_only = true },
    { "middlewares", "array", optional = true, nullable = true, new_only = true },
    last,
  }
end

-- Routes at once, without a deployment. An unknown application is 400, not 404.
procedures["POST domain.create"] = {
  input = input_with { "applicationId", "string", optional = true, nullable = true },
  run = function(input)
    if input.applicationId == json.null then input.applicationId = nil end
    if input.applicationId and not database.get("application", input.applicationId) then
      errors.bad(version.is_new() and errors.failed_insert("domain", input)
        or "Application not found")
    end
    input.uniqueConfigKey = database.next_number()
    local domain = rows.insert("domain", input)
    proxy.write(domain)
    return rows.show(domain)
  end,
}

local function with_application(domain)
  local application = database.get("application", domain.applicationId)
  if not application then return rows.show(domain, { application = json.null }) end
  local shown = version.is_new() and rows.pick(application, "applicationId appName name")
    or rows.show(application)
  return rows.show(domain, { application = shown })
end

procedures["GET domain.byApplicationId"] = {
  input = { { "applicationId", "string" } },
  run = function(input)
    if not version.is_new() then errors.find("application", input.applicationId) end
    local found = database.list("domain", { applicationId = input.applicationId })
    return rows.list(found, with_application)
  end,
}

-- There are no services of this kind; an unknown id has no domains either.
procedures["GET domain.byComposeId"] = {
  new_only = true,
  input = { { "composeId", "string", min = 1 } },
  run = function() return json.array {} end,
}

-- Every domain, with the service that has it (packages/server/src/services/overview.ts).
procedures["GET overview.domains"] = {
  new_only = true,
  run = function()
    return rows.list(database.list "domain", function(domain)
      local application = database.get("application", domain.applicationId)
      local environment = application and database.get("environment", application.environmentId)
      local project = environment and database.get("project", environment.projectId)
      if not project then return nil end
      local shown = rows.pick(domain, "domainId host path port customEntrypoint https "
        .. "certificateType createdAt enabled domainType")
      shown.serviceOwnerId, shown.serviceOwnerType = application.applicationId, "application"
      shown.serviceName = application.name
      shown.projectId, shown.projectName = project.projectId, project.name
      shown.environmentId, shown.environmentName = environment.environmentId, environment.name
      return shown
    end)
  end,
}

procedures["POST domain.update"] = {
  input = input_with { "domainId", "string" },
  run = function(input)
    local domain = errors.find("domain", input.domainId)
    database.update(domain, input)
    proxy.write(domain)
    return rows.show(domain)
  end,
}

procedures["POST domain.delete"] = {
  input = { { "domainId", "string" } },
  run = function(input)
    local domain = errors.find("domain", input.domainId)
    proxy.remove(domain)
    database.delete(domain)
    return rows.show(domain)
  end,
}

return procedures
