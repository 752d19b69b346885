--- How long nobody and nothing has worked in a workspace, as it says itself:
---   /session/status  no session is busy or waits for a model
---   /session         when the newest session was changed
---   .stack/activity.json  for how long no terminal, stream and program was at work, as its
---                    image reports (stack/activity.sh)
--- Without all three answers nothing is known, and it counts as used. Times are compared on the
--- workspace's own clock, which its answers carry.
local crypto = require "core.crypto"
local json = require "core.json"
local clock = require "lib.base.clock"
local http = require "lib.base.outgoing"
local health = require "lib.workspaces.health"

local idle = {
  report = "/file/content?path=.stack/activity.json",
  fresh = 120, -- seconds after which a report says nothing about now
}

--- What its answers mean.
---@param statuses any  of /session/status
---@param used_at number|nil  of the newest session
---@param report any    { at = seconds since 1970, idle = seconds }
---@param now number    on its clock
---@return number|nil seconds, string? why  nil: it is in use, or that is not known
function idle.judge(statuses, used_at, report, now)
  if type(statuses) ~= "table" then return nil, "it does not say whether a session is busy" end
  if next(statuses) ~= nil then return nil, "a session is busy" end
  local at = type(report) == "table" and tonumber(report.at)
  local seconds = type(report) == "table" and tonumber(report.idle)
  if not at or not seconds then return nil, "it does not report its activity" end
  if math.abs(now - at) > idle.fresh then return nil, "its report of its activity is old" end
  seconds = math.max(0, seconds + now - at)
  return used_at and math.min(seconds, math.max(0, now - used_at)) or seconds
end

local function ask(target, password, path)
  local response = http.request {
    url = target.url .. path, timeout = 10, connect_timeout = 2, max_body = 65536, fresh = true,
    verify = true, fence = target.fence, connect_to = target.connect_to,
    headers = { Authorization = "Basic " .. crypto.base64(health.user .. ":" .. password) },
  }
  return response and response.status == 200 and response or nil
end

local function value_of(response) return response and json.decode(response.body) end

--- Asks it. Only over a valid certificate. Waits.
---@param target Target
---@param password string
---@return number|nil seconds, string? why  nil: it is in use, or that is not known
function idle.seconds(target, password)
  local status = ask(target, password, "/session/status")
  if not status then return nil, "it does not answer" end
  local now = clock.read_http_date(status.headers.date)
  if not now then return nil, "its answers have no date" end
  local sessions = ask(target, password, "/session?limit=20")
  if not sessions then return nil, "it does not list its sessions" end
  local file = value_of(ask(target, password, idle.report))
  local content = type(file) == "table" and file.content
  local report = type(content) == "string" and json.decode(content) or nil
  return idle.judge(json.decode(status.body), health.used_of(sessions), report, now)
end

return idle
