--- Time as the double sees it: unique time stamps, Docker's wording of a duration, and waits.
local config = require "core.config"
local server = require "core.server"
local task = require "core.task"
local times = require "lib.base.clock"

local clock = {}

local last_ms = 0

--- Milliseconds since 1970. No value is returned twice, so rows sort by the time they were made.
---@return integer
function clock.now()
  last_ms = math.max(last_ms + 1, server.now() * 1000 // 1 | 0)
  return last_ms
end

--- "2026-11-23T08:59:45.432Z"; now when `ms` is missing.
---@param ms? integer
---@return string
function clock.iso(ms)
  return times.iso((ms or clock.now()) / 1000)
end

--- "6 seconds", as `docker ps` words the time since `ms`.
---@param ms integer
---@return string
function clock.since(ms)
  local seconds = math.max(1, (clock.now() - ms) // 1000)
  if seconds < 60 then return seconds .. (seconds == 1 and " second" or " seconds") end
  local minutes = seconds // 60
  return minutes == 1 and "about a minute" or minutes .. " minutes"
end

--- Waits as long as a real server takes, divided by REHEARSAL_SPEED.
---@param seconds number
function clock.work(seconds)
  task.sleep(seconds / config.rehearsal_server.speed)
end

--- Waits until the time is up, the rule is removed or the process drains.
---@param seconds number
---@param rule { is_cleared?: boolean }
function clock.hang(seconds, rule)
  while seconds > 0 and not server.info().draining and not rule.is_cleared do
    task.sleep(math.min(seconds, 0.2))
    seconds = seconds - 0.2
  end
end

return clock
