--- Faults to rehearse. A rule says where ("at"), what ("kind"), and how often; see tools and tests for examples:
---
---   { "at": "project.create", "kind": "status", "status": 503, "headers": { "Retry-After": "2" }, "times": 2 }
---
--- at      a procedure's name; "*": every procedure; "health": /api/health; "trpc/settings.health";
---         "stack": what a stack answers over HTTP; "deploy": the worker that runs deployments
--- times   how often (1); 0: until it is taken away.   skip: so many matching calls go well first.   name: only this stack or project
---
--- Kinds, for calls and for "stack":
---   latency     waits `ms`, then goes on
---   status      answers `status` (500) with `headers` and `body`; nothing is done
---   hang        no answer for `ms` (5 minutes), then the connection is cut; nothing is done
---   cut         the connection is cut at once; nothing is done
---   html        a proxy's page with status 200; nothing is done
---   half        it is done, and half of the answer is sent
---   wrong_json  it is done, and the answer is no JSON
---   wrong_type  it is done, and the answer is JSON of another type
---   lost        it is done, and the connection is cut before the answer
--- For "stack" and "deploy" (there it stays with the stack): never_ready (502), unprotected (asks for no password), wrong_password, html
--- For "deploy": latency, hang, deploy_error, image_not_found, registry_login, crash_loop
local clock = require "rehearsal.clock"
local json = require "core.json"
local task = require "core.task"
local validate = require "rehearsal.validate"

local faults = {}

local of_calls = { latency = 1, status = 1, hang = 1, cut = 1, html = 1, half = 1, wrong_json = 1, wrong_type = 1, lost = 1 }
local of_stack = { latency = 1, status = 1, hang = 1, cut = 1, html = 1, half = 1, wrong_json = 1, wrong_type = 1, lost = 1,
  never_ready = 1, unprotected = 1, wrong_password = 1 }
local of_deploy = { latency = 1, hang = 1, deploy_error = 1, image_not_found = 1, registry_login = 1, crash_loop = 1, never_ready = 1,
  unprotected = 1, wrong_password = 1, html = 1 }

local fields = { at = "string", kind = "string", times = "number", skip = "number", ms = "number", status = "number", headers = "table",
  body = "string", name = "string", id = "number", hits = "number", seen = "number" }

local rules = {}
local last_id, clearings = 0, 0

local function kinds_at(at)
  if at == "stack" then return of_stack end
  return at == "deploy" and of_deploy or of_calls
end

local function list_of(kinds)
  local sorted = {}
  for kind in pairs(kinds) do sorted[#sorted + 1] = kind end
  table.sort(sorted)
  return table.concat(sorted, ", ")
end

-- What is wrong with a rule; nil when it is good.
local function trouble(rule)
  if type(rule) ~= "table" then return "a rule is an object" end
  for name, value in pairs(rule) do
    if not fields[name] then return ('unknown field "%s"'):format(name) end
    if type(value) ~= fields[name] then return ('"%s" must be a %s'):format(name, fields[name]) end
  end
  if not rule.at then return '"at" is missing: a procedure such as "project.create", "*", "stack" or "deploy"' end
  local kinds = kinds_at(rule.at)
  if not kinds[rule.kind] then return ('"kind" at "%s" must be one of: %s'):format(rule.at, list_of(kinds)) end
end

local function add(rule)
  last_id = last_id + 1
  rule.id, rule.hits, rule.seen = last_id, 0, 0
  rule.times, rule.skip = rule.times or 1, rule.skip or 0
  rules[#rules + 1] = rule
end

--- Adds one rule or a list of them. True; or nil and what is wrong, and then none is added.
function faults.add(given)
  local list = validate.is_array(given) and given or { given }
  for _, rule in ipairs(list) do
    local problem = trouble(rule)
    if problem then return nil, problem end
  end
  for _, rule in ipairs(list) do add(rule) end
  return true
end

function faults.list()
  local shown = json.array {}
  for i, rule in ipairs(rules) do shown[i] = rule end
  return shown
end

function faults.clear()
  rules, clearings = {}, clearings + 1
end

--- How often all rules were forgotten: whoever plays one that lasts stops when this rises.
---@return integer
function faults.clearings() return clearings end

local function applies(rule, at, names)
  local everywhere = rule.at == "*" and at ~= "stack" and at ~= "deploy" and at ~= "health" and at ~= "trpc/settings.health"
  if rule.at ~= at and not everywhere then return false end
  if rule.name and not names[rule.name] then return false end
  return rule.times == 0 or rule.hits < rule.times
end

local function use(rule)
  rule.seen = rule.seen + 1
  if rule.seen <= rule.skip then return false end
  rule.hits = rule.hits + 1
  return true
end

--- The rule to play now, or nil. Latency is played here, and the search goes on.
---@param names table<string, boolean>  what the call is about
function faults.take(at, names)
  for _, rule in ipairs(rules) do
    if applies(rule, at, names) and use(rule) then
      if rule.kind ~= "latency" then return rule end
      task.sleep((rule.ms or 1000) / 1000)
    end
  end
end

local page = "<!doctype html><title>Welcome</title><h1>It works!</h1>"

local instead = {}

function instead.status(rule)
  local body = rule.body or json.encode { message = "rehearsed fault" }
  return { status = rule.status or 500, body = body, type = "application/json", headers = rule.headers }
end

function instead.hang(rule)
  clock.hang((rule.ms or 300000) / 1000)
  return { cut = true }
end

function instead.cut()
  return { cut = true }
end

function instead.html(rule)
  return { status = rule.status or 200, html = rule.body or page, headers = rule.headers }
end

local after = {}

function after.half(_, reply)
  local whole = reply.body or reply.text or "{}"
  return { status = reply.status, body = whole:sub(1, #whole // 2), type = reply.type, cut = math.max(1, #whole - #whole // 2) }
end

function after.wrong_json(rule, reply)
  return { status = reply.status, body = rule.body or '{"oops": ', type = "application/json" }
end

function after.wrong_type(rule, reply)
  local body = rule.body or (reply.body or ""):sub(1, 1) == "{" and '["something else"]' or '{"something":"else"}'
  return { status = reply.status, body = body, type = "application/json" }
end

function after.lost()
  return { cut = true }
end

--- Plays the rule around the work: some kinds take its place, others spoil its answer.
function faults.play(rule, work)
  if not rule then return work() end
  if instead[rule.kind] then return instead[rule.kind](rule) end
  local reply = work()
  return after[rule.kind] and after[rule.kind](rule, reply) or reply
end

return faults
