--- deployment.*: what became of a deployment, its log, and what waits.
local database = require "rehearsal.database"
local errors = require "rehearsal.errors"
local rows = require "rehearsal.rows"
local version = require "rehearsal.version"

local procedures = {}

-- Waiting deployments have no row yet.
procedures["GET deployment.all"] = {
  input = { { "applicationId", "string", min = 1 } },
  run = function(input)
    if not version.is_new() then errors.find("application", input.applicationId) end
    local found = database.newest("deployment", { applicationId = input.applicationId })
    return rows.list(found, rows.show)
  end,
}

procedures["GET deployment.queueList"] = {
  new_only = true,
  run = function()
    return rows.list(database.newest "job", function(job)
      return {
        id = job._id, name = "deployments", state = job.state, timestamp = job.timestamp,
        processedOn = job.processedOn,
        data = {
          applicationId = job.applicationId, titleLog = job.title,
          descriptionLog = job.description, type = "deploy", applicationType = "application",
          server = false,
        },
      }
    end)
  end,
}

-- The last `count` lines of a text that ends with a line break.
local function tail(text, count)
  local lines = {}
  for line in text:gmatch "[^\n]*\n" do lines[#lines + 1] = line end
  return table.concat(lines, "", math.max(1, #lines - count + 1))
end

procedures["GET deployment.readLogs"] = {
  new_only = true,
  input = {
    { "deploymentId", "string", min = 1 },
    { "tail", "number", optional = true, coerce = true, min = 1, max = 10000 },
  },
  run = function(input)
    return tail(errors.find("deployment", input.deploymentId)._log, input.tail or 100)
  end,
}

return procedures
