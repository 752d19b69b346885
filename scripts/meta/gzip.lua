---@meta core.gzip
local gzip = {}
--- Compresses a text as small as possible, for gzip.join.
---   local piece = gzip.pack "<p>the same for everyone</p>"
---@param text string
---@return userdata piece
function gzip.pack(text) end
--- Joins the parts to one gzip stream. Strings are stored uncompressed: that is cheap, and the
--- length of the stream reveals nothing about secrets next to the client's text (BREACH).
---   return { body = gzip.join { piece, "of one client" } }
---@param parts (userdata|string)[]
---@return string
function gzip.join(parts) end
return gzip
