--- Where a workspace is, the folder that a person works in, and where OpenCode shows it. Pure.
local workspace = { directory = "/workspace" }

local FOLDER_PAGE = "/L3dvcmtzcGFjZQ/session" -- the folder's name in base64

--- The page of that folder: OpenCode's front page shows no project.
---@param url string  the workspace's
---@return string
function workspace.open(url) return url .. FOLDER_PAGE end

--- The URL of the workspace of that name.
---@param name string
---@param stack { scheme: string, suffix: string, public_port: integer|nil }  of config.lua
---@return string
function workspace.address(name, stack)
  local port = stack.public_port and ":" .. stack.public_port or ""
  return ("%s://%s.%s%s"):format(stack.scheme, name, stack.suffix, port)
end

return workspace
