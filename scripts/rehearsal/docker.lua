--- Docker's networks: which services are in them, and whether the proxy is. dokploy-network is
--- always there, with the proxy in it.
local database = require "rehearsal.database"
local json = require "core.json"

local docker = { shared = "dokploy-network", proxy = "dokploy-traefik" }

--- The names of the networks that an application's service joins, as Dokploy computes them.
---@param application table
---@return string[]
function docker.networks_of(application)
  local names = {}
  if application.networkSwarm ~= json.null then
    for i, network in ipairs(application.networkSwarm) do names[i] = network.Target end
    return names
  end
  if not application.detachDokployNetwork then names[1] = docker.shared end
  for _, id in ipairs(application.networkIds) do
    local network = database.get("network", id)
    if network and network.driver == "overlay" then names[#names + 1] = network.name end
  end
  return names
end

--- The first of these networks that Docker does not have; nil when it has all.
---@param names string[]
---@return string|nil
function docker.missing(names)
  for _, name in ipairs(names) do
    if name ~= docker.shared and not database.get("docker_network", name) then return name end
  end
end

-- What a container was started with; of a version without networks: dokploy-network.
local function is_in(spec, name)
  for _, network in ipairs(spec.networks or { docker.shared }) do
    if network == name then return true end
  end
  return false
end

--- Whether the proxy and a container have a network in common.
---@param spec table  see rehearsal.swarm
---@return boolean
function docker.is_routed(spec)
  for _, network in ipairs(spec.networks or { docker.shared }) do
    local known = database.get("docker_network", network)
    if network == docker.shared or known and known.has_proxy then return true end
  end
  return false
end

--- The containers in a network, the proxy too.
---@return { id: string, name: string }[]
function docker.containers_in(name)
  local found = {}
  for _, service in ipairs(database.list "service") do
    local spec = service.live
    if spec and is_in(spec, name) then
      found[#found + 1] = {
        id = spec.container, name = ("%s.1.%s"):format(service.appName, spec.id),
      }
    end
  end
  if database.get("docker_network", name).has_proxy then
    found[#found + 1] = { id = docker.proxy, name = docker.proxy }
  end
  return found
end

---@return true|nil made, string? problem
function docker.create_network(name)
  if name == docker.shared or database.get("docker_network", name) then
    return nil, ("network with name %s already exists"):format(name)
  end
  database.insert("docker_network", { name = name, has_proxy = false })
  return true
end

---@return true|nil removed, string? problem
function docker.remove_network(name)
  local network = database.get("docker_network", name)
  if not network then return true end
  for _, service in ipairs(database.list "service") do
    for _, which in ipairs { "live", "next", "failed" } do
      if service[which] and is_in(service[which], name) then
        return nil, ("rpc error: code = FailedPrecondition desc = network %s is in use by service "
          .. "%s"):format(name, service.appName)
      end
    end
  end
  if network.has_proxy then
    return nil, ("error while removing network: network %s has active endpoints"):format(name)
  end
  database.delete(network)
  return true
end

-- The commands that an operator runs on Dokploy's machine.
local commands = {}

function commands.create(rest) return docker.create_network(rest:match "(%S+)$") end

local function set_proxy(rest, has_proxy)
  local name, container = rest:match "^(%S+) (%S+)$"
  local network = database.get("docker_network", name)
  if not network then return nil, ("network %s not found"):format(tostring(name)) end
  if container ~= docker.proxy then
    return nil, ("No such container: %s"):format(tostring(container))
  end
  database.update(network, { has_proxy = has_proxy })
  return true
end

function commands.connect(rest) return set_proxy(rest, true) end

function commands.disconnect(rest) return set_proxy(rest, false) end

--- Plays `docker network create|connect|disconnect ...`.
---@param line string
---@return true|nil done, string? problem
function docker.run(line)
  local command, rest = line:match "^docker network (%l+) (.+)$"
  if not commands[command] then
    return nil, "there are: docker network create, connect and disconnect"
  end
  return commands[command](rest)
end

return docker
