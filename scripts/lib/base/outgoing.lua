--- Outgoing HTTP, through the proxy that config.lua names. What is near goes straight there: this
--- machine, names without a dot (containers), private addresses, the hosts of outgoing_direct, and
--- a request that says where to connect.
local config = require "core.config"
local http = require "core.http"
local address = require "lib.base.address"
local host = require "lib.base.host"
local outgoing = {}

--- Whether requests to this host go straight there.
---@param name string      folded, as lib/base/host.lua gives it
---@param direct string[]  hosts; those below them count as well
---@return boolean
function outgoing.is_direct(name, direct)
  local bytes = address.parse(name:match "^%[(.*)%]$" or name)
  if bytes and address.is_private(bytes) or not name:find "[.:]" then return true end
  for _, near in ipairs { "localhost", table.unpack(direct) } do
    if ("." .. name):sub(-#near - 1) == "." .. near then return true end
  end
  return false
end

--- The proxy for requests to this address; nil when they go straight there.
---@param url string
---@return string|nil
function outgoing.proxy_for(url)
  local is_near = outgoing.is_direct(host.of_url(url), config.outgoing_direct or {})
  return not is_near and config.outgoing_proxy or nil
end

--- As core.http.request.
---@param options RequestOptions
function outgoing.request(options)
  if not options.connect_to then options.proxy = outgoing.proxy_for(options.url) end
  return http.request(options)
end

return outgoing
