--- What a member may do. The owner may do all; what members get told differs by version.
local errors = require "rehearsal.errors"
local json = require "core.json"
local model = require "rehearsal.model"
local version = require "rehearsal.version"

local rights = {}

local function refuse(newer)
  errors.raise("UNAUTHORIZED", version.new() and newer or "Permission denied")
end

local function holds(list, id)
  for _, each in ipairs(list) do
    if each == id then return true end
  end
  return false
end

local function is_owner(who)
  return who.role == "owner"
end

--- True when the member sees this id in one of their lists.
function rights.sees(who, list, id)
  return is_owner(who) or holds(who[list], id)
end

--- Refuses a member without this right. `resource`: "project", "service", "server"
function rights.need(who, right, resource)
  if not is_owner(who) and not who[right] then refuse(('unauthorized to access resource "%s"'):format(resource)) end
end

function rights.project(who, project_id)
  if not rights.sees(who, "accessedProjects", project_id) then refuse "You don't have access to this project" end
end

--- For what both versions guard.
function rights.service(who, application_id)
  if not rights.sees(who, "accessedServices", application_id) then refuse "You don't have access to this service" end
end

--- For what only the newer version guards: deploying, domains, mounts.
function rights.service_if_new(who, application_id)
  if version.new() then rights.service(who, application_id) end
end

--- Adds an id to one of the member's lists. Like the real server it reads the row, waits for the database, and writes the row:
--- of creates that run side by side, some lose their right.
function rights.grant(who, list, id)
  local ids = json.array {}
  for i, each in ipairs(who[list]) do ids[i] = each end
  ids[#ids + 1] = id
  model.commit()
  who[list] = ids
  model.touch(who)
end

--- True when the member's own list holds the id; the newer version's application.search asks this even of the owner.
function rights.listed(who, list, id)
  return holds(who[list], id)
end

return rights
