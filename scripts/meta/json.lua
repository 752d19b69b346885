---@meta core.json
local json = {}
--- Whole numbers come out as integers; null as json.null; an empty array as json.array{}.
---@param text string
---@return any|nil value, string? message, string? code  "invalid"
function json.decode(text) end
--- Raises on what JSON cannot say. An empty table is {} unless marked.
---@return string
function json.encode(value) end
--- Marks a table as an array, so that it is [] when empty.
function json.array(t) end
json.null = nil ---@type userdata
return json
