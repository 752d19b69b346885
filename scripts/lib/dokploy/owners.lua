--- Which services in Dokploy have a host. overview.domains tells of all (from 0.30.0), project.all
--- did before 0.28.3; between these, the services of others are asked one by one.
local attempt = require "lib.base.attempt"
local hosts = require "lib.base.host"
local tag = require "lib.dokploy.tag"

local owners, try = {}, attempt.try

local function add(found, host, domains)
  for _, domain in ipairs(domains) do
    if hosts.fold(tostring(domain.host)) == host then
      local id = domain.serviceOwnerId or domain.applicationId or domain.composeId
      found[#found + 1] = type(id) == "string" and id or "another service"
    end
  end
end

local function table_or_empty(value) return type(value) == "table" and value or {} end

local services = {
  applications = { "applicationId", "domains" }, compose = { "composeId", "domains_of_compose" },
}

local function add_of_project(client, found, host, project)
  local is_ours = tag.read(project.description) ~= nil
  for _, environment in ipairs(table_or_empty(project.environments)) do
    for kind, row in pairs(services) do
      for _, service in ipairs(table_or_empty(environment[kind])) do
        local domains = service.domains
        if not domains and not is_ours then
          domains = try(client[row[2]](client, service[row[1]]))
        end
        add(found, host, table_or_empty(domains))
      end
    end
  end
end

local function look(client, host)
  local found = {}
  local domains, message, code, info = client:all_domains()
  if domains then
    add(found, host, domains)
  elseif code == "no_such_call" then
    for _, project in ipairs(try(client:every_project())) do
      add_of_project(client, found, host, project)
    end
  else
    return nil, message, code, info
  end
  local own = try(client:web_server()).host
  if type(own) == "string" and hosts.fold(own) == host then found[#found + 1] = "Dokploy" end
  return found
end

--- The ids of the services, applications and others, that have this host; "Dokploy" for itself.
---@param client table  of lib/dokploy
---@param host string   folded
---@return string[]|nil, string? message, string? code, table? info
function owners.of(client, host) return attempt.catch(look, client, host) end

return owners
