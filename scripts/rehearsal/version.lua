--- Which Dokploy is played. Two were recorded, and they differ in many places; version.new() is the question that all of those ask.
local config = require "core.config"

local version = {}

version.known = { "0.30.2", "0.26.5" }

local current = config.rehearsal_server.version

function version.name()
  return current
end

--- True for 0.30.2: zod 4, search, logs over REST, volumes; false for 0.26.5.
function version.new()
  return current == "0.30.2"
end

--- Plays another one from now on. False when it is not known.
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
