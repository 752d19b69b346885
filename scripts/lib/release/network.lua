--- The network of the workspaces, for bootstrap: creates it, puts the portal into it beside
--- dokploy-network, where it reaches Dokploy, and decides whether the portal is told to use it.
local dotenv = require "lib.base.dotenv"
local isolation = require "lib.dokploy.isolation"
local release = require "lib.release"
local kinds = require "lib.schema.kinds"

local network = { variable = "STACK_NETWORK", default = "workspaces" }

-- Dokploy's row of it, which is created when it is missing; false where Dokploy has no networks.
local function ensure(name)
  local client = release.client
  local row, message, code = isolation.find_or_import(client, name)
  if code == "no_such_call" then return false end
  if row == nil then return nil, message end
  if row then return row end
  local _, why = client:network_create(name)
  return isolation.find(client, name) or nil, why -- an answer that was lost counts as well
end

local function contains(list, field, value)
  for _, item in ipairs(list) do
    if (field and item[field] or item) == value then return true end
  end
  return false
end

-- networkSwarm is what Dokploy before 0.30 has; where it is set, later versions ignore networkIds.
local function join(application, name, row)
  local fields = {}
  if row and type(application.networkSwarm) ~= "table" then
    local ids = type(application.networkIds) == "table" and application.networkIds or {}
    if contains(ids, nil, row.networkId) then return true end
    fields.networkIds = { row.networkId, table.unpack(ids) }
  else
    local targets = type(application.networkSwarm) == "table" and application.networkSwarm
      or { { Target = isolation.shared_network } }
    if contains(targets, "Target", name) then return true end
    fields.networkSwarm = { { Target = name }, table.unpack(targets) }
  end
  return release.client:application_update(application.applicationId, fields)
end

local function name_of(given, current)
  if given == "" then return false end
  local name = given or current or network.default
  if kinds.docker_network.read(name) then return name end
  return nil, ("--env %s: write %s"):format(network.variable, kinds.docker_network.hint)
end

local function advice(name, row, is_in_force)
  local commands = isolation.connect_command(name)
    .. (" (where Traefik runs as a service: docker service update --network-add %s %s)")
      :format(name, isolation.proxy)
  if not row then commands = isolation.create_command(name) .. ", then " .. commands end
  return "on Dokploy's machine: " .. commands .. (is_in_force and "" or "; then run this again")
end

--- Prepares it, and sets its variable among those of the portal. In a portal that was deployed
--- before, it is set only when the proxy is seen in the network, unless it was asked for: until
--- then no new workspace could be reached. May wait.
---@param application table  the portal's
---@param variables table<string, string>  the portal's; changed
---@param report table  of lib/doctor/report.lua
---@return string|nil found, string? message
function network.prepare(application, variables, report)
  local given, text = variables[network.variable], application.env
  local current = type(text) == "string" and dotenv.get(text, network.variable) or nil
  local name, fault = name_of(given, current ~= "" and current or nil)
  if name == nil then return nil, fault end
  if not name then return "none: the workspaces are in " .. isolation.shared_network end
  local row, message = ensure(name)
  if row == nil then return nil, message end
  if not row and name ~= given and name ~= current then
    return "none: Dokploy before 0.30 cannot create one; docs/install.md says how to"
  end
  local joined, why = join(application, name, row)
  if not joined then return nil, why end
  local has_proxy = isolation.has_proxy(release.client, name, row or nil)
  local is_new = type(application.deployments) ~= "table" or #application.deployments == 0
  local is_in_force = given or current == name or is_new or has_proxy
  if is_in_force then variables[network.variable] = name end
  if not has_proxy then
    report:warn("proxy", ("%s is not in %s: workspaces there answer 502"):format(isolation.proxy,
      name), advice(name, row, is_in_force))
  end
  return name .. (is_in_force and "" or ", not in force yet")
end

return network
