---@meta core.limit
--- Token buckets, each known by a key, in a table of a fixed size that outlives a reload. A flood
--- of keys makes it forget nobody's debt.
local limit = {}
--- Takes tokens out of the key's bucket, if it has as many; else none.
---@param key string
---@param burst integer    tokens that the bucket holds
---@param seconds number   it fills from empty to full in that time
---@param cost? integer    tokens to take (1); 0 only looks
---@param group? string    the key of what this one is part of: both must have the tokens, or none is taken
---@param times? integer   how many times as many the group's bucket holds
---@return boolean allowed
---@return integer left    whole tokens, after these
---@return number full     seconds until it is full again
---@return number wait     seconds until that many tokens are there; 0 when allowed
function limit.take(key, burst, seconds, cost, group, times) end
return limit
