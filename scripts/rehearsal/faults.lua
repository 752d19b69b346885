--- Faults on purpose. A rule says where ("at"), what ("kind") and how often:
---
---   { "at": "project.create", "kind": "status", "status": 503,
---     "headers": { "Retry-After": "2" }, "times": 2 }
---
--- at      the name of a procedure; "*": every procedure; "health": /api/health;
---         "trpc/settings.health"; "stack": what a workspace answers over HTTP; "deploy": the
---         worker that runs deployments
--- times   how often (1); 0: until the rule is removed
--- skip    how many matching calls go well first (0)
--- chance  how likely it is for each matching call, from 0 to 1 (1)
--- name    only calls about this workspace or project
---
--- Kinds, for calls and, but for the last, for "stack":
---   latency     waits `ms`, or until the rule is removed, then goes on
---   status      answers `status` (500) with `headers` and `body`; nothing is done
---   hang        no answer for `ms` (5 minutes) or until the rule is removed, then the connection
---               is cut; nothing is done
---   cut         the connection is cut at once; nothing is done
---   html        a page of some proxy with status 200; nothing is done
---   half        done, and half of the answer is sent
---   wrong_json  done, and the answer is not JSON
---   wrong_type  done, and the answer is JSON of another type
---   lost        done, and the connection is cut before the answer
---   database    from the first such call on, Dokploy's database is away for `ms` (30 seconds) or
---               until the rule is removed, for every call; nothing is done
--- For "stack", and for "deploy" (there the container keeps the fault):
---   never_ready (502), unprotected (asks for no password), wrong_password, html
--- For "deploy" alone: latency, hang, deploy_error, image_not_found, registry_login,
---   registry_denied, crash_loop
local clock = require "rehearsal.clock"
local json = require "core.json"
local outage = require "rehearsal.outage"
local schema = require "rehearsal.schema"
local task = require "core.task"
local words = require "rehearsal.words"

local faults = {}

local answer_kinds = "latency status hang cut html half wrong_json wrong_type lost"
local call_kinds = answer_kinds .. " database"
local kinds_at = {
  stack = answer_kinds .. " never_ready unprotected wrong_password",
  deploy = "latency hang deploy_error image_not_found registry_login registry_denied crash_loop"
    .. " never_ready unprotected wrong_password html",
}
-- What "*" does not mean.
local not_procedures = words.set "stack deploy health trpc/settings.health"

local field_types = {
  at = "string", kind = "string", times = "number", skip = "number", chance = "number",
  ms = "number",
  status = "number", headers = "table", body = "string", name = "string", id = "number",
  hits = "number", seen = "number",
}

local rules = {}
local last_id = 0

-- What is wrong with a rule; nil when nothing is.
local function problem_of(rule)
  if type(rule) ~= "table" then return "a rule is an object" end
  for name, value in pairs(rule) do
    local wanted = field_types[name]
    if not wanted then return ('unknown field "%s"'):format(name) end
    if type(value) ~= wanted then return ('"%s" must be a %s'):format(name, wanted) end
  end
  if not rule.at then
    return '"at" is missing: a procedure such as "project.create", "*", "stack" or "deploy"'
  end
  local known = kinds_at[rule.at] or call_kinds
  if not words.set(known)[rule.kind] then
    return ('"kind" at "%s" must be one of: %s'):format(rule.at, known)
  end
end

--- Adds one rule, or a list of rules. When one of them is wrong, none is added.
---@param given table
---@return true|nil added, string? problem
function faults.add(given)
  local list = schema.is_array(given) and given or { given }
  for _, rule in ipairs(list) do
    local problem = problem_of(rule)
    if problem then return nil, problem end
  end
  for _, rule in ipairs(list) do
    last_id = last_id + 1
    rule.id, rule.hits, rule.seen = last_id, 0, 0
    rule.times, rule.skip = rule.times or 1, rule.skip or 0
    rules[#rules + 1] = rule
  end
  return true
end

--- All rules as a JSON array, with how often each was applied (`hits`).
---@return table
function faults.list()
  return json.array(table.move(rules, 1, #rules, 1, {}))
end

--- Removes all rules. Faults that last end.
function faults.clear()
  for _, rule in ipairs(rules) do rule.is_cleared = true end
  rules = {}
end

local function applies(rule, at, names)
  local is_meant = rule.at == at or rule.at == "*" and not not_procedures[at]
  if not is_meant or rule.name and not names[rule.name] then return false end
  if outage.is_over(rule) then return false end
  return rule.times == 0 or rule.hits < rule.times
end

local function use(rule)
  rule.seen = rule.seen + 1
  if rule.seen <= rule.skip or math.random() >= (rule.chance or 1) then return false end
  rule.hits = rule.hits + 1
  return true
end

--- The rule to apply now, or nil. Latency is applied here, and the search goes on. May wait.
---@param at string
---@param names table<string, true>  what the call is about
---@return table|nil
function faults.take(at, names)
  for _, rule in ipairs(rules) do
    if applies(rule, at, names) and use(rule) then
      if rule.kind ~= "latency" then return rule end
      if rule.ms then task.sleep(rule.ms / 1000) else clock.hang(math.huge, rule) end
    end
  end
end

local page = "<!doctype html><title>Welcome</title><h1>It works!</h1>"

-- How each kind answers. `work` does the call and returns its reply.
local kinds = {}

function kinds.status(rule)
  local body = rule.body or json.encode { message = "rehearsed fault" }
  local status = rule.status or 500
  return { status = status, body = body, type = "application/json", headers = rule.headers }
end

function kinds.hang(rule)
  clock.hang((rule.ms or 300000) / 1000, rule)
  return { cut = true }
end

function kinds.cut()
  return { cut = true }
end

function kinds.html(rule)
  return { status = rule.status or 200, html = rule.body or page, headers = rule.headers }
end

function kinds.half(_, work)
  local reply = work()
  local whole = reply.body or reply.text or "{}"
  local sent = whole:sub(1, #whole // 2)
  local missing = math.max(1, #whole - #sent)
  return { status = reply.status, body = sent, type = reply.type, cut = missing }
end

function kinds.wrong_json(rule, work)
  local body = rule.body or '{"oops": '
  return { status = work().status, body = body, type = "application/json" }
end

function kinds.wrong_type(rule, work)
  local reply = work()
  local is_object = (reply.body or ""):sub(1, 1) == "{"
  local body = rule.body or is_object and '["something else"]' or '{"something":"else"}'
  return { status = reply.status, body = body, type = "application/json" }
end

function kinds.lost(_, work)
  work()
  return { cut = true }
end

function kinds.database(rule, work, first_reply)
  outage.begin(rule)
  return (first_reply or work)()
end

--- The reply to a call under a rule. Kinds that only the work knows are left to it. May wait.
---@param rule table|nil
---@param work fun(): table
---@param first_reply? fun(): table  to a call that sees the database go; without it, as `work`
---@return table reply
function faults.apply(rule, work, first_reply)
  local kind = rule and kinds[rule.kind]
  if not kind then return work() end
  return kind(rule, work, first_reply)
end

return faults
