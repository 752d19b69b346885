--- The keys that the double knows. Every key is the owner's, who may do everything, unless it
--- begins with
---   wrong    it is refused
---   member   its user is a member without rights
---   limited  it has the limit of a key that was made without saying otherwise: five calls a day
local errors = require "rehearsal.errors"
local version = require "rehearsal.version"

local keys = {}

local LIMIT, COST = 10, 2 -- each call verifies the key twice

local used = {} -- key -> what its calls have cost

--- Whose key a request has: "owner" or "member"; nil for none that is valid. Counts the call.
---@return string|nil
function keys.role(req)
  local key = (req.headers["x-api-key"] or ""):match "^%s*(.-)%s*$"
  if key == "" or key:find "^wrong" then return nil end
  if key:find "^limited" then
    local cost = (used[key] or 0) + COST
    if cost > LIMIT then return nil end
    used[key] = cost
  end
  return key:find "^member" and "member" or "owner"
end

local of_service = "You don't have access to this service"

-- Procedure -> the newer version's message, and the code, which is UNAUTHORIZED unless it says.
local denied = {
  ["project.create"] = {
    'Error creating the project: unauthorized to access resource "project"', "BAD_REQUEST",
  },
  ["project.one"] = { "You don't have access to this project" },
  ["project.remove"] = { 'unauthorized to access resource "project"' },
  ["application.create"] = { 'unauthorized to access resource "service"' },
  ["application.delete"] = { 'unauthorized to access resource "service"' },
  ["application.one"] = { of_service }, ["application.deploy"] = { of_service },
  ["deployment.all"] = { of_service }, ["mounts.create"] = { of_service },
  ["domain.create"] = { of_service, "BAD_REQUEST" },
}
-- The older version lets a member deploy any application, and add domains and mounts to it.
local denied_before = {
  ["project.create"] = { "Error creating the project: Permission denied", "BAD_REQUEST" },
}
for _, name in ipairs {
  "project.one", "project.remove", "application.create", "application.delete", "application.one",
} do
  denied_before[name] = { "Permission denied" }
end

--- Raises Dokploy's error when the role has no right to the procedure.
function keys.check_right(role, procedure)
  local list = version.is_new() and denied or denied_before
  local refusal = role == "member" and list[procedure]
  if refusal then errors.raise(refusal[2] or "UNAUTHORIZED", refusal[1]) end
end

return keys
