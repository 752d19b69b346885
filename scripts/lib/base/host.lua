--- Host names as clients, proxies and admins write them: the one form in which they are compared.
--- Pure.
local host = {}

--- A host name in lower case, without the dot of the root ("portal.example.com.").
---@param name string
---@return string
function host.fold(name) return (name:lower():gsub("%.$", "")) end

--- The folded host and the port of "host:port"; nil when it is malformed.
---@param authority string
---@return string|nil name  an IPv6 address keeps its brackets
---@return string|nil port
function host.split(authority)
  local name, port = authority:match("^([%w._-]+):?(%d*)$")
  if not name then name, port = authority:match("^(%[[%x:.]+%]):?(%d*)$") end
  name = name and host.fold(name)
  if not name or name == "" then return nil end
  return name, port ~= "" and port or nil
end

--- The folded host of an http or https address; "" when it is malformed.
---@param url string
---@return string
function host.of_url(url)
  return host.split(url:match("^https?://([^/?#]+)") or "") or ""
end

return host
