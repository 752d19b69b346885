---@meta core.config
--- The checked values of config.lua, read-only: config.port, config.stack.image...
local config = {}

--- A secret's value now: of its variable, or of its file, which is read again when it changes.
---@param name string  the variable: "DOKPLOY_API_TOKEN"; DOKPLOY_API_TOKEN_FILE names a file
---@return string|nil  nil when unset
function config.secret(name) end

return config
