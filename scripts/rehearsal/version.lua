--- Which of the two recorded Dokploys the double imitates. Where they differ, ask version.is_new().
local config = require "core.config"

local version = { known = { "0.30.2", "0.26.5" } }

local current = config.rehearsal_server.version

function version.name()
  return current
end

--- True for 0.30.2: zod 4, project.search, logs over REST, removable volumes. False for 0.26.5.
function version.is_new()
  return current == "0.30.2"
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
