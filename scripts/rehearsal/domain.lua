--- domain.*
local errors = require "rehearsal.errors"
local json = require "core.json"
local model = require "rehearsal.model"
local procedures = require "rehearsal.procedures"
local rights = require "rehearsal.rights"
local rows = require "rehearsal.rows"
local traefik = require "rehearsal.traefik"
local v = require "rehearsal.validate"
local version = require "rehearsal.version"

local function host_trouble(host, newer)
  if host:find "^%s" or host:find "%s$" then return "Domain name cannot have leading or trailing spaces" end
  if newer and not host:find "^[%w.-]+$" then
    return "Invalid domain name. Use only letters, numbers, hyphens and dots (e.g. example.com). Underscores are not allowed."
  end
end

local certificate_types = { "letsencrypt", "none", "custom" }

-- The fields that a domain is made and changed with.
local function fields(more)
  local input = {
    host = v.text { min = 1, min_message = "Add a hostname", refine = host_trouble },
    path = v.text { optional = true, null = true, min = 1 },
    port = v.number { optional = true, null = true, coerce = "new", min = 1, max = 65535, min_message = "Port must be at least 1",
      max_message = "Port must be 65535 or below" },
    customEntrypoint = v.text { optional = true, null = true, new = true },
    https = v.flag { optional = true },
    certificateType = v.choice { optional = true, values = certificate_types },
    customCertResolver = v.text { optional = true, null = true },
    serviceName = v.text { optional = true, null = true },
    domainType = v.choice { optional = true, null = true, values = { "application", "compose", "preview" } },
    internalPath = v.text { optional = true, null = true },
    stripPath = v.flag { optional = true },
    middlewares = v.list { optional = true, null = true, new = true },
    forwardAuthEnabled = v.flag { optional = true, new = true },
  }
  for name, spec in pairs(more) do input[name] = spec end
  return input
end

local columns = [[domainId host https port customEntrypoint path serviceName domainType uniqueConfigKey createdAt composeId
  customCertResolver applicationId previewDeploymentId certificateType internalPath stripPath middlewares forwardAuthEnabled enabled]]

-- An application that does not exist: 400, not 404, and in the newer version with the statement.
local function no_such_application(input)
  if not version.new() then errors.bad "Application not found" end
  local row = { domainId = model.id(), createdAt = model.now() }
  for name, value in pairs(input) do row[name] = value end
  errors.bad(errors.failed_insert("domain", columns, row))
end

local function check_right(who, application_id)
  if version.new() and application_id and not rights.sees(who, "accessedServices", application_id) then
    errors.bad "You don't have access to this service"
  end
end

procedures.mutation("domain.create", fields { applicationId = v.text { optional = true, null = true } }, function(input, who)
  local id = input.applicationId ~= json.null and input.applicationId or nil
  check_right(who, id)
  local key = model.count "uniqueConfigKey" -- the series goes on when an insert fails
  if id and not model.get("application", id) then no_such_application(input) end
  local row = rows.domain(input)
  row.uniqueConfigKey = key
  local domain = model.new("domain", row)
  traefik.write(domain)
  return rows.show(domain)
end)

local by_id = { domainId = v.text {} }

local function find(id)
  return model.get("domain", id) or errors.not_found "Domain"
end

local function with_application(domain)
  local application = domain.applicationId ~= json.null and model.get("application", domain.applicationId)
  if not application then return rows.show(domain, { application = json.null }) end
  local shown = version.new() and rows.pick(application, "applicationId appName name") or rows.show(application)
  return rows.show(domain, { application = shown })
end

procedures.query("domain.one", by_id, function(input)
  return with_application(find(input.domainId))
end)

procedures.query("domain.byApplicationId", { applicationId = v.text {} }, function(input)
  if not version.new() and not model.get("application", input.applicationId) then errors.not_found "Application" end
  return rows.list(model.list("domain", { applicationId = input.applicationId }), with_application)
end)

procedures.mutation("domain.update", fields { domainId = v.text {}, enabled = v.flag { optional = true, new = true } }, function(input)
  local domain = find(input.domainId)
  for name, value in pairs(input) do domain[name] = value end
  traefik.write(domain)
  model.touch(domain)
  return rows.show(domain)
end)

procedures.mutation("domain.toggleEnable", by_id, function(input)
  local domain = find(input.domainId)
  domain.enabled = not domain.enabled
  traefik.write(domain)
  model.touch(domain)
  return rows.show(domain, { requiresRedeploy = false })
end, { new = true })

procedures.mutation("domain.delete", by_id, function(input)
  local domain = find(input.domainId)
  traefik.remove(domain)
  model.delete(domain)
  return rows.show(domain)
end)

procedures.mutation("domain.generateDomain", { appName = v.text { min = 1 }, serverId = v.text { optional = true } }, function(input)
  local start = ("%s-%s"):format(input.appName, model.letters(6))
  return version.new() and start .. "-127-0-0-1.sslip.io" or start .. ".traefik.me"
end)

-- There is no DNS here, so no host has an address.
procedures.mutation("domain.validateDomain", { domain = v.text {}, serverIp = v.text { optional = true } }, function(input)
  return { isValid = false, error = "queryA ENOTFOUND " .. input.domain }
end)

return true
