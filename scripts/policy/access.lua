--- Who may deploy. The mode is access in config.lua: "open" lets everybody, "closed" only the admin.
local policy = {}

---@param mode string  "open" or "closed"
---@param who { kind: string }  "admin", "owner" or "visitor", see lib/owner.lua
---@return boolean allowed
---@return string? code  the problem's code when not
function policy.may_deploy(mode, who)
  if mode == "open" or who.kind == "admin" then return true end
  return false, "access_closed"
end

return policy
