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
local function whole(application)
  local environment = database.get("environment", application.environmentId)
  local project = database.get("project", environment.projectId)
  local server = database.get("server", application.serverId)
  return rows.show(application, {
    environment = rows.show(environment, { project = rows.show(project) }),
    domains = rows_of("domain", application), deployments = rows_of("deployment", application),
    mounts = rows_of("mount", application), server = server and rows.show(server) or null,
  })
end

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
    { "appName", "string", optional = true, max = 63, pattern = "^[%w._-]+$", limits_new = true },
    { "description serverId", "string", optional = true, nullable = true },
    { "environmentId", "string" },
  },
  run = function(input)
    errors.find("environment", input.environmentId)
    check_server(input.serverId)
    input.appName = app_name(input.appName)
    proxy.create_file(input.appName)
    return rows.show(rows.insert("application", input))
  end,
}

procedures["GET application.readTraefikConfig"] = {
  input = by_id,
  run = function(input) return proxy.read_file(find(input).appName) or null end,
}

procedures["POST application.updateTraefikConfig"] = {
  input = { { "applicationId traefikConfig", "string" } },
  run = function(input)
    proxy.write_file(find(input).appName, input.traefikConfig)
    return true
  end,
}

procedures["GET application.one"] = {
  input = by_id,
  run = function(input)
    return whole(find(input))
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

-- Settings are stored now and applied by the next deployment or reload. This one also resets the
-- status, even while the container runs.
procedures["POST application.saveDockerProvider"] = {
  input = {
    { "applicationId", "string" },
    { "dockerImage username password registryUrl", "string", required_new = true, nullable = true },
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
    { "env buildArgs buildSecrets", "string", required_new = true, nullable = true },
    { "createEnvFile", "boolean", required_new = true, nullable = true },
  },
  run = function(input)
    if input.createEnvFile == null then input.createEnvFile = false end
    database.update(find(input), input)
    return true
  end,
}

procedures["POST application.update"] = {
  input = { -- the real one takes more
    { "applicationId", "string" },
    { "name", "string", optional = true, min = 1 },
    { "description env memoryReservation memoryLimit cpuReservation cpuLimit command username"
      .. " password dockerImage registryUrl", "string", optional = true, nullable = true },
    { "replicas", "number", optional = true, coerce = true },
    { "autoDeploy", "boolean", optional = true, nullable = true },
    { "detachDokployNetwork", "boolean", optional = true, new_only = true },
    { "stopGracePeriodSwarm", "number", optional = true, nullable = true, new_only = true },
    { "args networkSwarm", "array", optional = true, nullable = true },
    { "ulimitsSwarm", "array", optional = true, nullable = true, new_only = true },
    { "networkIds", "array", optional = true, new_only = true },
    { "labelsSwarm", "object", optional = true, nullable = true },
    { "healthCheckSwarm", "object", optional = true, nullable = true,
      keys = "Test Interval Timeout StartPeriod Retries" },
    { "restartPolicySwarm", "object", optional = true, nullable = true,
      keys = "Condition Delay MaxAttempts Window" },
    { "placementSwarm", "object", optional = true, nullable = true,
      keys = "Constraints Preferences MaxReplicas Platforms" },
    { "updateConfigSwarm rollbackConfigSwarm", "object", optional = true, nullable = true,
      keys = "Parallelism Delay FailureAction Monitor MaxFailureRatio Order" },
    { "modeSwarm", "object", optional = true, nullable = true,
      keys = "Replicated Global ReplicatedJob GlobalJob" },
    { "applicationStatus", "choice", optional = true, values = "idle running done error" },
  },
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

-- Only enqueues; the answer has no body.
procedures["POST application.deploy"] = {
  input = {
    { "applicationId", "string", min = 1 },
    { "title description", "string", optional = true },
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
    if swarm.stop(application.appName) then clock.work(2) end
    database.update(application, { applicationStatus = "idle" })
    return shown
  end,
}

-- Applies what is stored, without a pull; makes the service if there is none.
procedures["POST application.reload"] = {
  input = { { "applicationId appName", "string" } },
  run = function(input)
    local application = find(input)
    swarm.apply(application)
    database.update(application, { applicationStatus = "done" })
    return true
  end,
}

return procedures
