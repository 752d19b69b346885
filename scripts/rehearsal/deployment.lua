--- deployment.*
local errors = require "rehearsal.errors"
local json = require "core.json"
local model = require "rehearsal.model"
local procedures = require "rehearsal.procedures"
local rights = require "rehearsal.rights"
local rows = require "rehearsal.rows"
local v = require "rehearsal.validate"
local version = require "rehearsal.version"

local function newest(application_id, show)
  return rows.list(model.newest("deployment", { applicationId = application_id }), show or rows.show)
end

procedures.query("deployment.all", { applicationId = v.text { min = 1 } }, function(input, who)
  rights.service_if_new(who, input.applicationId)
  if not version.new() and not model.get("application", input.applicationId) then errors.not_found "Application" end
  return newest(input.applicationId)
end)

local by_type = {
  id = v.text { min = 1 },
  type = v.choice { values = { "application", "compose", "server", "schedule", "previewDeployment", "backup", "volumeBackup" } },
}

procedures.query("deployment.allByType", by_type, function(input)
  return newest(input.id, function(row)
    return rows.show(row, { rollback = json.null })
  end)
end)

-- Where a deployment belongs, for the list of all.
local function with_application(row)
  local application = model.get("application", row.applicationId)
  local environment = model.get("environment", application.environmentId)
  local shown = rows.pick(application, "applicationId name appName icon")
  shown.server, shown.buildServer = json.null, json.null
  shown.environment = rows.pick(environment, "environmentId name")
  shown.environment.project = rows.pick(model.get("project", environment.projectId), "projectId name")
  return rows.show(row, { application = shown, compose = json.null, server = json.null, buildServer = json.null })
end

procedures.query("deployment.allCentralized", {}, function()
  return rows.list(model.newest "deployment", with_application)
end, { new = true })

-- Where the browser would find the application that a job is for.
local function service_path(job)
  local application = model.get("application", job.applicationId)
  local environment = application and model.get("environment", application.environmentId)
  if not environment then return json.null end
  local href = ("/dashboard/project/%s/environment/%s/services/application/%s")
    :format(environment.projectId, environment.environmentId, application.applicationId)
  return { href = href, label = "Application" }
end

procedures.query("deployment.queueList", {}, function()
  return rows.list(model.newest "job", function(job)
    return {
      id = job._id, name = "deployments", state = job.state, timestamp = job.timestamp, processedOn = job.processedOn,
      data = { applicationId = job.applicationId, titleLog = job.title, descriptionLog = job.description, type = job.type,
        applicationType = "application", server = false },
      servicePath = service_path(job),
    }
  end)
end, { new = true })

-- The last `count` lines of a text that ends with a line break.
local function tail(text, count)
  local lines = {}
  for line in text:gmatch "[^\n]*\n" do lines[#lines + 1] = line end
  return table.concat(lines, "", math.max(1, #lines - count + 1))
end

local logs_input = {
  deploymentId = v.text { min = 1 },
  tail = v.number { optional = true, coerce = true, min = 1, max = 10000 },
}

procedures.query("deployment.readLogs", logs_input, function(input)
  local row = model.get("deployment", input.deploymentId) or errors.not_found "Deployment"
  return tail(row._log, input.tail or 100)
end, { new = true })

procedures.mutation("deployment.killProcess", { deploymentId = v.text { min = 1 } }, function(input)
  if not model.get("deployment", input.deploymentId) then errors.not_found "Deployment" end
  errors.bad "Deployment is not running"
end)

return true
