--- Who is there: one organization, its owner, and members that tests add.
local json = require "core.json"
local model = require "rehearsal.model"

local people = {}

local rights = {
  "canCreateProjects", "canAccessToSSHKeys", "canCreateServices", "canDeleteProjects", "canDeleteServices", "canAccessToDocker",
  "canAccessToAPI", "canAccessToGitProviders", "canAccessToTraefikFiles", "canDeleteEnvironments", "canCreateEnvironments",
}
local lists = { "accessedProjects", "accessedEnvironments", "accessedServices", "accessedGitProviders", "accessedServers" }

--- Adds somebody to the organization. Nobody may do anything at first; the owner needs no rights.
function people.add(role, email)
  local member = {
    organizationId = people.organization().id, userId = model.id(), role = role, createdAt = model.now(), teamId = json.null,
    isDefault = role == "owner", _email = email, _name = role == "owner" and "Admin" or "", _last_name = role == "owner" and "One" or "",
  }
  for _, right in ipairs(rights) do member[right] = false end
  for _, list in ipairs(lists) do member[list] = json.array {} end
  return model.new("member", member)
end

function people.organization()
  return model.find("organization")
end

function people.owner()
  return model.find("member", { role = "owner" })
end

function people.by_user(user_id)
  return model.find("member", { userId = user_id })
end

--- Gives a member the rights and lists that stand in `given`.
function people.assign(member, given)
  for _, names in ipairs { rights, lists } do
    for _, name in ipairs(names) do
      if given[name] ~= nil then member[name] = given[name] end
    end
  end
  model.touch(member)
end

--- Makes the organization and its owner, the first time.
function people.bootstrap()
  if people.organization() then return end
  local organization = model.new("organization", {
    name = "My Organization", slug = json.null, logo = json.null, createdAt = model.now(), metadata = json.null, defaultRole = json.null,
  })
  organization.ownerId = people.add("owner", "admin@example.test").userId
end

return people
