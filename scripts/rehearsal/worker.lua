--- The queue of deployments: one at a time on the whole server. Each leaves a row and a log.
local clock = require "rehearsal.clock"
local database = require "rehearsal.database"
local faults = require "rehearsal.faults"
local images = require "rehearsal.images"
local json = require "core.json"
local log = require "core.log"
local rows = require "rehearsal.rows"
local subjects = require "rehearsal.subjects"
local swarm = require "rehearsal.swarm"
local task = require "core.task"
local version = require "rehearsal.version"
local words = require "rehearsal.words"

local worker = {}

local null = json.null

local function write(row, line)
  row._log = row._log .. line .. "\n"
end

-- Ends the log of a failed deployment; returns false.
local function fail(row, ...)
  for _, line in ipairs { ... } do write(row, line) end
  write(row, "Error occurred ❌, check the logs for details.")
  return false
end

local function is_set(column)
  return column ~= null and column ~= ""
end

local function login(application, row, fault)
  if fault == "registry_login" then
    write(row, "Error response from daemon: login attempt failed with status: 401 Unauthorized")
    return fail(row, "❌ Login failed", "")
  end
  if not (is_set(application.username) and is_set(application.password)) then return true end
  local registry = is_set(application.registryUrl) and application.registryUrl or ""
  local lines, succeeded = images.login(registry, version.is_new())
  for _, line in ipairs(lines) do write(row, line) end
  return succeeded or fail(row, "❌ Login failed", "")
end

local failing_images = { image_not_found = "-missing", registry_denied = "-denied" }

local function pull(application, row, fault)
  local image = is_set(application.dockerImage) and application.dockerImage or ""
  write(row, "Pulling " .. image)
  if not login(application, row, fault) then return false end
  local seconds = images.pull_seconds(image) / 2
  clock.work(seconds)
  image = image .. (failing_images[fault] or "")
  local lines, is_there = images.pull(image)
  for _, line in ipairs(lines) do
    write(row, line)
    if is_there then clock.work(seconds / #lines) end
  end
  if not is_there then return fail(row, "❌ Pulling image failed", "") end
  write(row, "✅ Pulling image completed.")
  return true
end

-- Faults of the container, not of the worker.
local container_modes = words.set "crash_loop never_ready unprotected wrong_password html"

local function update_service(application, row, fault)
  local done, objection = swarm.apply(application, container_modes[fault] and fault or nil)
  if done then return true end
  return fail(row, ("(HTTP code 400) unexpected - rpc error: code = InvalidArgument desc = %s ")
    :format(objection))
end

-- The double has no other machines, so a deployment to one ends before it begins.
local function fail_unreachable(row)
  local verb = version.is_new() and "occurred" or "occured"
  row.logPath = ""
  row.errorMessage = ("An error have %s: Cannot parse privateKey: Malformed OpenSSH private key")
    :format(verb)
  return false
end

-- Deploys; true when Docker accepted the service.
local function deploy(row, application)
  if application.serverId ~= null then return fail_unreachable(row) end
  local rule = faults.take("deploy", subjects.of(application))
  local fault = rule and rule.kind
  write(row, "Initializing deployment")
  clock.work(0.3)
  if fault == "hang" then
    clock.hang((rule.ms or 3600000) / 1000, rule)
  elseif fault == "deploy_error" then
    return fail(row, rule.body or "Error: ❌ the deployment was told to fail", "")
  end
  if application.sourceType ~= "docker" then
    return fail(row, "Error: ❌ Github Provider not found", "")
  end
  return pull(application, row, fault) and update_service(application, row, fault)
end

-- Dokploy keeps the ten newest rows of an application beside the new one.
local function new_row(job, application)
  local rows_before = database.newest("deployment", { applicationId = job.applicationId })
  for i = 11, #rows_before do database.delete(rows_before[i]) end
  local stamp = os.date("!%Y-%m-%d:%H:%M:%S", clock.now() // 1000)
  local name = application.appName
  return rows.insert("deployment", {
    title = job.title, description = job.description, applicationId = job.applicationId, _log = "",
    logPath = ("/etc/dokploy/logs/%s/%s-%s.log"):format(name, name, stamp),
    startedAt = clock.iso(),
  })
end

local function set_status(application, status)
  if database.holds(application) then
    database.update(application, { applicationStatus = status })
  end
end

local function end_row(row, status)
  if database.holds(row) then
    database.update(row, { status = status, finishedAt = clock.iso() })
  end
end

local function run(job, application)
  set_status(application, "running")
  local row = new_row(job, application)
  database.commit()
  local status = deploy(row, application) and "done" or "error"
  end_row(row, status)
  database.commit()
  clock.work(0.1) -- the row is done first, the application a moment later
  set_status(application, status)
end

local function next_job()
  return database.find("job", { state = "waiting" })
end

local function run_all()
  for job in next_job do
    database.update(job, { state = "active", processedOn = clock.now() })
    local application = database.get("application", job.applicationId)
    local ok, problem = true, nil
    if application then ok, problem = pcall(run, job, application) end
    if not ok then log.error("rehearsal.deployment", { message = tostring(problem) }) end
    database.delete(job)
    database.commit()
  end
end

local running

-- A named task runs once; the one that runs takes the new job in turn.
local function wake()
  running = task.spawn("rehearsal.deployments", run_all) or running
end

--- Ends the running deployment, for a reset.
function worker.stop()
  if running then running:kill() end
end

--- Adds a deployment to the queue.
---@param application table
---@param title string
---@param description string
function worker.enqueue(application, title, description)
  database.insert("job", {
    _id = "job-" .. database.next_number(), applicationId = application.applicationId,
    title = title, description = description, state = "waiting", timestamp = clock.now(),
  })
  wake()
end

--- Removes an application's waiting deployments from the queue.
---@param application_id string
function worker.forget(application_id)
  database.delete_all("job", { applicationId = application_id, state = "waiting" })
end

--- Whether nothing runs and nothing waits.
function worker.is_idle()
  return database.find "job" == nil
end

-- The older version's interrupted application stays "running" for ever.
local function cancel(job)
  local filter = { applicationId = job.applicationId, status = "running" }
  local row = database.find("deployment", filter)
  if row then database.update(row, { status = "cancelled" }) end
  local application = database.get("application", job.applicationId)
  if application and version.is_new() then set_status(application, "idle") end
  database.delete(job)
end

--- After a start of the process: the newer version forgets the queue, the older takes it up again.
function worker.resume()
  for _, job in ipairs(database.list "job") do
    if job.state == "active" then
      cancel(job)
    elseif version.is_new() then
      database.delete(job)
    end
  end
  wake()
end

return worker
