-- Tests the configuration: defaults, variables of the environment, and messages about errors.
local settings = require "lib.settings"

local function load_config(variables)
  local function env(name) return variables[name] ~= "" and variables[name] or nil end
  local function secret(name)
    if env(name) or env(name .. "_FILE") then return { secret = name } end
  end
  return assert(loadfile("config.lua", "t", { env = env, secret = secret }))()
end

local function check(variables, mode)
  return settings.check(load_config(variables), variables, mode)
end

local real = {
  DOKPLOY_URL = "https://dokploy.example.com", DOKPLOY_API_TOKEN = "token",
  STACK_DOMAIN_SUFFIX = "ai.example.com", STACK_IMAGE = "ghcr.io/a/b:1",
}

local function with(more)
  local all = {}
  for key, value in pairs(real) do all[key] = value end
  for key, value in pairs(more) do all[key] = value end
  return all
end

-- The message, which must be one line that begins with the key's path and ends with the correction.
local function refusal(path, fn, ...)
  local ok, message = pcall(fn, ...)
  assert.is_false(ok, "it was accepted")
  assert.equal("config.lua: " .. path .. ":", message:sub(1, #("config.lua: " .. path .. ":")))
  assert.truthy(message:find("%(.+%)$"), message)
  assert.is_nil(message:find("\n"), message)
  return message
end

describe("config.lua", function()
  it("works on the rehearsal when nothing is set", function()
    local set = check {}
    assert.is_true(set.rehearsal)
    assert.is_false(set.production)
    assert.same({ "127.0.0.1", 3000, "./data", "info", "open", true, "portal" },
      { set.host, set.port, set.data_dir, set.log_level, set.access, set.watch, set.mode })
    assert.equal("http://127.0.0.1:3100", set.dokploy.url)
    assert.same({ "localhost", "http", 3100 },
      { set.stack.suffix, set.stack.scheme, set.stack.public_port })
    assert.equal(2 << 30, set.stack.memory_bytes)
    assert.truthy(set.stack.image)
    assert.equal("admin api www root system test demo portal deploy",
      table.concat(set.reserved_names, " "))
    assert.equal(65536, set.limits.max_body)
    assert.equal(8, set.limits.running_deployments)
    assert.equal(50, set.limits.queue)
    assert.equal("0.30.2", set.rehearsal_server.version)
  end)

  it("keeps the rehearsal on the loopback address unless REHEARSAL_HOST is set", function()
    assert.equal("0.0.0.0", check({ HOST = "0.0.0.0" }).host)
    assert.equal("127.0.0.1", check({ HOST = "0.0.0.0" }, "rehearsal").host)
    assert.equal("0.0.0.0", check({ REHEARSAL_HOST = "0.0.0.0" }, "rehearsal").host)
  end)

  it("treats an empty variable as unset", function()
    assert.is_true(check({ DOKPLOY_URL = "", PORT = "", NODE_ENV = "", HOST = "" }).rehearsal)
  end)

  it("converts the values of variables", function()
    local set = check {
      PORT = "8080", REHEARSAL_PORT = "0", REHEARSAL_SPEED = "50",
      RESERVED_NAMES = " Foo , bar,,\u{2068}baz\u{200b}\u{a0}",
      HOST = "\u{feff}127.0.0.2 ",
    }
    assert.equal("integer", math.type(set.port))
    assert.equal(8080, set.port)
    assert.equal(50, set.rehearsal_server.speed)
    assert.same({ "foo", "bar", "baz" }, set.reserved_names)
    assert.equal("127.0.0.2", set.host)
  end)

  it("uses a real Dokploy with the variables of an installation", function()
    local set = check(with {
      DOKPLOY_URL = "http://10.0.0.1:3000/api/", STACK_CONNECT_TO = "traefik:443",
    })
    assert.is_false(set.rehearsal)
    assert.equal("http://10.0.0.1:3000", set.dokploy.url)
    for _, copied in ipairs { "/", "/api", "/dashboard", "/dashboard/projects?tab=all#top" } do
      local url = "https://dokploy.example.com" .. copied
      assert.equal("https://dokploy.example.com", check(with { DOKPLOY_URL = url }).dokploy.url)
    end
    assert.same({ "ai.example.com", "https", "traefik:443" },
      { set.stack.suffix, set.stack.scheme, set.stack.connect_to })
    assert.is_nil(set.stack.public_port)
  end)

  it("takes the registry from the image", function()
    local function registry(image, url)
      return check(with { STACK_IMAGE = image, STACK_REGISTRY_URL = url }).stack.registry.url
    end
    assert.equal("ghcr.io", registry("ghcr.io/a/b:1"))
    assert.equal("ghcr.io", registry("ghcr.io/a/b:1", "https://ghcr.io/"))
    assert.equal("docker.io", registry("a/b:1"))
    assert.equal("docker.io", registry("docker.io/library/b:1", "https://index.docker.io/v1/"))
  end)

  it("accepts a token from a file", function()
    local variables = with { DOKPLOY_API_TOKEN_FILE = "/run/secrets/token" }
    variables.DOKPLOY_API_TOKEN = nil
    assert.is_false(check(variables).rehearsal)
  end)

  it("lets the rehearsal start in a production environment", function()
    assert.equal("rehearsal", check(with { NODE_ENV = "production" }, "rehearsal").mode)
    assert.equal("http://127.0.0.1:3100", check(with {}, "rehearsal").dokploy.url)
  end)
end)

describe("in production", function()
  it("an upgraded installation starts and requires invites", function()
    local set = check(with { NODE_ENV = "production" })
    assert.is_true(set.production)
    assert.same({ "invite", false }, { set.access, set.watch })
  end)

  it("a network of private addresses names no proxy: workspaces may be in it", function()
    local wide = "10.0.0.0/8, 172.18.0.0/16, 192.168.0.0/30, fd00::/64, 0.0.0.0/0"
    local narrow = "10.0.0.7, 127.0.0.0/8, 203.0.113.0/24, 2001:db8::/32, ::1"
    local set = check(with { NODE_ENV = "production", TRUSTED_PROXIES = wide .. "," .. narrow })
    assert.same({ 5, 5 }, { #set.doubtful_proxies, #set.trusted_proxies })
    local lenient = check(with { TRUSTED_PROXIES = wide })
    assert.same({ 0, 5 }, { #lenient.doubtful_proxies, #lenient.trusted_proxies })
  end)

  it("access is open only if configured so", function()
    assert.equal("open", check(with { APP_ENV = "production", ACCESS = "open" }).access)
  end)

  it("the portal does not start on the rehearsal", function()
    local message = refusal("dokploy.url", check, { NODE_ENV = "production" })
    assert.truthy(message:find("DOKPLOY_URL", 1, true))
  end)

  it("APP_ENV and NODE_ENV may not disagree", function()
    refusal("environment", check, with { NODE_ENV = "production", APP_ENV = "development" })
    refusal("environment", check, with { NODE_ENV = "test", APP_ENV = "production" })
    refusal("environment", check, with { NODE_ENV = "prodution" })
  end)
end)

describe("an invalid value stops the start with its path and the correction", function()
  local cases = {
    { "port", { PORT = "abc" }, "PORT" },
    { "port", { PORT = "70000" }, "65535" },
    { "port", { PORT = "80.5" }, "whole number" },
    { "access", { ACCESS = "everybody" }, '"open" or "invite" or "forward-auth" or "closed"' },
    { "trusted_proxies", { ACCESS = "forward-auth" }, "PROXY_SECRET" },
    { "proxy_secret", with {
      ACCESS = "forward-auth", NODE_ENV = "production", TRUSTED_PROXIES = "127.0.0.1",
    }, "X-Proxy-Secret" },
    { "trusted_proxies", { TRUSTED_PROXIES = "10.0.0.0/33" }, "192.0.2.7" },
    { "trusted_proxies", { TRUSTED_PROXIES = "traefik" }, "TRUSTED_PROXIES" },
    { "hosts", { PORTAL_HOSTS = "https://deploy.example.com" }, "PORTAL_HOSTS" },
    { "hosts", { PORTAL_HOSTS = "deploy.example.com:443" }, "without ports" },
    { "forward_auth.user_header", { FORWARD_AUTH_HEADER = "a b" }, "FORWARD_AUTH_HEADER" },
    { "outgoing_proxy", { OUTGOING_PROXY = "proxy.test:3128" }, "http://proxy.example.com:3128" },
    { "outgoing_proxy", { OUTGOING_PROXY = "http://me:secret@proxy.test:3128" }, "no login" },
    { "outgoing_direct", { OUTGOING_DIRECT = "https://corp.test" }, "OUTGOING_DIRECT" },
    { "host", { HOST = "[::" }, "127.0.0.1 or ::" },
    { "log_level", { LOG_LEVEL = "loud" }, "LOG_LEVEL" },
    { "dokploy.url", { DOKPLOY_URL = "dokploy.example.com" }, "http" },
    { "dokploy.url", { DOKPLOY_URL = "https://user:pass@dokploy.example.com" }, "without user" },
    { "stack.suffix", with { STACK_DOMAIN_SUFFIX = "*.ai.example.com" }, "without a dot or star" },
    { "stack.suffix", with { STACK_DOMAIN_SUFFIX = "" }, "STACK_DOMAIN_SUFFIX" },
    { "stack.scheme", with { STACK_SCHEME = "ftp" }, "STACK_SCHEME" },
    { "stack.connect_to", with { STACK_CONNECT_TO = "traefik" }, "host:port" },
    { "stack.image", with { STACK_IMAGE = "" }, "STACK_IMAGE" },
    { "stack.image", with { STACK_IMAGE = "a b" }, "STACK_IMAGE" },
    { "stack.image", with { STACK_IMAGE = "ghcr.io/a/b" }, "ghcr.io/a/b:1.0" },
    { "stack.image", with { STACK_IMAGE = "https://ghcr.io/a/b:1" }, "no https:// in front" },
    { "stack.image", with { STACK_IMAGE = "ghcr.io/You/b:1" }, "lower case" },
    { "stack.image", with { STACK_IMAGE = "ghcr.io/a//b:1" }, "not an image's name" },
    { "stack.image", with { STACK_IMAGE = "ghcr.io/a/b@sha256:12" }, "64 digits" },
    { "stack.registry.url", with { STACK_REGISTRY_URL = "a b" }, "STACK_REGISTRY_URL" },
    {
      "stack.registry.url", with { STACK_REGISTRY_URL = "registry.example.com" },
      "the login is for registry.example.com, and stack.image comes from ghcr.io",
    },
    {
      "stack.registry.url", with { STACK_IMAGE = "team/b:1", STACK_REGISTRY_URL = "ghcr.io" },
      "comes from docker.io",
    },
    { "stack.image", with { STACK_IMAGE = "127.0.0.1:5000/a" }, "neither tag nor digest" },
    { "dokploy.token", with { DOKPLOY_API_TOKEN = "" }, "DOKPLOY_API_TOKEN_FILE" },
    { "stack.registry.password", with { STACK_REGISTRY_USERNAME = "me" }, "REGISTRY_PASSWORD" },
    { "stack.registry.username", with { STACK_REGISTRY_PASSWORD = "x" }, "REGISTRY_USERNAME" },
    { "reserved_names", { RESERVED_NAMES = "ok,^admin.*" }, "scripts/policy/names.lua" },
    {
      "rehearsal_server.version", { REHEARSAL_DOKPLOY_VERSION = "latest" },
      "REHEARSAL_DOKPLOY_VERSION",
    },
    { "rehearsal_server.speed", { REHEARSAL_SPEED = "0" }, "REHEARSAL_SPEED" },
  }
  for i, case in ipairs(cases) do
    it(("%d: %s"):format(i, case[1]), function()
      assert.truthy(refusal(case[1], check, case[2]):find(case[3], 1, true))
    end)
  end
end)

describe("the table of config.lua", function()
  it("may not have an unknown key", function()
    local message = refusal("stack.imgae", settings.check, { stack = { imgae = "x" } }, {})
    assert.truthy(message:find("image", 1, true))
    refusal("prot", settings.check, { prot = 3000 }, {})
  end)

  it("must be a table of tables", function()
    assert.is_false(pcall(settings.check, nil, {}))
    refusal("stack", settings.check, { stack = "x" }, {})
    refusal("stack.registry", settings.check, { stack = { registry = 5 } }, {})
  end)

  it("may not contain a secret", function()
    local message = refusal("admin_token", settings.check, { admin_token = "hunter2" }, {})
    assert.is_nil(message:find("hunter2", 1, true))
  end)

  it("has sizes with their unit", function()
    local function memory_bytes(size)
      return settings.check({ stack = { memory = size } }, {}).stack.memory_bytes
    end
    assert.equal(3 << 30, memory_bytes "3 GiB")
    assert.equal(1536 << 20, memory_bytes "1.5 GiB")
    refusal("stack.memory", settings.check, { stack = { memory = "512 MiB" } }, {})
    refusal("stack.memory", settings.check, { stack = { memory = "2 gigs" } }, {})
    assert.equal(500000000, settings.check({ stack = { cpus = 0.5 } }, {}).stack.cpu_nanos)
  end)

  it("has a network that is neither Docker's nor Dokploy's own", function()
    local function stack_of(network)
      return settings.check({ stack = { network = network } }, {}).stack
    end
    assert.equal("workspaces", stack_of("workspaces").network)
    assert.is_nil(stack_of(nil).network)
    for _, name in ipairs { "dokploy-network", "host", "a b", "-x", "x;reboot" } do
      refusal("stack.network", stack_of, name)
    end
    assert.same({ 2000000000, 4096 }, { stack_of(nil).cpu_nanos, stack_of(nil).processes })
  end)

  it("has booleans", function()
    assert.is_false(settings.check({ watch = false }, {}).watch)
    refusal("watch", settings.check, { watch = "perhaps" }, {})
  end)
end)
