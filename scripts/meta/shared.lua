---@meta core.shared
--- A table of words to values that outlives a reload of the scripts (not a restart). Each call is one indivisible act.
local shared = {}
---@return string|number|boolean|nil
function shared.get(key) end
---@param key string
---@param value string|number|boolean|nil  nil deletes
---@param seconds? number  how long it lives; for ever when missing
function shared.set(key, value, seconds) end
--- Sets only if absent. True if it was set.
---@return boolean
function shared.add(key, value, seconds) end
--- Adds `by` (1) to a number, from 0 if absent; returns the sum. `seconds` counts from the first.
---@return number
function shared.incr(key, by, seconds) end
--- All live keys with this prefix, sorted.
---@return string[]
function shared.keys(prefix) end
return shared
