--- network.*: the networks that Dokploy knows, which are Docker's too. The older version has no
--- call for them.
local database = require "rehearsal.database"
local docker = require "rehearsal.docker"
local errors = require "rehearsal.errors"
local json = require "core.json"
local rows = require "rehearsal.rows"

local procedures = {}

local by_id = { { "networkId", "string", min = 1 } }

procedures["GET network.all"] = {
  new_only = true,
  input = { { "serverId", "string", optional = true } },
  run = function() return rows.list(database.newest "network", rows.show) end,
}

procedures["POST network.create"] = {
  new_only = true,
  input = {
    { "name", "string", min = 1 },
    { "driver", "choice", optional = true, values = "bridge overlay",
      values_new = "bridge overlay" },
    { "internal attachable enableIPv4 enableIPv6", "boolean", optional = true },
    { "mtu", "number", optional = true, nullable = true, min = 68, max = 65535 },
    { "ipam", "object", optional = true },
    { "serverId", "string", optional = true, nullable = true },
  },
  run = function(input)
    local made, problem = docker.create_network(input.name)
    if not made then errors.bad("(HTTP code 409) unexpected - " .. problem) end
    input.organizationId = rows.organization_id
    return rows.show(rows.insert("network", input))
  end,
}

-- Makes rows of networks that were created by hand. One that Docker does not have is an error in
-- the answer.
procedures["POST network.import"] = {
  new_only = true,
  input = { { "serverId", "string", optional = true }, { "names", "array" } },
  run = function(input)
    local imported, failed = json.array {}, json.array {}
    for _, name in ipairs(input.names) do
      if database.find("network", { name = name }) then
        failed[#failed + 1] = { name = name, error = "Already imported" }
      elseif not database.get("docker_network", name) then
        failed[#failed + 1] = { name = name, error = ("network %s not found"):format(name) }
      else
        imported[#imported + 1] = name
        rows.insert("network", {
          name = name, driver = "overlay", attachable = true,
          organizationId = rows.organization_id,
        })
      end
    end
    return { imported = imported, errors = failed }
  end,
}

-- What `docker network inspect` shows on Dokploy's machine.
procedures["GET network.inspect"] = {
  new_only = true,
  input = by_id,
  run = function(input)
    local network = errors.find("network", input.networkId)
    local name = network.name
    if not database.get("docker_network", name) then
      errors.bad(("(HTTP code 404) no such network - network %s not found"):format(name))
    end
    local containers = {}
    for _, container in ipairs(docker.containers_in(name)) do
      containers[container.id] = { Name = container.name }
    end
    return {
      Name = name, Id = network.networkId, Created = network.createdAt, Scope = "swarm",
      Driver = "overlay", EnableIPv6 = false,
      IPAM = { Driver = "default", Options = json.null, Config = json.array { {} } },
      Internal = false, Attachable = true, Ingress = false, ConfigFrom = { Network = "" },
      ConfigOnly = false, Containers = next(containers) and containers or json.null, Options = {},
      Labels = json.null,
    }
  end,
}

procedures["POST network.remove"] = {
  new_only = true,
  input = by_id,
  run = function(input)
    local network = errors.find("network", input.networkId)
    local removed, problem = docker.remove_network(network.name)
    if not removed then errors.bad("(HTTP code 400) unexpected - " .. problem) end
    database.delete(network)
    return rows.show(network)
  end,
}

return procedures
