--- Stands in for the core under the engine: a clock that stands still until somebody sleeps, tasks
--- that run at once,
--- answers that were laid out.
---   local fake = require("support.engine").start { config = {...}, modules = {...} }
---   fake.answer("project.all", { status = 200, body = "[]" }, ...)  one after the other; the last
--- one for ever
---   fake.now, fake.logged, fake.sent; fake.jump: seconds by which somebody set the clock
local portal = require "support.portal"
local engine = {}

local real_time = os.time

local function shared(fake)
  local values = {}
  local function live(key)
    local entry = values[key]
    if entry and entry.till and entry.till <= fake.now then values[key] = nil end
    return values[key]
  end
  local module = {}
  function module.get(key) return live(key) and live(key).value end
  function module.set(key, value, seconds)
    values[key] = value ~= nil and { value = value, till = seconds and fake.now + seconds } or nil
  end
  function module.add(key, value, seconds)
    if live(key) then return false end
    module.set(key, value, seconds)
    return true
  end
  function module.incr(key, by, seconds) -- the time counts from the first
    assert(by, "by is missing")
    local entry = live(key)
    if not entry then module.set(key, by, seconds) return by end
    entry.value = entry.value + by
    return entry.value
  end
  function module.keys(prefix)
    local list = {}
    for key in pairs(values) do
      if live(key) and key:sub(1, #prefix) == prefix then list[#list + 1] = key end
    end
    table.sort(list)
    return list
  end
  return module
end

local function task(fake)
  local module = {}
  local function guarded(fn, ...)
    local result = table.pack(pcall(fn, ...))
    if result[1] then return table.unpack(result, 2, result.n) end
    return nil, tostring(result[2]), "failed"
  end
  function module.sleep(seconds)
    fake.now = fake.now + seconds
    if fake.on_sleep then fake.on_sleep() end
    return true
  end
  function module.run(_, fn, ...) return guarded(fn, ...) end
  function module.lock(_, fn, ...) return fn(...) end
  function module.shield() end
  function module.alive() return false end
  function module.all(fns)
    local results = {}
    for i, fn in ipairs(fns) do results[i] = table.pack(guarded(fn)) end
    return results
  end
  function module.spawn(_, fn, ...)
    local result = table.pack(guarded(fn, ...))
    return { wait = function() return table.unpack(result, 1, result.n) end }
  end
  return module
end

local function log(fake)
  local module = {}
  for _, level in ipairs { "debug", "info", "warn", "error" } do
    module[level] = function(event, fields) fake.logged[#fake.logged + 1] = { level = level, event = event, fields = fields or {} } end
  end
  return module
end

local function http(fake)
  return { request = function(options)
    local name = options.url:match("/api/([%w.]+)") or options.url:match("^%w+://[^/]+(/[^?]*)")
    fake.sent[#fake.sent + 1] = { name = name, options = options }
    local laid_out = assert(fake.answers[name], "nobody laid out an answer for " .. options.url)
    local answer = #laid_out > 1 and table.remove(laid_out, 1) or laid_out[1]
    if type(answer) == "function" then answer = answer(options) end
    if answer.code then return nil, answer.message or answer.code, answer.code, answer.sent end
    return { status = answer.status or 200, headers = answer.headers or {}, body = answer.body or "", seconds = 0.01, verified = true }
  end }
end

--- Forgets what was loaded; puts the stand-ins in place and returns what tests look into.
function engine.start(options)
  options = options or {}
  local fake = { now = 1000000, jump = 0, logged = {}, sent = {}, answers = {} }
  local stack = { suffix = "localhost", scheme = "http", public_port = 3100 }
  local config = options.config or { dokploy = { url = "http://dokploy.test" }, rehearsal = true, stack = stack }
  fake.core = portal.start { config = config, modules = options.modules, secrets = options.secrets }
  fake.core.crypto.base64 = function(text) return "b64(" .. text .. ")" end
  for name, module in pairs { shared = shared(fake), task = task(fake), log = log(fake), http = http(fake) } do
    fake[name] = module
    package.preload["core." .. name] = function() return module end
  end
  os.time = function(date) return date and real_time(date) or math.floor(fake.now + fake.jump) end -- luacheck: ignore 122
  fake.core.timer.now = function() return fake.now end
  function fake.answer(name, ...) fake.answers[name] = { ... } end
  function fake.count(name)
    local count = 0
    for _, request in ipairs(fake.sent) do if request.name == name then count = count + 1 end end
    return count
  end
  return fake
end

--- Gives the clock back.
function engine.stop() os.time = real_time end -- luacheck: ignore 122

return engine
