--- The double's clock and pace. A test moves the time forward (POST /__rehearsal/clock) rather than wait for a window to pass.
local config = require "core.config"
local server = require "core.server"
local task = require "core.task"

local clock = {}

local ahead = 0 -- milliseconds that were added by hand
local last = 0
local stopped_at -- while the clock is stopped: seconds since 1970

--- Milliseconds since 1970, never the same twice: what is made later is later.
function clock.now()
  local now = ((stopped_at or server.now()) * 1000 + ahead) // 1 | 0
  if now <= last then now = last + 1 end
  last = now
  return now
end

--- "2026-11-23T08:59:45.432Z"
function clock.iso(ms)
  ms = ms or clock.now()
  return os.date("!%Y-%m-%dT%H:%M:%S", ms // 1000) .. string.format(".%03dZ", ms % 1000)
end

--- "2026-11-23:08:59:46", as in the names of log files.
function clock.stamp()
  return os.date("!%Y-%m-%d:%H:%M:%S", clock.now() // 1000)
end

--- "6 seconds", as docker words it.
function clock.since(ms)
  local seconds = math.max(1, (clock.now() - ms) // 1000)
  if seconds < 60 then return seconds .. (seconds == 1 and " second" or " seconds") end
  local minutes = seconds // 60
  return minutes == 1 and "about a minute" or minutes .. " minutes"
end

--- Moves the clock forward.
function clock.advance(seconds)
  ahead = ahead + math.floor(seconds * 1000)
end

--- Stops it, so that only advance() moves it; or lets it go on.
function clock.stop(stop)
  stopped_at = stop and server.now() or nil
end

--- Waits as long as a real server would need, divided by the configured speed.
function clock.work(seconds)
  task.sleep(seconds / config.rehearsal_server.speed)
end

--- Waits for something that never comes, until the time has passed, it is over, or the process ends.
---@param seconds number
---@param is_over nil|fun(): boolean
function clock.hang(seconds, is_over)
  while seconds > 0 and not server.info().draining and not (is_over and is_over()) do
    task.sleep(0.2)
    seconds = seconds - 0.2
  end
end

return clock
