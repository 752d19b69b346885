---@meta core.config
--- What config.lua says, checked. Read-only: config.port, config.stack.image...
local config = {}
--- A secret's value now: from its variable, or its file (read again when it changes). nil when unset.
---@param name string  the environment variable's name: "DOKPLOY_API_TOKEN"; its file is named by DOKPLOY_API_TOKEN_FILE
---@return string|nil
function config.secret(name) end
return config
