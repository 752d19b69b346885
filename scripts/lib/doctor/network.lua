--- Checks for free addresses in dokploy-network. Each workspace takes one for its service and one
--- for its container; when the network is full, every deployment fails.
local ask = require "lib.doctor.ask"

local ALMOST_FULL = 0.8
local OWN_ADDRESSES = 6 -- what Dokploy itself uses, about

-- The capacity and subnet of the network; nil where Dokploy does not report it (before 0.30, or to
-- a token without the right).
local function capacity_of_network()
  local health = ask "docker.getServerHealth"
  local networks = type(health) == "table" and type(health.dockerNetworks) == "table"
    and health.dockerNetworks.usage
  for _, network in ipairs(type(networks) == "table" and networks or {}) do
    if type(network) == "table" and network.name == "dokploy-network"
      and type(network.capacity) == "number" then
      return network.capacity, type(network.subnet) == "string" and network.subnet or "unknown"
    end
  end
end

local function count_services(projects)
  local count = 0
  for _, project in ipairs(projects) do
    local environments = type(project.environments) == "table" and project.environments or {}
    for _, environment in ipairs(environments) do
      for _, services in pairs(environment) do
        if type(services) == "table" then count = count + #services end
      end
    end
  end
  return count
end

return function(report)
  local projects = ask "project.all"
  if type(projects) ~= "table" then
    return report:warn("network", "the services could not be counted",
      "see the lines above: the token must belong to an owner or admin")
  end
  local services = count_services(projects)
  local used = 2 * services + OWN_ADDRESSES
  local capacity, subnet = capacity_of_network()
  if not capacity then
    return report:ok("network", ("about %d addresses in use (%d services); this Dokploy does not "
      .. "report the capacity"):format(used, services))
  end
  local found = ("about %d of %d addresses of %s in use (%d services)"):format(used, capacity,
    subnet, services)
  if used > capacity then
    report:fail("network", found,
      "create dokploy-network again with a larger --subnet, such as a /16")
  elseif used > ALMOST_FULL * capacity then
    report:warn("network", found, "plan a larger --subnet for dokploy-network, such as a /16")
  else
    report:ok("network", found)
  end
end
