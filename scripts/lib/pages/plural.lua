--- Which form of a word goes with a whole number: one, two, few, many... by the rule that a language's file gives as "language.plural",
--- in the notation of CLDR's integer rules:  "one: n = 1; few: n % 10 = 2..4 and n % 100 != 12..14".  What no rule catches is "other".
local plural = {}

-- One comparison: "n % 100 = 3..10, 103".
local function comparison(text)
  local modulus, sign, ranges = text:match("^%s*n%s*%%?%s*(%d*)%s*(!?)=%s*([%d%.,%s]+)$")
  if not sign then error(("language.plural: %q is not understood (such as \"n %% 100 = 3..10\")"):format(text), 0) end
  local list = {}
  for low, high in ranges:gmatch("(%d+)%.*(%d*)") do list[#list + 1] = { tonumber(low), tonumber(high) or tonumber(low) } end
  return function(n)
    if modulus ~= "" then n = n % tonumber(modulus) end
    for _, range in ipairs(list) do
      if n >= range[1] and n <= range[2] then return sign == "" end
    end
    return sign ~= ""
  end
end

local function all(text)
  local list = {}
  for part in (text .. " and "):gmatch("(.-) and ") do list[#list + 1] = comparison(part) end
  return function(n)
    for _, holds in ipairs(list) do
      if not holds(n) then return false end
    end
    return true
  end
end

--- The function that tells a number's category, and the names of all there are ("other" is the last).
---@param rule string
---@return fun(n: integer): string
---@return string[]
function plural.read(rule)
  local rules, names = {}, {}
  for name, condition in (rule .. ";"):gmatch("%s*(%l+):%s*(.-)%s*;") do
    rules[#rules + 1], names[#names + 1] = { name = name, holds = all(condition) }, name
  end
  names[#names + 1] = "other"
  return function(n)
    for _, one in ipairs(rules) do
      if one.holds(n) then return one.name end
    end
    return "other"
  end, names
end

return plural
