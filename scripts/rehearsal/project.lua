--- project.*
local clock = require "rehearsal.clock"
local errors = require "rehearsal.errors"
local json = require "core.json"
local model = require "rehearsal.model"
local procedures = require "rehearsal.procedures"
local rights = require "rehearsal.rights"
local rows = require "rehearsal.rows"
local search = require "rehearsal.search"
local v = require "rehearsal.validate"
local version = require "rehearsal.version"

local by_id = { projectId = v.text { min_new = 1 } }

local function find(id)
  return model.get("project", id) or errors.not_found "Project"
end

-- PostgreSQL keeps no NUL in a text.
local function refuse_nul(row)
  if not row.name:find "\0" then return end
  local trouble = 'invalid byte sequence for encoding "UTF8": 0x00'
  if version.new() then
    local given = { projectId = model.id(), name = row.name, createdAt = row.createdAt, organizationId = row.organizationId }
    trouble = errors.failed_insert("project", "projectId name description createdAt organizationId env", given)
  end
  errors.bad("Error creating the project: " .. trouble)
end

local function may_create(who)
  if who.role == "owner" or who.canCreateProjects then return end
  errors.bad("Error creating the project: " .. (version.new() and 'unauthorized to access resource "project"' or "Permission denied"))
end

local create_input = {
  name = v.text { min = 1 },
  description = v.text { optional = true, null = true },
  env = v.text { optional = true },
}

procedures.mutation("project.create", create_input, function(input, who)
  may_create(who)
  local row = rows.project { name = input.name, description = input.description, env = input.env, organizationId = who.organizationId }
  refuse_nul(row)
  local project = model.new("project", row)
  local environment = model.new("environment", rows.environment {
    name = "production", description = "Production environment", projectId = project.projectId, isDefault = true,
  })
  rights.grant(who, "accessedProjects", project.projectId)
  rights.grant(who, "accessedEnvironments", environment.environmentId)
  return { project = rows.show(project), environment = rows.show(environment) }
end)

-- An application inside project.one and environment.one.
local function brief_application(application)
  if not version.new() then return rows.show(application) end
  local shown = rows.pick(application, "applicationId name appName description createdAt applicationStatus serverId icon")
  shown.server = json.null
  return shown
end

local function listed_application(application)
  if version.new() then return rows.pick(application, "applicationId name applicationStatus") end
  local domains = rows.list(model.list("domain", { applicationId = application.applicationId }), rows.show)
  return rows.show(application, { domains = domains })
end

local function environment_with(environment, show_application)
  local shown = rows.no_services()
  shown.applications = rows.list(model.list("application", { environmentId = environment.environmentId }), show_application)
  return shown
end

local function environments_of(project, who, show)
  local seen = {}
  for _, environment in ipairs(model.list("environment", { projectId = project.projectId })) do
    if rights.sees(who, "accessedEnvironments", environment.environmentId) then seen[#seen + 1] = environment end
  end
  return rows.list(seen, show)
end

local function with_tags(project, environments)
  return rows.show(project, { environments = environments, projectTags = version.new() and json.array {} or nil })
end

procedures.query("project.one", by_id, function(input, who)
  rights.project(who, input.projectId)
  local project = find(input.projectId)
  return with_tags(project, environments_of(project, who, function(environment)
    return rows.show(environment, environment_with(environment, brief_application))
  end))
end)

local function listed_environment(environment)
  local shown = version.new() and rows.pick(environment, "environmentId name isDefault") or rows.show(environment)
  for name, list in pairs(environment_with(environment, listed_application)) do shown[name] = list end
  return shown
end

procedures.query("project.all", {}, function(_, who)
  local seen = {}
  for _, project in ipairs(model.newest "project") do
    if rights.sees(who, "accessedProjects", project.projectId) then seen[#seen + 1] = project end
  end
  return rows.list(seen, function(project)
    return with_tags(project, environments_of(project, who, listed_environment))
  end)
end)

procedures.query("project.search", search.input { "name", "description" }, function(input, who)
  return search.run(model.newest "project", input, { "name", "description" }, rows.show, function(project)
    return rights.sees(who, "accessedProjects", project.projectId)
  end)
end, { new = true })

local update_input = {
  projectId = v.text { min_new = 1 },
  name = v.text { optional = true },
  description = v.text { optional = true, null = true },
  env = v.text { optional = true },
}

procedures.mutation("project.update", update_input, function(input)
  local project = find(input.projectId)
  for _, name in ipairs { "name", "description", "env" } do
    if input[name] ~= nil then project[name] = input[name] end
  end
  model.touch(project)
  return rows.show(project)
end)

local function delete_rows_of(environment)
  for _, application in ipairs(model.list("application", { environmentId = environment.environmentId })) do
    for _, kind in ipairs { "domain", "mount", "deployment" } do
      for _, row in ipairs(model.list(kind, { applicationId = application.applicationId })) do model.delete(row) end
    end
    model.delete(application)
  end
  model.delete(environment)
end

local removing = setmetatable({}, { __mode = "k" })

-- Only rows go: the services keep running, and Traefik keeps routing to them. Who calls it a second time meanwhile gets an empty answer.
procedures.mutation("project.remove", by_id, function(input, who)
  rights.need(who, "canDeleteProjects", "project")
  local project = find(input.projectId)
  if removing[project] then return nil end
  removing[project] = true
  clock.work(0.02)
  for _, environment in ipairs(model.list("environment", { projectId = project.projectId })) do delete_rows_of(environment) end
  model.delete(project)
  return rows.show(project)
end)

return { brief_application = brief_application, delete_rows_of = delete_rows_of }
