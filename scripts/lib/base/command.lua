--- A command of the program (scripts/commands): reads --name VALUE, --name=VALUE and --flag.
local console = require "core.console"

local command = {}

local function names_of(options)
  local names = {}
  for name in pairs(options) do names[#names + 1] = "--" .. name end
  table.sort(names)
  return table.concat(names, " ")
end

-- The value of an option as its kind says, or nil and what is wrong.
local function convert(name, kind, value)
  if not value or value == "" then return nil, ("--%s needs a value"):format(name) end
  if kind ~= "number" then return value end
  local number = tonumber(value)
  if number then return number end
  return nil, ("--%s takes a number, not %q"):format(name, value)
end

local function read(arguments, options)
  local values, i = {}, 1
  while i <= #arguments do
    local name, value = arguments[i]:match("^%-%-([%a-]+)=(.*)$")
    name = name or arguments[i]:match("^%-%-([%a-]+)$")
    local kind = options[name]
    if not kind then
      return nil, ("unknown option %s (known: %s)"):format(arguments[i], names_of(options))
    end
    if kind == "flag" then
      if value then return nil, ("--%s takes no value"):format(name) end
      values[name] = true
    else
      if not value then
        i = i + 1
        value = arguments[i]
      end
      local converted, message = convert(name, kind, value)
      if converted == nil then return nil, message end
      if kind == "list" then
        values[name] = values[name] or {}
        table.insert(values[name], converted)
      else
        values[name] = converted
      end
    end
    i = i + 1
  end
  return values
end

local function missing_option(given, required)
  for _, name in ipairs(required or {}) do
    if not given[name] then return ("--%s is missing"):format(name) end
  end
end

--- A command that prints its help on --help, and on a wrong option with exit status 2.
---@param definition { help: string, options: table<string, string>, required?: string[],
---  run: fun(given: table): integer|nil }  options: name -> "text", "list" (may be repeated),
---  "number" or "flag"; `run` returns the exit status, 0 when it returns nothing
---@return { run: fun(arguments: string[]): integer|nil }
function command.define(definition)
  definition.options.help = "flag"
  return {
    run = function(arguments)
      local given, message = read(arguments, definition.options)
      if given and given.help then return console.print(definition.help) end
      message = message or missing_option(given, definition.required)
      if not message then return definition.run(given) end
      console.print(message .. "\n\n" .. definition.help)
      return 2
    end,
  }
end

return command
