--- Checks the network that workspaces run in: is it apart from Dokploy's own, is the proxy in it,
--- is one of its addresses enough to be taken for the proxy, and does it have free addresses? Each
--- workspace takes one for its service and one for its container; when the network is full, every
--- deployment fails.
local config = require "core.config"
local http = require "core.http"
local address = require "lib.base.address"
local forwarded = require "lib.base.forwarded"
local ask = require "lib.doctor.ask"
local dokploy = require "lib.dokploy"
local tag = require "lib.dokploy.tag"
local isolation = require "lib.dokploy.isolation"

local client = dokploy.client { tries = 2 }
local own = config.stack.network
local name = own or isolation.shared_network

-- What is there

local function table_or_empty(value) return type(value) == "table" and value or {} end

-- The capacity and subnet of the network; nil where Dokploy does not report it (before 0.30, or to
-- a token without the right).
local function capacity_of_network(health)
  for _, network in ipairs(table_or_empty(table_or_empty(health.dockerNetworks).usage)) do
    if type(network) == "table" and network.name == name
      and type(network.capacity) == "number" then
      return network.capacity, type(network.subnet) == "string" and network.subnet or "unknown"
    end
  end
end

-- Every service of Dokploy's, or those of workspaces alone.
local function count_services(projects, are_ours)
  local count = 0
  for _, project in ipairs(projects) do
    if not are_ours or tag.read(project.description) then
      for _, environment in ipairs(table_or_empty(project.environments)) do
        for _, services in pairs(environment) do count = count + #table_or_empty(services) end
      end
    end
  end
  return count
end

-- Trust

local function check_trust(report, subnet)
  local network = not config.secret "PROXY_SECRET" and address.block(subnet)
  for _, block in ipairs(network and config.trusted_proxies or {}) do
    if block.bits < #block.bytes * 8 and address.overlap(block, network) then
      return report:fail("trust", ("TRUSTED_PROXIES contains %s, the network of the workspaces: "
        .. "each of them could name the user and the client"):format(subnet), forwarded.cure)
    end
  end
end

-- Addresses

local ALMOST_FULL = 0.8
local OTHER_ADDRESSES = 6 -- what Dokploy itself uses, about, or the proxy and the portal

local function check_addresses(report, health, projects)
  local services = count_services(projects, own)
  local used = 2 * services + OTHER_ADDRESSES
  local capacity, subnet = capacity_of_network(health)
  if not capacity then
    return report:ok("network", ("about %d addresses in use (%d services); this Dokploy does not "
      .. "report the capacity"):format(used, services))
  end
  check_trust(report, subnet)
  local found = ("about %d of %d addresses of %s in use (%d services)"):format(used, capacity,
    subnet, services)
  local correction = "create dokploy-network again with a larger --subnet, such as a /16"
  if own then
    correction = "create another network with a --subnet such as a /16, for STACK_NETWORK"
  end
  if used > capacity then
    report:fail("network", found, correction)
  elseif used > ALMOST_FULL * capacity then
    report:warn("network", found, "in time, " .. correction)
  else
    report:ok("network", found)
  end
end

-- Isolation

local backends = { "dokploy-postgres:5432", "dokploy-redis:6379" }
local not_reached = { dns = true, refused = true, timeout = true }

-- What Dokploy's own services do when this command connects to them, from wherever it runs: they
-- end a connection that speaks HTTP, and log it, so the running portal does not try.
local function check_backends(report)
  if report.is_silent or config.rehearsal then return end
  local reached = {}
  for _, backend in ipairs(backends) do
    local answer, _, code = http.request {
      url = ("http://%s/"):format(backend), timeout = 2, connect_timeout = 2, fresh = true,
    }
    if answer or not not_reached[code] then reached[#reached + 1] = backend end
  end
  local tried = table.concat(backends, " and ")
  if #reached == 0 then
    report:ok("backends", tried .. " do not answer this command; run elsewhere, it may reach "
      .. "them. Not tried from a workspace")
  else
    report:ok("backends", table.concat(reached, " and ") .. " answer this command, and a workspace "
      .. "in " .. isolation.shared_network .. ", too. Not tried from a workspace")
  end
end

local function check_shared(report)
  if not config.production then return end
  report:warn("isolation", "workspaces run in dokploy-network: a shell in one reaches Dokploy's "
    .. "API, Redis and database",
    "deployer bootstrap makes a network for them: docs/install.md")
end

local CONNECT = "on Dokploy's machine: %s (again after each re-creation of the proxy)"

local function check_own(report)
  local row, message, code = isolation.find(client, own)
  if row == nil and code ~= "no_such_call" then
    return report:warn("isolation", "the networks could not be read: " .. tostring(message),
      "see the lines above: the token must belong to an owner or admin")
  elseif row == false then
    return report:fail("isolation", "Dokploy has no overlay network " .. own,
      "deployer bootstrap creates it")
  end
  local connect = CONNECT:format(isolation.connect_command(own))
  local has_proxy = isolation.has_proxy(client, own, row)
  if has_proxy then
    report:ok("isolation", ("new workspaces run in %s, and %s is in it"):format(own,
      isolation.proxy))
  elseif has_proxy == false then
    report:fail("isolation", ("%s is not in %s: no workspace there can be reached"):format(
      isolation.proxy, own), connect)
  else
    report:warn("isolation", ("whether %s is in %s is unknown: this Dokploy does not say, and it "
      .. "does not answer here"):format(isolation.proxy, own), connect)
  end
end

-- Limits

-- Docker refuses a container that may use more CPUs than its machine has.
local function check_cpus(report, health)
  local count = table_or_empty(health.resources).cpuCount
  local wanted = config.stack.cpu_nanos / 1e9
  if type(count) == "number" and count < wanted then
    report:fail("cpus", ("a workspace may use %g CPUs, and Dokploy's machine has %d"):format(wanted,
      count), ("set stack.cpus in config.lua to %d or less"):format(count))
  end
end

local IDLE = 10 -- processes and threads of a workspace in which nobody works: 9 were measured

-- Linux counts them by user, and all workspaces of a machine run as one.
local function check_processes(report, projects)
  local count, limit = count_services(projects, true), config.stack.processes
  if 2 * IDLE * count > limit then
    report:warn("processes", ("%d workspaces share a limit of %d processes"):format(count, limit),
      "raise stack.processes in config.lua, and redeploy the workspaces")
  end
end

-- Files

-- Docker counts a volume as used while a container has it; a stopped workspace has no container.
local function check_stopped(report, projects)
  local count = 0
  for _, project in ipairs(projects) do
    local environments = tag.read(project.description) and table_or_empty(project.environments)
    for _, environment in ipairs(environments or {}) do
      for _, application in ipairs(table_or_empty(environment.applications)) do
        if application.applicationStatus == "idle" then count = count + 1 end
      end
    end
  end
  if count == 0 then return end
  report:warn("volumes", ("%d workspaces are stopped, so Docker takes their volumes for unused")
    :format(count), "do not clean unused volumes in Dokploy, nor prune them: that deletes files")
end

return function(report)
  local health, projects = table_or_empty(ask "docker.getServerHealth"), ask "project.all"
  if type(projects) == "table" then
    check_addresses(report, health, projects)
    check_processes(report, projects)
    check_stopped(report, projects)
  else
    report:warn("network", "the services could not be counted",
      "see the lines above: the token must belong to an owner or admin")
  end
  check_cpus(report, health)
  if own then check_own(report) else check_shared(report) end
  check_backends(report)
end
