--- What core.json makes of any bytes: a value that survives being written and read again, or a refusal with a place.
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

-- Any string can be written; what is UTF-8 comes back as it was.
local function string_survives(text)
  local back = json.decode(json.encode(text))
  assert(type(back) == "string" and utf8.len(back), "a string that is written is one, and UTF-8")
  assert(back == text or not utf8.len(text), "UTF-8 comes back as it was")
  assert(json.decode(json.encode { [text] = text })[back] == back, "as a field's name too")
end

return function(text)
  string_survives(text)
  local value, message, code = json.decode(text)
  if value == nil then
    assert(code == "invalid" and message:find "^not valid JSON: .* %(line %d+, column %d+%)$", message)
    return false
  end
  local written = json.encode(value)
  assert(same(value, json.decode(written)), written)
  return true
end
