--- Services, containers and volumes: what Docker knows, apart from what Dokploy's database knows.
---
--- A service is made or changed by swarm.apply(). Its container is up a moment later; `live` is what answers HTTP then. While an update
--- starts, the old container goes on serving, unless the update order is stop-first. A container that is taken away needs a while to
--- stop, and as long as it is there its volumes are in use.
local clock = require "rehearsal.clock"
local dotenv = require "rehearsal.dotenv"
local images = require "rehearsal.images"
local json = require "core.json"
local model = require "rehearsal.model"
local task = require "core.task"
local version = require "rehearsal.version"

local swarm = {}

local null = json.null

local starting_seconds = 0.8 -- until the container is up
local listening_seconds = 0.7 -- from there until it listens
local stopping_seconds = 3

local function text_or(value, missing)
  return type(value) == "string" and value or missing
end

-- Why docker refuses the service; nil when it does not.
local function objection(application)
  local name, memory = application.appName, tonumber(text_or(application.memoryLimit, ""):match "^%d+")
  if #name > 63 then return "name must be 63 characters or fewer" end
  if not (name:find "^%w[%w_-]*%w$" or name:find "^%w$") then return "name must be valid as a DNS name component" end
  if memory and memory < 4194304 then return ("invalid memory value %d: Must be at least 4MiB"):format(memory) end
end

local function volumes_of(application)
  local volumes = {}
  for _, mount in ipairs(model.list("mount", { applicationId = application.applicationId, type = "volume" })) do
    volumes[#volumes + 1] = { name = text_or(mount.volumeName, ""), path = mount.mountPath }
  end
  return volumes
end

local function never_healthy(application)
  local check = application.healthCheckSwarm
  return check ~= null and check.Test ~= nil and check.Test[#check.Test] == "false"
end

-- What will become of the container: "running", "crash", "unhealthy", "pending" or "rejected".
local function outcome(application, spec)
  local reservation = tonumber(text_or(application.memoryReservation, "0")) or 0
  for _, volume in ipairs(spec.volumes) do
    if not volume.name:find "^%w[%w_.-]*$" then return "rejected" end
  end
  if reservation > 64 * 2 ^ 30 then return "pending" end
  if spec.mode == "crash_loop" or images.crashes(spec.image) then return "crash" end
  return never_healthy(application) and "unhealthy" or "running"
end

local function spec_of(application, mode)
  local spec = {
    id = model.letters(25), container = model.letters(12), image = text_or(application.dockerImage, ""),
    env = dotenv.parse(text_or(application.env, "")), volumes = volumes_of(application), mode = mode, since = clock.now(),
  }
  spec.outcome = outcome(application, spec)
  return spec
end

-- A container that was replaced or removed goes on for a while.
local function let_stop(app_name, spec)
  local container = model.new("container", {
    containerId = spec.container, appName = app_name, name = ("%s.1.%s"):format(app_name, spec.id), state = "running",
    volumes = spec.volumes,
  })
  task.spawn(nil, function()
    clock.work(stopping_seconds)
    model.delete(container)
    model.commit()
  end)
end

local function keep_volumes(spec)
  for _, volume in ipairs(spec.volumes) do
    if not model.get("volume", volume.name) then model.new("volume", { name = volume.name, createdAt = model.now() }) end
  end
end

local ended = { crash = true, unhealthy = true }

-- The new container is up, or has failed: then the newer version's services go back to the old one, the older's go down.
local function settle(service)
  local spec = service.next
  service.next = nil
  spec.since = clock.now()
  if spec.outcome == "running" then
    keep_volumes(spec)
    if service.live then let_stop(service.appName, service.live) end
    service.live, service.failed = spec, nil
  else
    service.failed = spec
    if service.live and not (version.new() and ended[spec.outcome]) then
      let_stop(service.appName, service.live)
      service.live = nil
    end
    if ended[spec.outcome] then keep_volumes(spec) end
  end
  model.touch(service)
end

local function start(service)
  local spec = service.next
  task.spawn(nil, function()
    clock.work(starting_seconds)
    if service.next ~= spec or model.get("service", service.appName) ~= service then return end
    settle(service)
    model.commit()
    clock.work(listening_seconds)
    spec.listens = true
    model.touch(service)
    model.commit()
  end)
end

local function stops_first(application)
  local config = application.updateConfigSwarm
  return config ~= null and config.Order == "stop-first"
end

--- Makes or updates the application's service. `mode`: a fault to play. Returns true; or nil and docker's objection.
function swarm.apply(application, mode)
  local problem = objection(application)
  if problem then return nil, problem end
  local service = model.get("service", application.appName) or model.new("service", { appName = application.appName })
  service.next, service.replicas = spec_of(application, mode), application.replicas
  if service.live and stops_first(application) then
    let_stop(service.appName, service.live)
    service.live = nil
  end
  model.touch(service)
  start(service)
  return true
end

function swarm.service(app_name)
  return model.get("service", app_name)
end

--- Scales to 0: the container stops, the service stays.
function swarm.stop(app_name)
  local service = model.get("service", app_name)
  if not service then return end
  if service.live then let_stop(app_name, service.live) end
  service.stopped = service.live or service.next or service.failed or service.stopped
  service.live, service.next, service.failed, service.replicas = nil, nil, nil, 0
  model.touch(service)
end

--- Scales to 1. Returns once it has converged; false when it never will.
function swarm.start(app_name)
  local service = model.get("service", app_name)
  if not service.live and service.stopped then
    service.next, service.stopped, service.replicas = service.stopped, nil, 1
    service.next.since, service.next.listens = clock.now(), nil
    model.touch(service)
    start(service)
  end
  local spec = service.next or service.live or service.failed
  return spec.outcome == "running"
end

--- Takes the service away.
function swarm.remove(app_name)
  local service = model.get("service", app_name)
  if not service then return end
  if service.live then let_stop(app_name, service.live) end
  model.delete(service)
end

local function holds(volumes, name)
  for _, volume in ipairs(volumes) do
    if volume.name == name then return true end
  end
  return false
end

--- True while a container has the volume mounted.
function swarm.volume_in_use(name)
  for _, service in ipairs(model.list "service") do
    for _, spec in pairs { service.live or false, service.next or false, service.failed or false } do
      if spec and holds(spec.volumes, name) then return true end
    end
  end
  for _, container in ipairs(model.list "container") do
    if holds(container.volumes, name) then return true end
  end
  return false
end

--- A word for what a service does: "starting", "running", "stopped", or what became of its container.
function swarm.state(service)
  if service.next then return "starting" end
  if service.failed and not service.live then return service.failed.outcome end
  return service.live and "running" or "stopped"
end

--- After a start of the process: what was starting starts again, what was stopping is gone.
function swarm.resume()
  for _, container in ipairs(model.list "container") do model.delete(container) end
  for _, service in ipairs(model.list "service") do
    if service.live then service.live.listens = true end
    if service.next then start(service) end
  end
end

--- True when nothing is starting.
function swarm.quiet()
  for _, service in ipairs(model.list "service") do
    if service.next or service.live and not service.live.listens then return false end
  end
  return true
end

return swarm
