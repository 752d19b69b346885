--- application.*: one container with its image, environment, limits, volumes and host names.
local clock = require "rehearsal.clock"
local database = require "rehearsal.database"
local errors = require "rehearsal.errors"
local json = require "core.json"
local proxy = require "rehearsal.proxy"
local rows = require "rehearsal.rows"
local swarm = require "rehearsal.swarm"
local version = require "rehearsal.version"
local worker = require "rehearsal.worker"

local procedures = {}

local null = json.null
local by_id = { { "applicationId", "string", min = 1 } }

local function find(input)
  return errors.find("application", input.applicationId)
end

local function rows_of(kind, application)
  local found = database.list(kind, { applicationId = application.applicationId })
  return rows.list(found, rows.show)
end

-- The application with everything that belongs to it.
local function whole(application, fields)
  local environment = database.get("environment", application.environmentId)
  local project = database.get("project", environment.projectId)
  local server = database.get("server", application.serverId)
  local shown = rows.show(application, {
    environment = rows.show(environment, { project = rows.show(project) }),
    domains = rows_of("domain", application), deployments = rows_of("deployment", application),
    mounts = rows_of("mount", application), server = server and rows.show(server) or null,
    redirects = json.array {}, security = json.array {}, ports = json.array {},
    previewDeployments = json.array {}, gitlab = null, github = null, bitbucket = null,
    gitea = null, registry = null, buildRegistry = null, rollbackRegistry = null,
  })
  for name, value in pairs(fields or {}) do shown[name] = value end
  return shown
end

-- Making, showing, deleting --------------------------------------------------------------------------

-- The name in Docker: the wanted one and a random end, always.
local function app_name(wanted)
  if not wanted or wanted == "" then wanted = "app-copy-virtual-pixel" end
  return wanted:lower():gsub("%s+", "-") .. "-" .. database.letters(6)
end

local function check_server(id)
  if id == nil or id == null or database.get("server", id) then return end
  if version.is_new() and id ~= "" then
    errors.raise("UNAUTHORIZED", "You are not authorized to access this server")
  end
  errors.bad "Error creating the application"
end

procedures["POST application.create"] = {
  input = {
    { "name", "string", min = 1 },
    { "appName", "string", optional = true, min_new = 1, max_new = 63,
      pattern = { "^[%w._-]+$", "/^[a-zA-Z0-9._-]+$/",
        "App name can only contain letters, numbers, dots, underscores and hyphens" } },
    { "description", "string", optional = true, nullable = true },
    { "environmentId", "string" },
    { "serverId", "string", optional = true, nullable = true },
  },
  run = function(input)
    errors.find("environment", input.environmentId)
    check_server(input.serverId)
    input.appName = app_name(input.appName)
    return rows.show(database.insert("application", rows.application(input)))
  end,
}

procedures["GET application.one"] = {
  input = by_id,
  run = function(input)
    return whole(find(input), { hasGitProviderAccess = true, unauthorizedProvider = null })
  end,
}

-- Removes the service, the routes and waiting deployments too; volumes stay. A running deployment
-- goes on and makes its service afterwards.
procedures["POST application.delete"] = {
  input = by_id,
  run = function(input)
    local application = find(input)
    local shown = whole(application)
    worker.forget(application.applicationId)
    rows.delete_application(application)
    swarm.remove(application.appName)
    proxy.remove_all(application)
    return shown
  end,
}

-- Settings: stored now, applied by the next deployment or reload ---------------------------------------

-- It also resets the status, even while the container runs.
procedures["POST application.saveDockerProvider"] = {
  input = {
    { "dockerImage", "string", nonoptional = "new", nullable = true },
    { "applicationId", "string" },
    { "username", "string", nonoptional = "new", nullable = true },
    { "password", "string", nonoptional = "new", nullable = true },
    { "registryUrl", "string", nonoptional = "new", nullable = true },
  },
  run = function(input)
    input.sourceType, input.applicationStatus = "docker", "idle"
    database.update(find(input), input)
    return true
  end,
}

procedures["POST application.saveEnvironment"] = {
  input = {
    { "applicationId", "string" },
    { "env", "string", nonoptional = "new", nullable = true },
    { "buildArgs", "string", nonoptional = "new", nullable = true },
    { "buildSecrets", "string", nonoptional = "new", nullable = true },
    { "createEnvFile", "boolean", nonoptional = "new", nullable = true },
  },
  run = function(input)
    if input.createEnvFile == null then input.createEnvFile = false end
    database.update(find(input), input)
    return true
  end,
}

local function set_of(text)
  local set = {}
  for word in text:gmatch "%S+" do set[word] = true end
  return set
end

--- The columns that application.update may set, with their types. The real one knows more.
local update_input = {
  { "applicationId", "string" },
  { "name", "string", optional = true, min = 1 },
  { "applicationStatus", "choice", optional = true,
    values = { "idle", "running", "done", "error" } },
  { "replicas", "number", optional = true, coerce = true },
  { "autoDeploy", "boolean", optional = true, nullable = true },
  { "detachDokployNetwork", "boolean", optional = true, new_only = true },
  { "stopGracePeriodSwarm", "number", optional = true, nullable = true, new_only = true },
  { "labelsSwarm", "object", optional = true, nullable = true },
}

local function add_columns(kind, names, options)
  for name in names:gmatch "%S+" do
    local field = { name, kind, optional = true, nullable = true }
    for option, value in pairs(options or {}) do field[option] = value end
    update_input[#update_input + 1] = field
  end
end

add_columns("string", [[description env memoryReservation memoryLimit cpuReservation cpuLimit
  command username password dockerImage registryUrl]])
add_columns("array", "args networkSwarm")
add_columns("array", "ulimitsSwarm networkIds", { new_only = true })
add_columns("object", "healthCheckSwarm",
  { keys = set_of "Test Interval Timeout StartPeriod Retries" })
add_columns("object", "restartPolicySwarm",
  { keys = set_of "Condition Delay MaxAttempts Window" })
add_columns("object", "placementSwarm",
  { keys = set_of "Constraints Preferences MaxReplicas Platforms" })
add_columns("object", "updateConfigSwarm rollbackConfigSwarm",
  { keys = set_of "Parallelism Delay FailureAction Monitor MaxFailureRatio Order" })
add_columns("object", "modeSwarm",
  { keys = set_of "Replicated Global ReplicatedJob GlobalJob" })

procedures["POST application.update"] = {
  input = update_input,
  run = function(input)
    if version.is_new() and not database.get("application", input.applicationId) then
      errors.bad "Error updating application"
    end
    local application = find(input)
    input.applicationId = nil
    if next(input) == nil then errors.raise("INTERNAL_SERVER_ERROR", "No values to set") end
    database.update(application, input)
    return true
  end,
}

-- Running ----------------------------------------------------------------------------------------------

-- Only enqueues; the answer has no body.
procedures["POST application.deploy"] = {
  input = {
    { "applicationId", "string", min = 1 },
    { "title", "string", optional = true },
    { "description", "string", optional = true },
  },
  run = function(input)
    worker.enqueue(find(input), input.title or "Manual deployment", input.description or "")
  end,
}

-- Takes waiting deployments out of the queue.
procedures["POST application.cleanQueues"] = {
  input = by_id,
  run = function(input)
    if not version.is_new() then find(input) end
    worker.forget(input.applicationId)
  end,
}

-- Answers the same for an application that was never deployed, and shows it as it was before.
procedures["POST application.stop"] = {
  input = by_id,
  run = function(input)
    local application = find(input)
    local shown = whole(application)
    if swarm.service(application.appName) then
      swarm.stop(application.appName)
      clock.work(2)
    end
    database.update(application, { applicationStatus = "idle" })
    return shown
  end,
}

-- Applies what is stored, without a pull; makes the service if there is none.
procedures["POST application.reload"] = {
  input = { { "appName", "string", nonoptional = "both" }, { "applicationId", "string" } },
  run = function(input)
    local application = find(input)
    swarm.apply(application)
    database.update(application, { applicationStatus = "done" })
    return true
  end,
}

return procedures
