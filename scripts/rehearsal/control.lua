--- /__rehearsal/...: what a person or a test sees of the double and tells it to do
local clock = require "rehearsal.clock"
local faults = require "rehearsal.faults"
local json = require "core.json"
local model = require "rehearsal.model"
local people = require "rehearsal.people"
local rows = require "rehearsal.rows"
local swarm = require "rehearsal.swarm"
local task = require "core.task"
local version = require "rehearsal.version"
local worker = require "rehearsal.worker"

local control = {}

local function shown(kind, names, more)
  return rows.list(model.list(kind), function(object)
    local row = rows.pick(object, names)
    return more and more(row, object) or row
  end)
end

local function state()
  return {
    version = version.name(),
    projects = shown("project", "projectId name description"),
    applications = shown("application", "applicationId name appName environmentId applicationStatus dockerImage"),
    domains = shown("domain", "domainId host port https applicationId"),
    mounts = shown("mount", "mountId type volumeName mountPath applicationId"),
    deployments = shown("deployment", "deploymentId applicationId title status"),
    services = shown("service", "appName", function(row, service)
      row.state = swarm.state(service)
      return row
    end),
    containers = shown("container", "appName name state"),
    volumes = shown("volume", "name", function(row, volume)
      row.used = swarm.volume_in_use(volume.name)
      return row
    end),
    routes = shown("route", "host appName port"),
    queue = shown("job", "_id applicationId title state"),
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
  local ok, problem = faults.add(given)
  if not ok then return refuse(problem) end
  return { json = faults.list() }
end

handlers["DELETE /faults"] = function()
  faults.clear()
  return { json = faults.list() }
end

handlers["POST /reset"] = function()
  faults.clear()
  worker.stop()
  model.reset()
  people.bootstrap()
  model.commit()
  return { json = state() }
end

handlers["POST /version"] = function(given)
  if not version.set(given.version) then return refuse('"version" must be one of: ' .. table.concat(version.known, ", ")) end
  return { json = { version = version.name() } }
end

-- Moves the double's clock: windows pass, keys expire. { "seconds": 60 } forward; { "stopped": true } moves only so.
handlers["POST /clock"] = function(given)
  local seconds = given.seconds or 0
  if type(seconds) ~= "number" or seconds < 0 then return refuse '"seconds" must be a number, 0 or more' end
  if given.stopped ~= nil then clock.stop(given.stopped) end
  clock.advance(seconds)
  return { json = { now = clock.iso() } }
end

-- Waits until no deployment runs or waits and nothing starts any more.
handlers["POST /settle"] = function()
  while not (worker.idle() and swarm.quiet()) do task.sleep(0.01) end
  return { json = state() }
end

-- A member of the organization. Its user id is its session: Cookie: better-auth.session_token=USERID
handlers["POST /member"] = function(given)
  local member = people.add("member", given.email or "member@example.test")
  model.commit()
  return { json = { userId = member.userId } }
end

local known = {}
for name in pairs(handlers) do known[#known + 1] = name end
table.sort(known)

--- Answers a request below /__rehearsal.
function control.handle(req)
  local handler = handlers[req.method .. " " .. req.path:sub(#"/__rehearsal" + 1)]
  if not handler then return { status = 404, json = { message = "there are: " .. table.concat(known, ", ") } } end
  local given, problem = {}, nil
  if req.body ~= "" then given, problem = json.decode(req.body) end
  if problem or type(given) ~= "table" then return refuse "the body is no JSON object" end
  return handler(given)
end

return control
