--- Names of container images and of registries, as Docker reads them. Pure.
local address = require "lib.base.address"
local image = { hub = "docker.io" } -- the registry of names without one

local hub_hosts = {
  ["index.docker.io"] = true, ["registry-1.docker.io"] = true, ["hub.docker.com"] = true,
  ["registry.hub.docker.com"] = true,
}

local function is_host(text)
  local host, port = text:match "^([^:]+):(%d+)$"
  if not host then host, port = text:match "^(%[[%x:.]+%]):(%d+)$" end
  host = host or text
  return (not port or tonumber(port) <= 65535)
    and (host:find "^[%w.-]+$" or host:find "^%[[%x:.]+%]$") ~= nil
end

-- Docker's rule: the part before the first slash is a registry if it could not be a folder.
local function split(name)
  local host, path = name:match "^([^/]+)/(.+)$"
  if host and (host:find "[.:]" or host == "localhost") then return host, path end
  return image.hub, name
end

local function is_path(path)
  for part in (path .. "/"):gmatch "(.-)/" do
    if not part:find "^[a-z0-9][a-z0-9._-]*$" or part:find "[._-]$" then return false end
  end
  return true
end

-- What is wrong with the part before tag and digest; nil when nothing is.
local function fault_of_name(name)
  if name:find "^%a+://" then return "an image's name has no https:// in front" end
  if name:find "%u" then return "an image's name is in lower case; only its tag is not" end
  local host, path = split(name)
  if not is_host(host) or not is_path(path) then return "this is not an image's name" end
end

--- The parts of "registry.example.com:5000/team/stack:1"; nil and what is wrong.
---@param text string
---@return { host: string, path: string, tag: string|nil, digest: string|nil }|nil
---@return string? fault
function image.parse(text)
  local rest, digest = text:match "^([^@]*)@(.*)$"
  rest = rest or text
  local name, tag = rest:match "^(.+):([^/:]*)$"
  name = name or rest
  local fault = fault_of_name(name)
  if fault then return nil, fault end
  if tag and not (#tag <= 128 and tag:find "^[%w_][%w_.-]*$") then
    return nil, "the tag behind the colon is not valid"
  end
  if digest and not digest:find("^sha256:" .. ("[0-9a-f]"):rep(64) .. "$") then
    return nil, "a digest is sha256: and 64 digits of 0-9 and a-f"
  end
  local host, path = split(name)
  host = hub_hosts[host] and image.hub or host
  if host == image.hub and not path:find("/", 1, true) then path = "library/" .. path end
  return { host = host, path = path, tag = tag, digest = digest }
end

--- The host of a registry that may be written as an address, such as https://ghcr.io/; "docker.io"
--- for each name of Docker Hub; nil when it is malformed.
---@param text string
---@return string|nil
function image.registry(text)
  local host = text:lower():gsub("^https?://", ""):match "^([^/]+)"
  if not host or not is_host(host) then return nil end
  return hub_hosts[host] and image.hub or host
end

--- Whether the host, with or without a port, is this machine, where a registry has no TLS.
---@param host string
---@return boolean
function image.is_loopback(host)
  local name = host:gsub(":%d+$", "")
  local bytes = address.parse(name)
  return name == "localhost" or bytes ~= nil and #bytes == 4 and bytes:byte(1) == 127
end

--- Whether the server that hands out a registry's tokens belongs to its site: the same host, or
--- one in the domain that the registry's host is in, as auth.docker.io and registry-1.docker.io.
--- Any other would get the password on the registry's word alone. No domain such as co.uk counts.
---@param server string    with or without a port
---@param registry string  the same
---@return boolean
function image.is_of_site(server, registry)
  local name, of = server:gsub(":%d+$", ""), registry:gsub(":%d+$", "")
  if name == of then return true end
  local domain = of:match "^[^.]+%.([%w.-]+%.%a[%w-]*)$"
  if not domain or domain:find "^%w%w?%w?%.%a%a$" then return false end
  return ("." .. name):sub(-#domain - 1) == "." .. domain
end

return image
