--- The environment text that Dokploy keeps for an application: one NAME=value a line, by dotenv's
--- rules. Pure.
local dotenv = {}

local function refuse(name, why)
  return nil, ("%s cannot be written into an environment text: %s"):format(name, why), "invalid"
end

--- One line. The value is quoted with a character that it lacks, because inside quotes there is no
--- escape for the quote itself. Single quotes and backticks are literal; double quotes would turn
--- \n into a line break, so they are the last choice.
---@return string|nil line, string? message, string? code
function dotenv.line(name, value)
  if not name:find "^[%a_][%w_]*$" then
    return refuse(name, "the name may hold only letters, digits and _")
  end
  if value:find "%c" then return refuse(name, "it holds a control character or a line break") end
  if value:find("${{", 1, true) then return refuse(name, "${{ would be read as a reference") end
  for _, quote in ipairs { "'", "`", not value:find("\\", 1, true) and '"' or nil } do
    if not value:find(quote, 1, true) then return name .. "=" .. quote .. value .. quote end
  end
  return refuse(name, "it holds every kind of quote")
end

--- The whole text, in the order of the names.
---@param variables table<string, string>
---@return string|nil text, string? message, string? code
function dotenv.text(variables)
  local names, lines = {}, {}
  for name in pairs(variables) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do
    local line, message, code = dotenv.line(name, variables[name])
    if not line then return nil, message, code end
    lines[i] = line
  end
  return table.concat(lines, "\n")
end

local function unquoted(value)
  for _, quote in ipairs { '"', "'", "`" } do
    local inside = value:match("^" .. quote .. "([^" .. quote .. "]*)" .. quote)
    if inside then return inside end
  end
  return (value:gsub("%s*#.*$", ""):gsub("%s+$", ""))
end

--- The value of a variable in an environment text: the last line that sets it counts; nil when none
--- does. One line a variable.
---@return string|nil
function dotenv.get(text, name)
  local found
  for line in (text .. "\n"):gmatch "(.-)\r?\n" do
    local key, value = line:gsub("^%s*export%s+", ""):match "^%s*([%w_.-]+)%s*=%s*(.*)$"
    if key == name then found = unquoted(value) end
  end
  return found
end

return dotenv
