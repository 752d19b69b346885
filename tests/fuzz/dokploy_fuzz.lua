--- Fuzzes the responses of Dokploy and workspaces to every step of a deployment and to its undo.
--- Nothing may raise: an unexpected response is a failure with a code.
---
--- The first line of the input is a letter for the scene, then a character for the status of each
--- response (2: 200, 0: 404, 1: 401, 4: 400, 5: 500, 9: 429, x: cut off, r: no connection). The
--- bodies follow, separated by empty lines. Statuses and bodies repeat when they run out.
local json = require "core.json"
local loaded = ...

local answers = { at = 0, statuses = "2", bodies = { "" } }
local left -- waits that are still allowed

local status_of = {
  ["0"] = 404, ["1"] = 401, ["2"] = 200, ["3"] = 302, ["4"] = 400, ["5"] = 500, ["8"] = 503,
  ["9"] = 429,
}

local function nothing() end

loaded["core.http"] = {
  request = function()
    left = left - 1
    if left < 0 then return nil, "cancelled", "cancelled", false end
    local at = answers.at
    answers.at = at + 1
    local letter = answers.statuses:sub(at % #answers.statuses + 1, at % #answers.statuses + 1)
    if letter == "x" then return nil, "cut off", "closed", true end
    if letter == "r" then return nil, "refused", "refused", false end
    local body = answers.bodies[at % #answers.bodies + 1]
    return {
      status = status_of[letter] or 200, body = body, seconds = 0.1,
      headers = {
        ["content-type"] = "application/json", ["retry-after"] = body:match "^%C*",
        ["www-authenticate"] = "Basic",
      },
    }
  end,
}

local values = {}
loaded["core.shared"] = {
  get = function(key) return values[key] end,
  set = function(key, value) values[key] = value end,
  add = function(key, value)
    if values[key] ~= nil then return false end
    values[key] = value
    return true
  end,
  incr = function(key, by)
    values[key] = (values[key] or 0) + by
    return values[key]
  end,
}

local task = {
  sleep = function()
    left = left - 1
    return left > 0
  end,
  lock = function(_, fn, ...) return fn(...) end,
  spawn = function(_, fn, ...)
    local results = table.pack(fn(...))
    return { wait = function() return table.unpack(results, 1, results.n) end }
  end,
  run = function(_, fn, ...) return fn(...) end,
  shield = nothing,
  all = function(fns)
    local results = {}
    for i, fn in ipairs(fns) do results[i] = table.pack(fn()) end
    return results
  end,
}
loaded["core.task"] = task

loaded["core.config"] = {
  dokploy = { url = "http://dokploy" },
  stack = { suffix = "example.com", scheme = "https", registry = {} },
  secret = function() return "secret" end,
}
loaded["core.log"] = { debug = nothing, info = nothing, warn = nothing, error = nothing }
loaded["core.metrics"] = setmetatable({}, { __index = function() return nothing end })

-- Stands in for writing to the journal, which accepts only strings.
local function kept(...)
  for i = 1, select("#", ...) do
    local value = select(i, ...)
    assert(value == nil or type(value) == "string", "the journal gets a value that is not a string")
  end
  return true
end
loaded["lib.journal"] = {
  resources = {
    intend = function(_, kind, key) return kept(kind, key) end,
    confirm = function(_, kind, key, id) return kept(kind, key, id) end,
    note_unconfirmed = function(_, kind, key) return kept(kind, key) end,
    settle = function(_, kind, key, state) return kept(kind, key, state) end,
  },
  events = { list = function() return {} end, last_log = function() return {} end },
  stacks = { get = function() return false end },
  operations = {},
}
local one_stack = {
  name = "anna", owner_id = "o", operation_id = "abc", state = "ready", project_id = "p1",
  application_id = "a1",
}
loaded["lib.journal.drift"] = {
  holds = function() return false end,
  open = function() return {} end,
  known = function() return { one_stack }, {} end,
  record = function(found)
    for _, one in ipairs(found) do
      kept(one.kind, one.thing, one.name, one.owner_id, one.operation_id, json.encode(one.facts))
    end
    return true
  end,
  refresh = nothing,
}
loaded["lib.operations.events"] = {
  emit = nothing, finish = function(_, event, data) return kept(event, data.code) end,
}
loaded["core.store"] = {}

local context = require "lib.operations.ctx"
local dokploy = require "lib.dokploy"
local deploy = require "lib.operations.deploy"
local reconcile = require "lib.workspaces.reconcile"
local steps = require "steps"
local undo = require "lib.operations.undo"
local work = require "lib.operations.work"

local op = {
  id = "abc", name = "anna", owner_id = "o", template = "t", url = "https://anna.example.com",
  params = { image = "i:1" },
}
local recorded = {
  {
    kind = "project", key = "", id = "p1", state = "created",
    data = { ids = { environment = "e1" } },
  },
  {
    kind = "application", key = "", id = "a1", state = "created",
    data = { ids = { app_name = "stack-anna-abcdef" } },
  },
}
local more = {
  { kind = "deployment", key = "1", id = "d1", state = "created", data = {} },
  { kind = "volume", key = "v1", state = "intended", data = {} },
}

local function resources(n)
  local list = {}
  for i = 1, n do
    local row = recorded[i] or more[i - 2]
    list[i] = { kind = row.kind, key = row.key, id = row.id, state = row.state, data = row.data }
  end
  return list
end

local function failed_well(value, message, code)
  if value then return end
  local is_complete = type(message) == "string" and type(code) == "string"
  assert(value == false or is_complete, "a failure has a message and a code")
end

local function run_step(i)
  local had = steps[i].name == "project" and 0 or steps[i].name == "application" and 1 or 2
  local ctx = context.new(op, resources(had), steps)
  ctx.dokploy = dokploy.client { tries = 2 }
  ctx.tag, ctx.title, ctx.volume = "mark", "title", "volume" -- as in the seeds' bodies
  ctx.sleep = task.sleep
  ctx.remaining = function() return left end
  ctx:enter(i)
  failed_well(deploy.perform(ctx, steps[i]))
end

local function run_undo(n)
  failed_well(undo.run {
    id = op.id, tag = "mark", resources = resources(n), dokploy = dokploy.client { tries = 2 },
    report = nothing, exact = n == 3,
  })
end

-- Code outside the steps makes its own clients; these may not be patient either.
local original_client = dokploy.client
function dokploy.client(how)
  how.patient, how.tries = nil, 2
  return original_client(how)
end

local function run_operation(kind)
  loaded["lib.journal"].operations.get = function() return op end
  loaded["lib.journal"].resources.list = function() return resources(3) end
  work.run {
    id = "x", kind = kind, name = op.name, url = op.url,
    params = { target = op.id, from = "ready" },
  }
end

local function run_client_calls()
  local client = dokploy.client { tries = 1 }
  failed_well(client:version())
  failed_well(client:clean_queue "a1")
  failed_well(client:volume_remove "v1")
  client:is_deploying "a1"
end

local function run_reconcile()
  reconcile.start()
  failed_well(not reconcile.last_error(), "", reconcile.last_error())
end

local scenes = {}
for i in ipairs(steps) do scenes[i] = function() run_step(i) end end
for n = 2, 4 do scenes[#scenes + 1] = function() run_undo(n) end end
for _, kind in ipairs { "stop", "start", "restart", "rotate" } do
  scenes[#scenes + 1] = function() run_operation(kind) end
end
scenes[#scenes + 1] = run_client_calls
scenes[#scenes + 1] = run_reconcile

return function(text)
  local scene, statuses, rest = text:match "^(%C)(%C*)\n(.*)$"
  if not scene then return end
  answers.at, answers.statuses, answers.bodies = 0, statuses == "" and "2" or statuses, {}
  for body in (rest .. "\n\n"):gmatch "(.-)\n\n" do
    answers.bodies[#answers.bodies + 1] = body
  end
  left = 40
  for key in pairs(values) do values[key] = nil end
  scenes[scene:byte() % #scenes + 1]()
end
