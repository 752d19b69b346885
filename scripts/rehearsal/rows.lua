--- How objects look: what a new one holds, and which of its fields the played version shows.
local json = require "core.json"
local model = require "rehearsal.model"
local version = require "rehearsal.version"

local rows = {}

local null = json.null

local function words(text)
  local list = {}
  for word in text:gmatch "%S+" do list[#list + 1] = word end
  return list
end

--- Columns of an application that begin as null.
local empty_application = words [[
  description env previewEnv watchPaths previewBuildArgs previewBuildSecrets previewLabels previewWildcard previewCustomCertResolver
  buildArgs buildSecrets memoryReservation memoryLimit cpuReservation cpuLimit title enabled subtitle command args icon
  repository owner branch gitlabProjectId gitlabRepository gitlabOwner gitlabBranch gitlabPathNamespace
  giteaRepository giteaOwner giteaBranch bitbucketRepository bitbucketRepositorySlug bitbucketOwner bitbucketBranch
  username password dockerImage registryUrl customGitUrl customGitBranch customGitBuildPath customGitSSHKeyId
  dockerContextPath dockerBuildStage dropBuildPath healthCheckSwarm restartPolicySwarm placementSwarm updateConfigSwarm
  rollbackConfigSwarm modeSwarm labelsSwarm networkSwarm stopGracePeriodSwarm endpointSpecSwarm ulimitsSwarm
  publishDirectory isStaticSpa registryId rollbackRegistryId githubId gitlabId giteaId bitbucketId serverId buildServerId buildRegistryId
]]

local function with(row, fields)
  for name, value in pairs(fields) do row[name] = value end
  return row
end

local function nulls(names)
  local row = {}
  for _, name in ipairs(names) do row[name] = null end
  return row
end

function rows.application(fields)
  local row = with(nulls(empty_application), {
    previewPort = 3000, previewHttps = false, previewPath = "/", previewCertificateType = "none", previewLimit = 3,
    isPreviewDeploymentsActive = false, previewRequireCollaboratorPermissions = true, rollbackActive = false,
    refreshToken = model.id(), sourceType = "github", cleanCache = false, buildPath = "/", triggerType = "push", autoDeploy = true,
    gitlabBuildPath = "/", giteaBuildPath = "/", bitbucketBuildPath = "/", enableSubmodules = false,
    dockerfile = version.new() and "Dockerfile" or null, replicas = 1, applicationStatus = "idle", buildType = "nixpacks",
    railpackVersion = "0.15.4", herokuVersion = "24", createEnvFile = true, createdAt = model.now(),
    networkIds = json.array {}, detachDokployNetwork = false,
  })
  return with(row, fields)
end

function rows.project(fields)
  return with({ description = null, env = "", createdAt = model.now() }, fields)
end

function rows.environment(fields)
  return with({ description = null, env = "", createdAt = model.now(), isDefault = false }, fields)
end

function rows.domain(fields)
  return with({
    https = false, port = 3000, customEntrypoint = null, path = "/", serviceName = null, domainType = "application",
    createdAt = model.now(), composeId = null, customCertResolver = null, applicationId = null, previewDeploymentId = null,
    certificateType = "none", internalPath = "/", stripPath = false, middlewares = json.array {}, forwardAuthEnabled = false,
    enabled = true,
  }, fields)
end

function rows.mount(fields)
  local row = nulls(words "hostPath volumeName filePath content composeId libsqlId mariadbId mongoId mysqlId postgresId redisId")
  return with(row, fields)
end

function rows.deployment(fields)
  local row = nulls(words [[pid composeId serverId previewDeploymentId finishedAt errorMessage scheduleId backupId rollbackId volumeBackupId
    buildServerId]])
  local now = model.now()
  return with(with(row, { status = "running", isPreviewDeployment = false, createdAt = now, startedAt = now }), fields)
end

function rows.server(fields)
  return with({
    description = "", serverStatus = "active", command = "", createdAt = model.now(), enableDockerCleanup = version.new(),
    buildsConcurrency = 1,
    metricsConfig = rows.metrics "Remote",
  }, fields)
end

function rows.metrics(kind)
  return {
    server = { port = 4500, type = kind, token = "", cronJob = "", thresholds = { cpu = 0, memory = 0 }, refreshRate = 60, urlCallback = "",
      retentionDays = 2 },
    containers = { services = { exclude = json.array {}, include = json.array {} }, refreshRate = 60 },
  }
end

--- What 0.26.5 did not have yet.
local younger = {
  application = { "icon", "bitbucketRepositorySlug", "ulimitsSwarm", "networkIds", "detachDokployNetwork" },
  domain = { "customEntrypoint", "middlewares", "forwardAuthEnabled", "enabled" },
  mount = { "libsqlId" },
  server = { "buildsConcurrency" },
}

--- A copy of an object without the double's own fields, and with `fields` added.
function rows.show(object, fields)
  local shown = {}
  for name, value in pairs(object) do
    if name:sub(1, 1) ~= "_" then shown[name] = value end
  end
  for _, name in ipairs(not version.new() and younger[object._kind] or {}) do shown[name] = nil end
  return with(shown, fields or {})
end

--- A copy of some fields.
function rows.pick(object, names)
  local shown = {}
  for _, name in ipairs(words(names)) do shown[name] = object[name] end
  return shown
end

--- A list as JSON, each item through `show`.
function rows.list(objects, show)
  local shown = json.array {}
  for i, object in ipairs(objects) do shown[i] = show(object) end
  return shown
end

--- The empty lists of services that the double does not have.
function rows.no_services()
  local lists = {}
  for _, name in ipairs(words "mariadb mongo mysql postgres redis compose") do lists[name] = json.array {} end
  if version.new() then lists.libsql = json.array {} end
  return lists
end

return rows
