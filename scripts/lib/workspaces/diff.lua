--- Where the journal and Dokploy do not agree. Pure: two lists in, findings out. lib/workspaces/reconcile.lua gets the lists, and looks a second
--- time at whatever comes out: between reading the one and the other, a deployment may have begun or ended.
local diff = {}

---@class SeenProject
---@field id string
---@field name? string          these three are what its mark says; none: it has no mark of ours
---@field operation_id? string
---@field owner_id? string
---@field applications { id: string, status: string|nil, operation_id: string|nil }[]  operation_id: as its mark says

---@class KnownStack
---@field name string
---@field owner_id string
---@field operation_id string
---@field state string
---@field project_id? string
---@field application_id? string

---@class Difference
---@field kind string           vanished unknown in_error
---@field thing string          what tells it from others of its kind
---@field name string
---@field owner_id string
---@field operation_id string
---@field project_id? string
---@field application_id? string
---@field part? string          of unknown: "project", or "application" in a project that is known; of vanished: what is gone

-- What Dokploy has and the journal does not know.
local function unknown_project(project)
  return { kind = "unknown", thing = project.id, part = "project", name = project.name, owner_id = project.owner_id,
    operation_id = project.operation_id, project_id = project.id }
end

-- A second application with our mark beside the one that is in the record.
local function unknown_applications(project, stack, busy, found)
  for _, application in ipairs(project.applications) do
    local by = application.operation_id
    if by and application.id ~= stack.application_id and not busy[by] then
      found[#found + 1] = { kind = "unknown", thing = application.id, part = "application", name = stack.name, owner_id = stack.owner_id,
        operation_id = by, project_id = project.id, application_id = application.id }
    end
  end
end

local function application_in(project, id)
  for _, application in ipairs(project and project.applications or {}) do
    if application.id == id then return application end
  end
end

-- What the journal has and Dokploy lost, or could not start.
local function trouble_of(stack, project)
  local application = application_in(project, stack.application_id)
  local found = { thing = stack.operation_id, name = stack.name, owner_id = stack.owner_id, operation_id = stack.operation_id,
    project_id = stack.project_id, application_id = stack.application_id }
  if not application then
    found.kind, found.part = "vanished", project and "application" or "project"
    return found
  end
  if application.status ~= "error" or stack.state == "stopped" then return nil end
  found.kind = "in_error"
  return found
end

--- The findings.
---@param seen SeenProject[]   what Dokploy has
---@param stacks KnownStack[]  what the journal has: those that stand
---@param busy table<string, boolean>  deploys that somebody works on: nothing is said of them
---@return Difference[]
function diff.between(seen, stacks, busy)
  local projects, owners, found = {}, {}, {}
  for _, stack in ipairs(stacks) do
    if stack.project_id then owners[stack.project_id] = stack end
  end
  for _, project in ipairs(seen) do
    local stack, twice = owners[project.id], projects[project.id] ~= nil
    projects[project.id] = project
    if stack and not twice and not busy[stack.operation_id] then
      unknown_applications(project, stack, busy, found)
    elseif not stack and not twice and project.operation_id and not busy[project.operation_id] then
      found[#found + 1] = unknown_project(project)
    end
  end
  for _, stack in ipairs(stacks) do
    if not busy[stack.operation_id] then found[#found + 1] = trouble_of(stack, projects[stack.project_id]) end
  end
  return found
end

return diff
