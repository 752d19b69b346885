---@meta core.json
local json = {}

--- Parses strict RFC 8259. Whole numbers become integers, null becomes json.null, an array becomes
--- a json.array().
---   local value, message = json.decode(response.body)
---@param text string
---@return any|nil value
---@return string? message  with line and column
---@return string? code  "invalid"
function json.decode(text) end

--- Raises on what JSON cannot represent. An empty table is {} unless json.array() made it.
---   local body = json.encode { text = "Hi", tags = json.array {} }
---@return string
function json.encode(value) end

--- Marks a table as an array, which is [] when empty; without an argument makes a new one.
---   local tags = json.array { "a", "b" }
---@param t? table
---@return table
function json.array(t) end

json.null = nil ---@type userdata

return json
