--- The fakes of support/portal.lua for code that waits: time passes only by sleeping, tasks run at
--- once, and calls to Dokploy get prepared answers.
---   local fake = require("support.engine").start { config = {...}, modules = {...} }
---   fake.answer("project.all", { status = 200, body = "[]" }, ...)  in order; the last repeats
---   fake.now, fake.logged, fake.sent; fake.jump: seconds that the system clock was set forward
local portal = require "support.portal"
local engine = {}

local real_time = os.time

local function guarded(fn, ...)
  local result = table.pack(pcall(fn, ...))
  if result[1] then return table.unpack(result, 2, result.n) end
  return nil, tostring(result[2]), "failed"
end

local function task(fake)
  local module = {
    shield = function() end, alive = function() return false end, traceback = debug.traceback,
  }
  function module.sleep(seconds)
    fake.now = fake.now + seconds
    if fake.on_sleep then fake.on_sleep() end
    return true
  end
  function module.run(_, fn, ...) return guarded(fn, ...) end
  function module.lock(_, fn, ...) return fn(...) end
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
    module[level] = function(event, fields)
      fake.logged[#fake.logged + 1] = { level = level, event = event, fields = fields or {} }
    end
  end
  return module
end

local function http(fake)
  local function request(options)
    local name = options.url:match("/api/([%w.]+)") or options.url:match("^%w+://[^/]+(/[^?]*)")
    if name ~= "trpc" then fake.sent[#fake.sent + 1] = { name = name, options = options } end
    local answers = assert(fake.answers[name], "no answer was prepared for " .. options.url)
    local answer = #answers > 1 and table.remove(answers, 1) or answers[1]
    if type(answer) == "function" then answer = answer(options) end
    if answer.code then return nil, answer.message or answer.code, answer.code, answer.sent end
    return {
      status = answer.status or 200, headers = answer.headers or {}, body = answer.body or "",
      seconds = 0.01, verified = true,
    }
  end
  return { request = request }
end

--- Forgets what was loaded, installs the fakes and stops the clock.
---@return table fake
function engine.start(options)
  options = options or {}
  local fake = { now = 1000000, jump = 0, logged = {}, sent = {}, answers = {} }
  local config = options.config or {
    dokploy = { url = "http://dokploy.test" }, rehearsal = true,
    stack = { suffix = "localhost", scheme = "http", public_port = 3100 },
  }
  fake.core = portal.start {
    config = config, modules = options.modules, secrets = options.secrets, parts = options.parts,
  }
  fake.core.crypto.base64 = function(text) return "b64(" .. text .. ")" end
  fake.core.timer.now = function() return fake.now end
  fake.shared = portal.shared(function() return fake.now end)
  fake.task, fake.log, fake.http = task(fake), log(fake), http(fake)
  for _, name in ipairs { "shared", "task", "log", "http" } do
    package.preload["core." .. name] = function() return fake[name] end
  end
  os.time = function(date) -- luacheck: ignore 122
    return date and real_time(date) or math.floor(fake.now + fake.jump)
  end
  function fake.answer(name, ...) fake.answers[name] = { ... } end
  fake.answer("trpc", { body = '{"result":{"data":{"json":{"status":"ok"}}}}' }) -- without a key
  function fake.count(name)
    local count = 0
    for _, request in ipairs(fake.sent) do
      if request.name == name then count = count + 1 end
    end
    return count
  end
  return fake
end

--- Restores the clock.
function engine.stop() os.time = real_time end -- luacheck: ignore 122

return engine
