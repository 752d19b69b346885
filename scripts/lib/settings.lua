--- The configuration: checks what config.lua returns and fills in what depends on other values.
--- Pure Lua. A wrong key or value raises one sentence with the key's path and the correction.
local address = require "lib.base.address"
local image = require "lib.base.image"
local kinds = require "lib.schema.kinds"
local schema = require "lib.schema"
local settings = {}

local shape = {
  environment = {
    kinds.one_of { "development", "test", "production" }, env = "NODE_ENV", default = "development",
  },
  access = { kinds.one_of { "open", "invite", "forward-auth", "closed" }, env = "ACCESS" },
  hosts = { kinds.hosts, env = "PORTAL_HOSTS", default = "" },
  proxy_secret = { kinds.secret, env = "PROXY_SECRET" },
  trusted_proxies = { kinds.networks, env = "TRUSTED_PROXIES", default = "" },
  forward_auth = {
    user_header = { kinds.header, env = "FORWARD_AUTH_HEADER", default = "Remote-User" },
    name_header = { kinds.header, env = "FORWARD_AUTH_NAME_HEADER", default = "Remote-Name" },
    email_header = { kinds.header, env = "FORWARD_AUTH_EMAIL_HEADER", default = "Remote-Email" },
    groups_header = { kinds.header, env = "FORWARD_AUTH_GROUPS_HEADER", default = "Remote-Groups" },
    admins = { kinds.list, env = "FORWARD_AUTH_ADMINS", default = "" },
  },
  outgoing_proxy = { kinds.proxy, env = "OUTGOING_PROXY" },
  outgoing_direct = { kinds.hosts, env = "OUTGOING_DIRECT", default = "" },
  host = { kinds.listen, env = "HOST", default = "127.0.0.1" },
  port = { kinds.whole(0, 65535), env = "PORT", default = 3000 },
  release = { kinds.text, env = "RELEASE" },
  zone = { kinds.zone, env = "ZONE", default = "UTC" },
  data_dir = { kinds.text, env = "DATA_DIR", default = "./data" },
  watch = { kinds.flag },
  log_level = {
    kinds.one_of { "debug", "info", "warn", "error" }, env = "LOG_LEVEL", default = "info",
  },
  admin_token = { kinds.secret, env = "ADMIN_TOKEN" },
  dokploy = {
    url = { kinds.url, env = "DOKPLOY_URL" },
    token = { kinds.secret, env = "DOKPLOY_API_TOKEN" },
  },
  stack = {
    suffix = { kinds.domain, env = "STACK_DOMAIN_SUFFIX" },
    scheme = { kinds.one_of { "https", "http" }, env = "STACK_SCHEME" },
    connect_to = { kinds.host_port, env = "STACK_CONNECT_TO" },
    image = { kinds.image, env = "STACK_IMAGE" },
    memory = { kinds.size(1 << 30), default = "2 GiB" },
    cpus = { kinds.number(0.1, 256), default = 2 },
    processes = { kinds.whole(64, 1 << 22), default = 4096 },
    network = { kinds.docker_network, env = "STACK_NETWORK" },
    registry = {
      url = { kinds.registry, env = "STACK_REGISTRY_URL" },
      username = { kinds.text, env = "STACK_REGISTRY_USERNAME" },
      password = { kinds.secret, env = "STACK_REGISTRY_PASSWORD" },
    },
  },
  reserved_names = {
    kinds.names, env = "RESERVED_NAMES",
    default = "admin,api,www,root,system,test,demo,portal,deploy",
  },
  limits = {
    max_body = { kinds.size(1024), default = "64 KiB" },
    max_connections = { kinds.whole(16, 1000000), default = 4096 },
    script_seconds = { kinds.number(0.05, 60), default = 1 },
    script_memory = { kinds.size(8 << 20), default = "64 MiB" },
    running_deployments = { kinds.whole(1, 1000), default = 8 },
    queue = { kinds.whole(0, 100000), default = 50 },
  },
  site_edit = { kinds.one_of { "on", "off" }, env = "SITE_EDIT", default = "on" },
  webhooks = schema.list {
    name = { kinds.text }, url = { kinds.endpoint, required = true },
    secret = { kinds.secret, env = "WEBHOOK_SECRET" }, on = schema.list { kinds.text },
  },
  rehearsal_server = {
    host = { kinds.listen, env = "REHEARSAL_HOST", default = "127.0.0.1" },
    port = { kinds.whole(0, 65535), env = "REHEARSAL_PORT", default = 3100 },
    version = { kinds.version, env = "REHEARSAL_DOKPLOY_VERSION", default = "0.30.2" },
    faults = { kinds.secret, env = "REHEARSAL_FAULTS" },
    speed = { kinds.number(0.01, 10000), env = "REHEARSAL_SPEED", default = 1 },
  },
  site = { kinds.table },
}

local function refuse(path, message, ...) schema.refuse("config.lua", path, message, ...) end

-- On the rehearsal a workspace is NAME.localhost on the rehearsal's port, over plain HTTP.
local function fill_rehearsal(set)
  set.dokploy.url = "http://127.0.0.1:" .. set.rehearsal_server.port
  set.stack.suffix, set.stack.scheme = "localhost", "http"
  set.stack.public_port = set.rehearsal_server.port
  set.stack.connect_to = nil
  set.stack.image = set.stack.image or "ai-stack:rehearsal"
end

local function require_real(set)
  if not set.stack.suffix then
    refuse("stack.suffix", "is missing (set STACK_DOMAIN_SUFFIX to the domain of the workspaces, "
      .. "such as ai.example.com)")
  end
  local name = set.stack.image
  if not name then
    refuse("stack.image", "is missing (set STACK_IMAGE to the image that Dokploy should run, "
      .. "with its tag or digest)")
  end
  local parsed = image.parse(name)
  if not parsed.tag and not parsed.digest then -- Docker's "latest" may be another image tomorrow
    refuse("stack.image", "%q has neither tag nor digest (add one in STACK_IMAGE, such as %s:1.0)",
      name, name)
  end
  local url = set.stack.registry.url
  if url and url ~= parsed.host then
    refuse("stack.registry.url", "the login is for %s, and stack.image comes from %s (unset "
      .. "STACK_REGISTRY_URL, or name the registry in STACK_IMAGE: %s/...)", url, parsed.host, url)
  end
  if not set.dokploy.token then
    refuse("dokploy.token", "is missing although DOKPLOY_URL is set (set DOKPLOY_API_TOKEN, or "
      .. "DOKPLOY_API_TOKEN_FILE to the path of a file that holds it)")
  end
  set.stack.scheme = set.stack.scheme or "https"
end

-- The registry is the image's own: no other gets the password.
local function check_registry(stack)
  local registry = stack.registry
  registry.url = image.parse(stack.image).host
  if registry.username and not registry.password then
    refuse("stack.registry.password", "is missing although there is a user name "
      .. "(set STACK_REGISTRY_PASSWORD or STACK_REGISTRY_PASSWORD_FILE)")
  elseif registry.password and not registry.username then
    refuse("stack.registry.username", "is missing although there is a password "
      .. "(set STACK_REGISTRY_USERNAME)")
  end
end

-- A base image may set one variable and an admin the other: they must not disagree on production.
local function check_production(set, variable)
  local node, app = variable "NODE_ENV", variable "APP_ENV"
  if node and app and node ~= app and (node == "production" or app == "production") then
    refuse("environment", "NODE_ENV is %s and APP_ENV is %s (unset one of them)", node, app)
  end
  set.production = set.environment == "production"
  if set.production and set.rehearsal and set.mode == "portal" then
    refuse("dokploy.url", "production does not run on the rehearsal (set DOKPLOY_URL to the "
      .. "Dokploy server, or NODE_ENV to development)")
  end
end

-- Workspaces may be in a private network: in production its addresses prove nothing.
local function split_proxies(set)
  local believed, doubtful = {}, {}
  for _, block in ipairs(set.trusted_proxies) do
    local is_doubtful = set.production and address.is_private_network(block)
    local list = is_doubtful and doubtful or believed
    list[#list + 1] = block
  end
  set.trusted_proxies, set.doubtful_proxies = believed, doubtful
end

local SHORTEST_TOKEN = 16 -- characters

--- What is wrong with an admin token or a proxy's secret, or nil. In development any will do.
---@param set { production: boolean }
---@param token string
---@return string|nil
function settings.token_fault(set, token)
  if not set.production or #token >= SHORTEST_TOKEN then return nil end
  return ("has fewer than %d characters and can be guessed (make one with: openssl rand -hex 32)")
    :format(SHORTEST_TOKEN)
end

-- A client that guesses one of these is the admin; guesses at the proxy's secret are not counted.
local function check_secrets(set, secret)
  if set.mode ~= "portal" or not secret then return end
  for key, variable in pairs { admin_token = "ADMIN_TOKEN", proxy_secret = "PROXY_SECRET" } do
    local text = secret(variable)
    local fault = text and settings.token_fault(set, text)
    if fault then refuse(key, "%s", fault) end
  end
end

-- Without a trusted proxy anyone could name themselves in the user header.
local function check_access(set)
  set.access = set.access or (set.production and "invite" or "open")
  if set.access == "forward-auth" and not set.proxy_secret then
    if set.production then
      refuse("proxy_secret", "forward-auth accepts the user name from a proxy that proves itself "
        .. "(set PROXY_SECRET, or PROXY_SECRET_FILE to the path of a file that holds it, and let "
        .. "the proxy send it in the field X-Proxy-Secret: docs/install.md)")
    elseif #set.trusted_proxies == 0 then
      refuse("trusted_proxies", "forward-auth accepts the user name from a trusted proxy only, and "
        .. "there is none (set PROXY_SECRET, or TRUSTED_PROXIES to the proxy's address)")
    end
  end
  for key, header in pairs(set.forward_auth) do
    if type(header) == "string" then set.forward_auth[key] = header:lower() end
  end
end

local function set_of(list)
  local set = {}
  for _, item in ipairs(list) do set[item] = true end
  return next(set) and set or nil
end

local function variable_reader(env)
  local read = env or function() return nil end
  if type(env) == "table" then read = function(name) return env[name] end end
  return function(name)
    local value = read(name)
    return value ~= "" and value or nil
  end
end

-- The installation's own values over those of config.lua, key by key.
local function merge(raw, own)
  local merged = {}
  for key, value in pairs(raw) do merged[key] = value end
  for key, value in pairs(own) do
    local is_group = type(value) == "table" and type(raw[key]) == "table"
      and type(shape[key]) == "table" and not shape[key][1]
    merged[key] = is_group and merge(raw[key], value) or value
  end
  return merged
end

local function with_own(raw, own)
  if own == nil then return raw end
  if type(own) ~= "table" then
    error("site/config.lua: it returns no table (end it with: return { ... })", 0)
  end
  schema.check(own, shape, "site/config.lua")
  return merge(raw, own)
end

--- The complete settings.
---@param raw table  what config.lua returned
---@param env (fun(name: string): string|nil)|table|nil  the environment
---@param mode string|nil  "portal" (the default) or "rehearsal"
---@param secret (fun(name: string): string|nil)|nil  reads a secret
---@param own any  what site/config.lua returned; nil without one
---@return table settings
function settings.check(raw, env, mode, secret, own)
  if type(raw) ~= "table" then
    error("config.lua: it returns no table (end it with: return { ... })", 0)
  end
  local set = schema.check(with_own(raw, own), shape, "config.lua")
  set.mode = mode or "portal"
  set.rehearsal = set.mode == "rehearsal" or set.dokploy.url == nil
  check_production(set, variable_reader(env))
  if set.rehearsal then fill_rehearsal(set) else require_real(set) end
  check_registry(set.stack)
  set.hosts = set_of(set.hosts)
  set.stack.memory_bytes, set.stack.memory = set.stack.memory, nil
  set.stack.cpu_nanos, set.stack.cpus = math.tointeger(set.stack.cpus * 1e9 // 1), nil
  if set.watch == nil then set.watch = not set.production end
  split_proxies(set)
  check_access(set)
  check_secrets(set, secret)
  if set.mode == "rehearsal" then
    set.host = set.rehearsal_server.host -- never the portal's: /__rehearsal takes no credential
    set.limits.max_body = 4 << 20 -- the rehearsal applies Dokploy's own limit, 1 MiB
  end
  return set
end

return settings
