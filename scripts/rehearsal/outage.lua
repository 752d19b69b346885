--- Dokploy while its database is away. It runs on, and answers 401 as to a wrong key. The newer
--- version's public health check fails, and the calls that see the database go are answered as if
--- they were not allowed, or as if a create had failed.
local errors = require "rehearsal.errors"
local json = require "core.json"
local timer = require "core.timer"
local version = require "rehearsal.version"

local outage = { usual = 30000 } -- ms

local ends = setmetatable({}, { __mode = "k" }) -- rule -> when its outage ends
local current

--- Begins the outage of a rule, unless it has begun.
---@param rule { ms?: number, is_cleared?: boolean }
function outage.begin(rule)
  ends[rule] = ends[rule] or timer.now() + (rule.ms or outage.usual) / 1000
  current = rule
end

--- Whether the outage of a rule has begun and ended.
function outage.is_over(rule) return ends[rule] ~= nil and timer.now() >= ends[rule] end

--- Whether the database is away.
function outage.is_on()
  return current ~= nil and not current.is_cleared and not outage.is_over(current)
end

--- The answer to a call that sees the database go.
---@param name string  the procedure
function outage.first_reply(name)
  if not version.is_new() then return errors.unauthorized() end
  local kind = name:match "^(%l+)%.create$"
  if kind then
    return errors.reply({ code = "BAD_REQUEST", message = "Error creating the " .. kind }, name)
  end
  return errors.reply({ code = "UNAUTHORIZED", message = "UNAUTHORIZED" }, name)
end

--- The answer of the health check; nil while it succeeds. The older version asks no database.
function outage.health_reply()
  if not outage.is_on() or not version.is_new() then return nil end
  local code = "INTERNAL_SERVER_ERROR"
  local data = { code = code, httpStatus = 500, path = "settings.health", zodError = json.null }
  local problem = { message = "Failed query: SELECT 1\nparams: ", code = -32603, data = data }
  local body = json.encode { error = { json = problem } }
  return { status = 500, body = body, type = "application/json" }
end

return outage
