--- Where a workspace is probed, and with which password.
local config = require "core.config"
local dotenv = require "lib.base.dotenv"
local dokploy = require "lib.dokploy"
local journal = require "lib.journal"

local address = { password_variable = "OPENCODE_SERVER_PASSWORD" }
local quick = dokploy.client { tries = 2 }

---@class Target
---@field url string
---@field connect_to string|nil  "host:port" in place of what DNS says
---@field fence boolean          refuse private addresses

--- The public address. Private addresses are refused, except those that the configuration names,
--- and loopback in rehearsal.
---@param url string
---@return Target
function address.public(url)
  local stack = config.stack
  local loopback = config.rehearsal and "127.0.0.1:" .. stack.public_port or nil
  local connect_to = stack.connect_to or loopback
  return { url = url, connect_to = connect_to, fence = connect_to == nil }
end

--- An application's environment text. Waits.
---@param client table
---@param application_id string
---@return string|nil text, string? message, string? code
function address.environment(client, application_id)
  local application, message, code = client:application_one(application_id)
  if not application then return nil, message, code end
  if type(application.env) == "string" then return application.env end
  return nil, "the application has no environment", "dokploy_unexpected_answer"
end

-- The password in an application's environment: it is kept nowhere else.
local function read_password(client, application_id)
  local text, message, code = address.environment(client, application_id)
  if not text then return nil, message, code end
  local password = dotenv.get(text, address.password_variable)
  if password then return password end
  return nil, "the application's environment has no password", "dokploy_unexpected_answer"
end

--- A workspace's password, for its owner. Waits.
---@param name string
---@return string|nil password, string? message, string? code  stack_unknown journal dokploy_...
function address.password(name)
  local stack, message, code = journal.stacks.get(name)
  if stack == nil then return nil, message, code end
  for _, row in ipairs(stack and journal.resources.list(stack.operation_id) or {}) do
    if row.kind == "application" and row.state == "created" then
      return read_password(quick, row.id)
    end
  end
  return nil, "there is no workspace of that name", "stack_unknown"
end

--- What lib/workspaces/health.lua probes. The password was made in this run or, after a restart, is
--- read back from Dokploy.
---@param ctx table
---@return { public: Target, inner: Target|nil, password: string,
--- secrets: table<string, true>|nil }|nil target
---@return string? message, string? code
function address.target(ctx)
  local password = ctx.password
  if not password then
    local message, code
    password, message, code = read_password(ctx.dokploy, ctx.ids.application)
    if not password then return nil, message, code end
  end
  local service = ctx.ids.app_name
  local inner = service and { url = ("http://%s:8080"):format(service), fence = false } or nil
  return {
    password = password, public = address.public(ctx.url), inner = inner,
    secrets = ctx.dokploy.secrets,
  }
end

return address
