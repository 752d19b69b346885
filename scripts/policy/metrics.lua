--- Who may read /metrics. Pure. The numbers hold no names and no secrets, but they tell how busy the portal is.
local policy = {}

--- Whoever brings the admin's token; and whoever asks directly from this machine or a private network, as a Prometheus beside it does.
--- What came through a proxy is never near: then the proxy is, and who asked it is not known.
---@param who { kind: string, scopes: table<string, boolean>|nil }  see lib/auth/owner.lua
---@param near boolean
function policy.allows(who, near)
  return near or who.kind == "admin" or (who.scopes ~= nil and who.scopes.admin == true)
end

return policy
