--- Checks what config.lua says and fills in the rest. Pure Lua: no core module, so that `lua5.4` alone can test it.
--- A wrong key or value raises one sentence with the key's path and the cure.
local settings = {}
local kinds = require "lib.settings.kinds"

-- key = { kind, variable that config.lua reads it from (for the cure), default }. A table of keys is a table in config.lua too.
local shape = {
  environment = { kinds.one_of { "development", "test", "production" }, "NODE_ENV", "development" },
  access = { kinds.one_of { "open", "invite", "forward-auth", "closed" }, "ACCESS" },
  hosts = { kinds.hosts, "PORTAL_HOSTS" },
  trusted_proxies = { kinds.networks, "TRUSTED_PROXIES", "" },
  forward_auth = {
    user_header = { kinds.header, "FORWARD_AUTH_HEADER", "Remote-User" },
    admins = { kinds.list, "FORWARD_AUTH_ADMINS", "" },
  },
  host = { kinds.text, "HOST", "127.0.0.1" },
  port = { kinds.whole(0, 65535), "PORT", 3000 },
  release = { kinds.text, "RELEASE" },
  data_dir = { kinds.text, "DATA_DIR", "./data" },
  watch = { kinds.flag, nil },
  log_level = { kinds.one_of { "debug", "info", "warn", "error" }, "LOG_LEVEL", "info" },
  admin_token = { kinds.secret, "ADMIN_TOKEN" },
  dokploy = {
    url = { kinds.url, "DOKPLOY_URL" },
    token = { kinds.secret, "DOKPLOY_API_TOKEN" },
  },
  stack = {
    suffix = { kinds.domain, "STACK_DOMAIN_SUFFIX" },
    scheme = { kinds.one_of { "https", "http" }, "STACK_SCHEME" },
    connect_to = { kinds.host_port, "STACK_CONNECT_TO" },
    image = { kinds.image, "STACK_IMAGE" },
    memory = { kinds.size(1 << 30), nil, "2 GiB" },
    cpus = { kinds.number(0.1, 256), nil },
    registry = {
      url = { kinds.text, "STACK_REGISTRY_URL" },
      username = { kinds.text, "STACK_REGISTRY_USERNAME" },
      password = { kinds.secret, "STACK_REGISTRY_PASSWORD" },
    },
  },
  reserved_names = { kinds.words, "RESERVED_NAMES", "admin,api,www,root,system,test,demo,portal,deploy" },
  limits = {
    max_body = { kinds.size(1024), nil, "64 KiB" },
    max_connections = { kinds.whole(16, 1000000), nil, 4096 },
    script_seconds = { kinds.number(0.05, 60), nil, 1 },
    script_memory = { kinds.size(8 << 20), nil, "64 MiB" },
    running_deployments = { kinds.whole(1, 1000), nil, 8 },
    queue = { kinds.whole(0, 100000), nil, 50 },
  },
  rehearsal_server = {
    host = { kinds.text, "REHEARSAL_HOST", "127.0.0.1" },
    port = { kinds.whole(0, 65535), "REHEARSAL_PORT", 3100 },
    version = { kinds.version, "REHEARSAL_DOKPLOY_VERSION", "0.30.2" },
    faults = { kinds.secret, "REHEARSAL_FAULTS" },
    speed = { kinds.number(0.01, 10000), "REHEARSAL_SPEED", 1 },
  },
}

local function refuse(path, message, ...)
  error("config.lua: " .. path .. ": " .. message:format(...), 0)
end

local function sorted_keys(t)
  local keys = {}
  for key in pairs(t) do keys[#keys + 1] = tostring(key) end
  table.sort(keys)
  return keys
end

local function refuse_unknown(raw, known, path)
  for _, key in ipairs(sorted_keys(raw)) do
    if not known[key] then
      refuse(path .. key, "no such key (known here: %s; see the comments in config.lua)", table.concat(sorted_keys(known), ", "))
    end
  end
end

local function cure(variable, hint)
  return variable and ("write %s, here or in %s"):format(hint, variable) or "write " .. hint
end

local function check_value(value, field, path)
  local kind, variable, default = field[1], field[2], field[3]
  if value == nil or value == "" then value = default end
  if value == nil then return nil end
  local good, result = kind.read(value)
  if good then return result end
  if kind.is_secret then refuse(path, "%s", kind.hint:gsub("%%s", variable)) end
  refuse(path, "%q will not do (%s)", tostring(value), cure(variable, kind.hint))
end

local function check_table(raw, known, path)
  if type(raw) ~= "table" then refuse(path:sub(1, -2), "this is not a table (write { ... })") end
  refuse_unknown(raw, known, path)
  local checked = {}
  for _, key in ipairs(sorted_keys(known)) do
    local field = known[key]
    if field[1] then
      checked[key] = check_value(raw[key], field, path .. key)
    else
      checked[key] = check_table(raw[key] == nil and {} or raw[key], field, path .. key .. ".")
    end
  end
  return checked
end

-- The rehearsal's own answers, in place of what is left unset: a stack is NAME.localhost on the rehearsal's port, over plain HTTP.
local function fill_rehearsal(set)
  set.dokploy.url = "http://127.0.0.1:" .. set.rehearsal_server.port
  set.stack.suffix, set.stack.scheme = "localhost", "http"
  set.stack.public_port = set.rehearsal_server.port
  set.stack.connect_to = nil
  set.stack.image = set.stack.image or "ai-stack:rehearsal"
end

-- Without either, Docker takes "latest": nobody knows what that will be tomorrow.
local function is_pinned(image) return image:find("@", 1, true) or image:find(":[^/:]+$") end

local function require_real(set)
  if not set.stack.suffix then
    refuse("stack.suffix", "a stack needs an address (set STACK_DOMAIN_SUFFIX to the domain behind the names, such as ai.example.com)")
  end
  if not set.stack.image then
    refuse("stack.image", "a stack needs an image (set STACK_IMAGE to the image that Dokploy should run, with its tag or digest)")
  end
  if not is_pinned(set.stack.image) then
    refuse("stack.image", "%q has neither tag nor digest (write one behind it in STACK_IMAGE, such as %s:1.0)",
      set.stack.image, set.stack.image)
  end
  if not set.dokploy.token then
    refuse("dokploy.token", "DOKPLOY_URL is set and no token is (set DOKPLOY_API_TOKEN, or DOKPLOY_API_TOKEN_FILE to a file that holds it)")
  end
  set.stack.scheme = set.stack.scheme or "https"
end

local function check_registry(registry)
  if registry.username and not registry.password then
    refuse("stack.registry.password", "there is a user and no password (set STACK_REGISTRY_PASSWORD or STACK_REGISTRY_PASSWORD_FILE)")
  elseif registry.password and not registry.username then
    refuse("stack.registry.username", "there is a password and no user (set STACK_REGISTRY_USERNAME)")
  end
end

-- NODE_ENV and APP_ENV may both be set, by hand and by a base image; a guard must not go off because one of them says less.
local function check_production(set, variable)
  local one, other = variable "NODE_ENV", variable "APP_ENV"
  if one and other and one ~= other and (one == "production" or other == "production") then
    refuse("environment", "NODE_ENV says %s and APP_ENV says %s (unset one of them)", one, other)
  end
  set.production = set.environment == "production"
  if set.production and set.rehearsal and set.mode == "portal" then
    refuse("dokploy.url", "production does not run on the rehearsal (set DOKPLOY_URL to the Dokploy server, or NODE_ENV to development)")
  end
end

-- Whoever can reach the portal past the proxy could name himself anybody: without a proxy to trust, the mode is none.
local function check_access(set)
  set.access = set.access or (set.production and "invite" or "open")
  if set.access == "forward-auth" and #set.trusted_proxies == 0 then
    refuse("trusted_proxies", "forward-auth believes the user's name from a trusted proxy only, and there is none "
      .. "(set TRUSTED_PROXIES to the proxy's address or network, such as 172.18.0.0/16)")
  end
  set.forward_auth.user_header = set.forward_auth.user_header:lower()
end

local function reader(env)
  local read = type(env) == "table" and function(name) return env[name] end or env or function() return nil end
  return function(name)
    local value = read(name)
    return value ~= "" and value or nil
  end
end

--- The full settings out of the table that config.lua returns.
---@param raw table
---@param env (fun(name: string): string|nil)|table|nil  the environment
---@param mode string|nil  "portal" (the default) or "rehearsal"
---@return table settings
function settings.check(raw, env, mode)
  if type(raw) ~= "table" then error("config.lua: it returned no table (end it with: return { ... })", 0) end
  local set = check_table(raw, shape, "")
  set.mode = mode or "portal"
  set.rehearsal = set.mode == "rehearsal" or set.dokploy.url == nil
  check_production(set, reader(env))
  if set.rehearsal then fill_rehearsal(set) else require_real(set) end
  check_registry(set.stack.registry)
  set.stack.memory_bytes, set.stack.memory = set.stack.memory, nil
  set.stack.cpu_nanos, set.stack.cpus = set.stack.cpus and math.tointeger(set.stack.cpus * 1e9 // 1), nil
  if set.watch == nil then set.watch = not set.production end
  check_access(set)
  if set.mode == "rehearsal" then
    set.host = set.rehearsal_server.host -- never the portal's: /__rehearsal asks for no key
    set.limits.max_body = 4 << 20 -- it answers what is above Dokploy's own limit, 1 MiB, by itself
  end
  return set
end

return settings
