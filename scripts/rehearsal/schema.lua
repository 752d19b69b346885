--- Validates the input of a procedure and words the issues as zod does: zod 4 in the newer version,
--- zod 3 in the older.
---
--- A schema lists fields in the order in which Dokploy reports them: { "name", "string", min = 1 }.
--- Types: string, number, boolean, array, object, choice. Options:
---   optional, nullable            the field may be missing; may be null
---   nonoptional                   "new": required by the newer version alone; "both": by both.
---                                 The newer words it in its own way
---   new_only                      the older version does not know the field
---   min, max, *_message           limits of a string's length or of a number, and their wording
---   min_new, max_new              limits that the newer version alone enforces
---   pattern                       { Lua pattern, shown pattern, message }, newer version alone
---   refine                        fun(value, is_new): message|nil, asked when all else is well
---   coerce                        true: a number may be sent as text; "new": in the newer version
---   keys                          the only keys that an object may have
---   values, values_new            the values of a choice
local json = require "core.json"
local version = require "rehearsal.version"

local schema = {}

---@return boolean
function schema.is_array(value)
  return type(value) == "table" and (value[1] ~= nil or json.encode(value) == "[]")
end

local function type_of(value)
  if value == nil then return "undefined" end
  if value == json.null then return "null" end
  if type(value) ~= "table" then return type(value) end
  return schema.is_array(value) and "array" or "object"
end

local function add(issues, newer, older)
  local issue = version.is_new() and newer or older
  issue.path = issues.path
  issues[#issues + 1] = issue
end

local function add_wrong_type(issues, expected, received)
  local newer = ("Invalid input: expected %s, received %s"):format(expected, received)
  local older = received == "undefined" and "Required"
    or ("Expected %s, received %s"):format(expected, received)
  add(issues,
    { code = "invalid_type", expected = expected, message = newer,
      received = received == "NaN" and "NaN" or nil },
    { code = "invalid_type", expected = expected, message = older, received = received })
end

-- In the older version an ordinary missing field.
local function add_missing(issues, expected)
  add_wrong_type(issues, version.is_new() and "nonoptional" or expected, "undefined")
end

local limit_words = {
  too_small = {
    string = { "Too small: expected string to have >=%d characters",
      "String must contain at least %d character(s)" },
    number = { "Too small: expected number to be >=%d",
      "Number must be greater than or equal to %d" },
  },
  too_big = {
    string = { "Too big: expected string to have <=%d characters",
      "String must contain at most %d character(s)" },
    number = { "Too big: expected number to be <=%d", "Number must be less than or equal to %d" },
  },
}

local function add_limit(issues, code, origin, limit, message)
  local bound = code == "too_small" and "minimum" or "maximum"
  local words = limit_words[code][origin]
  add(issues,
    { code = code, [bound] = limit, inclusive = true, origin = origin,
      message = message or words[1]:format(limit) },
    { code = code, [bound] = limit, inclusive = true, type = origin, exact = false,
      message = message or words[2]:format(limit) })
end

local function check_limits(field, size, issues, origin)
  local is_new = version.is_new()
  local min, max = field.min or is_new and field.min_new, field.max or is_new and field.max_new
  if min and size < min then add_limit(issues, "too_small", origin, min, field.min_message) end
  if max and size > max then add_limit(issues, "too_big", origin, max, field.max_message) end
end

local check = {}

function check.string(field, value, issues)
  check_limits(field, utf8.len(value) or #value, issues, "string")
  if field.pattern and version.is_new() and not value:find(field.pattern[1]) then
    local _, shown, message = table.unpack(field.pattern)
    add(issues, { origin = "string", code = "invalid_format", format = "regex", pattern = shown,
      message = message })
  end
  local refused = #issues == 0 and field.refine and field.refine(value, version.is_new())
  local issue = refused and { code = "custom", message = refused }
  if issue then add(issues, issue, issue) end
  return value
end

function check.number(field, value, issues)
  check_limits(field, value, issues, "number")
  return value
end

function check.object(field, value, issues)
  local unknown = json.array {}
  for name in pairs(value) do
    if field.keys and not field.keys[name] then unknown[#unknown + 1] = name end
  end
  if #unknown == 0 then return value end
  table.sort(unknown)
  local newer = ('Unrecognized key%s: "%s"')
    :format(#unknown > 1 and "s" or "", table.concat(unknown, '", "'))
  local older = ("Unrecognized key(s) in object: '%s'"):format(table.concat(unknown, "', '"))
  add(issues, { code = "unrecognized_keys", keys = unknown, message = newer },
    { code = "unrecognized_keys", keys = unknown, message = older })
end

local function check_choice(field, value, issues)
  local values = json.array(version.is_new() and field.values_new or field.values)
  for _, allowed in ipairs(values) do
    if value == allowed then return value end
  end
  local all = "'" .. table.concat(values, "' | '") .. "'"
  if not version.is_new() and type(value) ~= "string" then
    return add_wrong_type(issues, all, type_of(value))
  end
  add(issues,
    { code = "invalid_value", values = values,
      message = 'Invalid option: expected one of "' .. table.concat(values, '"|"') .. '"' },
    { code = "invalid_enum_value", received = value, options = values,
      message = ("Invalid enum value. Expected %s, received '%s'"):format(all, value) })
end

-- A number that was sent as text; NaN is reported as the received type.
local function coerced(field, value)
  local coerces = field.coerce == true or field.coerce == "new" and version.is_new()
  if not coerces or type(value) ~= "string" then return value, type_of(value) end
  local number = tonumber(value)
  return number and (math.tointeger(number) or number), number and "number" or "NaN"
end

local function check_value(field, value, issues)
  local kind, received = field[2], type_of(value)
  if kind == "choice" then return check_choice(field, value, issues) end
  if kind == "number" then value, received = coerced(field, value) end
  if received ~= kind then return add_wrong_type(issues, kind, received) end
  if not check[kind] then return value end
  return check[kind](field, value, issues)
end

local function check_field(field, value, issues)
  if field.new_only and not version.is_new() then return nil end
  if value == nil then
    if field.nonoptional == "both" or field.nonoptional == "new" and version.is_new() then
      return add_missing(issues, field[2])
    end
    if field.optional or field.nonoptional then return nil end
  end
  if value == json.null and field.nullable then return json.null end
  return check_value(field, value, issues)
end

--- The input with unknown fields dropped, and the list of issues, empty when all is well.
---@param fields table[]  the schema
---@param given table
---@return table value, table issues
function schema.check(fields, given)
  local value, issues = {}, json.array {}
  for _, field in ipairs(fields) do
    local name = field[1]
    local own = { path = json.array { name } }
    value[name] = check_field(field, given[name], own)
    table.move(own, 1, #own, #issues + 1, issues)
  end
  return value, issues
end

return schema
