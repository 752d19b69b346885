--- docker.*: the tasks and containers of a service, and the health of the machine.
local clock = require "rehearsal.clock"
local database = require "rehearsal.database"
local json = require "core.json"
local version = require "rehearsal.version"

local procedures = {}

local by_app_name = {
  { "appName", "string", pattern = "^[%w._-]+$" },
  { "serverId", "string", optional = true },
}

-- The tasks of a service whose container did not stay up, by outcome: wanted state, real state,
-- error. Docker has started a second container where there are two.
local crashed = { "shutdown", "Failed", "task: non-zero exit (3)" }
local failed_tasks = {
  crash = { crashed, crashed },
  unhealthy = {
    { "ready", "Ready" },
    { "shutdown", "Failed", "task: non-zero exit (137): dockerexec: unhealthy container" },
  },
  pending = {
    { "running", "Pending", "no suitable node (insufficient resources on 1 node)" },
  },
  rejected = { { "shutdown", "Rejected", "invalid volume name" } },
}

-- One line of `docker service ps`.
local function task_row(service, spec, id, task)
  local wanted, real, problem = table.unpack(task)
  local name = service.appName .. ".1"
  local row = { containerId = id, name = name, state = wanted, node = "rehearsal" }
  if version.is_new() then
    row.currentState = ("%s %s ago"):format(real, clock.since(spec.since))
    row.error = problem and ('"%s"'):format(problem) or ""
  end
  return row
end

procedures["GET docker.getServiceContainersByAppName"] = {
  input = by_app_name,
  run = function(input)
    local found = json.array {}
    local service = database.get("service", input.appName)
    local function add(spec, id, task) found[#found + 1] = task_row(service, spec, id, task) end
    if not service then return found end
    local live, starting, failed = service.live, service.next, service.failed
    if live then add(live, live.id, { "running", "Running" }) end
    if starting then add(starting, starting.id, { "running", "Preparing" }) end
    for i, task in ipairs(failed and failed_tasks[failed.outcome] or {}) do
      add(failed, i == 1 and failed.id or failed.id:reverse(), task)
    end
    return found
  end,
}

-- The container of a service that did not stay up, by outcome: state, status.
local failed_containers = {
  crash = { "exited", "Exited (3) %s ago" },
  unhealthy = { "created", "Created" }, -- the second one
}

-- Containers are matched by a part of their name; those that are being stopped count.
procedures["GET docker.getContainersByAppNameMatch"] = {
  input = {
    by_app_name[1], by_app_name[2],
    { "appType", "choice", optional = true, values = "stack docker-compose" },
  },
  run = function(input)
    local found = json.array {}
    local function add(app_name, id, name, state, status)
      if not app_name:find(input.appName, 1, true) then return end
      found[#found + 1] = { containerId = id, name = name, state = state, status = status }
    end
    local function add_spec(service, spec, state, status)
      local name = ("%s.1.%s"):format(service.appName, spec.id)
      add(service.appName, spec.container, name, state, status:format(clock.since(spec.since)))
    end
    for _, service in ipairs(database.list "service") do
      local failed = service.failed and failed_containers[service.failed.outcome]
      if service.live then add_spec(service, service.live, "running", "Up %s") end
      if failed then add_spec(service, service.failed, failed[1], failed[2]) end
    end
    for _, each in ipairs(database.list "container") do
      add(each.appName, each.containerId, each.name, each.state, "Up 10 seconds")
    end
    return found
  end,
}

-- A small machine whose networks have the room that Docker gives by default.
procedures["GET docker.getServerHealth"] = {
  new_only = true,
  input = { { "serverId", "string", optional = true } },
  run = function()
    local usage = json.array {
      { name = "dokploy-network", driver = "overlay", subnet = "10.0.1.0/24", capacity = 254 },
      { name = "bridge", driver = "bridge", subnet = "172.17.0.0/16", capacity = 65534 },
    }
    for i, network in ipairs(database.list "docker_network") do
      usage[#usage + 1] = {
        name = network.name, driver = "overlay", subnet = ("10.0.%d.0/24"):format(i + 1),
        capacity = 254,
      }
    end
    return {
      resources = { memTotalBytes = 8 << 30, memUsedBytes = 2 << 30, cpuCount = 4 },
      disk = { totalBytes = 100 << 30, usedBytes = 20 << 30 },
      dockerNetworks = { usage = usage },
    }
  end,
}

return procedures
