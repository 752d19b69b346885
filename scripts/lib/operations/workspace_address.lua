--- Where a stack is to be looked for, and with which password. For scripts/steps/health.lua.
local dotenv = require "lib.base.dotenv"
local health = require "lib.operations.health"
local dokploy = require "lib.dokploy"

local place = {}
local once = dokploy.client { tries = 1 } -- looks at containers must not hold up looks at the stack

-- Made in this run, or, after a restart, read back from Dokploy.
local function password_of(ctx)
  if ctx.password then return ctx.password end
  local application, message, code = ctx.dokploy:application_one(ctx.ids.application)
  if not application then return nil, message, code end
  local password = type(application.env) == "string" and dotenv.get(application.env, "OPENCODE_SERVER_PASSWORD")
  if not password then return nil, "the application's environment has no password", "dokploy_unexpected_answer" end
  return password
end

--- Its public address. Inner addresses are refused, but for those that the configuration names, and loopback in rehearsal.
function place.public(url, config)
  local stack = config.stack
  local connect_to = stack.connect_to or (config.rehearsal and "127.0.0.1:" .. stack.public_port) or nil
  return { url = url, connect_to = connect_to, fence = connect_to == nil }
end

--- What lib/operations/health.lua looks at.
function place.target(ctx, config)
  local password, message, code = password_of(ctx)
  if not password then return nil, message, code end
  return {
    password = password,
    public = place.public(ctx.url, config),
    inner = ctx.ids.app_name and { url = ("http://%s:8080"):format(ctx.ids.app_name), fence = false } or nil,
  }
end

-- What its tasks and containers say; how many of them ended by themselves, and why.
local function crashes_now(ctx)
  local of_tasks, task_reason = health.crashes(once:tasks(ctx.ids.app_name) or {})
  local of_containers, container_reason = health.crashes(once:containers(ctx.ids.app_name) or {})
  return math.max(of_tasks, of_containers), task_reason or container_reason
end

--- Looks at its containers every fifth time, as long as nothing answers, and sums up the crashes that it sees: a container that ended
--- once may be well the next time; one that keeps ending, or that is not started again, adds up.
---@param watch { looks: integer, crashes: integer, reason: string|nil, last: table }
---@return integer, string
function place.crashes(ctx, watch)
  watch.looks = watch.looks + 1
  if watch.last.lock then
    watch.crashes = 0
  elseif watch.looks % 5 == 0 then
    local now, reason = crashes_now(ctx)
    watch.crashes = now == 0 and 0 or watch.crashes + now
    watch.reason = reason or watch.reason
  end
  return watch.crashes, watch.reason or ""
end

return place
