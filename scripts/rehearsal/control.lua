--- /__rehearsal/...: what people and tests see of the double, and what they order it to do.
local database = require "rehearsal.database"
local docker = require "rehearsal.docker"
local faults = require "rehearsal.faults"
local json = require "core.json"
local proxy = require "rehearsal.proxy"
local rows = require "rehearsal.rows"
local swarm = require "rehearsal.swarm"
local task = require "core.task"
local version = require "rehearsal.version"
local worker = require "rehearsal.worker"
local workspace = require "rehearsal.workspace"

local control = {}

local function list(kind, columns, add)
  return rows.list(database.list(kind), function(object)
    local row = rows.pick(object, columns)
    if add then add(row, object) end
    return row
  end)
end

local function state()
  return {
    version = version.name(),
    projects = list("project", "projectId name description"),
    applications = list("application",
      "applicationId name appName environmentId applicationStatus dockerImage"),
    domains = list("domain", "domainId host port https applicationId"),
    mounts = list("mount", "mountId type volumeName mountPath applicationId"),
    deployments = list("deployment", "deploymentId applicationId title status"),
    services = list("service", "appName", function(row, service)
      row.state = swarm.state(service)
      row.networks = service.live and rows.list(service.live.networks or {}, tostring)
    end),
    networks = list("docker_network", "name has_proxy"),
    containers = list("container", "appName name state"),
    volumes = list("volume", "name", function(row, volume)
      row.used = swarm.is_volume_in_use(volume.name)
    end),
    routes = list("route", "host appName port"),
    queue = list("job", "_id applicationId title state"),
    faults = faults.list(),
  }
end

local function refuse(message)
  return { status = 400, json = { message = message } }
end

local handlers = {}

handlers["GET /state"] = function()
  return { json = state() }
end

handlers["GET /faults"] = function()
  return { json = faults.list() }
end

handlers["POST /faults"] = function(given)
  local added, problem = faults.add(given)
  return added and { json = faults.list() } or refuse(problem)
end

handlers["DELETE /faults"] = function()
  faults.clear()
  return { json = faults.list() }
end

handlers["POST /reset"] = function()
  faults.clear()
  worker.stop()
  database.reset()
  return { json = state() }
end

-- What a workspace says that is done in it: {"host": "anna.ai.localhost", "session": "busy"}.
handlers["POST /activity"] = function(given)
  if not workspace.set_activity(tostring(given.host), given) then return refuse "no such host" end
  database.commit()
  return { json = given }
end

handlers["POST /version"] = function(given)
  if not version.set(given.version) then
    return refuse('"version" must be one of: ' .. table.concat(version.known, ", "))
  end
  return { json = { version = version.name() } }
end

-- One command of an operator: true; or nil and what is wrong with it.
local function play(command)
  local service = command:match "^docker service rm (%S+)$"
  local routed = command:match "^rm %-f /etc/dokploy/traefik/dynamic/(%S+)%.yml$"
  if service then swarm.remove(service) end
  if routed then proxy.remove_all { appName = routed } end
  return service or routed or docker.run(command)
end

-- What an operator would do on Dokploy's machine: {"command": "docker network connect NAME
-- dokploy-traefik"}; several are separated by semicolons.
handlers["POST /docker"] = function(given)
  for command in tostring(given.command):gmatch "[^;]+" do
    local done, problem = play(command:match "^%s*(.-)%s*$")
    if not done then return refuse(problem) end
  end
  database.commit()
  return { json = state() }
end

-- Waits until no deployment runs or waits and no container is starting.
handlers["POST /settle"] = function()
  while not (worker.is_idle() and swarm.is_quiet()) do task.sleep(0.01) end
  return { json = state() }
end

local known = {}
for name in pairs(handlers) do known[#known + 1] = name end
table.sort(known)

--- Answers a request below /__rehearsal. May wait.
function control.handle(req)
  local handler = handlers[req.method .. " " .. req.path:sub(#"/__rehearsal" + 1)]
  if not handler then
    return { status = 404, json = { message = "there are: " .. table.concat(known, ", ") } }
  end
  if req.body == "" then return handler {} end
  local given, problem = json.decode(req.body)
  if problem or type(given) ~= "table" then return refuse "the body is not a JSON object" end
  return handler(given)
end

return control
