--- The portal itself as an application in Dokploy: finding it, bringing another image into force, and waiting until that one answers.
--- bootstrap, rollout and rollback are made of this.
local http = require "core.http"
local json = require "core.json"
local task = require "core.task"
local dokploy = require "lib.dokploy"
local call = require "lib.dokploy.call"
local names = require "lib.release.names"

local release = {
  port = 3000, -- where the portal listens in its container
  look = 1,    -- seconds between two looks
  proofs = 3,  -- so many answers in a row must come from the new one
  kept = 5,    -- good images that are remembered
}

release.client = dokploy.client { tries = 3 }

--- From here on an outage of Dokploy is waited out, until then (seconds since 1970).
function release.wait_out(deadline)
  release.client.patient = true
  release.client.wanted = function() return os.time() < deadline end
end
release.mark = names.mark
release.word_of = names.word_of

--- The portal's application, whole; nil when there is none, with a code when Dokploy could not be asked. `project` is its project's id.
---@return table|nil application, string? message, string? code, string? project
function release.find(name)
  local client = release.client
  local projects, message, code = client:projects_described(names.mark(name))
  if not projects then return nil, message, code end
  if not projects[1] then return nil, "there is no portal named " .. name .. " in this Dokploy" end
  local project, why, word = client:project_one(projects[1].projectId)
  if not project then return nil, why, word end
  local applications = dokploy.services_of(project)
  if not applications[1] then return nil, "its project holds no application", nil, project.projectId end
  local application, reason, kind = client:application_one(applications[1].applicationId)
  return application, reason, kind, project.projectId
end

-- Which images were good ---------------------------------------------------------------------------------------------------

--- The images that answered once they were rolled out, newest first: { {image, release}, ... }. Dokploy keeps them, in the description,
--- so that any machine can roll back.
function release.history(application) return names.history(application.description) end

function release.remember(application, image, word)
  local list = { { image = image, release = word } }
  for _, entry in ipairs(release.history(application)) do
    if entry.image ~= image and #list < release.kept then list[#list + 1] = entry end
  end
  application.description = names.description(json.encode(json.array(list)))
  return release.client:application_update(application.applicationId, { description = application.description })
end

-- Into force ---------------------------------------------------------------------------------------------------------------

local function update(application, image)
  return call.run(release.client, {
    procedure = "application.update", body = { applicationId = application.applicationId, dockerImage = image }, repeatable = true,
    shape = function() return true end,
  })
end

local function with_title(application, title)
  local rows = release.client:deployments(application.applicationId)
  for _, row in ipairs(rows or {}) do
    if row.title == title then return row end
  end
end

-- The last lines of Dokploy's log that say something.
local function log_of(row)
  local text = release.client:deployment_log(row.deploymentId)
  local lines = {}
  for line in (text or ""):gmatch("[^\r\n]+") do
    if line:find("%S") then lines[#lines + 1] = line end
  end
  return table.concat(lines, " | ", math.max(1, #lines - 2))
end

--- Has Dokploy run the image. Its word for "done" means that Docker took the service, no more.
---@return true|nil done, string? message
function release.deploy(application, image, deadline)
  local saved, message = update(application, image)
  if not saved then return nil, "the image could not be set: " .. tostring(message) end
  local title = ("portal %s %d"):format(image, os.time())
  local sent, why, code, info = release.client:deploy(application.applicationId, title)
  if not sent and not (info and info.unknown) then return nil, ("Dokploy did not take the deployment: %s (%s)"):format(why, code) end
  while os.time() < deadline do
    local row = with_title(application, title)
    if row and row.status == "done" then return true end
    if row and (row.status == "error" or row.status == "cancelled") then
      return nil, ("Dokploy says %s: %s"):format(row.status, log_of(row))
    end
    task.sleep(release.look)
  end
  return nil, "Dokploy did not come to an end with it in time"
end

-- Does it answer -----------------------------------------------------------------------------------------------------------

--- Where the portal is reached: its first domain.
function release.url(application)
  local domain = type(application.domains) == "table" and application.domains[1]
  return domain and ("%s://%s"):format(domain.https and "https" or "http", domain.host)
end

--- What /ready says now: { status, release }; nil and why not.
function release.ask(where)
  local response, message = http.request { url = where.url .. "/ready", timeout = 3, connect_to = where.connect_to }
  if not response then return nil, message end
  local body = json.decode(response.body)
  if type(body) ~= "table" then return nil, ("status %d, and no answer of a portal"):format(response.status) end
  return { status = response.status, release = body.release, failing = body.failing }
end

local function told(answer, message)
  if not answer then return tostring(message) end
  if answer.status ~= 200 then return ("not ready (status %d)"):format(answer.status) end
  return ("the release %s answers"):format(answer.release or "without a name")
end

--- Waits until the release of that name is ready, several times in a row.
---@return true|nil ready, string? message  what was seen last
function release.wait(where, word, deadline)
  local proofs, seen = 0, "nothing"
  while os.time() < deadline do
    local answer, message = release.ask(where)
    local good = answer and answer.status == 200 and answer.release == word
    proofs = good and proofs + 1 or 0
    if proofs == release.proofs then return true end
    seen = told(answer, message)
    task.sleep(release.look)
  end
  return nil, seen
end

return release
