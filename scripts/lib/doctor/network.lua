--- Room in dokploy-network: every stack's service takes an address for itself and one for its container; a network that is full ends all
--- deployments.
local ask = require "lib.doctor.ask"

local FULL = 0.8 -- from this part on it is told

-- How many addresses the network has; nil when this Dokploy does not say. (0.30 and later, and not to every user.)
local function room()
  local health = ask "docker.getServerHealth"
  local networks = type(health) == "table" and type(health.dockerNetworks) == "table" and health.dockerNetworks.usage
  for _, network in ipairs(type(networks) == "table" and networks or {}) do
    if type(network) == "table" and network.name == "dokploy-network" and type(network.capacity) == "number" then
      return network.capacity, type(network.subnet) == "string" and network.subnet or "unknown"
    end
  end
end

local function services_of(projects)
  local services = 0
  for _, project in ipairs(projects) do
    for _, environment in ipairs(type(project.environments) == "table" and project.environments or {}) do
      for _, kind in pairs(environment) do services = services + (type(kind) == "table" and #kind or 0) end
    end
  end
  return services
end

return function(report)
  local projects = ask "project.all"
  if type(projects) ~= "table" then
    return report:warn("network", "the services could not be counted", "see the lines above: the token must be of an owner or admin")
  end
  local services = services_of(projects)
  local used, all, subnet = 2 * services + 6, room()
  if not all then
    return report:ok("network",
      ("about %d addresses are taken (%d services); of how many, this Dokploy does not say"):format(used, services))
  end
  local said = ("about %d of the %d addresses of %s are taken (%d services)"):format(used, all, subnet, services)
  if used > all then
    report:fail("network", said, "make dokploy-network anew with a larger --subnet, such as a /16")
  elseif used > FULL * all then
    report:warn("network", said, "plan for a larger --subnet of dokploy-network, such as a /16")
  else
    report:ok("network", said)
  end
end
