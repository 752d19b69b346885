--- Lists of names written as one text: "name host port".
local words = {}

---@param text string
---@return string[]
function words.list(text)
  local list = {}
  for word in text:gmatch "%S+" do list[#list + 1] = word end
  return list
end

---@param text string
---@return table<string, true>
function words.set(text)
  local set = {}
  for word in text:gmatch "%S+" do set[word] = true end
  return set
end

return words
