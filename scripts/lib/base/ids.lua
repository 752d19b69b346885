--- Ids that start with the time, so that new rows lie together in the journal's indexes and a
--- commit writes few pages.
local crypto = require "core.crypto"
local server = require "core.server"
local ids = {}

--- A new id, in lower-case letters and digits: the time in hundredths of a second, then random
--- bytes.
---@param random_bytes integer
---@return string
function ids.new(random_bytes)
  return ("%010x%s"):format(server.now() * 100 // 1 | 0, crypto.hex(random_bytes))
end

return ids
