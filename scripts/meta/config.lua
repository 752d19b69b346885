---@meta core.config
--- The checked values of config.lua, read-only: config.port, config.stack.image...
local config = {}

--- The current value of a secret, from its variable or its file, which is read again on change.
---   local token = config.secret "DOKPLOY_API_TOKEN"
---@param name string  the variable: "DOKPLOY_API_TOKEN"; DOKPLOY_API_TOKEN_FILE names a file
---@return string|nil  nil when unset
function config.secret(name) end

return config
