--- An application's env text, read by the rules of dotenv, as Dokploy reads it before it hands it to the container.
---
--- Quotes are stripped; an unquoted "#" ends the value; "\n" is a line break only inside double quotes; a quoted value may have several
--- lines; of a name that stands twice, the last counts; what is no assignment vanishes.
local dotenv = {}

local function unescape(value)
  return (value:gsub("\\n", "\n"):gsub("\\r", "\r"))
end

-- A quoted value at `from`: the value and where the rest begins; nil when the quote has no end, or more than a comment follows it.
local function quoted(text, from)
  local quote = text:sub(from, from)
  if not quote:find "[\"'`]" then return nil end
  local at = from + 1
  while true do
    local close = text:find(quote, at, true)
    if not close then return nil end
    if text:sub(close - 1, close - 1) ~= "\\" then
      local value, rest = text:sub(from + 1, close - 1), close + 1
      if not text:find("^[ \t]*\n", rest) and not text:find("^[ \t]*#", rest) and not text:find("^[ \t]*$", rest) then return nil end
      return quote == '"' and unescape(value) or value, rest
    end
    at = close + 1
  end
end

local function unquoted(text, from)
  local value, rest = text:match("^([^#\n]*)()", from)
  return value:match "^%s*(.-)%s*$", rest
end

-- One assignment at `from`: name, value, rest; nil when there is none.
local function assignment(text, from)
  local at = text:match("^[ \t]*export[ \t]+()", from) or from
  local name, value_at = text:match("^[ \t]*([%w_%.%-]+)[ \t]*=[ \t]*()", at)
  if not name then return nil end
  local value, rest = quoted(text, value_at)
  if not value then value, rest = unquoted(text, value_at) end
  return name, value, rest
end

--- The variables as a table.
function dotenv.parse(text)
  local variables, at = {}, 1
  text = text:gsub("\r\n?", "\n")
  while at <= #text do
    local name, value, rest = assignment(text, at)
    if name then variables[name] = value end
    local line_end = text:find("\n", rest or at, true)
    at = line_end and line_end + 1 or #text + 1
  end
  return variables
end

--- The first ${{project.NAME}} that the project's own variables do not have, as "project.NAME".
function dotenv.missing_reference(text, project_text)
  local variables = dotenv.parse(project_text)
  for name in text:gmatch "%${{project%.([^}]+)}}" do
    if not variables[name] then return "project." .. name end
  end
  return nil
end

return dotenv
