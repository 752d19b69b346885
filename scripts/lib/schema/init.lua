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

--- The message about one key.
---@param file string
---@param path string  such as "stack.image" or "[2].memory"
---@param message string  a format for the remaining arguments
---@return string
function schema.message(file, path, message, ...)
  local where = path == "" and file or file .. ": " .. path
  return where .. ": " .. message:format(...)
end

--- Raises the message about one key; the arguments are those of schema.message.
function schema.refuse(...) error(schema.message(...), 0) end

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

-- Notes a mistake; the others are looked for, too.
local function note(faults, file, path, ...)
  faults[#faults + 1] = schema.message(file, path, ...)
end

local function check_value(value, field, file, path, faults)
  local kind = field[1]
  if value == nil or value == "" then value = field.default end
  if value == nil and field.required then
    return note(faults, file, path, "is missing (%s)", correction(field))
  end
  if value == nil then return nil end
  local is_valid, result, fault = kind.read(value)
  if is_valid then return result end
  if kind.is_secret then
    return note(faults, file, path, "%s", (kind.hint:gsub("%%s", field.env)))
  end
  local written = type(value) == "table" and "{ ... }" or tostring(value)
  note(faults, file, path, "invalid value %q%s (%s)", written, fault and ": " .. fault or "",
    correction(field))
end

local check

local function check_record(value, shape, file, path, faults)
  for _, key in ipairs(sorted_keys(value)) do
    if not shape[key] then
      note(faults, file, join(path, key), "unknown key (known here: %s)",
        table.concat(sorted_keys(shape), ", "))
    end
  end
  local checked = {}
  for _, key in ipairs(sorted_keys(shape)) do
    checked[key] = check(value[key], shape[key], file, join(path, key), faults)
  end
  return checked
end

local function check_list(value, shape, file, path, faults)
  if #value == 0 and next(value) ~= nil then
    return note(faults, file, path, "is not a list (write { first, second })")
  end
  local checked = {}
  for i, item in ipairs(value) do
    checked[i] = check(item, shape, file, ("%s[%d]"):format(path, i), faults)
  end
  return checked
end

local function check_map(value, shape, file, path, faults)
  local checked = {}
  for _, key in ipairs(sorted_keys(value)) do
    checked[key] = check(value[key], shape, file, join(path, key), faults)
  end
  return checked
end

function check(value, shape, file, path, faults)
  if shape[1] and not getmetatable(shape) then
    return check_value(value, shape, file, path, faults)
  end
  if value == nil then value = {} end
  if type(value) ~= "table" then
    return note(faults, file, path, "is not a table (write { ... })")
  end
  local of_kind = getmetatable(shape) == List and check_list
    or getmetatable(shape) == Map and check_map
  if of_kind then return of_kind(value, shape[1], file, path, faults) end
  return check_record(value, shape, file, path, faults)
end

local LONGEST = 900 -- bytes of a message: the core keeps 1 KiB of it

-- A line each; those that do not fit are counted.
local function message_of(faults, file)
  local lines, length = {}, 0
  for i, fault in ipairs(faults) do
    length = length + #fault + 1
    if i > 1 and length > LONGEST then
      lines[i] = ("%s: mistakes beyond these: %d"):format(file, #faults - i + 1)
      break
    end
    lines[i] = fault
  end
  return table.concat(lines, "\n")
end

--- The value with its texts converted and its defaults filled in. Raises every mistake, each on a
--- line of the message.
---@param value any
---@param shape table
---@param file string  named in messages
---@return any checked
function schema.check(value, shape, file)
  local faults = {}
  local checked = check(value, shape, file, "", faults)
  if #faults > 0 then error(message_of(faults, file), 0) end
  return checked
end

return schema
