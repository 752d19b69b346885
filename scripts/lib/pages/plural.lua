--- Plural categories (one, two, few, many...) by the rule in a language's "language.plural", in the
--- notation of CLDR's integer rules: "one: n = 1; few: n % 10 = 2..4 and n % 100 != 12..14".
--- A number that no rule matches is "other".
local plural = {}

-- One comparison, such as "n % 100 = 3..10, 103", as a function of n.
local function comparison(text)
  local modulus, sign, ranges = text:match("^%s*n%s*%%?%s*(%d*)%s*(!?)=%s*([%d%.,%s]+)$")
  if not sign then
    error(("language.plural: cannot parse %q (expected \"n %% 100 = 3..10\")"):format(text), 0)
  end
  local list = {}
  for low, high in ranges:gmatch("(%d+)%.*(%d*)") do
    list[#list + 1] = { tonumber(low), tonumber(high) or tonumber(low) }
  end
  return function(n)
    if modulus ~= "" then n = n % tonumber(modulus) end
    for _, range in ipairs(list) do
      if n >= range[1] and n <= range[2] then return sign == "" end
    end
    return sign ~= ""
  end
end

local function conjunction(text)
  local list = {}
  for part in (text .. " and "):gmatch("(.-) and ") do list[#list + 1] = comparison(part) end
  return function(n)
    for _, matches in ipairs(list) do
      if not matches(n) then return false end
    end
    return true
  end
end

--- Parses a rule. Raises when it is malformed.
---@param rule string
---@return fun(n: integer): string  category_of
---@return string[] categories  "other" is the last
function plural.parse(rule)
  local rules, names = {}, {}
  for name, condition in (rule .. ";"):gmatch("%s*(%l+):%s*(.-)%s*;") do
    rules[#rules + 1] = { name = name, matches = conjunction(condition) }
    names[#names + 1] = name
  end
  names[#names + 1] = "other"
  return function(n)
    for _, one in ipairs(rules) do
      if one.matches(n) then return one.name end
    end
    return "other"
  end, names
end

return plural
