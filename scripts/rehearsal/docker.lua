--- docker.* and dockerVolume.*
local clock = require "rehearsal.clock"
local errors = require "rehearsal.errors"
local json = require "core.json"
local model = require "rehearsal.model"
local procedures = require "rehearsal.procedures"
local swarm = require "rehearsal.swarm"
local v = require "rehearsal.validate"
local version = require "rehearsal.version"

local app_name = { "^[%w._-]+$", "/^[a-zA-Z0-9.\\-_]+$/", "Invalid app name." }
local by_app_name = {
  appName = v.text { min = 1, pattern = app_name },
  serverId = v.text { optional = true },
}

-- One line of `docker service ps`; `state` is what is wished, `current` what is.
local function task_row(name, spec, state, current, problem)
  local row = { containerId = spec.id, name = name .. ".1", state = state, node = "rehearsal" }
  if version.new() then
    row.currentState = ("%s %s ago"):format(current, clock.since(spec.since))
    row.error = problem and ('"%s"'):format(problem) or ""
  end
  return row
end

local function failed_rows(name, spec)
  local again = { id = spec.id:reverse(), since = spec.since }
  if spec.outcome == "crash" then
    return task_row(name, spec, "shutdown", "Failed", "task: non-zero exit (3)"),
      task_row(name, again, "shutdown", "Failed", "task: non-zero exit (3)")
  elseif spec.outcome == "unhealthy" then
    return task_row(name, again, "ready", "Ready"),
      task_row(name, spec, "shutdown", "Failed", "task: non-zero exit (137): dockerexec: unhealthy container")
  elseif spec.outcome == "pending" then
    return task_row(name, spec, "running", "Pending", "no suitable node (insufficient resources on 1 node)")
  end
  return task_row(name, spec, "shutdown", "Rejected", "invalid volume name")
end

procedures.query("docker.getServiceContainersByAppName", by_app_name, function(input)
  local service, found = swarm.service(input.appName), json.array {}
  if not service then return found end
  if service.live then found[#found + 1] = task_row(input.appName, service.live, "running", "Running") end
  if service.next then found[#found + 1] = task_row(input.appName, service.next, "running", "Preparing") end
  if service.failed then
    for _, row in ipairs { failed_rows(input.appName, service.failed) } do found[#found + 1] = row end
  end
  return found
end)

local function container_row(name, spec, state, status)
  return { containerId = spec.container, name = ("%s.1.%s"):format(name, spec.id), state = state, status = status }
end

local exit_codes = { crash = 3, unhealthy = 137 }

local function failed_container(name, spec)
  local code = exit_codes[spec.outcome]
  return code and container_row(name, spec, "exited", ("Exited (%d) %s ago"):format(code, clock.since(spec.since)))
end

-- Containers are matched by their name's beginning, also those that are being stopped.
local match_input = { appName = by_app_name.appName, serverId = by_app_name.serverId,
  appType = v.choice { optional = true, values = { "stack", "docker-compose" } } }

procedures.query("docker.getContainersByAppNameMatch", match_input, function(input)
  local found = json.array {}
  for _, service in ipairs(model.list "service") do
    if service.appName:find(input.appName, 1, true) then
      local live, failed = service.live, service.failed
      if live then found[#found + 1] = container_row(service.appName, live, "running", "Up " .. clock.since(live.since)) end
      if failed then found[#found + 1] = failed_container(service.appName, failed) end
    end
  end
  for _, container in ipairs(model.list "container") do
    if container.appName:find(input.appName, 1, true) then
      found[#found + 1] = { containerId = container.containerId, name = container.name, state = container.state, status = "Up 10 seconds" }
    end
  end
  return found
end)

-- The machine that the rehearsal plays: its networks have the room that Docker gives by default.
local function network(name, driver, subnet, capacity, containers)
  return { name = name, driver = driver, subnet = subnet, containersInUse = containers, capacity = capacity,
    percentUsed = (100 * containers + capacity // 2) // capacity }
end

local function running()
  local count = 0
  for _, service in ipairs(model.list "service") do
    if service.live then count = count + 1 end
  end
  return count
end

local since_hours = 24

procedures.query("docker.getServerHealth", { serverId = v.text { optional = true } }, function()
  local containers, now = running(), clock.now() // 1000
  return {
    checkedAt = model.now(),
    containers = { containerCount = containers, serviceCount = #model.list "service" },
    resources = { memTotalBytes = 8 << 30, memUsedBytes = 2 << 30, cpuCount = 4 },
    inotify = { maxWatches = 65536, maxInstances = 128, maxQueuedEvents = 16384, currentInstances = 0, persisted = false },
    disk = { totalBytes = 100 << 30, usedBytes = 20 << 30 },
    dockerNetworks = {
      count = 3, addressPools = json.null,
      usage = json.array {
        network("dokploy-network", "overlay", "10.0.1.0/24", 254, containers), network("ingress", "overlay", "10.0.0.0/24", 254, 1),
        network("bridge", "bridge", "172.17.0.0/16", 65534, 0),
      },
    },
    daemonErrors = json.array {}, daemonLogsWindow = { fromEpoch = now - since_hours * 3600, toEpoch = now },
    reservation = { memoryReservedBytes = 0, cpuReservedNanoCpus = 0, appCount = #model.list "application", unsupportedComposeCount = 0 },
  }
end, { new = true })

local volume_name = { "^%w[%w_.-]*$", "/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/", "Invalid volume name." }
local by_volume = { volumeName = v.text { min = 1, pattern = volume_name }, serverId = v.text { optional = true } }

local function command_failed(command, said)
  errors.raise("INTERNAL_SERVER_ERROR",
    ("Command execution failed: Command failed: %s\nError response from daemon: %s\n"):format(command, said))
end

procedures.mutation("dockerVolume.removeVolume", by_volume, function(input)
  local name = input.volumeName
  local volume = model.get("volume", name)
  if not volume then command_failed("docker volume rm " .. name, ("get %s: no such volume"):format(name)) end
  if swarm.volume_in_use(name) then
    command_failed("docker volume rm " .. name, ("remove %s: volume is in use"):format(name))
  end
  model.delete(volume)
end, { new = true })

return true
