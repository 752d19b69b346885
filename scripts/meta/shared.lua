---@meta core.shared
--- Keys and values that survive a reload of the scripts, but not a restart. Each call is atomic.
local shared = {}

---   local seen = shared.get "site.seen"
---@param key string
---@return string|number|boolean|nil
function shared.get(key) end

---   shared.set("site.seen", true, 3600)
---@param key string
---@param value string|number|boolean|nil  nil deletes
---@param seconds? number  until it expires; missing: never
function shared.set(key, value, seconds) end

--- Sets the value only if the key is absent.
---   if shared.add("warned " .. name, true, 3600) then log.warn("slow", { name = name }) end
---@param key string
---@param value string|number|boolean
---@param seconds? number
---@return boolean  whether it was set
function shared.add(key, value, seconds) end

--- Adds `by` (1) to a number, which is 0 if absent. `seconds` counts from the first call.
---   local visits = shared.incr("visits", 1, 86400)
---@param key string
---@param by? number
---@param seconds? number
---@return number  the sum
function shared.incr(key, by, seconds) end

--- All live keys with this prefix, sorted.
---   for _, key in ipairs(shared.keys "warned ") do shared.set(key, nil) end
---@param prefix? string
---@return string[]
function shared.keys(prefix) end

return shared
