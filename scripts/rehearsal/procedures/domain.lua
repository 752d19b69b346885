--- domain.*: the host names by which the proxy finds an application.
local database = require "rehearsal.database"
local errors = require "rehearsal.errors"
local json = require "core.json"
local proxy = require "rehearsal.proxy"
local rows = require "rehearsal.rows"
local version = require "rehearsal.version"

local procedures = {}

local function host_problem(host, is_new)
  if host:find "^%s" or host:find "%s$" then
    return "Domain name cannot have leading or trailing spaces"
  end
  if is_new and not host:find "^[%w.-]+$" then
    return "Invalid domain name. Use only letters, numbers, hyphens and dots (e.g. example.com)."
      .. " Underscores are not allowed."
  end
end

-- The columns that a domain is made and changed with, and `last`.
local function input_with(last)
  return {
    { "host", "string", min = 1, min_message = "Add a hostname", refine = host_problem },
    { "path", "string", optional = true, nullable = true, min = 1 },
    { "port", "number", optional = true, nullable = true, coerce = "new", min = 1, max = 65535,
      min_message = "Port must be at least 1", max_message = "Port must be 65535 or below" },
    { "customEntrypoint", "string", optional = true, nullable = true, new_only = true },
    { "https", "boolean", optional = true },
    { "certificateType", "choice", optional = true, values = { "letsencrypt", "none", "custom" } },
    { "customCertResolver", "string", optional = true, nullable = true },
    { "serviceName", "string", optional = true, nullable = true },
    { "domainType", "choice", optional = true, nullable = true,
      values = { "application", "compose", "preview" } },
    { "internalPath", "string", optional = true, nullable = true },
    { "stripPath", "boolean", optional = true },
    { "middlewares", "array", optional = true, nullable = true, new_only = true },
    { "forwardAuthEnabled", "boolean", optional = true, new_only = true },
    last,
  }
end

-- 400, not 404, and in the newer version with the statement.
local function refuse_unknown_application(input)
  if not version.is_new() then errors.bad "Application not found" end
  local columns = [[domainId host https port customEntrypoint path serviceName domainType
    uniqueConfigKey createdAt composeId customCertResolver applicationId previewDeploymentId
    certificateType internalPath stripPath middlewares forwardAuthEnabled enabled]]
  input.domainId, input.createdAt = database.id(), database.now()
  errors.bad(errors.failed_insert("domain", columns, input))
end

-- Routes at once, without a deployment.
procedures["POST domain.create"] = {
  input = input_with { "applicationId", "string", optional = true, nullable = true },
  run = function(input)
    local number = database.next_number "uniqueConfigKey" -- counted also when the insert fails
    if input.applicationId == json.null then input.applicationId = nil end
    if input.applicationId and not database.get("application", input.applicationId) then
      refuse_unknown_application(input)
    end
    input.uniqueConfigKey = number
    local domain = database.insert("domain", rows.domain(input))
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
