--- The proxy: which application a host is routed to. Routes are made and removed with domains, not
--- with projects, so the hosts of a removed project are still routed to its containers.
local database = require "rehearsal.database"

local proxy = {}

--- Writes the route of a domain, in place of an earlier one.
function proxy.write(domain)
  local application = database.get("application", domain.applicationId)
  proxy.remove(domain)
  if not application then return end
  database.insert("route", {
    domainId = domain.domainId, host = domain.host:lower(), appName = application.appName,
    port = domain.port,
  })
end

function proxy.remove(domain)
  database.delete_all("route", { domainId = domain.domainId })
end

--- Removes all routes to an application.
function proxy.remove_all(application)
  database.delete_all("route", { appName = application.appName })
end

--- The route { host, appName, port } that requests to `host` take: the oldest of several; or nil.
---@param host string  in lower case
---@return table|nil
function proxy.route(host)
  return database.find("route", { host = host })
end

return proxy
