--- Dokploy's HTTP API: from a request to a procedure, and from its result to the answer.
---
--- A family is a file of procedures/: a table from "METHOD name" to
---   input      a schema (none: no input); GET takes query parameters, POST a JSON object
---   run        fun(input, role): any; nil is answered with an empty body
---   new_only   the older version does not have it
local database = require "rehearsal.database"
local errors = require "rehearsal.errors"
local faults = require "rehearsal.faults"
local json = require "core.json"
local keys = require "rehearsal.keys"
local outage = require "rehearsal.outage"
local schema = require "rehearsal.schema"
local subjects = require "rehearsal.subjects"
local version = require "rehearsal.version"

local api = {}

local MAX_BODY = 1048576 -- bytes

local families = {
  require "rehearsal.procedures.project",
  require "rehearsal.procedures.application",
  require "rehearsal.procedures.mount",
  require "rehearsal.procedures.domain",
  require "rehearsal.procedures.deployment",
  require "rehearsal.procedures.docker",
  require "rehearsal.procedures.network",
  require "rehearsal.procedures.server",
}

local procedures = {}
for _, family in ipairs(families) do
  for name, procedure in pairs(family) do procedures[name] = procedure end
end

local function procedure_of(req, name)
  local found = procedures[req.method .. " " .. name]
  if found and (not found.new_only or version.is_new()) then return found end
end

local function media_type(req)
  return (req.headers["content-type"] or ""):match "^%s*([^;%s]*)"
end

-- An empty parameter counts as missing.
local function query_of(req)
  local values = {}
  for name, value in pairs(req.query) do
    if value ~= "" then values[name] = value end
  end
  return values
end

-- The input; nil when the body is malformed. Anything that is not a JSON object counts as empty.
local function input_of(req)
  if req.method == "GET" then return query_of(req) end
  if media_type(req) ~= "application/json" or req.body == "" then return {} end
  local value, problem = json.decode(req.body)
  if problem then return nil end
  return type(value) == "table" and not schema.is_array(value) and value or {}
end

-- The newer version takes nothing but JSON.
local function check_media(req)
  local media = media_type(req)
  if not version.is_new() or req.method == "GET" or media == "application/json" then return end
  local message = media == "" and "Missing content-type header"
    or ('Unsupported content-type "%s'):format(media)
  errors.raise("UNSUPPORTED_MEDIA_TYPE", message)
end

local function answer(value)
  local body = value == nil and "" or json.encode(value)
  return { status = 200, body = body, type = "application/json" }
end

local function run(procedure, name, req, input, role)
  check_media(req)
  local value, issues = schema.check(procedure.input or {}, input)
  if #issues > 0 then errors.raise("BAD_REQUEST", "Input validation failed", issues) end
  keys.check_right(role, name)
  return procedure.run(value, role)
end

local function call(req, name, input)
  local role = keys.role(req)
  if not role or outage.is_on() then return errors.unauthorized() end
  local procedure = procedure_of(req, name)
  if not procedure then return errors.reply { code = "NOT_FOUND", message = "Not found" } end
  local ok, result = pcall(run, procedure, name, req, input, role)
  if ok then return answer(result) end
  if type(result) ~= "table" or not result.code then error(result, 0) end
  return errors.reply(result, name)
end

-- What needs no key.
local open = {}

open["health"] = function()
  return { status = 200, body = '{"ok":true}', type = "application/json; charset=utf-8" }
end

open["trpc/settings.health"] = function()
  return outage.health_reply()
    or answer { result = { data = { json = procedures["GET settings.health"].run() } } }
end

local function plain(status, text)
  return { status = status, body = text, type = "text/plain" }
end

--- Answers a request below /api. May wait.
function api.handle(req)
  local name = req.path:sub(#"/api/" + 1)
  if open[name] then return faults.apply(faults.take(name, {}), open[name]) end
  if #req.body > MAX_BODY then return plain(413, "Body exceeded 1mb limit") end
  local input = input_of(req)
  if not input then return plain(400, "Invalid JSON") end
  return faults.apply(faults.take(name, subjects.of(input)), function()
    local reply = call(req, name, input)
    database.commit()
    return reply
  end, function() return outage.first_reply(name) end)
end

return api
