---@meta core.limit
--- Token buckets in a table of fixed size that survives a reload. A flood of new keys evicts the
--- fullest buckets first.
local limit = {}
--- Takes tokens from the key's bucket if it holds enough of them; otherwise takes nothing.
---   local allowed, _, _, wait = limit.take("motd " .. req.peer, 10, 60)
---@param key string
---@param burst integer    capacity of the bucket, in tokens
---@param seconds number   time in which an empty bucket fills up
---@param cost? integer    tokens to take (1); 0 only looks, -1 gives one back
---@param group? string    key of a bucket shared with others, which must hold the tokens as well
---@param times? integer   the group bucket's capacity, as a multiple of burst
---@return boolean allowed
---@return integer left    whole tokens that remain
---@return number full     seconds until it is full again
---@return number wait     seconds until the tokens are available; 0 when allowed
function limit.take(key, burst, seconds, cost, group, times) end
return limit
