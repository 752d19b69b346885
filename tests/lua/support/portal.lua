--- Stands in for the core's modules, so that scripts can be tested by plain Lua.
---   local portal = require "support.portal"
---   portal.start { config = {...}, modules = { ["lib.journal"] = {...} } }   what scripts loaded
--- before is forgotten
---   local reply = portal.ask("GET", "/api/check/anna", { headers = {...}, body = "..." })
local cjson = require "cjson"
local portal = { root = ".", host = "localhost:3000" }

local folders = { core = true, lib = true, policy = true, routes = true, steps = true }

local function forget()
  for _, known in ipairs { package.loaded, package.preload } do
    for name in pairs(known) do
      if folders[name:match("^[^.]+")] then known[name] = nil end
    end
  end
end

-- The facade's promises that scripts rely on: whole numbers are integers, arrays are marked,
-- failures are nil, message, code.
local function whole(value)
  if type(value) == "number" and math.tointeger(value) then return math.tointeger(value) end
  if type(value) ~= "table" then return value end
  for key, item in pairs(value) do value[key] = whole(item) end
  return value
end

local json = { null = cjson.null }
local array_mark = {}
function json.decode(text)
  local ok, value = pcall(cjson.decode, text)
  if not ok then return nil, tostring(value), "invalid" end
  if text:find("^%s*%[") then value = json.array(value) end
  return whole(value)
end
function json.array(t) return setmetatable(t, array_mark) end
function json.encode(value)
  if type(value) ~= "table" then return cjson.encode(value) end
  local parts = {}
  if getmetatable(value) == array_mark or #value > 0 then
    for i, item in ipairs(value) do parts[i] = json.encode(item) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for key, item in pairs(value) do parts[#parts + 1] = cjson.encode(tostring(key)) .. ":" .. json.encode(item) end
  return "{" .. table.concat(parts, ",") .. "}"
end

local function read(path)
  local file = assert(io.open(portal.root .. "/" .. path, "rb"), path)
  local text = file:read("a")
  file:close()
  return text
end

local function server()
  local fake = { routes = {}, infos = { version = "0.0.0", generation = 1, loaded_at = 0, started_at = 0, store = {}, draining = false } }
  function fake.route(method, pattern, handler)
    fake.routes[#fake.routes + 1] = { method = method, pattern = pattern, handler = handler }
  end
  function fake.middleware(fn) fake.through = fn end
  function fake.on_error(handler) fake.error_handler = handler end
  function fake.on_start() end
  function fake.info() return fake.infos end
  function fake.now() return 1000000 end
  function fake.asset(path) return "/assets/v1/" .. path end
  function fake.read(path) return fake.files and fake.files[path] or read(path) end
  function fake.list(folder)
    if fake.files then
      local names = {}
      for path in pairs(fake.files) do names[#names + 1] = path:match("^" .. folder .. "/(.+)$") end
      table.sort(names)
      return names
    end
    return { "ar.json", "en.json", "nl.json" }
  end
  return fake
end

local function shared()
  local values, fake = {}, {}
  function fake.get(key) return values[key] end
  function fake.set(key, value) values[key] = value end
  function fake.add(key, value)
    if values[key] ~= nil then return false end
    values[key] = value
    return true
  end
  function fake.incr(key, by)
    values[key] = (values[key] or 0) + by
    return values[key]
  end
  function fake.keys(prefix)
    local list = {}
    for key in pairs(values) do
      if key:sub(1, #prefix) == prefix then list[#list + 1] = key end
    end
    table.sort(list)
    return list
  end
  return fake
end

-- What was told, as "name value label label..." lines.
local function metrics()
  local fake = { told = {} }
  local function tell(name, n, ...) fake.told[#fake.told + 1] = table.concat({ name, tostring(n), ... }, " ") end
  function fake.declare() end
  function fake.clear() end
  function fake.text() return table.concat(fake.told, "\n") end
  fake.add, fake.set, fake.observe = tell, tell, tell
  return fake
end

-- Buckets that never fill again; `fake.left[key]` may be set.
local function limiter()
  local fake = { left = {}, taken = {} }
  function fake.take(key, burst, _, cost)
    cost = cost or 1
    local left = fake.left[key] or burst
    local allowed = left >= cost
    if allowed then left = left - cost end
    fake.left[key] = left
    fake.taken[#fake.taken + 1] = key
    return allowed, left, 10, allowed and 0 or 7
  end
  return fake
end

-- A journal that notes what was run, and answers with no rows.
local function store()
  local fake = { ran = {}, null = {} }
  function fake.run(statements)
    local results = {}
    for i, statement in ipairs(statements) do
      fake.ran[#fake.ran + 1] = statement
      results[i] = fake.answer and fake.answer(table.unpack(statement)) or { changes = 0 }
    end
    return results
  end
  return fake
end

-- Packs nothing, but shows what was packed.
local function gzip()
  return { pack = function(text) return "<packed>" .. text end, join = table.concat }
end

-- Neither secret nor strong; only as unlike for unlike input as the tests need.
local function hash(text)
  local sum = 5381
  for i = 1, #text do sum = (sum * 33 + text:byte(i)) & 0xffffffffffff end
  return ("%012x"):format(sum):rep(4)
end

local function crypto()
  local count = 0
  return {
    token = function(bytes) count = count + 1 return ("T%03d-_"):format(count):rep(bytes):sub(1, bytes * 4 // 3) end,
    hex = function(bytes) count = count + 1 return ("%x"):format(count + 0xabc000):rep(bytes):sub(1, bytes * 2) end,
    sha256 = hash,
    sign = function(purpose, text) return hash("secret" .. purpose .. "\n" .. text) end,
    equal = function(a, b) return a == b end,
  }
end

--- Forgets what was loaded and puts the stand-ins in place. Returns them by their short names, to
--- look into and to change.
---@param options { config: table|nil, secrets: table|nil, files: table|nil, modules: table|nil }|nil
function portal.start(options)
  options = options or {}
  forget()
  local settings = options.config or require("lib.settings").check({}, {})
  forget()
  settings.secret = function(name) return options.secrets and options.secrets[name] end
  local fakes = { json = json, server = server(), shared = shared(), crypto = crypto(), config = settings, sse = {}, gzip = gzip(),
    limit = limiter(), store = store(), log = { info = function() end, warn = function() end }, task = { lock = function(_, fn, ...) return fn(...) end } }
  fakes.metrics = metrics()
  fakes.timer = { every = function() end, now = os.clock }
  fakes.server.files = options.files
  for name, fake in pairs(fakes) do package.preload["core." .. name] = function() return fake end end
  for name, fake in pairs(options.modules or {}) do package.preload[name] = function() return fake end end
  portal.fakes = fakes
  return fakes
end

local function params_of(pattern, path)
  local names = {}
  local matcher = pattern:gsub("[%-%.]", "%%%0"):gsub(":(%w+)", function(name) names[#names + 1] = name return "([^/]+)" end)
  local found = { path:match("^" .. matcher .. "$") }
  if #found == 0 then return nil end
  local params = {}
  for i, name in ipairs(names) do params[name] = found[i] end
  return params
end

--- A request as the core makes it; `path` may hold a query.
function portal.request(method, path, more)
  more = more or {}
  local bare, query = path:match("^([^?]*)%??(.*)$")
  local req = { method = method, path = bare, params = {}, query = {}, headers = {}, body = more.body or "", id = "req123" }
  for name, value in query:gmatch("([^&=]+)=([^&]*)") do req.query[name] = value end
  for name, value in pairs(more.headers or {}) do req.headers[name:lower()] = value end
  req.headers.host = req.headers.host or portal.host
  req.host, req.peer = req.headers.host:gsub(":%d+$", ""), more.peer or "192.0.2.7"
  if more.key then req.headers.authorization = "Bearer " .. more.key end
  if more.json then
    req.body = cjson.encode(more.json)
    req.headers["content-type"] = req.headers["content-type"] or "application/json"
  end
  return req
end

--- Sends a request to the route that was registered for it, and returns its reply; `text` is its
--- JSON, and `doc` that decoded.
function portal.ask(method, path, more)
  local req = portal.request(method, path, more)
  for _, route in ipairs(portal.fakes.server.routes) do
    local params = route.method == method and params_of(route.pattern, req.path)
    if params then
      req.params = params
      local through = portal.fakes.server.through
      local reply = through and through(req, route.handler, route.pattern) or route.handler(req)
      if type(reply) ~= "table" then return { status = reply } end
      reply.status = reply.status or 200
      reply.text = reply.body or (reply.json and json.encode(reply.json))
      reply.doc = reply.json or (reply.body and reply.body ~= "" and cjson.decode(reply.body)) or nil
      return reply
    end
  end
  error("no route for " .. method .. " " .. path)
end

return portal
