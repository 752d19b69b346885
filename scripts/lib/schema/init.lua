--- Checks tables that people write (config.lua, policies, steps) against a description of them.
--- Pure Lua.
---
--- A shape is one of
---   { kind, default = value, env = "NAME", required = true }
---       a value; `kind` comes from lib/schema/kinds.lua, `env` is a variable to name in messages
---   { key = shape, ... }    a table with these keys and no others
---   schema.list(shape)      an array
---   schema.map(shape)       a table with any keys
--- A violation raises one sentence: the file, the path of the key, what is wrong, and how to
--- correct it.
local schema = {}

local List, Map = {}, {}

--- The shape of an array with elements of `shape`.
function schema.list(shape) return setmetatable({ shape }, List) end

--- The shape of a table whose keys are free and whose values have `shape`.
function schema.map(shape) return setmetatable({ shape }, Map) end

--- Raises the message about one key.
---@param file string
---@param path string  such as "stack.image" or "[2].memory"
---@param message string  a format for the remaining arguments
function schema.refuse(file, path, message, ...)
  local where = path == "" and file or file .. ": " .. path
  error(where .. ": " .. message:format(...), 0)
end

--- The keys of a table as sorted texts.
---@return string[]
function schema.sorted_keys(map)
  local keys = {}
  for key in pairs(map) do keys[#keys + 1] = tostring(key) end
  table.sort(keys)
  return keys
end

local sorted_keys = schema.sorted_keys

local function join(path, key) return path == "" and key or path .. "." .. key end

local function correction(field)
  if not field.env then return "write " .. field[1].hint end
  return ("write %s, here or in %s"):format(field[1].hint, field.env)
end

local function check_value(value, field, file, path)
  local kind = field[1]
  if value == nil or value == "" then value = field.default end
  if value == nil and field.required then
    schema.refuse(file, path, "is missing (%s)", correction(field))
  end
  if value == nil then return nil end
  local is_valid, result, fault = kind.read(value)
  if is_valid then return result end
  if kind.is_secret then schema.refuse(file, path, "%s", kind.hint:gsub("%%s", field.env)) end
  local written = type(value) == "table" and "{ ... }" or tostring(value)
  schema.refuse(file, path, "invalid value %q%s (%s)", written,
    fault and ": " .. fault or "", correction(field))
end

local check

local function check_record(value, shape, file, path)
  for _, key in ipairs(sorted_keys(value)) do
    if not shape[key] then
      schema.refuse(file, join(path, key), "unknown key (known here: %s)",
        table.concat(sorted_keys(shape), ", "))
    end
  end
  local checked = {}
  for _, key in ipairs(sorted_keys(shape)) do
    checked[key] = check(value[key], shape[key], file, join(path, key))
  end
  return checked
end

local function check_list(value, shape, file, path)
  if #value == 0 and next(value) ~= nil then
    schema.refuse(file, path, "is not a list (write { first, second })")
  end
  local checked = {}
  for i, item in ipairs(value) do
    checked[i] = check(item, shape, file, ("%s[%d]"):format(path, i))
  end
  return checked
end

local function check_map(value, shape, file, path)
  local checked = {}
  for _, key in ipairs(sorted_keys(value)) do
    checked[key] = check(value[key], shape, file, join(path, key))
  end
  return checked
end

function check(value, shape, file, path)
  if shape[1] and not getmetatable(shape) then return check_value(value, shape, file, path) end
  if value == nil then value = {} end
  if type(value) ~= "table" then schema.refuse(file, path, "is not a table (write { ... })") end
  if getmetatable(shape) == List then return check_list(value, shape[1], file, path) end
  if getmetatable(shape) == Map then return check_map(value, shape[1], file, path) end
  return check_record(value, shape, file, path)
end

--- The value with its texts converted and its defaults filled in.
---@param value any
---@param shape table
---@param file string  named in messages
---@return any checked
function schema.check(value, shape, file) return check(value, shape, file, "") end

return schema
