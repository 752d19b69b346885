--- The proxy: which host leads to which application. Its files are made and taken away with domains, not with projects: a project that is
--- removed leaves its hosts routed to what still runs.
local json = require "core.json"
local model = require "rehearsal.model"

local traefik = {}

local function route_id(domain)
  return "route-" .. domain.domainId
end

--- Writes the domain's router, or takes it away when the domain is disabled.
function traefik.write(domain)
  local application = domain.applicationId ~= json.null and model.get("application", domain.applicationId)
  traefik.remove(domain)
  if not application or not domain.enabled then return end
  model.new("route", {
    _id = route_id(domain), host = domain.host:lower(), appName = application.appName, port = domain.port, key = domain.uniqueConfigKey,
    https = domain.https, resolver = domain.certificateType, shown_host = domain.host,
  })
end

function traefik.remove(domain)
  local route = model.get("route", route_id(domain))
  if route then model.delete(route) end
end

--- The route that a host takes; of several, the oldest.
function traefik.route(host)
  return model.find("route", { host = host })
end

local function router(route, entry, lines)
  local name = ("%s-router-%s%d"):format(route.appName, entry == "websecure" and "websecure-" or "", route.key)
  local redirects = route.https and entry == "web"
  lines[#lines + 1] = ("    %s:\n      rule: Host(`%s`)"):format(name, route.shown_host)
  lines[#lines + 1] = ("      service: %s-service-%d"):format(route.appName, route.key)
  lines[#lines + 1] = redirects and "      middlewares:\n        - redirect-to-https" or "      middlewares: []"
  lines[#lines + 1] = "      entryPoints:\n        - " .. entry
  if entry == "websecure" and route.resolver == "letsencrypt" then lines[#lines + 1] = "      tls:\n        certResolver: letsencrypt" end
end

--- The application's file, as text; null when it has none.
function traefik.config(application)
  local routes = model.list("route", { appName = application.appName })
  if #routes == 0 then return json.null end
  local lines = { "http:\n  routers:" }
  for _, route in ipairs(routes) do
    router(route, "web", lines)
    if route.https then router(route, "websecure", lines) end
  end
  lines[#lines + 1] = "  services:"
  for _, route in ipairs(routes) do
    lines[#lines + 1] = ("    %s-service-%d:\n      loadBalancer:\n        servers:"):format(route.appName, route.key)
    lines[#lines + 1] = ("          - url: http://%s:%d\n        passHostHeader: true"):format(route.appName, route.port)
  end
  return table.concat(lines, "\n") .. "\n"
end

return traefik
