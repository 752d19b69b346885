---@meta core.gzip
local gzip = {}
--- A text compressed as small as it gets, for gzip.join.
---@param text string
---@return userdata piece
function gzip.pack(text) end
--- One gzip stream of all of them, in their order. A text stands in it as it is: that costs no
--- time, and its length tells nothing of
--- what stands beside it.
---@param parts (userdata|string)[]
---@return string
function gzip.join(parts) end
return gzip
