--- Where a stack is, the folder that a person works in, and where OpenCode shows it. Pure.
local workspace = { directory = "/workspace" }

--- The page of that folder, below a stack's address: OpenCode's front page shows no project.
---@param url string
---@return string
function workspace.open(url) return url .. "/L3dvcmtzcGFjZQ/session" end -- the folder's name in base64

--- The address of the stack of that name.
---@param name string
---@param stack { scheme: string, suffix: string, public_port: integer|nil }  of config.lua
---@return string
function workspace.address(name, stack)
  return ("%s://%s.%s%s"):format(stack.scheme, name, stack.suffix, stack.public_port and ":" .. stack.public_port or "")
end

return workspace
