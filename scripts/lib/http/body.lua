--- The body of a request as a checked object: nothing unknown, nothing missing, nothing of a wrong type. Programs send JSON; a form of the
--- portal's pages is sent urlencoded, with a field `csrf` (lib/auth/csrf.lua), and its values are texts.
local json = require "core.json"
local media = require "lib.base.media"
local csrf = require "lib.auth.csrf"
local owner = require "lib.auth.owner"
local problem = require "lib.http.problem"
local body = {}

body.is_form = media.is_form

local function decoded(text)
  text = text:gsub("+", " "):gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
  return utf8.len(text) and not text:find("\0", 1, true) and text or nil
end

--- The fields of an urlencoded text; nil when it is malformed, or has a field twice. An empty field is as none.
---@param text string
---@return table<string, string>|nil
function body.fields(text)
  local found = {}
  for pair in text:gmatch("[^&]+") do
    local name, value = pair:match("^([^=]*)=?(.*)$")
    name, value = decoded(name), decoded(value)
    if not name or not value or found[name] then return nil end
    found[name] = value
  end
  for name, value in pairs(found) do
    if value == "" then found[name] = nil end
  end
  return found
end

-- An array is no object, and an empty one only shows it by its mark.
local function is_object(value)
  return type(value) == "table" and #value == 0 and getmetatable(value) == nil
end

local function unknown_field(object, fields)
  local found
  for key in pairs(object) do
    if not fields[key] and (not found or tostring(key) < found) then found = tostring(key) end
  end
  return found
end

local function listed(fields)
  local names = {}
  for name in pairs(fields) do names[#names + 1] = name end
  table.sort(names)
  return table.concat(names, ", ")
end

local function check_field(req, object, name, field)
  local value = object[name]
  if value == json.null and not field.required then object[name] = nil return nil end
  if value == nil then
    return field.required and problem.reply(req, "field_missing", { field = name, args = { field = name } }) or nil
  end
  if type(value) == "string" and field.type == "number" and body.is_form(req) then
    value = math.tointeger(tonumber(value)) or value
    object[name] = value
  end
  if type(value) ~= field.type then
    return problem.reply(req, "field_type", { field = name, args = { field = name, type = field.type } })
  end
end

local function read_json(req)
  if media.of(req) ~= "application/json" then
    return nil, problem.reply(req, "content_type", { headers = { Accept = "application/json" } })
  end
  local object, message = json.decode(req.body)
  if object == nil then
    return nil, problem.reply(req, "json_invalid", { args = { message = (message:gsub("^not valid JSON: ", "")) } })
  end
  if is_object(object) then return object end
  return nil, problem.reply(req, "json_invalid", { detail = "problem.json_invalid.object" })
end

local function read_form(req, proves_itself)
  local object = body.fields(req.body)
  if not object then return nil, problem.reply(req, "form_invalid") end
  if not csrf.is_good(owner.from(req), object.csrf, proves_itself) then return nil, problem.reply(req, "csrf_invalid") end
  object.csrf = nil
  return object
end

--- The request's object, or nil and the reply that says what is wrong with it.
---@param req Request
---@param fields table<string, { type: string, required?: boolean }>
---@param optional boolean|nil  no body at all is an empty object
---@param proves_itself boolean|nil  what is in it is the proof: as a form it may carry a visitor's token (lib/auth/csrf.lua)
---@return table|nil object
---@return Reply|nil refusal
function body.read(req, fields, optional, proves_itself)
  if optional and req.body == "" and not body.is_form(req) then return {} end
  local object, refusal = (body.is_form(req) and read_form or read_json)(req, proves_itself)
  if not object then return nil, refusal end
  local unknown = unknown_field(object, fields)
  if unknown then
    return nil, problem.reply(req, "field_unknown", { field = unknown:sub(1, 100), args = { field = unknown, known = listed(fields) } })
  end
  for name, field in pairs(fields) do
    refusal = check_field(req, object, name, field)
    if refusal then return nil, refusal end
  end
  return object
end

return body
