--- The client of a request: the peer of the connection or, behind trusted proxies
--- (TRUSTED_PROXIES), the address that they report in X-Forwarded-For. That field is read from its
--- right end, where the nearest proxy wrote, to the first address that is not trusted; anything
--- left of it may be forged.
local config = require "core.config"
local log = require "core.log"
local shared = require "core.shared"
local address = require "lib.base.address"
local client = {}

local proxies = config.trusted_proxies
local has_proxies = #proxies > 0
local workspaces_use_tls = config.stack.scheme == "https"

---@class Client
---@field key string        what counts as one client: an IPv4 address, an IPv6 /64
---@field site string|nil   the /48 of an IPv6 address
---@field network string    a /24 or a /64
---@field is_trusted boolean  the request came through a trusted proxy

local function described(bytes, is_trusted)
  return {
    key = bytes and address.client(bytes) or "unknown",
    site = bytes and address.site(bytes) or nil,
    network = bytes and address.network(bytes) or "unknown",
    is_trusted = is_trusted,
  }
end

-- Without the port that some proxies add.
local function without_port(text)
  text = text:match("^%s*(.-)%s*$")
  return text:match("^%[(.-)%]") or text:match("^([%d.]+):%d+$") or text
end

-- The first untrusted address from the right; an unreadable one ends the search.
local function forwarded_for(bytes, header)
  local hops = {}
  for hop in header:gmatch("[^,]+") do hops[#hops + 1] = hop end
  for i = #hops, 1, -1 do
    local hop = address.parse(without_port(hops[i]))
    if not hop then return bytes end
    bytes = hop
    if not address.within(bytes, proxies) then return bytes end
  end
  return bytes
end

-- A proxy that is not trusted makes all its clients one client, who then share one rate limit.
-- lib/doctor/machine.lua reports it until the scripts are loaded with the proxy trusted.
local function report_untrusted_proxy(req)
  if not shared.add("client.proxy", req.peer) then return end
  log.warn("client.proxy_not_trusted", {
    peer = req.peer,
    message = "requests that this address forwards count as one client; "
      .. "set TRUSTED_PROXIES if it is your proxy",
  })
end

local reported = shared.get "client.proxy"
if reported and address.within(address.parse(reported), proxies) then
  shared.set("client.proxy", nil)
end

-- A peer's description costs 5 us, a sixth of a short request, so it is kept for the next ones.
local MOST_PEERS = 1000
-- A peer that forwards for others shows it in its first requests; reading the field costs 1 us.
local LOOKS = 100
local peers, peer_count = {}, 0

local function of_peer(peer)
  local found = peers[peer]
  if found then return found end
  local bytes = address.parse(peer)
  found = described(bytes, bytes ~= nil and address.within(bytes, proxies))
  found.bytes = bytes
  found.looks = bytes and address.is_private(bytes) and LOOKS or 0
  if peer_count >= MOST_PEERS then peers, peer_count = {}, 0 end
  peers[peer], peer_count = found, peer_count + 1
  return found
end

local function look_for_proxy(req, peer)
  peer.looks = peer.looks - 1
  if not req.headers["x-forwarded-for"] then return end
  peer.looks = 0
  report_untrusted_proxy(req)
end

--- The client of a request.
---@param req Request
---@return Client
function client.of(req)
  local found = of_peer(req.peer)
  if not found.is_trusted then
    if found.looks > 0 then look_for_proxy(req, found) end
    return found
  end
  local behind = rawget(req, "client")
  if behind then return behind end
  local forwarded = req.headers["x-forwarded-for"]
  if not forwarded or forwarded == "" then return found end
  req.client = described(forwarded_for(found.bytes, forwarded), true)
  return req.client
end

local is_loopback_name = { localhost = true, ["127.0.0.1"] = true, ["[::1]"] = true }

--- Whether the browser reaches the portal over TLS: as the trusted proxy says, else as workspaces
--- are reached.
---@param req Request
---@return boolean
function client.is_over_tls(req)
  if not workspaces_use_tls and not has_proxies then return false end
  local is_trusted = client.of(req).is_trusted
  local proto = is_trusted and req.headers["x-forwarded-proto"]
  if proto then return proto:lower():match("(%a+)%s*$") == "https" end
  return workspaces_use_tls and not is_loopback_name[req.host]
end

--- Whether 0.1 set a Secure cookie: over TLS, and on this machine itself.
---@param req Request
---@return boolean
function client.is_secure(req)
  return is_loopback_name[req.host] == true or client.is_over_tls(req)
end

return client
