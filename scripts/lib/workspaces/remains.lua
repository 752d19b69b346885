--- What Docker and the proxy keep of a workspace that Dokploy no longer knows. Removing a project
--- in Dokploy removes its rows only: the services in it run on, and their addresses stay routed.
--- No call of Dokploy's removes either afterwards, so an administrator has to, on its machine.
local config = require "core.config"
local task = require "core.task"
local timer = require "core.timer"
local ids = require "lib.base.ids"
local workspace = require "lib.base.workspace"
local containers = require "lib.dokploy.containers"
local address = require "lib.workspaces.address"
local health = require "lib.workspaces.health"

-- Seconds: Traefik reads its files at most every two, and is asked this often.
local remains = { throttle = 8, pause = 0.5 }

local NO_ROUTE = 404 -- Traefik's answer for an address that it does not know

--- The command that removes a service and its route; nil for a name that a shell could misread.
---@param app_name string
---@return string|nil
function remains.command(app_name)
  if not app_name:find "^%w[%w._-]*$" then return nil end
  return ("docker service rm %s; rm -f /etc/dokploy/traefik/dynamic/%s.yml"):format(
    app_name, app_name)
end

--- What the texts about it need.
---@return { service: string, command: string|nil }
function remains.args(app_name)
  return { service = app_name, command = remains.command(app_name) }
end

local function answer_of(url)
  local lock, _, status = health.lock(address.public(url))
  return status, lock
end

--- Whether the proxy knows a workspace's address: it answers otherwise than an address that nobody
--- has. An address that does not answer counts as unknown. Waits.
---@param url string
---@return boolean
function remains.is_routed(url)
  local status, lock = answer_of(url)
  if not status or status == NO_ROUTE then return false end
  local other, other_lock = answer_of(workspace.address("free-" .. ids.new(4), config.stack))
  return status ~= other or lock ~= other_lock
end

--- Whether the proxy still knows an address after it had time to read its files again. Waits.
---@param url string
---@return boolean
function remains.stays_routed(url)
  local ends = timer.now() + remains.throttle
  while remains.is_routed(url) do
    if timer.now() >= ends or not task.sleep(remains.pause) then return true end
  end
  return false
end

--- Whether something of a workspace that Dokploy does not know is still there: its container, or
--- the route to it. Waits.
---@param client table
---@param app_name string
---@param url string|nil  nil: only its container is looked for
---@return boolean|nil is_left, string? message, string? code
function remains.of(client, app_name, url)
  for _, read in ipairs { client.tasks, client.containers } do
    local rows, message, code = read(client, app_name)
    if not rows then return nil, message, code end
    if containers.any_up(rows) then return true end
  end
  return url ~= nil and remains.is_routed(url)
end

return remains
