--- The body of a request as a checked JSON object: nothing unknown, nothing missing, nothing of a wrong type.
local json = require "core.json"
local problem = require "lib.problem"
local body = {}

local function is_json(req)
  local kind = (req.headers["content-type"] or ""):lower():match("^%s*([^;%s]+)")
  return kind == "application/json"
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
  if type(value) ~= field.type then
    return problem.reply(req, "field_type", { field = name, args = { field = name, type = field.type } })
  end
end

--- The request's JSON object, or nil and the reply that says what is wrong with it.
---@param req Request
---@param fields table<string, { type: string, required?: boolean }>
---@return table|nil object
---@return Reply|nil refusal
function body.read(req, fields)
  if not is_json(req) then return nil, problem.reply(req, "content_type", { headers = { Accept = "application/json" } }) end
  local object, message = json.decode(req.body)
  if object == nil then
    return nil, problem.reply(req, "json_invalid", { args = { message = (message:gsub("^not valid JSON: ", "")) } })
  end
  if not is_object(object) then
    return nil, problem.reply(req, "json_invalid", { detail = "problem.json_invalid.object" })
  end
  local unknown = unknown_field(object, fields)
  if unknown then
    return nil, problem.reply(req, "field_unknown", { field = unknown:sub(1, 100), args = { field = unknown, known = listed(fields) } })
  end
  for name, field in pairs(fields) do
    local refusal = check_field(req, object, name, field)
    if refusal then return nil, refusal end
  end
  return object
end

return body
