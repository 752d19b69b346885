--- Whether a text is a Lua pattern. string.find says so only as far as it gets with the name at hand, and then by an error. Pure.
local pattern = { captures = 32 }

-- Behind the set whose "[" stands at `at`; nil when it does not end. Its first character is part of it, "]" as well.
local function set_end(text, at)
  at = text:sub(at + 1, at + 1) == "^" and at + 2 or at + 1
  repeat
    if at > #text then return nil end
    at = at + (text:sub(at, at) == "%" and 2 or 1)
  until text:sub(at, at) == "]"
  return at + 1
end

local parts = {}

parts["["] = function(text, at)
  local behind = set_end(text, at)
  if not behind then return nil, "a [ without its ]" end
  return behind
end

parts["("] = function(text, at, captures)
  if #captures == pattern.captures then return nil, "more than 32 captures" end
  captures[#captures + 1] = text:sub(at + 1, at + 1) == ")" and "closed" or "open"
  return at + (captures[#captures] == "closed" and 2 or 1)
end

parts[")"] = function(_, at, captures)
  for i = #captures, 1, -1 do
    if captures[i] == "open" then
      captures[i] = "closed"
      return at + 1
    end
  end
  return nil, "a ) without its ("
end

parts["%"] = function(text, at, captures)
  local class = text:sub(at + 1, at + 1)
  if class == "" then return nil, "nothing behind the last %; a plain % is %%" end
  if class == "b" and #text < at + 3 then return nil, "%b needs two characters" end
  if class == "f" and text:sub(at + 2, at + 2) ~= "[" then return nil, "%f needs a [set]" end
  if class:find "%d" and captures[tonumber(class)] ~= "closed" then return nil, "%" .. class .. " names no capture before it" end
  return at + (class == "b" and 4 or 2)
end

--- Walks all of it.
---@param text string
---@return boolean good, string? why
function pattern.check(text)
  local at, captures = 1, {}
  while at <= #text do
    local part, why = parts[text:sub(at, at)], nil
    if part then at, why = part(text, at, captures) else at = at + 1 end
    if not at then return false, why end
  end
  for _, state in ipairs(captures) do
    if state == "open" then return false, "a ( without its )" end
  end
  return true
end

return pattern
