--- The search procedures of the newer version: substring, any case, "%" and "_" as in SQL's LIKE.
local json = require "core.json"
local v = require "rehearsal.validate"

local search = {}

--- The input of a search: q, some texts, limit and offset.
function search.input(texts)
  local input = { q = v.text { optional = true } }
  for _, name in ipairs(texts) do input[name] = v.text { optional = true } end
  input.limit = v.number { optional = true, coerce = true, min = 1, max = 100 }
  input.offset = v.number { optional = true, coerce = true, min = 0 }
  return input
end

-- A LIKE pattern as a Lua pattern.
local function pattern_of(text)
  local parts = {}
  for char in text:lower():gmatch(utf8.charpattern) do
    if char == "%" then
      parts[#parts + 1] = ".*"
    elseif char == "_" then
      parts[#parts + 1] = utf8.charpattern
    else
      parts[#parts + 1] = (char:gsub("%p", "%%%0"))
    end
  end
  return table.concat(parts)
end

local function has(value, pattern)
  return type(value) == "string" and value:lower():find(pattern) ~= nil
end

local function any_has(object, fields, pattern)
  for _, name in ipairs(fields) do
    if has(object[name], pattern) then return true end
  end
  return false
end

local function matches(object, input, fields)
  if input.q and not any_has(object, fields, pattern_of(input.q)) then return false end
  for _, name in ipairs(fields) do
    if input[name] and not has(object[name], pattern_of(input[name])) then return false end
  end
  return true
end

--- { items, total } of the objects that match and that `sees` lets through.
function search.run(objects, input, fields, show, sees)
  local found = {}
  for _, object in ipairs(objects) do
    if matches(object, input, fields) and sees(object) then found[#found + 1] = show(object) end
  end
  local first, limit = input.offset or 0, input.limit or 20
  local items = json.array {}
  for i = first + 1, math.min(first + limit, #found) do items[#items + 1] = found[i] end
  return { items = items, total = #found }
end

return search
