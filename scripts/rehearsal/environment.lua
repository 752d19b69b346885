--- environment.*
local errors = require "rehearsal.errors"
local model = require "rehearsal.model"
local procedures = require "rehearsal.procedures"
local project = require "rehearsal.project"
local rights = require "rehearsal.rights"
local rows = require "rehearsal.rows"
local search = require "rehearsal.search"
local v = require "rehearsal.validate"
local version = require "rehearsal.version"

local by_id = { environmentId = v.text { min = 1 } }

local function find(id)
  return model.get("environment", id) or errors.not_found "Environment"
end

-- What the newer version shows of an environment; the older shows the whole row.
local function with_services(environment, newer_fields)
  local shown = version.new() and rows.pick(environment, newer_fields) or rows.show(environment)
  for name, list in pairs(rows.no_services()) do shown[name] = list end
  shown.applications = rows.list(model.list("application", { environmentId = environment.environmentId }), project.brief_application)
  shown.project = rows.show(model.get("project", environment.projectId))
  return shown
end

procedures.query("environment.one", by_id, function(input, who)
  local environment = find(input.environmentId)
  if not rights.sees(who, "accessedEnvironments", environment.environmentId) then
    if version.new() then errors.raise("FORBIDDEN", "You are not allowed to access this environment") end
    errors.not_found "Environment"
  end
  return with_services(environment, "environmentId name description isDefault projectId env")
end)

procedures.query("environment.byProjectId", { projectId = v.text {} }, function(input, who)
  local seen = {}
  for _, environment in ipairs(model.list("environment", { projectId = input.projectId })) do
    if rights.sees(who, "accessedEnvironments", environment.environmentId) then seen[#seen + 1] = environment end
  end
  return rows.list(seen, function(environment)
    return with_services(environment, "environmentId name description isDefault")
  end)
end)

local function no_such_project(input)
  local trouble = 'insert or update on table "environment" violates foreign key constraint "environment_projectId_project_projectId_fk"'
  if version.new() then
    local row = { environmentId = model.id(), name = input.name, createdAt = model.now(), projectId = input.projectId }
    trouble = errors.failed_insert("environment", "environmentId name description createdAt env projectId isDefault", row)
  end
  errors.bad("Error creating the environment: " .. trouble)
end

local create_input = { name = v.text { min = 1 }, description = v.text { optional = true, null = true }, projectId = v.text { min = 1 } }

procedures.mutation("environment.create", create_input, function(input, who)
  if input.name == "production" then errors.bad "You cannot create a environment with the name 'production'" end
  if not model.get("project", input.projectId) then no_such_project(input) end
  local environment = model.new("environment", rows.environment {
    name = input.name, description = input.description, projectId = input.projectId,
  })
  rights.grant(who, "accessedEnvironments", environment.environmentId)
  return rows.show(environment)
end)

local update_input = {
  environmentId = v.text { min = 1 },
  name = v.text { optional = true, min = 1 },
  description = v.text { optional = true, null = true },
  env = v.text { optional = true },
}

procedures.mutation("environment.update", update_input, function(input)
  local environment = find(input.environmentId)
  if environment.isDefault and input.name and input.name ~= environment.name then
    errors.bad "Error updating the environment: You cannot rename the default environment"
  end
  for _, name in ipairs { "name", "description", "env" } do
    if input[name] ~= nil then environment[name] = input[name] end
  end
  model.touch(environment)
  return rows.show(environment)
end)

-- The older version deletes the rows of what is inside, and leaves the services running.
procedures.mutation("environment.remove", by_id, function(input)
  local environment = find(input.environmentId)
  if environment.isDefault then errors.bad "You cannot delete the default environment" end
  if version.new() and model.find("application", { environmentId = environment.environmentId }) then
    errors.bad "Cannot delete environment: it has active services. Delete all services first."
  end
  project.delete_rows_of(environment)
  return rows.show(environment)
end)

local searched = { "name", "description" }
local search_input = search.input(searched)
search_input.projectId = v.text { optional = true }

procedures.query("environment.search", search_input, function(input, who)
  return search.run(model.newest("environment", { projectId = input.projectId }), input, searched, rows.show, function(environment)
    return rights.sees(who, "accessedEnvironments", environment.environmentId)
  end)
end, { new = true })

return true
