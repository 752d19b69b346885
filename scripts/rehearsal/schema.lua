--- Validates the input of a procedure as Dokploy does. An issue names only the field: the real
--- wording differs by version, and no program should read it.
---
--- A schema lists fields, several names with the same type in one entry:
---   { "title description", "string", optional = true }
--- Types: string, number, boolean, array, object, choice. Options:
---   optional, nullable   the field may be missing; may be null
---   required_new         the newer version wants the field, in the older it is optional
---   new_only             the older version does not know the field
---   min, max             limits of a string's length or of a number
---   pattern              a Lua pattern that a string must match
---   limits_new           the newer version alone enforces min, max and pattern
---   coerce               true: a number may be sent as text; "new": in the newer version alone
---   keys                 the only keys that an object may have, as one text
---   values, values_new   the values of a choice, as one text
local json = require "core.json"
local version = require "rehearsal.version"
local words = require "rehearsal.words"

local schema = {}

function schema.is_array(value)
  return type(value) == "table" and (value[1] ~= nil or json.encode(value) == "[]")
end

local function type_of(value)
  if type(value) ~= "table" then return type(value) end
  return schema.is_array(value) and "array" or "object"
end

local function is_within(field, size)
  return size >= (field.min or -math.huge) and size <= (field.max or math.huge)
end

local is_valid = {}

function is_valid.string(field, value)
  if field.limits_new and not version.is_new() then return true end
  return is_within(field, utf8.len(value) or #value) and value:find(field.pattern or "") ~= nil
end

is_valid.number = is_within

function is_valid.object(field, value)
  local allowed = field.keys and words.set(field.keys)
  for name in pairs(value) do
    if allowed and not allowed[name] then return false end
  end
  return true
end

function is_valid.choice(field, value)
  local values = version.is_new() and field.values_new or field.values
  return words.set(values)[value] == true
end

local function coerced(field, value)
  if type(value) ~= "string" then return value end
  if field.coerce ~= true and not (field.coerce and version.is_new()) then return value end
  return tonumber(value) and (math.tointeger(tonumber(value)) or tonumber(value)) or value
end

local function is_required(field)
  if field.required_new then return version.is_new() end
  return not field.optional
end

-- The value to use, and whether it is valid.
local function check(field, value)
  local kind = field[2]
  if field.new_only and not version.is_new() then return nil, true end
  if value == nil then return nil, not is_required(field) end
  if value == json.null and field.nullable then return value, true end
  if kind == "number" then value = coerced(field, value) end
  if kind ~= "choice" and type_of(value) ~= kind then return nil, false end
  return value, not is_valid[kind] or is_valid[kind](field, value)
end

--- The input without unknown fields, and the list of issues, empty when all is well.
---@param fields table[]  the schema
---@param given table
---@return table input, { path: string[], message: string }[] issues
function schema.check(fields, given)
  local input, issues = {}, json.array {}
  for _, field in ipairs(fields) do
    for _, name in ipairs(words.list(field[1])) do
      local value, is_good = check(field, given[name])
      input[name] = value
      if not is_good then
        issues[#issues + 1] = { path = json.array { name }, message = "Invalid input" }
      end
    end
  end
  return input, issues
end

return schema
