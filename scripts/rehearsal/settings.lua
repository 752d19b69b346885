--- settings.*: which Dokploy this is, and how it is
local errors = require "rehearsal.errors"
local json = require "core.json"
local model = require "rehearsal.model"
local procedures = require "rehearsal.procedures"
local rows = require "rehearsal.rows"
local v = require "rehearsal.validate"
local version = require "rehearsal.version"

local settings = {}

local null = json.null
local made_at = model.now()

--- { status = "ok" }, or what the older version says, which asks no database.
function settings.health()
  return { status = version.new() and "ok" or "not_cloud" }
end

procedures.query("settings.health", {}, settings.health)

procedures.query("settings.getDokployVersion", {}, function()
  return "v" .. version.name()
end)

procedures.query("settings.getReleaseTag", {}, function()
  return "latest"
end)

procedures.query("settings.isCloud", {}, function()
  return false
end)

procedures.query("settings.getIp", {}, function()
  return ""
end)

procedures.query("settings.checkInfrastructureHealth", {}, function()
  local function none(service)
    return { status = "unhealthy", message = ("(HTTP code 404) no such service - service %s not found "):format(service) }
  end
  return { postgres = none "dokploy-postgres", traefik = none "dokploy-traefik" }
end, { new = true })

local function newer_web_settings()
  local white = {}
  for name in ("appName docsUrl logoUrl customCss metaTitle faviconUrl footerText supportUrl loginLogoUrl appDescription errorPageTitle "
    .. "errorPageDescription"):gmatch "%S+" do white[name] = null end
  return { whitelabelingConfig = white, remoteServersOnly = false, buildsConcurrency = 1, enforceSSO = false }
end

procedures.query("settings.getWebServerSettings", {}, function()
  local shown = {
    id = "rehearsal", serverIp = null, certificateType = "none", https = false, host = null, letsEncryptEmail = null, sshPrivateKey = null,
    enableDockerCleanup = false, logCleanupCron = "0 0 * * *", metricsConfig = rows.metrics "Dokploy", cleanupCacheApplications = false,
    cleanupCacheOnPreviews = false, cleanupCacheOnCompose = false, createdAt = made_at, updatedAt = made_at,
  }
  for name, value in pairs(version.new() and newer_web_settings() or {}) do shown[name] = value end
  return shown
end)

procedures.mutation("settings.updateDockerCleanup", { enableDockerCleanup = v.flag {} }, function(_, who)
  if who.role ~= "owner" then errors.raise("UNAUTHORIZED", "UNAUTHORIZED") end
  return true
end)

-- What can be called here; the real document also describes inputs, and many procedures more.
procedures.query("settings.getOpenApiDocument", {}, function()
  local paths = {}
  for _, name in ipairs(procedures.names()) do
    local procedure = procedures.get(name)
    if version.new() or not procedure.new then paths["/" .. name] = { [procedure.method:lower()] = { operationId = name } } end
  end
  return {
    openapi = version.new() and "3.1.0" or "3.0.3", paths = paths, tags = json.array {}, servers = json.array { { url = "/api" } },
    info = { title = "Dokploy API", description = "A rehearsal of it", version = version.new() and "v" .. version.name() or "1.0.0" },
    components = { securitySchemes = { apiKey = { type = "apiKey", ["in"] = "header", name = "x-api-key" } } },
    externalDocs = { url = "/__rehearsal/state" }, security = json.array { { apiKey = json.array {} } },
  }
end)

return settings
