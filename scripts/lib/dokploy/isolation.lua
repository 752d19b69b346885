--- What keeps a workspace away from the rest of the server: the network it runs in, and how many
--- processes it may have. Sent to Dokploy before each deployment.
---
--- Dokploy puts applications into dokploy-network, beside its own API, Redis and PostgreSQL. With
--- stack.network a workspace is in that network alone, and Dokploy's proxy must have joined it: no
--- call does that, so the deployment fails with the command as long as it has not.
local config = require "core.config"
local http = require "core.http"
local json = require "core.json"

local isolation = { proxy = "dokploy-traefik", shared_network = "dokploy-network" }

local WITH_ULIMITS, WITH_NETWORKS = { 0, 27, 0 }, { 0, 30, 0 }

--- The command that puts Dokploy's proxy into a network, on Dokploy's machine.
function isolation.connect_command(name)
  return ("docker network connect %s %s"):format(name, isolation.proxy)
end

--- The command that creates a network by hand, where Dokploy has no call for it.
function isolation.create_command(name)
  return "docker network create --driver overlay --attachable " .. name
end

--- Dokploy's row of a network; false when it has none; nil, message, code ("no_such_call": before
--- 0.30).
function isolation.find(client, name)
  local rows, message, code = client:networks()
  if not rows then return nil, message, code end
  for _, row in ipairs(rows) do
    if row.name == name and row.driver == "overlay" then return row end
  end
  return false
end

--- The same; a network that was created by hand, for an older Dokploy, is made known to it.
function isolation.find_or_import(client, name)
  local row, message, code = isolation.find(client, name)
  if row ~= false then return row, message, code end
  client:network_import(name)
  return isolation.find(client, name)
end

-- A workspace may be named so that its container looks like the proxy.
local function is_proxy(container)
  local name = type(container) == "table" and tostring(container.Name):lower() or ""
  return name:find("traefik", 1, true) ~= nil and not name:find "^stack%-"
end

-- Docker's DNS knows CONTAINER.NETWORK to those that are in the network.
local function is_proxy_here(name)
  return http.request {
    url = ("http://%s.%s/"):format(isolation.proxy, name), timeout = 3, connect_timeout = 2,
    fresh = true,
  } ~= nil
end

--- Whether Dokploy's proxy is in a network: by Docker's list of its containers, or because it
--- answers the portal there. nil when neither shows it and Dokploy does not list them. Waits.
---@param row table|nil  of isolation.find
---@return boolean|nil
function isolation.has_proxy(client, name, row)
  local network = row and client:network_inspect(row.networkId)
  local containers = network and network.Containers
  for _, container in pairs(type(containers) == "table" and containers or {}) do
    if is_proxy(container) then return true end
  end
  if is_proxy_here(name) then return true end
  return network and false
end

local function unready(message, command)
  local args = { network = config.stack.network, command = command }
  return nil, message, "network_unready", args
end

local function unrouted(name)
  return unready("the proxy does not reach the network of the workspaces",
    isolation.connect_command(name))
end

local function network_fields(client, name)
  if not client:is_since(WITH_NETWORKS) then
    return { networkSwarm = json.array { { Target = name } } }
  end
  local row, message, code = isolation.find_or_import(client, name)
  if row == nil then return nil, message, code end
  if not row then return unready("Dokploy has no network " .. name, "deployer bootstrap") end
  if isolation.has_proxy(client, name, row) == false then return unrouted(name) end
  return {
    networkIds = json.array { row.networkId }, detachDokployNetwork = true,
    networkSwarm = json.null, -- of a deployment by an older Dokploy; it would have precedence
  }
end

--- Why the proxy answers 502 for a new workspace, as far as its network explains it: true when it
--- does not; else nil, message, code, args. Waits.
function isolation.check_route(client)
  local name = config.stack.network
  if not name then return true end
  local row = client:is_since(WITH_NETWORKS) and isolation.find(client, name) or nil
  if isolation.has_proxy(client, name, row) then return true end
  return unrouted(name)
end

--- The fields for application.update, or nil, message, code, args. Waits.
---@param client table  of lib/dokploy
---@return table|nil fields, string? message, string? code, table? args
function isolation.fields(client)
  local fields = {}
  if config.stack.network then
    local message, code, args
    fields, message, code, args = network_fields(client, config.stack.network)
    if not fields then return nil, message, code, args end
  end
  local processes = config.stack.processes
  if client:is_since(WITH_ULIMITS) then
    fields.ulimitsSwarm = json.array { { Name = "nproc", Soft = processes, Hard = processes } }
  end
  return fields
end

return isolation
