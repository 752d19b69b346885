--- The arguments of a program in scripts/commands: --name VALUE, --name=VALUE, and --flag. Pure.
local options = {}

--- Reads them. `known` says of each name what it is: "text", "list" (may come more than once), "number" or "flag".
---@param arguments string[]
---@param known table<string, string>
---@return table|nil values, string? message
function options.read(arguments, known)
  local values, i = {}, 1
  while i <= #arguments do
    local name, value = arguments[i]:match("^%-%-([%a-]+)=(.*)$")
    if not name then name = arguments[i]:match("^%-%-([%a-]+)$") end
    local kind = name and known[name]
    if not kind then return nil, ("%s is no option here (known: %s)"):format(arguments[i], options.names(known)) end
    if kind == "flag" then
      if value then return nil, ("--%s takes no value"):format(name) end
      values[name] = true
    else
      if not value then
        i = i + 1
        value = arguments[i]
      end
      if not value or value == "" then return nil, ("a value must follow --%s"):format(name) end
      if kind == "number" and not tonumber(value) then return nil, ("--%s takes a number, not %q"):format(name, value) end
      if kind == "list" then
        values[name] = values[name] or {}
        table.insert(values[name], value)
      else
        values[name] = kind == "number" and tonumber(value) or value
      end
    end
    i = i + 1
  end
  return values
end

function options.names(known)
  local names = {}
  for name in pairs(known) do names[#names + 1] = "--" .. name end
  table.sort(names)
  return table.concat(names, " ")
end

return options
