--- Fuzzes core.json: any bytes decode to a value that survives encoding and decoding, or are
--- refused with the position of the error.
local json = require "core.json"

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  if getmetatable(a) ~= getmetatable(b) then return false end
  for key, value in pairs(a) do
    if not same(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

-- Any string can be encoded; UTF-8 survives unchanged.
local function string_survives(text)
  local back = json.decode(json.encode(text))
  assert(type(back) == "string" and utf8.len(back), "an encoded string decodes to UTF-8")
  assert(back == text or not utf8.len(text), "UTF-8 survives unchanged")
  assert(json.decode(json.encode { [text] = text })[back] == back, "also as a field's name")
end

return function(text)
  string_survives(text)
  local value, message, code = json.decode(text)
  if value == nil then
    local has_position = message:find "^not valid JSON: .* %(line %d+, column %d+%)$"
    assert(code == "invalid" and has_position, message)
    return false
  end
  local written = json.encode(value)
  assert(same(value, json.decode(written)), written)
  return true
end
