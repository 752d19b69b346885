--- The proxy: which application a host is routed to. Routes are made and removed with domains, not
--- with projects, so the hosts of a removed project are still routed to its containers.
local database = require "rehearsal.database"
local outline = require "lib.base.outline"
local version = require "rehearsal.version"

local proxy = {}

-- Traefik's file of each application, as packages/server/src/utils/traefik/ of Dokploy writes it;
-- without paths, redirects and log-ins, which nobody makes here. A domain's routers and service are
-- replaced, everything else in the file stays; without routers the file is removed.

local function file_of(app_name) return database.find("traefik", { appName = app_name }) end

--- The text of an application's file; nil without one.
function proxy.read_file(app_name)
  local file = file_of(app_name)
  return file and file.text
end

function proxy.write_file(app_name, text)
  local file = file_of(app_name)
  if file then database.update(file, { text = text }) end
  if not file then database.insert("traefik", { appName = app_name, text = text }) end
end

--- The file of a new application.
function proxy.create_file(app_name)
  proxy.write_file(app_name, "http:\n  routers: {}\n  services: {}\n")
end

local function keys_of(domain, app_name)
  local number = domain.uniqueConfigKey
  return ("%s-router-%d"):format(app_name, number),
    ("%s-router-websecure-%d"):format(app_name, number),
    ("%s-service-%d"):format(app_name, number)
end

local function own_entry_point(domain)
  return type(domain.customEntrypoint) == "string" and domain.customEntrypoint or nil
end

local function router(key, service, domain, entry_point)
  local is_redirect = entry_point == "web" and domain.https and not own_entry_point(domain)
  local lines = {
    key .. ":",
    ("  rule: Host(`%s`)"):format(version.is_new() and domain.host:lower() or domain.host),
    "  service: " .. service,
  }
  local own = type(domain.middlewares) == "table" and domain.middlewares or {}
  local names = is_redirect and { "redirect-to-https" } or own
  lines[#lines + 1] = #names == 0 and "  middlewares: []" or "  middlewares:"
  for _, name in ipairs(names) do lines[#lines + 1] = "    - " .. name end
  lines[#lines + 1] = "  entryPoints:\n    - " .. entry_point
  local resolver = domain.certificateType == "letsencrypt" and "letsencrypt"
    or domain.certificateType == "custom" and domain.customCertResolver
  if entry_point == "websecure" and type(resolver) == "string" then
    lines[#lines + 1] = "  tls:\n    certResolver: " .. resolver
  end
  return outline.parse(table.concat(lines, "\n"))
end

local function service_part(key, domain, app_name)
  return outline.parse(("%s:\n  loadBalancer:\n    servers:\n      - url: http://%s:%d\n"
    .. "    passHostHeader: true"):format(key, app_name, domain.port))
end

local function change_file(app_name, change)
  local root = outline.parse(proxy.read_file(app_name) or "http:\n")
  if not root then return end -- somebody's own style, which the real one keeps as well
  local http = outline.ensure(root, "http")
  change(outline.ensure(http, "routers"), outline.ensure(http, "services"))
  if #outline.get(http, "routers").children > 0 then
    return proxy.write_file(app_name, outline.text(root))
  end
  database.delete_all("traefik", { appName = app_name })
end

local function add_to_file(domain, app_name)
  change_file(app_name, function(routers, services)
    local web, secure, service = keys_of(domain, app_name)
    outline.put(routers, web, router(web, service, domain, own_entry_point(domain) or "web"))
    outline.remove(routers, secure)
    if domain.https and not own_entry_point(domain) then
      outline.put(routers, secure, router(secure, service, domain, "websecure"))
    end
    outline.put(services, service, service_part(service, domain, app_name))
  end)
end

local function remove_from_file(domain, app_name)
  if not file_of(app_name) then return end
  change_file(app_name, function(routers, services)
    local web, secure, service = keys_of(domain, app_name)
    outline.remove(routers, web)
    outline.remove(routers, secure)
    outline.remove(services, service)
  end)
end

-- The routes by which the double itself answers

--- Writes the route of a domain, in place of an earlier one.
function proxy.write(domain)
  local application = database.get("application", domain.applicationId)
  database.delete_all("route", { domainId = domain.domainId })
  if not application then return end
  add_to_file(domain, application.appName)
  database.insert("route", {
    domainId = domain.domainId, host = domain.host:lower(), appName = application.appName,
    port = domain.port,
  })
end

function proxy.remove(domain)
  local application = database.get("application", domain.applicationId)
  database.delete_all("route", { domainId = domain.domainId })
  if application then remove_from_file(domain, application.appName) end
end

--- Removes all routes to an application.
function proxy.remove_all(application)
  database.delete_all("route", { appName = application.appName })
  database.delete_all("traefik", { appName = application.appName })
end

--- The route { host, appName, port } that requests to `host` take: the oldest of several; or nil.
---@param host string  in lower case
---@return table|nil
function proxy.route(host)
  return database.find("route", { host = host })
end

return proxy
