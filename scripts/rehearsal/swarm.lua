--- Docker's side: services, containers and volumes, which live apart from Dokploy's database.
---
--- A service has up to three container specs: `next` is starting, `live` answers HTTP, `failed`
--- did not stay up. While `next` starts, `live` goes on serving, unless the update order is
--- stop-first. A removed container needs a while to stop; its volumes are in use until then.
local clock = require "rehearsal.clock"
local database = require "rehearsal.database"
local docker = require "rehearsal.docker"
local dotenv = require "lib.base.dotenv"
local images = require "rehearsal.images"
local json = require "core.json"
local server = require "core.server"
local task = require "core.task"
local version = require "rehearsal.version"

local swarm = {}

local null = json.null

local STARTING = 1.3 -- seconds until the container is up
local CHECKING = 7.2 -- from there until its first good health check: only then it has an address
local STOPPING = 3
local RESTARTING = 6 -- between two ends of a container that keeps ending
local HISTORY = 5    -- ended tasks of a service that Docker remembers

local function text_or(value, default)
  return type(value) == "string" and value or default
end

-- Why Docker refuses the service; nil when it accepts it.
local function objection(application)
  local name = application.appName
  local memory = tonumber(text_or(application.memoryLimit, ""):match "^%d+")
  if #name > 63 then return "name must be 63 characters or fewer" end
  if not (name:find "^%w[%w_-]*%w$" or name:find "^%w$") then
    return "name must be valid as a DNS name component"
  end
  if memory and memory < 4194304 then
    return ("invalid memory value %d: Must be at least 4MiB"):format(memory)
  end
  local missing = docker.missing(docker.networks_of(application))
  if missing then return ("network %s not found"):format(missing) end
end

local function volumes_of(application)
  local volumes = {}
  local filter = { applicationId = application.applicationId, type = "volume" }
  for i, mount in ipairs(database.list("mount", filter)) do
    volumes[i] = { name = text_or(mount.volumeName, ""), path = mount.mountPath }
  end
  return volumes
end

local function is_never_healthy(application)
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
  return is_never_healthy(application) and "unhealthy" or "running"
end

-- The variables that a workspace reads.
local function env_of(application)
  local text, env = text_or(application.env, ""), {}
  for _, name in ipairs { "OPENCODE_SERVER_PASSWORD", "OPENCODE_SERVER_USERNAME" } do
    env[name] = dotenv.get(text, name)
  end
  return env
end

local function spec_of(application, mode)
  local spec = {
    id = database.letters(25), container = database.letters(12), mode = mode, since = clock.now(),
    image = text_or(application.dockerImage, ""), env = env_of(application),
    volumes = volumes_of(application), networks = docker.networks_of(application),
  }
  spec.outcome = outcome(application, spec)
  return spec
end

-- Stops the live container, which takes a while.
local function stop_live(service)
  local spec = service.live
  if not spec then return end
  service.live = nil
  local container = database.insert("container", {
    containerId = spec.container, appName = service.appName, state = "running",
    since = clock.now(),
    name = ("%s.1.%s"):format(service.appName, spec.id), volumes = spec.volumes,
  })
  task.spawn(nil, function()
    clock.work(STOPPING)
    database.delete(container)
    database.commit()
  end)
end

local function make_volumes(spec)
  for _, volume in ipairs(spec.volumes) do
    if not database.get("volume", volume.name) then
      local since = clock.now()
      database.insert("volume", { name = volume.name, createdAt = clock.iso(since), since = since })
    end
  end
end

local has_ended = { crash = true, unhealthy = true }

-- Docker restarts a container that ends, again and again. spec.ended: its tasks, newest first.
local function keep_ending(service, spec)
  spec.ended = { spec.id }
  task.spawn(nil, function()
    while not server.info().draining do
      clock.work(RESTARTING)
      if service.failed ~= spec or not database.holds(service) then return end
      table.insert(spec.ended, 1, database.letters(25))
      spec.ended[HISTORY + 1] = nil
      spec.since = clock.now()
      database.update(service)
      database.commit()
    end
  end)
end

-- The new container is up or has failed. After a failure the newer version's services go back to
-- the old container; the older's go down.
local function settle(service)
  local spec = service.next
  service.next = nil
  spec.since = clock.now()
  if spec.outcome == "running" or has_ended[spec.outcome] then make_volumes(spec) end
  if spec.outcome == "running" then
    stop_live(service)
    service.live, service.failed = spec, nil
  else
    service.failed = spec
    if spec.outcome == "crash" then keep_ending(service, spec) end
    if not (version.is_new() and has_ended[spec.outcome]) then stop_live(service) end
  end
  database.update(service)
end

local function start(service, delay)
  local spec = service.next
  task.spawn(nil, function()
    clock.work(STARTING + (delay or 0))
    if service.next ~= spec or not database.holds(service) then return end
    settle(service)
    database.commit()
    clock.work(CHECKING)
    spec.listens = true
    database.update(service)
    database.commit()
  end)
end

local function stops_first(application)
  local config = application.updateConfigSwarm
  return config ~= null and config.Order == "stop-first"
end

--- Makes or updates the application's service; its container is up a moment later.
---@param application table
---@param mode? string  a fault that the container plays
---@return true|nil done, string? objection  Docker's message
function swarm.apply(application, mode)
  local problem = objection(application)
  if problem then return nil, problem end
  local service = database.get("service", application.appName)
    or database.insert("service", { appName = application.appName })
  service.next = spec_of(application, mode)
  local waits = service.live and stops_first(application)
  if waits then stop_live(service) end
  database.update(service)
  start(service, waits and STOPPING)
  return true
end

--- Scales the service to 0: the container stops, the service stays. False when there is none.
---@return boolean
function swarm.stop(app_name)
  local service = database.get("service", app_name)
  if not service then return false end
  stop_live(service)
  service.next, service.failed = nil, nil
  database.update(service)
  return true
end

--- Removes the service, if there is one.
function swarm.remove(app_name)
  local service = database.get("service", app_name)
  if not service then return end
  stop_live(service)
  database.delete(service)
end

local function mounts(volumes, name)
  for _, volume in ipairs(volumes) do
    if volume.name == name then return true end
  end
  return false
end

--- Whether a container has the volume mounted.
function swarm.is_volume_in_use(name)
  for _, service in ipairs(database.list "service") do
    for _, which in ipairs { "live", "next", "failed" } do
      if service[which] and mounts(service[which].volumes, name) then return true end
    end
  end
  for _, container in ipairs(database.list "container") do
    if mounts(container.volumes, name) then return true end
  end
  return false
end

--- "starting", "running", "stopped", or the outcome of a container that did not stay up.
---@return string
function swarm.state(service)
  if service.next then return "starting" end
  if service.failed and not service.live then return service.failed.outcome end
  return service.live and "running" or "stopped"
end

--- After a start of the process: what was starting starts again, what was stopping is gone.
function swarm.resume()
  database.delete_all "container"
  for _, service in ipairs(database.list "service") do
    if service.live then service.live.listens = true end
    if service.next then start(service) end
    if service.failed and service.failed.ended then keep_ending(service, service.failed) end
  end
end

--- Whether nothing is starting.
function swarm.is_quiet()
  for _, service in ipairs(database.list "service") do
    if service.next or service.live and not service.live.listens then return false end
  end
  return true
end

return swarm
