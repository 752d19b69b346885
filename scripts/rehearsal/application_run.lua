--- application.*: deploying, starting, stopping, and what a running one says
local application = require "rehearsal.application"
local clock = require "rehearsal.clock"
local errors = require "rehearsal.errors"
local model = require "rehearsal.model"
local procedures = require "rehearsal.procedures"
local rights = require "rehearsal.rights"
local swarm = require "rehearsal.swarm"
local traefik = require "rehearsal.traefik"
local v = require "rehearsal.validate"
local version = require "rehearsal.version"
local worker = require "rehearsal.worker"

local by_id = application.by_id

local deploy_input = {
  applicationId = v.text { min = 1 },
  title = v.text { optional = true },
  description = v.text { optional = true },
}

-- They only enqueue; the answer has no body.
local function enqueue(kind, title)
  return function(input, who)
    rights.service_if_new(who, input.applicationId)
    local found = application.find(input.applicationId)
    worker.enqueue(found, kind, input.title or title, input.description or "")
  end
end

procedures.mutation("application.deploy", deploy_input, enqueue("deploy", "Manual deployment"))
procedures.mutation("application.redeploy", deploy_input, enqueue("redeploy", "Rebuild deployment"))

local function set_status(found, status)
  found.applicationStatus = status
  model.touch(found)
end

-- Errors of docker are swallowed: it answers the same for an application that was never deployed. The answer shows it as it was before.
procedures.mutation("application.stop", by_id, function(input, who)
  rights.service_if_new(who, input.applicationId)
  local found = application.find(input.applicationId)
  local shown = application.whole(found)
  if swarm.service(found.appName) then
    swarm.stop(found.appName)
    clock.work(2)
  end
  set_status(found, "idle")
  return shown
end)

local function no_service(name)
  local said = ("docker service scale %s=1 \n%s: Error response from daemon: service %s not found\n"):format(name, name, name)
  errors.raise("INTERNAL_SERVER_ERROR", "Command execution failed: Command failed: " .. said)
end

-- docker waits until the service has converged: with a container that keeps crashing, for ever.
procedures.mutation("application.start", by_id, function(input, who)
  rights.service_if_new(who, input.applicationId)
  local found = application.find(input.applicationId)
  local shown = application.whole(found)
  if not swarm.service(found.appName) then no_service(found.appName) end
  if not swarm.start(found.appName) then
    model.commit()
    clock.hang(3600)
  end
  clock.work(2.5)
  set_status(found, "done")
  return shown
end)

local reload_input = { appName = v.text { nonoptional = "both" }, applicationId = v.text {} }

-- Applies what is stored, without a pull; makes the service if there is none.
procedures.mutation("application.reload", reload_input, function(input, who)
  rights.service_if_new(who, input.applicationId)
  local found = application.find(input.applicationId)
  swarm.apply(found)
  set_status(found, "done")
  return true
end)

procedures.mutation("application.markRunning", by_id, function(input)
  set_status(application.find(input.applicationId), "running")
end)

procedures.mutation("application.cleanQueues", by_id, function(input)
  if not version.new() then application.find(input.applicationId) end
  worker.forget(input.applicationId)
end)

procedures.mutation("application.cancelDeployment", by_id, function(input)
  application.find(input.applicationId)
  errors.bad "Deployment cancellation only available in cloud version"
end)

-- It keeps the newest ten, and there are never many more.
procedures.mutation("application.clearDeployments", by_id, function(input)
  application.find(input.applicationId)
  return true
end, { new = true })

procedures.query("application.readTraefikConfig", by_id, function(input)
  return traefik.config(application.find(input.applicationId))
end)

local logs_input = {
  applicationId = v.text { min = 1 },
  tail = v.number { optional = true, coerce = true, min = 1, max = 10000 },
  since = v.text { optional = true },
}

procedures.query("application.readLogs", logs_input, function(input, who)
  rights.service(who, input.applicationId)
  local found = application.find(input.applicationId)
  local service = swarm.service(found.appName)
  local spec = service and (service.live or service.failed)
  if not spec then errors.raise("INTERNAL_SERVER_ERROR", "No container or service found") end
  local at = clock.iso(spec.since):gsub("Z$", "000000Z")
  local line = spec.outcome == "running" and "opencode server listening on http://0.0.0.0:8080" or "starting"
  return ("%s %s\n"):format(at, line)
end, { new = true })

return true
