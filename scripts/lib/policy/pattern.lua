--- Whether a text is a Lua pattern. string.find reports a mistake only as far as it gets with the
--- subject at hand, and then by an error. Pure.
local pattern = { captures = 32 }

-- Each multiplies the time that a mismatch takes; with more of them, a name of 32 characters could
-- hold up the portal for seconds.
local MOST_REPETITIONS = 6

-- The index after the set whose "[" is at `at`; nil when it does not end. Its first character
-- belongs to it, also when that is "]".
local function set_end(text, at)
  at = text:sub(at + 1, at + 1) == "^" and at + 2 or at + 1
  repeat
    if at > #text then return nil end
    at = at + (text:sub(at, at) == "%" and 2 or 1)
  until text:sub(at, at) == "]"
  return at + 1
end

-- By first character: the index after the part that starts at `at`; or nil and what is wrong.
local parts = {}

parts["["] = function(text, at)
  local after = set_end(text, at)
  if not after then return nil, "a [ without its ]" end
  return after
end

parts["("] = function(text, at, captures)
  if #captures == pattern.captures then return nil, "more than 32 captures" end
  local is_position = text:sub(at + 1, at + 1) == ")"
  captures[#captures + 1] = is_position and "closed" or "open"
  return at + (is_position and 2 or 1)
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
  if class == "" then return nil, "nothing after the last %; a plain % is %%" end
  if class == "b" and #text < at + 3 then return nil, "%b needs two characters" end
  if class == "f" and text:sub(at + 2, at + 2) ~= "[" then return nil, "%f needs a [set]" end
  if class:find "%d" and captures[tonumber(class)] ~= "closed" then
    return nil, "%" .. class .. " names no capture before it"
  end
  return at + (class == "b" and 4 or 2)
end

--- Checks all of it.
---@param text string
---@return boolean is_good, string? why
function pattern.check(text)
  local at, captures, repetitions = 1, {}, 0
  while at <= #text do
    local part, why = parts[text:sub(at, at)], nil
    if at > 1 and text:find("^[*+-]", at) then repetitions = repetitions + 1 end
    if part then
      at, why = part(text, at, captures)
    else
      at = at + 1
    end
    if not at then return false, why end
  end
  if repetitions > MOST_REPETITIONS then
    return false, ("more than %d repetitions (* + -) take too long"):format(MOST_REPETITIONS)
  end
  for _, state in ipairs(captures) do
    if state == "open" then return false, "a ( without its )" end
  end
  return true
end

return pattern
