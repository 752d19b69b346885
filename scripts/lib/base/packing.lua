--- Files as JSON takes them: { path = "text" or { base64 = "..." } }.
local crypto = require "core.crypto"
local packing = {}

--- The table of these files; what is not text becomes base64.
---@param files table<string, string>
function packing.pack(files)
  local packed = {}
  for path, text in pairs(files) do
    packed[path] = utf8.len(text) and text or { base64 = crypto.base64(text) }
  end
  return packed
end

--- The files of such a table.
---@param packed table
---@return table<string, string>|nil files, string? path  the one that is wrong
function packing.unpack(packed)
  local files = {}
  for path, value in pairs(packed) do
    local text = value
    if type(value) == "table" then
      text = type(value.base64) == "string" and crypto.unbase64(value.base64)
    end
    if type(path) ~= "string" or type(text) ~= "string" then return nil, tostring(path) end
    files[path] = text
  end
  return files
end

return packing
