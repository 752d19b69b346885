--- The present moment, as rules see it, in `zone` of config.lua.
local config = require "core.config"
local server = require "core.server"
local subject = require "lib.policy.subject"
local moment = {}

local known -- of the current second

--- The present moment. The same table for all decisions of one second.
---@return Now
function moment.now()
  local unix = math.floor(server.now())
  if not known or known.unix ~= unix then known = subject.now(unix, config.zone, 0) end
  return known
end

return moment
