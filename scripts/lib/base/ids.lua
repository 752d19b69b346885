--- Ids that begin with the time: what is new lies together in the journal's indexes, so a commit writes a few pages, and not one for each
--- row.
local crypto = require "core.crypto"
local server = require "core.server"
local ids = {}

--- A new one, in small letters and digits: the time in hundredths of a second, and so many random bytes.
---@param random integer
---@return string
function ids.new(random) return ("%010x%s"):format(server.now() * 100 // 1 | 0, crypto.hex(random)) end

return ids
