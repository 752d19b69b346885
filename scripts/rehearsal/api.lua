--- One HTTP call to the double's Dokploy: from the request to a procedure, and from its result to the answer.
local errors = require "rehearsal.errors"
local faults = require "rehearsal.faults"
local json = require "core.json"
local keys = require "rehearsal.keys"
local model = require "rehearsal.model"
local names = require "rehearsal.names"
local procedures = require "rehearsal.procedures"
local settings = require "rehearsal.settings"
local validate = require "rehearsal.validate"
local version = require "rehearsal.version"

local api = {}

api.max_body = 1048576

local json_type = "application/json"

local function has_body(req)
  return req.method ~= "GET" and req.method ~= "HEAD"
end

local function media_type(req)
  return (req.headers["content-type"] or ""):match "^%s*([^;%s]*)"
end

-- "a=1&b=two+words" as a table.
local function form(text)
  local values = {}
  for name, value in text:gmatch "([^&=]+)=([^&]*)" do
    values[name] = value:gsub("%+", " "):gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
  end
  return values
end

-- An empty parameter counts as missing.
local function query(req)
  local values = {}
  for name, value in pairs(req.query) do
    if value ~= "" then values[name] = value end
  end
  return values
end

-- What the caller gave, as a table; nil when the body is no JSON. What is no object counts as an empty one.
local function given(req)
  if not has_body(req) then return query(req) end
  local media = media_type(req)
  if media == "application/x-www-form-urlencoded" then return form(req.body) end
  if media ~= json_type or req.body == "" then return {} end
  local value, problem = json.decode(req.body)
  if problem then return nil end
  return type(value) == "table" and not validate.is_array(value) and value or {}
end

-- The newer version takes nothing but JSON.
local function check_media(req)
  local media = media_type(req)
  if not version.new() or not has_body(req) or media == json_type then return end
  errors.raise("UNSUPPORTED_MEDIA_TYPE", media == "" and "Missing content-type header" or ('Unsupported content-type "%s'):format(media))
end

-- The procedure that the path and the method mean, or nil.
local function procedure_of(req, name)
  local found = procedures.get(name)
  local method = req.method == "HEAD" and "GET" or req.method
  if not found or found.method ~= method or found.new and not version.new() then return nil end
  return found
end

local function answer(value)
  return { status = 200, body = value == nil and "" or json.encode(value), type = json_type }
end

local function run(procedure, req, input, who)
  check_media(req)
  local value, issues = validate.check(procedure.input, input)
  if #issues > 0 then errors.raise("BAD_REQUEST", "Input validation failed", issues) end
  return procedure.run(value, who)
end

local function call(procedure, req, input, who)
  local ok, result = pcall(run, procedure, req, input, who)
  if not ok and not (type(result) == "table" and result.code) then error(result, 0) end
  return ok and answer(result) or errors.reply(result, procedure.name)
end

local function work(req, name, input)
  local who = keys.caller(req)
  if not who then return errors.unauthorized() end
  local procedure = procedure_of(req, name)
  if not procedure then return errors.reply { code = "NOT_FOUND", message = "Not found" } end
  if req.method == "HEAD" then return { status = 204, type = json_type } end
  return call(procedure, req, input, who)
end

local function health()
  return { status = 200, body = '{"ok":true}', type = "application/json; charset=utf-8" }
end

local function trpc_health()
  return answer { result = { data = { json = settings.health() } } }
end

local plain = { ["/api/health"] = { "health", health }, ["/api/trpc/settings.health"] = { "trpc/settings.health", trpc_health } }

local function redirect(path)
  return { status = 308, body = path, type = "text/plain", headers = { Location = path } }
end

--- Answers a request whose path begins with /api.
function api.handle(req)
  local tidy = req.path:gsub("//+", "/"):gsub("(.)/$", "%1")
  if tidy ~= req.path then return redirect(tidy) end
  if #req.body > api.max_body then return errors.plain(413, "Body exceeded 1mb limit") end
  local special = plain[tidy]
  if special then return faults.play(faults.take(special[1], {}), special[2]) end
  local input = given(req)
  if not input then return errors.plain(400, "Invalid JSON") end
  local name = tidy:sub(#"/api/" + 1)
  if not version.new() then name = name:gsub("/", ".", 1) end
  local rule = faults.take(name, names.of_input(input))
  return faults.play(rule, function()
    local reply = work(req, name, input)
    model.commit()
    return reply
  end)
end

return api
