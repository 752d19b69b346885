--- The folder that a person works in, and where OpenCode shows it. Pure.
local workspace = { directory = "/workspace" }

--- The page of that folder, below a stack's address: OpenCode's front page shows no project.
---@param url string
---@return string
function workspace.open(url) return url .. "/L3dvcmtzcGFjZQ/session" end -- the folder's name in base64

return workspace
