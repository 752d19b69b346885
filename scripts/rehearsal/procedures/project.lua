--- project.*: a workspace is a project with one environment and one application.
local clock = require "rehearsal.clock"
local database = require "rehearsal.database"
local errors = require "rehearsal.errors"
local json = require "core.json"
local rows = require "rehearsal.rows"
local task = require "core.task"
local version = require "rehearsal.version"

local procedures = {}

local by_id = { { "projectId", "string", min = 1 } }

procedures["POST project.create"] = {
  input = {
    { "name", "string", min = 1 },
    { "description", "string", optional = true, nullable = true },
    { "env", "string", optional = true },
  },
  run = function(input)
    input.organizationId = rows.organization_id
    local project = rows.insert("project", input)
    local environment = rows.insert("environment", {
      name = "production", description = "Production environment", isDefault = true,
      projectId = project.projectId,
    })
    return { project = rows.show(project), environment = rows.show(environment) }
  end,
}

local function environments_of(project)
  return database.list("environment", { projectId = project.projectId })
end

local function applications_of(environment)
  return database.list("application", { environmentId = environment.environmentId })
end

-- An application inside project.one.
local function brief_application(application)
  if not version.is_new() then return rows.show(application) end
  local shown = rows.pick(application,
    "applicationId name appName description createdAt applicationStatus serverId")
  shown.server, shown.icon = json.null, json.null
  return shown
end

-- An application inside project.all.
local function listed_application(application)
  if version.is_new() then
    return rows.pick(application, "applicationId name applicationStatus")
  end
  local domains = database.list("domain", { applicationId = application.applicationId })
  return rows.show(application, { domains = rows.list(domains, rows.show) })
end

local function add_services(shown, environment, show_application)
  for name, list in pairs(rows.no_services()) do shown[name] = list end
  shown.applications = rows.list(applications_of(environment), show_application)
  return shown
end

local function whole_environment(environment)
  return add_services(rows.show(environment), environment, brief_application)
end

local function listed_environment(environment)
  local shown = version.is_new() and rows.pick(environment, "environmentId name isDefault")
    or rows.show(environment)
  return add_services(shown, environment, listed_application)
end

local function with_environments(project, show_environment)
  return rows.show(project, {
    environments = rows.list(environments_of(project), show_environment),
    projectTags = version.is_new() and json.array {} or nil,
  })
end

procedures["GET project.one"] = {
  input = by_id,
  run = function(input)
    return with_environments(errors.find("project", input.projectId), whole_environment)
  end,
}

procedures["GET project.all"] = {
  run = function()
    return rows.list(database.newest "project", function(project)
      return with_environments(project, listed_environment)
    end)
  end,
}

-- A pattern of SQL's LIKE as a Lua pattern.
local function like(text)
  local any = { ["%"] = ".*", _ = utf8.charpattern }
  return (text:lower():gsub("%p", function(char) return any[char] or "%" .. char end))
end

local function contains(value, text)
  return text == nil or type(value) == "string" and value:lower():find(like(text)) ~= nil
end

procedures["GET project.search"] = {
  new_only = true,
  input = {
    { "q name description", "string", optional = true },
    { "limit", "number", optional = true, coerce = true, min = 1, max = 100 },
    { "offset", "number", optional = true, coerce = true, min = 0 },
  },
  run = function(input)
    local found = json.array {}
    for _, project in ipairs(database.newest "project") do
      local has_text = contains(project.name, input.q) or contains(project.description, input.q)
      if has_text and contains(project.name, input.name)
        and contains(project.description, input.description) then
        found[#found + 1] = rows.show(project)
      end
    end
    local first = (input.offset or 0) + 1
    local last = math.min(#found, first + (input.limit or 20) - 1)
    return { items = table.move(found, first, last, 1, json.array {}), total = #found }
  end,
}

procedures["POST project.update"] = {
  input = {
    { "projectId", "string", min = 1 },
    { "name env", "string", optional = true },
    { "description", "string", optional = true, nullable = true },
  },
  run = function(input)
    local project = errors.find("project", input.projectId)
    database.update(project, input)
    return rows.show(project)
  end,
}

local removing = setmetatable({}, { __mode = "k" })

-- Deletes rows only: services keep running, and the proxy keeps routing to them. Other calls while
-- the first is at work get an empty answer; with the newer version, the last of them gets a 404.
procedures["POST project.remove"] = {
  input = by_id,
  run = function(input)
    local project = errors.find("project", input.projectId)
    local others = removing[project]
    if others then
      others.last = (others.last or 0) + 1
      local number = others.last
      while version.is_new() and database.holds(project) do task.sleep(0.005) end
      if version.is_new() and others.last == number then errors.find("project", input.projectId) end
      return nil
    end
    removing[project] = {}
    clock.work(0.02)
    for _, environment in ipairs(environments_of(project)) do
      for _, application in ipairs(applications_of(environment)) do
        rows.delete_application(application)
      end
      database.delete(environment)
    end
    database.delete(project)
    return rows.show(project)
  end,
}

return procedures
