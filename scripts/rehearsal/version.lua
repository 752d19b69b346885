--- Which of the recorded Dokploys the double imitates. Where they differ, ask version.is_new().
local config = require "core.config"
local versions = require "lib.dokploy.version"

local version = { known = versions.tried }

local current = config.rehearsal_server.version

function version.name()
  return current
end

local NEW = { 0, 30, 0 }

--- True from 0.30 on: zod 4, project.search, logs over REST, removable volumes. False for 0.26.5.
function version.is_new()
  return not versions.is_older(versions.read(current), NEW)
end

--- Switches to another version while running; false when it is unknown.
---@return boolean
function version.set(name)
  for _, known in ipairs(version.known) do
    if known == name then
      current = name
      return true
    end
  end
  return false
end

return version
