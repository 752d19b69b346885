--- docker.*: the tasks and containers of a service, and the health of the machine.
local clock = require "rehearsal.clock"
local database = require "rehearsal.database"
local json = require "core.json"
local swarm = require "rehearsal.swarm"
local version = require "rehearsal.version"

local procedures = {}

local by_app_name = {
  { "appName", "string", pattern = "^[%w._-]+$" },
  { "serverId", "string", optional = true },
}

-- One line of `docker service ps`; `state` is the wanted one, `current` the real one.
local function task_row(name, spec, state, current, problem)
  local row = { containerId = spec.id, name = name .. ".1", state = state, node = "rehearsal" }
  if version.is_new() then
    row.currentState = ("%s %s ago"):format(current, clock.since(spec.since))
    row.error = problem and ('"%s"'):format(problem) or ""
  end
  return row
end

-- How the tasks of a container that did not stay up are listed, by outcome.
local failed_tasks = {
  crash = function(name, spec, again)
    local problem = "task: non-zero exit (3)"
    return task_row(name, spec, "shutdown", "Failed", problem),
      task_row(name, again, "shutdown", "Failed", problem)
  end,
  unhealthy = function(name, spec, again)
    return task_row(name, again, "ready", "Ready"), task_row(name, spec, "shutdown", "Failed",
      "task: non-zero exit (137): dockerexec: unhealthy container")
  end,
  pending = function(name, spec)
    return task_row(name, spec, "running", "Pending",
      "no suitable node (insufficient resources on 1 node)")
  end,
  rejected = function(name, spec)
    return task_row(name, spec, "shutdown", "Rejected", "invalid volume name")
  end,
}

procedures["GET docker.getServiceContainersByAppName"] = {
  input = by_app_name,
  run = function(input)
    local name = input.appName
    local service, found = swarm.service(name), json.array {}
    if not service then return found end
    local live, next_spec, failed = service.live, service.next, service.failed
    if live then found[#found + 1] = task_row(name, live, "running", "Running") end
    if next_spec then found[#found + 1] = task_row(name, next_spec, "running", "Preparing") end
    if failed then
      local again = { id = failed.id:reverse(), since = failed.since }
      for _, row in ipairs { failed_tasks[failed.outcome](name, failed, again) } do
        found[#found + 1] = row
      end
    end
    return found
  end,
}

local function container_row(name, spec, state, status)
  local container_name = ("%s.1.%s"):format(name, spec.id)
  return { containerId = spec.container, name = container_name, state = state, status = status }
end

local exit_codes = { crash = 3, unhealthy = 137 }

-- Containers are matched by a part of their name; those that are being stopped count.
procedures["GET docker.getContainersByAppNameMatch"] = {
  input = {
    by_app_name[1], by_app_name[2],
    { "appType", "choice", optional = true, values = "stack docker-compose" },
  },
  run = function(input)
    local found = json.array {}
    for _, service in ipairs(database.list "service") do
      local live, failed = service.live, service.failed
      local is_meant = service.appName:find(input.appName, 1, true)
      if is_meant and live then
        local status = "Up " .. clock.since(live.since)
        found[#found + 1] = container_row(service.appName, live, "running", status)
      end
      local code = failed and exit_codes[failed.outcome]
      if is_meant and code then
        local status = ("Exited (%d) %s ago"):format(code, clock.since(failed.since))
        found[#found + 1] = container_row(service.appName, failed, "exited", status)
      end
    end
    for _, container in ipairs(database.list "container") do
      if container.appName:find(input.appName, 1, true) then
        found[#found + 1] = {
          containerId = container.containerId, name = container.name, state = container.state,
          status = "Up 10 seconds",
        }
      end
    end
    return found
  end,
}

local function network(name, driver, subnet, capacity, containers)
  return {
    name = name, driver = driver, subnet = subnet, containersInUse = containers,
    capacity = capacity, percentUsed = (100 * containers + capacity // 2) // capacity,
  }
end

local function live_containers()
  local count = 0
  for _, service in ipairs(database.list "service") do
    if service.live then count = count + 1 end
  end
  return count
end

-- A small machine whose networks have the room that Docker gives by default.
procedures["GET docker.getServerHealth"] = {
  new_only = true,
  input = { { "serverId", "string", optional = true } },
  run = function()
    local containers = live_containers()
    return {
      checkedAt = clock.iso(),
      containers = { containerCount = containers, serviceCount = #database.list "service" },
      resources = { memTotalBytes = 8 << 30, memUsedBytes = 2 << 30, cpuCount = 4 },
      disk = { totalBytes = 100 << 30, usedBytes = 20 << 30 },
      dockerNetworks = {
        count = 3, addressPools = json.null,
        usage = json.array {
          network("dokploy-network", "overlay", "10.0.1.0/24", 254, containers),
          network("ingress", "overlay", "10.0.0.0/24", 254, 1),
          network("bridge", "bridge", "172.17.0.0/16", 65534, 0),
        },
      },
    }
  end,
}

return procedures
