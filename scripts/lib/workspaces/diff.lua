--- Compares what Dokploy has with what the journal has. Pure. lib/workspaces/reconcile.lua reads
--- both and confirms each difference, because a deployment may begin or end between the two
--- readings.
local diff = {}

---@class SeenProject
---@field id string
---@field name? string          these three from its tag; nil: it is not ours
---@field operation_id? string
---@field owner_id? string
---@field applications { id: string, status: string|nil, operation_id: string|nil }[]
--- operation_id: from its tag

---@class KnownStack
---@field name string
---@field owner_id string
---@field operation_id string
---@field state string
---@field project_id? string
---@field application_id? string

---@class Difference
---@field kind string           vanished unknown in_error
---@field thing string          tells it from others of its kind
---@field name string
---@field owner_id string
---@field operation_id string
---@field project_id? string
---@field application_id? string
---@field part? string          of unknown: "project", or "application" in a project that is known;
--- of vanished: what is gone

local function unknown_project(project)
  return {
    kind = "unknown", thing = project.id, part = "project", name = project.name,
    owner_id = project.owner_id, operation_id = project.operation_id, project_id = project.id,
  }
end

-- Applications of ours beside the one in the record.
local function add_unknown_applications(project, stack, busy, found)
  for _, application in ipairs(project.applications) do
    local operation_id = application.operation_id
    if operation_id and application.id ~= stack.application_id and not busy[operation_id] then
      found[#found + 1] = {
        kind = "unknown", thing = application.id, part = "application", name = stack.name,
        owner_id = stack.owner_id, operation_id = operation_id, project_id = project.id,
        application_id = application.id,
      }
    end
  end
end

local function application_in(project, id)
  for _, application in ipairs(project and project.applications or {}) do
    if application.id == id then return application end
  end
end

-- A workspace that Dokploy lost, or could not start; else nil.
local function trouble_of(stack, project)
  local application = application_in(project, stack.application_id)
  local found = {
    thing = stack.operation_id, name = stack.name, owner_id = stack.owner_id,
    operation_id = stack.operation_id, project_id = stack.project_id,
    application_id = stack.application_id,
  }
  if not application then
    found.kind, found.part = "vanished", project and "application" or "project"
    return found
  end
  if application.status ~= "error" or stack.state == "stopped" then return nil end
  found.kind = "in_error"
  return found
end

--- The differences.
---@param seen SeenProject[]   what Dokploy has; a project may be there twice
---@param stacks KnownStack[]  the workspaces that exist according to the journal
---@param busy table<string, boolean>  deploys that are being worked on: they are left out
---@return Difference[]
function diff.between(seen, stacks, busy)
  local projects, stack_of, found = {}, {}, {}
  for _, stack in ipairs(stacks) do
    if stack.project_id then stack_of[stack.project_id] = stack end
  end
  for _, project in ipairs(seen) do
    local stack, is_repeated = stack_of[project.id], projects[project.id] ~= nil
    projects[project.id] = project
    local operation_id = stack and stack.operation_id or project.operation_id
    local is_ignored = is_repeated or not operation_id or busy[operation_id]
    if not is_ignored and stack then add_unknown_applications(project, stack, busy, found) end
    if not is_ignored and not stack then found[#found + 1] = unknown_project(project) end
  end
  for _, stack in ipairs(stacks) do
    if not busy[stack.operation_id] then
      found[#found + 1] = trouble_of(stack, projects[stack.project_id])
    end
  end
  return found
end

return diff
