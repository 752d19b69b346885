--- Fakes of the core's modules, so that plain Lua can test scripts.
---   local portal = require "support.portal"
---   portal.start { config = {...}, modules = { ["lib.journal"] = {...} } }
---   local reply = portal.ask("GET", "/?name=anna", { headers = {...} })
local cjson = require "cjson"
local portal = { host = "localhost:3000" }

local folders = { core = true, lib = true, policy = true, routes = true, steps = true }

local function forget()
  for _, known in ipairs { package.loaded, package.preload } do
    for name in pairs(known) do
      if folders[name:match("^[^.]+")] then known[name] = nil end
    end
  end
end

-- Like core.json: whole numbers are integers, arrays are marked, failures are nil, message, code.
local function whole(value)
  if type(value) == "number" and math.tointeger(value) then return math.tointeger(value) end
  if type(value) ~= "table" then return value end
  for key, item in pairs(value) do value[key] = whole(item) end
  return value
end

local json = { null = cjson.null }
local array_mark = {}

function json.array(t) return setmetatable(t, array_mark) end

function json.decode(text)
  local ok, value = pcall(cjson.decode, text)
  if not ok then return nil, tostring(value), "invalid" end
  if text:find("^%s*%[") then value = json.array(value) end
  return whole(value)
end

function json.encode(value)
  if type(value) ~= "table" then return cjson.encode(value) end
  local parts = {}
  if getmetatable(value) == array_mark or #value > 0 then
    for i, item in ipairs(value) do parts[i] = json.encode(item) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for key, item in pairs(value) do
    parts[#parts + 1] = cjson.encode(tostring(key)) .. ":" .. json.encode(item)
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

local function read(path)
  local file = assert(io.open(path, "rb"), path)
  local text = file:read("a")
  file:close()
  return text
end

local function nothing() end

local function server(files)
  local fake = {
    routes = {}, on_start = nothing, on_replace = nothing, on_error = nothing, middleware = nothing,
  }
  fake.infos = {
    version = "0.0.0", generation = 1, loaded_at = 0, started_at = 0, store = {}, draining = false,
  }
  function fake.route(method, pattern, handler)
    fake.routes[#fake.routes + 1] = { method = method, pattern = pattern, handler = handler }
  end
  function fake.info() return fake.infos end
  function fake.exempt() end
  function fake.too_large_page() end
  function fake.now() return 1000000 end
  function fake.asset(path) return "/assets/v1/" .. path end
  function fake.read(path) return files and files[path] or read(path) end
  function fake.list(folder)
    local names = {}
    for path in pairs(files or {}) do names[#names + 1] = path:match("^" .. folder .. "/(.+)$") end
    table.sort(names)
    return files and names or { "ar.json", "en.json", "nl.json" }
  end
  return fake
end

--- core.shared, whose entries expire by `now()`.
---@param now fun(): number
function portal.shared(now)
  local entries, fake = {}, {}
  local function live(key)
    local entry = entries[key]
    if entry and entry.till and entry.till <= now() then entries[key] = nil end
    return entries[key]
  end
  function fake.get(key) return live(key) and live(key).value end
  function fake.set(key, value, seconds)
    entries[key] = value ~= nil and { value = value, till = seconds and now() + seconds } or nil
  end
  function fake.add(key, value, seconds)
    if live(key) then return false end
    fake.set(key, value, seconds)
    return true
  end
  function fake.incr(key, by, seconds) -- the time counts from the first
    local entry = live(key)
    if entry then
      entry.value = entry.value + assert(by, "by is missing")
    else
      fake.set(key, by, seconds)
    end
    return live(key).value
  end
  function fake.keys(prefix)
    local list = {}
    for key in pairs(entries) do
      if live(key) and key:sub(1, #prefix) == prefix then list[#list + 1] = key end
    end
    table.sort(list)
    return list
  end
  return fake
end

-- Records what is run and answers with no rows, or what `fake.answer(sql, ...)` returns.
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

-- Neither secret nor strong, but different for different texts.
local function hash(text)
  local sum = 5381
  for i = 1, #text do sum = (sum * 33 + text:byte(i)) & 0xffffffffffff end
  return ("%012x"):format(sum):rep(4)
end

local function crypto()
  local count = 0
  local function next_text(format, length)
    count = count + 1
    return format:format(count):rep(length):sub(1, length)
  end
  return {
    token = function(bytes) return next_text("T%03d-_", bytes * 4 // 3) end,
    hex = function(bytes) return next_text("abc%03x", bytes * 2) end,
    sha256 = hash,
    sign = function(purpose, text) return hash("secret" .. purpose .. "\n" .. text) end,
    equal = function(a, b) return a == b end,
  }
end

local function weighted(list)
  local items = {}
  for name, more in list:gmatch "%s*([%w*/+-]+)%s*([^,]*)" do
    local q = more:match ";%s*[qQ]%s*=%s*([^;%s]*)" or "1"
    if tonumber(q) then items[#items + 1] = { name = name:lower(), weight = tonumber(q) } end
  end
  return items
end

local function weight(list, value)
  local found, any = nil, 0
  for _, item in ipairs(weighted(list or "*")) do
    if item.name == value then found = item.weight end
    if item.name == "*" or item.name == "*/*" then any = item.weight end
  end
  return found or any
end

-- An installation's own files. Their Lua files can be required only where they are preloaded.
local function site(files)
  files = files or {}
  return {
    number = 0, hash = "", folder = "site",
    files = function() return files end,
    read = function(path) return files[path] end,
    list = function(folder)
      local names = {}
      for path in pairs(files) do names[#names + 1] = path:match("^" .. folder .. "/([^/]+)$") end
      table.sort(names)
      return names
    end,
  }
end

--- Forgets what was loaded and installs the fakes.
---@param options { config: table|nil, secrets: table|nil, files: table|nil,
--- site: table<string, string>|nil, parts: table<string, table>|nil, modules: table|nil }|nil
--- parts: what files of the site return, { ["policy/names"] = {...} }
---@return table fakes  by their short names, to look into and to change
function portal.start(options)
  options = options or {}
  forget()
  local settings = options.config or require("lib.settings").check({}, {})
  forget()
  settings.secret = function(name) return options.secrets and options.secrets[name] end
  local fakes = {
    json = json, server = server(options.files), site = site(options.site),
    crypto = crypto(), config = settings, sse = {},
    store = store(), shared = portal.shared(os.time),
    gzip = { pack = function(text) return "<packed>" .. text end, join = table.concat },
    limit = { take = function(_, burst) return true, burst - 1, 10, 0 end },
    log = { info = nothing, warn = nothing, error = nothing },
    metrics = { declare = nothing, add = nothing, set = nothing, observe = nothing },
    task = { lock = function(_, fn, ...) return fn(...) end, traceback = debug.traceback },
    text = { plain = string.lower, weighted = weighted, weight = weight },
    timer = { every = nothing, now = os.clock },
  }
  for name, fake in pairs(fakes) do
    package.preload["core." .. name] = function() return fake end
  end
  if options.parts then
    local function part(path) return options.parts[path], "site/" .. path .. ".lua" end
    local fake = { part = part, parts = function() return {} end }
    package.preload["lib.base.site"] = function() return fake end
  end
  for name, fake in pairs(options.modules or {}) do
    package.preload[name] = function() return fake end
  end
  portal.fakes = fakes
  return fakes
end

--- A request as the core makes it; `path` may have a query.
---@param more { headers: table|nil, body: string|nil, json: any, peer: string|nil }|nil
function portal.request(method, path, more)
  more = more or {}
  local bare, query = path:match("^([^?]*)%??(.*)$")
  local req = {
    method = method, path = bare, params = {}, query = {}, headers = {}, body = more.body or "",
    id = "req123", peer = more.peer or "192.0.2.7",
  }
  for name, value in query:gmatch("([^&=]+)=([^&]*)") do req.query[name] = value end
  for name, value in pairs(more.headers or {}) do req.headers[name:lower()] = value end
  req.headers.host = req.headers.host or portal.host
  req.host = req.headers.host:gsub(":%d+$", "")
  if more.json then
    req.body = cjson.encode(more.json)
    req.headers["content-type"] = "application/json"
  end
  return req
end

--- Sends a request to the route registered for exactly its path.
---@return table reply
function portal.ask(method, path, more)
  local req = portal.request(method, path, more)
  for _, route in ipairs(portal.fakes.server.routes) do
    if route.method == method and route.pattern == req.path then
      local reply = route.handler(req)
      reply.status = reply.status or 200
      return reply
    end
  end
  error("no route for " .. method .. " " .. path)
end

return portal
