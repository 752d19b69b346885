--- Outgoing HTTP, through the proxy that config.lua names. What is near goes straight there: this
--- machine, names without a dot (containers), private addresses, the hosts of outgoing_direct, and
--- a request that says where to connect.
local config = require "core.config"
local http = require "core.http"
local address = require "lib.base.address"
local outgoing = {}

--- Whether requests to this host go straight there.
---@param host string      a name, or an address without brackets
---@param direct string[]  hosts; those below them count as well
---@return boolean
function outgoing.is_direct(host, direct)
  local name = "." .. host:lower():gsub("%.$", "")
  local bytes = address.parse(name:sub(2))
  if bytes and address.is_private(bytes) or not name:find("[.:]", 2) then return true end
  for _, near in ipairs { "localhost", table.unpack(direct) } do
    if name:sub(-#near - 1) == "." .. near then return true end
  end
  return false
end

--- The proxy for requests to this address; nil when they go straight there.
---@param url string
---@return string|nil
function outgoing.proxy_for(url)
  local host = url:match "^%a+://%[([%x:.]+)%]" or url:match "^%a+://([^/:?#]+)"
  local is_near = not host or outgoing.is_direct(host, config.outgoing_direct or {})
  return not is_near and config.outgoing_proxy or nil
end

--- As core.http.request.
---@param options RequestOptions
function outgoing.request(options)
  if not options.connect_to then options.proxy = outgoing.proxy_for(options.url) end
  return http.request(options)
end

return outgoing
