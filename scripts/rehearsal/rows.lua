--- The rows that Dokploy answers with: what a new object holds, and which of its columns the
--- imitated version shows.
local clock = require "rehearsal.clock"
local database = require "rehearsal.database"
local json = require "core.json"
local version = require "rehearsal.version"
local words = require "rehearsal.words"

local rows = {
  organization_id = "rehearsal-organization", -- there is one
}

--- Columns that begin as null. An application is made of a Docker image; the real row has some
--- fifty columns more, for other sources.
local nulls = {
  project = "description",
  environment = "description",
  application = [[description env buildArgs buildSecrets memoryReservation memoryLimit
    cpuReservation cpuLimit command args username password dockerImage registryUrl serverId
    healthCheckSwarm restartPolicySwarm placementSwarm updateConfigSwarm rollbackConfigSwarm
    modeSwarm labelsSwarm networkSwarm stopGracePeriodSwarm ulimitsSwarm]],
  domain = [[customEntrypoint serviceName composeId customCertResolver previewDeploymentId
    applicationId]],
  mount = [[hostPath volumeName filePath content composeId libsqlId mariadbId mongoId mysqlId
    postgresId redisId]],
  deployment = [[pid composeId serverId previewDeploymentId finishedAt errorMessage scheduleId
    backupId rollbackId volumeBackupId buildServerId]],
  server = "",
  network = "mtu serverId",
}

--- Columns that begin with another value.
local defaults = {
  project = { env = "" },
  environment = { env = "" },
  application = {
    sourceType = "github", applicationStatus = "idle", replicas = 1, autoDeploy = true,
    createEnvFile = true, networkIds = json.array {}, detachDokployNetwork = false,
  },
  domain = {
    https = false, port = 3000, path = "/", domainType = "application", certificateType = "none",
    internalPath = "/", stripPath = false, middlewares = json.array {}, forwardAuthEnabled = false,
    enabled = true,
  },
  mount = { serviceType = "application" },
  deployment = { status = "running", isPreviewDeployment = false },
  server = { serverStatus = "active", command = "", buildsConcurrency = 1, metricsConfig = {} },
  network = {
    driver = "bridge", internal = false, attachable = false, enableIPv4 = true, enableIPv6 = false,
    ipam = {},
  },
}

local function with(row, fields)
  for name, value in pairs(fields) do row[name] = value end
  return row
end

--- Inserts a new object into the database and returns it.
---@param kind string  a key of the tables above
---@param fields table
---@return table
function rows.insert(kind, fields)
  local row = {}
  for _, name in ipairs(words.list(nulls[kind])) do row[name] = json.null end
  if kind ~= "mount" then row.createdAt = clock.iso() end
  return database.insert(kind, with(with(row, defaults[kind]), fields))
end

--- What 0.26.5 did not have yet.
local newer_columns = {
  application = words.list "ulimitsSwarm networkIds detachDokployNetwork",
  domain = words.list "customEntrypoint middlewares forwardAuthEnabled enabled",
  mount = words.list "libsqlId",
  server = words.list "buildsConcurrency",
}

--- A copy of an object as the imitated version shows it, with `fields` added.
---@param object table
---@param fields? table
---@return table
function rows.show(object, fields)
  local shown = {}
  for name, value in pairs(object) do
    if name:sub(1, 1) ~= "_" then shown[name] = value end
  end
  for _, name in ipairs(not version.is_new() and newer_columns[object._kind] or {}) do
    shown[name] = nil
  end
  return with(shown, fields or {})
end

--- A copy of some columns. `names`: separated by blanks.
---@return table
function rows.pick(object, names)
  local shown = {}
  for _, name in ipairs(words.list(names)) do shown[name] = object[name] end
  return shown
end

--- A JSON array, each item through `show`, without those that it hides.
---@return table
function rows.list(objects, show)
  local shown = json.array {}
  for _, object in ipairs(objects) do shown[#shown + 1] = show(object) end
  return shown
end

--- The empty lists of the kinds of services that the double does not have.
---@return table<string, table>
function rows.no_services()
  local lists = {}
  for _, name in ipairs(words.list "mariadb mongo mysql postgres redis compose") do
    lists[name] = json.array {}
  end
  if version.is_new() then lists.libsql = json.array {} end
  return lists
end

--- Deletes an application with the rows that belong to it. What runs in Docker goes on running.
---@param application table
function rows.delete_application(application)
  for _, kind in ipairs { "domain", "mount", "deployment" } do
    database.delete_all(kind, { applicationId = application.applicationId })
  end
  database.delete(application)
end

return rows
