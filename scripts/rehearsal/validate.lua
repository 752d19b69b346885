--- What Dokploy checks of an input, and how it words what is wrong: zod 4 in the newer version, zod 3 in the older.
---
--- An input is a table of fields, made with validate.text{...} and its sisters. Options of every field:
---   optional     may be missing
---   null         may be null
---   nonoptional  "new": the newer version wants it (in its own words), the older does not; "both": both want it
---   new          only the newer version knows the field
local json = require "core.json"
local version = require "rehearsal.version"

local validate = {}

local made = 0

local function field(kind)
  return function(spec)
    made = made + 1
    spec.kind, spec.order = kind, made
    return spec
  end
end

validate.text = field "string"      -- min, max, min_message, max_message, pattern = {lua pattern, shown, message}, refine
validate.number = field "number"    -- min, max, min_message, max_message, coerce = true|"new": takes "3000" as well
validate.flag = field "boolean"
validate.list = field "array"
validate.object = field "object"    -- keys: no others are allowed
validate.choice = field "choice"    -- values, new_values
validate.bigint = field "bigint"    -- a number in the newer version; nothing that JSON can say in the older

function validate.is_array(value)
  return type(value) == "table" and (value[1] ~= nil or json.encode(value) == "[]")
end

local function type_of(value)
  if value == nil then return "undefined" end
  if value == json.null then return "null" end
  if type(value) ~= "table" then return type(value) end
  return validate.is_array(value) and "array" or "object"
end

local function add(issues, newer, older)
  issues[#issues + 1] = version.new() and newer or older
end

local function wrong_type(issues, path, expected, received)
  local older = received == "undefined" and "Required" or ("Expected %s, received %s"):format(expected, received)
  local newer = ("Invalid input: expected %s, received %s"):format(expected, received)
  add(issues,
    { code = "invalid_type", expected = expected, path = path, message = newer, received = received == "NaN" and "NaN" or nil },
    { code = "invalid_type", expected = expected, path = path, message = older, received = received })
end

local function missing(issues, path)
  local newer = "Invalid input: expected nonoptional, received undefined"
  add(issues, { code = "invalid_type", expected = "nonoptional", path = path, message = newer },
    { code = "invalid_type", expected = "string", received = "undefined", path = path, message = "Required" })
end

local newer_words = {
  too_small = { string = "Too small: expected string to have >=%d characters", number = "Too small: expected number to be >=%d" },
  too_big = { string = "Too big: expected string to have <=%d characters", number = "Too big: expected number to be <=%d" },
}
local older_words = {
  too_small = { string = "String must contain at least %d character(s)", number = "Number must be greater than or equal to %d" },
  too_big = { string = "String must contain at most %d character(s)", number = "Number must be less than or equal to %d" },
}

-- Too short, too long, too small or too big.
local function beyond(issues, code, path, origin, limit, message)
  local bound = code == "too_small" and "minimum" or "maximum"
  local newer, older = newer_words[code][origin]:format(limit), older_words[code][origin]:format(limit)
  add(issues,
    { code = code, path = path, [bound] = limit, inclusive = true, origin = origin, message = message or newer },
    { code = code, path = path, [bound] = limit, inclusive = true, type = origin, exact = false, message = message or older })
end

local function length(text)
  return utf8.len(text) or #text
end

local function only_new(value)
  return value and version.new() or nil
end

local check = {}

function check.string(spec, value, path, issues)
  if type(value) ~= "string" then return wrong_type(issues, path, "string", type_of(value)) end
  local max = spec.max or only_new(spec.max_new) and spec.max_new
  local min = spec.min or only_new(spec.min_new) and spec.min_new
  if min and length(value) < min then beyond(issues, "too_small", path, "string", min, spec.min_message) end
  if max and length(value) > max then beyond(issues, "too_big", path, "string", max, spec.max_message) end
  if spec.pattern and version.new() and not value:find(spec.pattern[1]) then
    local _, shown, words = table.unpack(spec.pattern)
    add(issues, { origin = "string", code = "invalid_format", format = "regex", pattern = shown, path = path, message = words })
  end
  local message = #issues == 0 and spec.refine and spec.refine(value, version.new())
  local issue = message and { code = "custom", path = path, message = message }
  if issue then add(issues, issue, issue) end
  return value
end

function check.number(spec, value, path, issues)
  local coerces = spec.coerce == true or spec.coerce == "new" and version.new()
  if coerces and type(value) == "string" then
    value = tonumber(value)
    if not value then return wrong_type(issues, path, "number", "NaN") end
    value = math.tointeger(value) or value
  end
  if type(value) ~= "number" then return wrong_type(issues, path, "number", type_of(value)) end
  if spec.min and value < spec.min then beyond(issues, "too_small", path, "number", spec.min, spec.min_message) end
  if spec.max and value > spec.max then beyond(issues, "too_big", path, "number", spec.max, spec.max_message) end
  return value
end

function check.bigint(_, value, path, issues)
  local expected = version.new() and "number" or "bigint"
  if type(value) ~= expected then return wrong_type(issues, path, expected, type_of(value)) end
  return value
end

function check.boolean(_, value, path, issues)
  if type(value) ~= "boolean" then return wrong_type(issues, path, "boolean", type_of(value)) end
  return value
end

function check.array(_, value, path, issues)
  if type_of(value) ~= "array" then return wrong_type(issues, path, "array", type_of(value)) end
  return value
end

local function unknown_keys(spec, value)
  local unknown = json.array {}
  for name in pairs(value) do
    if not spec.keys[name] then unknown[#unknown + 1] = name end
  end
  table.sort(unknown)
  return unknown
end

function check.object(spec, value, path, issues)
  if type_of(value) ~= "object" then return wrong_type(issues, path, "object", type_of(value)) end
  local unknown = spec.keys and unknown_keys(spec, value) or {}
  if #unknown > 0 then
    local newer = ('Unrecognized key%s: "%s"'):format(#unknown > 1 and "s" or "", table.concat(unknown, '", "'))
    local older = ("Unrecognized key(s) in object: '%s'"):format(table.concat(unknown, "', '"))
    add(issues, { code = "unrecognized_keys", keys = unknown, path = path, message = newer },
      { code = "unrecognized_keys", keys = unknown, path = path, message = older })
  end
  return value
end

function check.choice(spec, value, path, issues)
  local values = version.new() and spec.new_values or spec.values
  for _, allowed in ipairs(values) do
    if value == allowed then return value end
  end
  local newer = 'Invalid option: expected one of "' .. table.concat(values, '"|"') .. '"'
  local all = "'" .. table.concat(values, "' | '") .. "'"
  if version.new() then
    add(issues, { code = "invalid_value", values = json.array(values), path = path, message = newer })
  elseif type(value) ~= "string" then
    wrong_type(issues, path, all, type_of(value))
  else
    local message = ("Invalid enum value. Expected %s, received '%s'"):format(all, value)
    add(issues, nil, { received = value, code = "invalid_enum_value", options = json.array(values), path = path, message = message })
  end
end

local function check_field(name, spec, given, issues)
  local value, path = given[name], json.array { name }
  if spec.new and not version.new() then return nil end
  if value == nil then
    local wanted = spec.nonoptional == "both" or spec.nonoptional == "new" and version.new()
    if wanted then return missing(issues, path) end
    if spec.optional or spec.nonoptional then return nil end
  end
  if value == json.null and spec.null then return json.null end
  local own = {}
  local checked = check[spec.kind](spec, value, path, own)
  for _, issue in ipairs(own) do issues[#issues + 1] = issue end
  return checked
end

local function sorted_names(fields)
  local names = {}
  for name in pairs(fields) do names[#names + 1] = name end
  table.sort(names, function(a, b) return fields[a].order < fields[b].order end)
  return names
end

--- The input as the procedure may use it, and the list of issues (empty when all is well). Fields that nobody asked for are dropped.
function validate.check(fields, given)
  local value, issues = {}, json.array {}
  for _, name in ipairs(sorted_names(fields)) do value[name] = check_field(name, fields[name], given, issues) end
  return value, issues
end

return validate
