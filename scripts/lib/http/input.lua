--- What a request brings, checked against its route's declaration: query parameters and the body,
--- as one table. Bodies are JSON, or urlencoded from the portal's own forms. The schemas are JSON
--- Schema (type, enum, minimum, maximum, maxLength, pattern, items, properties, required), and the
--- OpenAPI document contains the same tables.
local json = require "core.json"
local weighted = require("core.text").weighted
local media = require "lib.base.media"
local refusal = require "lib.base.refusal"
local clean = require("lib.base.text").clean
local form = require "lib.http.form"
local sorted_keys = require("lib.schema").sorted_keys
local input = {}

-- Completes "must be one of": the values that a schema accepts.
local function accepted_values(schema)
  if schema.title then return schema.title end
  if schema.type == "boolean" then return "true, false" end
  if schema.type == "object" then return "{ ... }" end
  if schema.enum then return table.concat(schema.enum, ", ") end
  if schema.maxLength then return "1, ..., " .. schema.maxLength end
  local least = schema.minimum or 1
  if not schema.maximum then return ("%d, %d, ..."):format(least, least + 1) end
  return ("%d, ..., %d"):format(least, schema.maximum)
end

local function refuse_value(name, schema)
  refusal.raise("value_invalid", {
    field = name, args = { field = name, good = accepted_values(schema) },
  })
end

--- Raises value_invalid for a field.
---@param name string
---@param accepted string  what would be accepted
function input.refuse(name, accepted) refuse_value(name, { title = accepted }) end

local function is_one_of(value, list)
  for _, item in ipairs(list) do
    if item == value then return true end
  end
  return false
end

local lua_type = {
  string = "string", integer = "number", boolean = "boolean", array = "table", object = "table",
}

-- JSON arrays have a metatable, so an empty one is not taken for an object.
local function is_object(value)
  return type(value) == "table" and #value == 0 and getmetatable(value) == nil
end

-- The value, or nil when the schema does not accept it.
local function accepted(value, schema)
  local kind = schema.type
  if type(value) ~= lua_type[kind] then return nil end
  if kind == "object" then return is_object(value) and value or nil end
  if kind == "integer" then
    local number = math.tointeger(value)
    if not number or number < (schema.minimum or number) then return nil end
    return number <= (schema.maximum or number) and number or nil
  end
  if kind == "string" then
    if not schema["x-verbatim"] then value = clean(value) end
    if schema.enum and not is_one_of(value, schema.enum) then return nil end
    if schema.maxLength and (utf8.len(value) or #value) > schema.maxLength then return nil end
    return (not schema.pattern or value:find(schema.pattern)) and value or nil
  end
  for i, item in ipairs(kind == "array" and value or {}) do
    value[i] = accepted(item, schema.items)
    if value[i] == nil then return nil end
  end
  return value
end

local flags = { ["true"] = true, ["false"] = false }

-- The text of a query or form as the schema's type.
local function from_text(text, kind)
  if kind == "boolean" then return flags[text] end
  if kind ~= "integer" then return text end
  return #text <= 15 and text:find("^%d+$") and math.tointeger(tonumber(text)) or nil
end

local function checked(name, value, schema, is_text)
  if is_text then
    value = from_text(value, schema.type)
  elseif type(value) ~= lua_type[schema.type] then
    local wanted = schema.type == "object" and "object" or lua_type[schema.type]
    local args = { field = name, type = wanted }
    refusal.raise("field_type", { field = name, args = args })
  end
  value = accepted(value, schema)
  if value == nil then refuse_value(name, schema) end
  return value
end

-- Query

--- The declared query parameters.
---@param req Request
---@param parameters table[]  of lib/http/parameters.lua
---@param is_lenient boolean|nil  ignore invalid values: a page has nothing to refuse
---@return table values
function input.query(req, parameters, is_lenient)
  local values = {}
  for _, parameter in ipairs(parameters) do
    local name, schema = parameter.name, parameter.schema
    local text = clean(req.query[name] or "")
    if text == "" then
      values[name] = schema.default
    else
      local is_valid, value = refusal.catch(checked, name, text, schema, true)
      if not is_valid and not is_lenient then error(value, 0) end
      values[name] = schema.default
      if is_valid then values[name] = value end
    end
  end
  return values
end

--- The number of the last event that a client of a stream has: a reconnecting EventSource sends
--- the field and repeats the first query.
---@param req Request
---@param values { lastEventId: integer|nil, after: integer|nil }  the query's
---@return integer|nil
function input.last_event_id(req, values)
  local text = req.headers["last-event-id"]
  if text == nil or text == "" then return values.lastEventId or values.after end
  return checked("after", text, { type = "integer", minimum = 0 }, true)
end

-- Body

-- Nothing here is decompressed.
local function check_encoding(req)
  for _, item in ipairs(weighted(req.headers["content-encoding"] or "")) do
    if item.name ~= "identity" then
      local headers = { ["Accept-Encoding"] = "identity" }
      refusal.raise("content_encoding", { args = { encoding = item.name }, headers = headers })
    end
  end
end

local function read_json(req)
  if media.of(req) ~= "application/json" then
    refusal.raise("content_type", { headers = { Accept = "application/json" } })
  end
  local object, message = json.decode(req.body)
  if object == nil then
    message = message:gsub("^not valid JSON: ", "")
    refusal.raise("json_invalid", { args = { message = message } })
  end
  if not is_object(object) then
    refusal.raise("json_invalid", { detail = "problem.json_invalid.object" })
  end
  return object
end

-- The schema of a property; by name, or by a pattern of names.
local function property(schema, name)
  if schema.properties[name] then return schema.properties[name] end
  for pattern, found in pairs(schema.patternProperties or {}) do
    if name:find(pattern) then return found end
  end
end

local function check_object(object, schema, is_text)
  local properties = schema.properties
  for _, name in ipairs(sorted_keys(object)) do
    if not property(schema, name) then
      local known = table.concat(sorted_keys(properties), ", ")
      local args = { field = name, known = known }
      refusal.raise("field_unknown", { field = name:sub(1, 100), args = args })
    end
  end
  for _, name in ipairs(schema.required or {}) do
    if object[name] == nil then
      refusal.raise("field_missing", { field = name, args = { field = name } })
    end
  end
  for _, name in ipairs(sorted_keys(object)) do
    if object[name] == json.null and not is_one_of(name, schema.required or {}) then
      object[name] = nil
    else
      object[name] = checked(name, object[name], property(schema, name), is_text)
    end
  end
  return object
end

local EMPTY = { type = "object", properties = {} }

--- The body. An absent one is an empty object, unless the schema requires a field.
---@param req Request
---@param schema table|nil  no fields when nil
---@param options { is_required: boolean|nil, is_self_proving: boolean|nil }|nil  is_self_proving:
--- see lib/auth/csrf.lua
---@return table values
function input.body(req, schema, options)
  schema, options = schema or EMPTY, options or {}
  local is_form = media.is_form(req)
  local is_required = options.is_required or #(schema.required or {}) > 0
  if req.body == "" and not is_form and not is_required then return {} end
  check_encoding(req)
  local object = is_form and form.read(req, options.is_self_proving) or read_json(req)
  return check_object(object, schema, is_form)
end

return input
