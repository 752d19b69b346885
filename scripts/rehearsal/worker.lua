--- The queue of deployments: one at a time on the whole server, in order. Each leaves a row and a log.
local clock = require "rehearsal.clock"
local dotenv = require "rehearsal.dotenv"
local faults = require "rehearsal.faults"
local images = require "rehearsal.images"
local json = require "core.json"
local log = require "core.log"
local model = require "rehearsal.model"
local names = require "rehearsal.names"
local rows = require "rehearsal.rows"
local swarm = require "rehearsal.swarm"
local task = require "core.task"
local version = require "rehearsal.version"

local worker = {}

local null = json.null
local failed_line = "Error occurred ❌, check the logs for details."

local function write(row, line)
  row._log = row._log .. line .. "\n"
end

-- A failure that is told in the log. `gap`: with an empty line before the last.
local function fail(row, line, gap)
  write(row, line)
  if gap then write(row, "") end
  write(row, failed_line)
  return false
end

local function login(application, row, fault)
  local user, secret = application.username, application.password
  if fault == "registry_login" then
    write(row, "Error response from daemon: login attempt failed with status: 401 Unauthorized")
    return fail(row, "❌ Login failed", true)
  end
  if user == null or user == "" or secret == null or secret == "" then return true end
  local lines, ok = images.login(application.registryUrl == null and "" or application.registryUrl, version.new())
  for _, line in ipairs(lines) do write(row, line) end
  return ok or fail(row, "❌ Login failed", true)
end

local function pull(application, row, fault)
  local image = application.dockerImage == null and "" or application.dockerImage
  write(row, "Pulling " .. image)
  if not login(application, row, fault) then return false end
  clock.work(images.seconds(image) / 2)
  local lines, ok = images.pull(fault == "image_not_found" and image .. "-missing" or image)
  for _, line in ipairs(lines) do
    write(row, line)
    if ok then clock.work(images.seconds(image) / 2 / #lines) end
  end
  if not ok then return fail(row, "❌ Pulling image failed", true) end
  write(row, "✅ Pulling image completed.")
  return true
end

local function bad_reference(application, row)
  local environment = model.get("environment", application.environmentId)
  local project = environment and model.get("project", environment.projectId)
  local env = application.env == null and "" or application.env
  local missing = dotenv.missing_reference(env, project and project.env or "")
  return missing and fail(row, "Error: Invalid project environment variable: " .. missing, true) == false
end

-- The faults that the service itself is to play.
local played_by_service = { crash_loop = true, never_ready = true, unprotected = true, wrong_password = true, html = true }

local function create_service(application, row, fault)
  if bad_reference(application, row) then return false end
  local ok, objection = swarm.apply(application, played_by_service[fault] and fault or nil)
  if ok then return true end
  return fail(row, ("(HTTP code 400) unexpected - rpc error: code = InvalidArgument desc = %s "):format(objection))
end

-- A worker that is stuck, until somebody forgets the faults; `since`: how often that had happened when the rule was taken.
local function hang(rule, since)
  clock.hang((rule.ms or 3600000) / 1000, function() return faults.clearings() > since end)
end

-- All of one deployment; true when Docker took the service.
local function deploy(job, application, row)
  local since, rule = faults.clearings(), faults.take("deploy", names.of_application(application))
  local fault = rule and rule.kind
  write(row, "Initializing deployment")
  clock.work(0.3)
  if fault == "hang" then hang(rule, since) end
  if fault == "deploy_error" then return fail(row, rule.body or "Error: ❌ the deployment was told to fail", true) end
  if application.sourceType ~= "docker" then return fail(row, "Error: ❌ Github Provider not found", true) end
  if job.type == "deploy" and not pull(application, row, fault) then return false end
  return create_service(application, row, fault)
end

-- Only the newest ten of an application's deployments are kept, and the one that begins.
local function make_room(application_id)
  for i, row in ipairs(model.newest("deployment", { applicationId = application_id })) do
    if i > 10 then model.delete(row) end
  end
end

local function new_row(job, application)
  make_room(application.applicationId)
  local log_name = ("%s-%s.log"):format(application.appName, clock.stamp())
  return model.new("deployment", rows.deployment {
    title = job.title, description = job.description, applicationId = application.applicationId, _log = "",
    logPath = ("/etc/dokploy/logs/%s/%s"):format(application.appName, log_name),
  })
end

-- The double has no other servers, so a deployment on one ends before it begins.
local function unreachable(row)
  local verb = version.new() and "occurred" or "occured"
  row.logPath, row.errorMessage = "", ("An error have %s: Cannot parse privateKey: Malformed OpenSSH private key"):format(verb)
  row.finishedAt = row.createdAt
  return false
end

local function set_status(application, status)
  if model.get("application", application.applicationId) ~= application then return end
  application.applicationStatus = status
  model.touch(application)
end

local function end_row(row, status)
  if model.get("deployment", row.deploymentId) ~= row then return end
  row.status = status
  if row.finishedAt == null then row.finishedAt = model.now() end
  model.touch(row)
end

local function run(job, application)
  set_status(application, "running")
  local row = new_row(job, application)
  model.commit()
  local ok
  if application.serverId ~= null then ok = unreachable(row) else ok = deploy(job, application, row) end
  local status = ok and "done" or "error"
  end_row(row, status)
  model.commit()
  clock.work(0.1) -- the row is done first, the application a moment later
  set_status(application, status)
end

local function next_job()
  return model.find("job", { state = "waiting" })
end

local function drain()
  for job in next_job do
    job.state, job.processedOn = "active", clock.now()
    model.touch(job)
    local application = model.get("application", job.applicationId)
    local ok, trouble = true, nil
    if application then ok, trouble = pcall(run, job, application) end
    if not ok then log.error("rehearsal.deployment", { message = tostring(trouble) }) end
    model.delete(job)
    model.commit()
  end
end

local running

local function wake()
  running = task.spawn("rehearsal.deployments", drain) or running -- one is enough: it takes the job when its turn comes
end

--- Ends what runs, for a reset.
function worker.stop()
  if running then running:kill() end
end

--- Puts a deployment into the queue. `kind`: "deploy", or "redeploy" (no pull).
function worker.enqueue(application, kind, title, description)
  local number = model.count "jobs"
  model.new("job", {
    _id = "job-" .. number, type = kind, applicationId = application.applicationId, title = title, description = description,
    state = "waiting", timestamp = clock.now(),
  })
  wake()
end

--- Takes an application's waiting deployments out of the queue.
function worker.forget(application_id)
  for _, job in ipairs(model.list("job", { applicationId = application_id, state = "waiting" })) do model.delete(job) end
end

--- True when nothing runs and nothing waits.
function worker.idle()
  return model.find "job" == nil
end

-- The newer version forgets the queue; the older kept it, and its interrupted application stays "running" for ever.
local function interrupt(job)
  local row = model.find("deployment", { applicationId = job.applicationId, status = "running" })
  if row then
    row.status = "cancelled"
    model.touch(row)
  end
  local application = model.get("application", job.applicationId)
  if application and version.new() then set_status(application, "idle") end
  model.delete(job)
end

--- After a start of the process.
function worker.resume()
  for _, job in ipairs(model.list "job") do
    if job.state == "active" then
      interrupt(job)
    elseif version.new() then
      model.delete(job)
    end
  end
  wake()
end

return worker
