--- The present moment, as rules see it, in `zone` of config.lua.
local config = require "core.config"
local server = require "core.server"
local site = require "core.site"
local timer = require "core.timer"
local zones = require "lib.base.zone"
local subject = require "lib.policy.subject"
local moment = {}

local function read_zone(name)
  if name == "UTC" then return zones.utc end
  local bytes = timer.zone(name)
  local zone = bytes and zones.read(bytes)
  if zone then return zone end
  local is_own = (site.read "config.lua" or ""):find "%f[%w]zone%f[%W]"
  error(("%sconfig.lua: zone: the machine has no time zone %q (write one such as Europe/Amsterdam; "
    .. "the package tzdata has them)"):format(is_own and "site/" or "", name), 0)
end

local zone = read_zone(config.zone or "UTC")
local known -- of the current second

--- The present moment. The same table for all decisions of one second.
---@return Now
function moment.now()
  local unix = math.floor(server.now())
  if not known or known.unix ~= unix then
    known = subject.now(unix, config.zone, (zone.at(unix)))
  end
  return known
end

return moment
