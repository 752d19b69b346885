--- The portal itself as an application in Dokploy: finding it, deploying another image, and waiting
--- until that one answers. bootstrap, rollout and rollback are built on this.
local http = require "lib.base.outgoing"
local json = require "core.json"
local task = require "core.task"
local dokploy = require "lib.dokploy"
local containers = require "lib.dokploy.containers"
local call = require "lib.dokploy.call"

local release = {
  port = 3000,          -- where the portal listens in its container
  poll_seconds = 1,     -- between two looks at Dokploy or /ready
  answers_in_a_row = 3, -- that prove a release ready
  history_length = 5,   -- good releases that are remembered
}

release.client = dokploy.client { tries = 3 }

--- From now on calls to Dokploy wait for an outage to end, until the deadline.
---@param deadline integer  seconds since 1970
function release.tolerate_outages(deadline)
  release.client.patient = true
  release.client.wanted = function() return os.time() < deadline end
end

--- The description of the portal's project, by which it is found.
function release.tag(name) return "ai-stack-deployer portal=" .. name end

--- The default name of a release: the image's tag; nil for a digest or an image without a tag.
---@param image any
---@return string|nil
function release.name_of(image)
  if type(image) ~= "string" or image:find("@", 1, true) then return nil end
  return image:match(":([%w._-]+)$")
end

--- The portal's application with all its fields, or nil and a message; with a code when Dokploy
--- could not be asked. May wait.
---@param name string
---@return table|nil application, string? message, string? code
function release.find(name)
  local client = release.client
  local projects, message, code = client:projects_described(release.tag(name))
  if not projects then return nil, message, code end
  if not projects[1] then return nil, "there is no portal named " .. name .. " in this Dokploy" end
  local project, project_message, project_code = client:project_one(projects[1].projectId)
  if not project then return nil, project_message, project_code end
  local applications = dokploy.services_of(project)
  if not applications[1] then return nil, "its project holds no application" end
  return client:application_one(applications[1].applicationId)
end

--- The same, with a line in the report when there is none.
---@param name string|nil  "portal" when left out
function release.find_or_report(name, report)
  local application, message, code = release.find(name or "portal")
  if application then return application end
  report:fail("portal", message, code and "deployer doctor finds out why"
    or "deployer bootstrap creates it")
end

-- History

local HISTORY = "AI Stack Deployer, the portal. Good releases: "

local function is_entry(value)
  return type(value) == "table" and type(value.image) == "string"
    and type(value.release) == "string"
end

--- The images that became ready, newest first. They are kept in the application's description, so
--- that any machine can roll back.
---@return { image: string, release: string }[]
function release.history(application)
  local description, history = application.description, {}
  if type(description) ~= "string" or description:sub(1, #HISTORY) ~= HISTORY then return {} end
  local list = json.decode(description:sub(#HISTORY + 1))
  for _, entry in ipairs(type(list) == "table" and list or {}) do
    if is_entry(entry) then history[#history + 1] = entry end
  end
  return history
end

--- Puts a release at the head of the history. May wait.
---@param entry { image: string, release: string }
function release.remember(application, entry)
  local list = { { image = entry.image, release = entry.release } }
  for _, old in ipairs(release.history(application)) do
    if old.image ~= entry.image and #list < release.history_length then list[#list + 1] = old end
  end
  application.description = HISTORY .. json.encode(json.array(list))
  return release.client:application_update(application.applicationId,
    { description = application.description })
end

-- Deploying

--- Changes the image in Dokploy, which deploys nothing. May wait.
function release.set_image(application, image)
  return call.run(release.client, {
    procedure = "application.update", repeatable = true,
    body = { applicationId = application.applicationId, dockerImage = image },
    shape = function() return true end,
  })
end

local function deployment_titled(application, title)
  for _, row in ipairs(release.client:deployments(application.applicationId) or {}) do
    if row.title == title then return row end
  end
end

local LOG_LINES = 3

local function end_of_log(row)
  local lines = {}
  for line in (release.client:deployment_log(row.deploymentId) or ""):gmatch("[^\r\n]+") do
    if line:find("%S") then lines[#lines + 1] = line end
  end
  return table.concat(lines, " | ", math.max(1, #lines - LOG_LINES + 1))
end

-- The containers of the portal that run, as a set of ids; nil: Dokploy does not say.
local function running(application)
  local rows = release.client:instances(application.appName)
  return rows and containers.up(rows)
end

-- Waits until none of these containers runs: the release of before answers until then.
local function until_replaced(application, before, deadline)
  while os.time() < deadline do
    local is_there = false
    for id in pairs(running(application) or {}) do is_there = is_there or before[id] end
    if not is_there then return true end
    task.sleep(release.poll_seconds)
  end
  return nil, "the container of before did not end in time"
end

--- Whether that release answers, and from the same containers all the time: Docker runs its image,
--- and is not about to replace it. Waits a few seconds.
function release.is_in_force(application, where, name)
  local before = running(application)
  if not before or not next(before) then return false end
  for _ = 1, release.answers_in_a_row do
    local answer = release.probe(where)
    if not answer or answer.status ~= 200 or answer.release ~= name then return false end
    task.sleep(release.poll_seconds)
  end
  local now = running(application) or {}
  for id in pairs(before) do
    if not now[id] then return false end
  end
  for id in pairs(now) do
    if not before[id] then return false end
  end
  return true
end

--- Lets Dokploy deploy the image, and waits until it has replaced the containers of before. That
--- proves no more than that Docker accepted the service.
---@param deadline integer  seconds since 1970
---@return true|nil done, string? message
function release.deploy(application, image, deadline)
  local before = running(application) or {}
  local saved, message = release.set_image(application, image)
  if not saved then return nil, "the image could not be set: " .. tostring(message) end
  local title = ("portal %s %d"):format(image, os.time())
  local sent, why, code, info = release.client:deploy(application.applicationId, title)
  if not sent and not (info and info.unknown) then
    return nil, ("Dokploy did not accept the deployment: %s (%s)"):format(why, code)
  end
  while os.time() < deadline do
    local row = deployment_titled(application, title)
    if row and row.status == "done" then return until_replaced(application, before, deadline) end
    if row and (row.status == "error" or row.status == "cancelled") then
      return nil, ("Dokploy reports %s: %s"):format(row.status, end_of_log(row))
    end
    task.sleep(release.poll_seconds)
  end
  return nil, "Dokploy did not finish the deployment in time"
end

-- Readiness

--- The portal's address: its first domain in Dokploy; nil without one.
---@return string|nil
function release.url(application)
  local domain = type(application.domains) == "table" and application.domains[1]
  return domain and ("%s://%s"):format(domain.https and "https" or "http", domain.host)
end

--- What /ready answers now, or nil and why not. May wait.
---@param where { url: string, connect_to: string|nil }
---@return { status: integer, release: string|nil }|nil answer, string? message
function release.probe(where)
  local response, message = http.request {
    url = where.url .. "/ready", timeout = 3, connect_to = where.connect_to,
  }
  if not response then return nil, message end
  local body = json.decode(response.body)
  if type(body) ~= "table" then
    return nil, ("status %d, not an answer of a portal"):format(response.status)
  end
  return { status = response.status, release = body.release }
end

local function describe(answer, message)
  if not answer then return tostring(message) end
  if answer.status ~= 200 then return ("not ready (status %d)"):format(answer.status) end
  return ("the release %s answers"):format(answer.release or "without a name")
end

--- Waits until that release is ready, several times in a row.
---@return true|nil ready, string? last_seen
function release.wait(where, name, deadline)
  local in_a_row, last_seen = 0, "nothing"
  while os.time() < deadline do
    local answer, message = release.probe(where)
    local is_ready = answer and answer.status == 200 and answer.release == name
    in_a_row = is_ready and in_a_row + 1 or 0
    if in_a_row == release.answers_in_a_row then return true end
    last_seen = describe(answer, message)
    task.sleep(release.poll_seconds)
  end
  return nil, last_seen
end

return release
