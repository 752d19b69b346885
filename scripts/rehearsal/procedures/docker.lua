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
-- error.
local failed_tasks = {
  unhealthy = {
    { "ready", "Ready" },
    { "shutdown", "Failed", "task: non-zero exit (137): dockerexec: unhealthy container" },
  },
  pending = {
    { "running", "Pending", "no suitable node (insufficient resources on 1 node)" },
  },
  rejected = { { "shutdown", "Rejected", "invalid volume name" } },
}
local crashed = { "shutdown", "Failed", "task: non-zero exit (3)" }

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
    if starting then add(starting, starting.id, { "running", "Preparing" }) end
    if live then add(live, live.id, { "running", live.listens and "Running" or "Starting" }) end
    for _, each in ipairs(database.list("container", { appName = input.appName })) do
      add(each, each.name:match "%w+$", { "shutdown", "Running" })
    end
    for _, id in ipairs(failed and failed.ended or {}) do add(failed, id, crashed) end
    for i, task in ipairs(failed and failed_tasks[failed.outcome] or {}) do
      add(failed, i == 1 and failed.id or failed.id:reverse(), task)
    end
    return found
  end,
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
      local row = { containerId = id, name = name, state = state }
      if version.is_new() then row.status = status end
      found[#found + 1] = row
    end
    local function add_task(service, spec, id, state, status)
      local name = ("%s.1.%s"):format(service.appName, id)
      local container = id == spec.id and spec.container or id:sub(1, 12)
      add(service.appName, container, name, state, status:format(clock.since(spec.since)))
    end
    for _, service in ipairs(database.list "service") do
      local live, failed = service.live, service.failed
      local health = live and live.listens and "healthy" or "health: starting"
      if live then add_task(service, live, live.id, "running", "Up %s (" .. health .. ")") end
      for _, id in ipairs(failed and failed.ended or {}) do
        add_task(service, failed, id, "exited", "Exited (3) %s ago")
      end
      if failed and failed.outcome == "unhealthy" then -- the second one
        add_task(service, failed, failed.id, "created", "Created")
      end
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
