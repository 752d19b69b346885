--- Dokploy's Traefik in front of the portal, for bootstrap: it sends PROXY_SECRET as
--- X-Proxy-Secret, by a middleware in the Traefik file of the portal's application.
---
--- Dokploy writes that file again at each change of a domain, and keeps in it what is not about the
--- domain. From 0.29 on a domain names its middlewares itself; before that the router forgets it,
--- until bootstrap runs again.
local crypto = require "core.crypto"
local json = require "core.json"
local dotenv = require "lib.base.dotenv"
local outline = require "lib.base.outline"
local release = require "lib.release"

local proxy = { variable = "PROXY_SECRET" }

--- Sets the secret among the portal's variables: the given one, else the portal's own, else a new
--- one; and PORTAL_HOSTS to the hosts of its domains where nothing sets it.
---@param variables table<string, string>  changed
---@param before string  the portal's environment text
---@param hosts string  separated by commas
function proxy.set_variables(variables, before, hosts)
  local function keep(name, default)
    if variables[name] or dotenv.get(before, name .. "_FILE") then return end
    variables[name] = dotenv.get(before, name) or default
  end
  keep(proxy.variable, crypto.token(32))
  keep("PORTAL_HOSTS", hosts)
end

-- The fields in which a log-in proxy describes the user, and their usual names.
local user_fields = {
  { "FORWARD_AUTH_HEADER", "Remote-User" },
  { "FORWARD_AUTH_NAME_HEADER", "Remote-Name" },
  { "FORWARD_AUTH_EMAIL_HEADER", "Remote-Email" },
  { "FORWARD_AUTH_GROUPS_HEADER", "Remote-Groups" },
}

-- A client's own fields are removed; the middleware of a log-in proxy comes after this one.
local function middleware(name, secret, fields)
  local lines = {
    name .. ":", "  headers:", "    customRequestHeaders:",
    "      X-Proxy-Secret: " .. json.encode(secret),
  }
  for _, field in ipairs(fields) do lines[#lines + 1] = ('      %s: ""'):format(field) end
  return outline.parse(table.concat(lines, "\n"))
end

--- Traefik's file with the middleware, which every router but those to HTTPS names; nil when the
--- file is not as Dokploy writes it.
---@param text string
---@param name string
---@param secret string
---@param fields string[]  those that describe the user
---@return string|nil
function proxy.with_secret(text, name, secret, fields)
  local root = outline.parse(text)
  local http = root and outline.get(root, "http")
  if not http then return nil end
  outline.put(outline.ensure(http, "middlewares"), name, middleware(name, secret, fields))
  for _, router in ipairs(outline.ensure(http, "routers").children) do
    local list = outline.ensure(router, "middlewares")
    if not outline.has_item(list, "redirect-to-https") and not outline.has_item(list, name) then
      outline.add_item(list, name)
    end
  end
  return outline.text(root)
end

-- Names the middleware in the domains, where they have such a column.
local function name_in_domains(id, name)
  local domains, message = release.client:domains(id)
  if not domains then return nil, message end
  for _, domain in ipairs(domains) do
    local named = domain.middlewares
    local is_named = type(named) == "table" and table.concat(named, " "):find(name, 1, true)
    if type(named) == "table" and not is_named then
      local list = json.array { name, table.unpack(named) }
      local saved, why = release.client:domain_update(domain, { middlewares = list })
      if not saved then return nil, why end
    end
  end
  return true
end

--- Makes Traefik send the secret to the portal. May wait.
---@param application table  the portal's
---@param variables table<string, string>  the portal's
---@return string|nil found, string? message
function proxy.prepare(application, variables)
  local secret = variables[proxy.variable]
  if not secret then return "PROXY_SECRET_FILE is set: let Traefik send what it holds" end
  if secret == "" then return "left alone: there is no PROXY_SECRET" end
  local fields, set = {}, tostring(application.env)
  for i, field in ipairs(user_fields) do
    fields[i] = variables[field[1]] or dotenv.get(set, field[1]) or field[2]
  end
  local id, name = application.applicationId, application.appName .. "-proxy-secret"
  local before, message = release.client:traefik_config(id)
  if not before then return nil, message end
  local text = proxy.with_secret(before, name, secret, fields)
  if not text then return nil, "Traefik's file for the portal is not as Dokploy writes it" end
  if text ~= before then
    local saved, why = release.client:save_traefik_config(id, text)
    if not saved then return nil, why end
  end
  local named, why = name_in_domains(id, name)
  if not named then return nil, why end
  return text == before and "sends X-Proxy-Secret" or "made to send X-Proxy-Secret"
end

return proxy
