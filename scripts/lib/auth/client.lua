--- The client of a request: the peer of the connection or, behind a trusted proxy, the address that
--- the proxy reports. Reports are read from their right end, where the nearest proxy wrote, to the
--- first address that is not trusted; anything left of it may be forged.
---
--- A peer is a trusted proxy when it proves it with PROXY_SECRET in the field X-Proxy-Secret.
--- Without that secret, TRUSTED_PROXIES decides by the peer's address; in production a network of
--- private addresses does not count then, because workspaces, which hold strangers, may be in it.
local config = require "core.config"
local crypto = require "core.crypto"
local log = require "core.log"
local server = require "core.server"
local shared = require "core.shared"
local address = require "lib.base.address"
local forwarded = require "lib.base.forwarded"
local host = require "lib.base.host"
local client = {}

local proxies, doubtful = config.trusted_proxies, config.doubtful_proxies
local workspaces_use_tls = config.stack.scheme == "https"
local SECRET_FIELD = "x-proxy-secret"

---@class Client
---@field key string        what counts as one client: an IPv4 address, an IPv6 /64
---@field site string|nil   the /48 of an IPv6 address
---@field network string    a /24 or a /64
---@field is_trusted boolean  the request came through a trusted proxy
---@field is_shared boolean   a proxy that is not trusted: many clients that cannot be told apart
---@field proto string|nil    "http" or "https", as the trusted proxy reports it
---@field authority string|nil  host[:port] that the client asked, as the trusted proxy reports it

local function described(bytes)
  return {
    key = bytes and address.client(bytes) or "unknown",
    site = bytes and address.site(bytes) or nil,
    network = bytes and address.network(bytes) or "unknown",
    is_trusted = false, is_shared = false,
  }
end

-- Trust

-- A peer's description costs 5 us, a sixth of a short request, so it is kept for the next ones.
local MOST_PEERS = 1000
local peers, peer_count = {}, 0

local function of_peer(peer)
  local found = peers[peer]
  if found then return found end
  local bytes = address.parse(peer)
  found = described(bytes)
  found.bytes = bytes
  found.is_private = bytes ~= nil and address.is_private(bytes)
  found.is_named = bytes ~= nil and address.within(bytes, proxies)
  found.may_prove = #proxies + #doubtful == 0 or found.is_named
    or bytes ~= nil and address.within(bytes, doubtful)
  if peer_count >= MOST_PEERS then peers, peer_count = {}, 0 end
  peers[peer], peer_count = found, peer_count + 1
  return found
end

-- The one place that decides whether the peer is a trusted proxy.
local function is_trusted(req, peer)
  local secret = config.secret "PROXY_SECRET"
  if not secret then return peer.is_named end
  local sent = req.headers[SECRET_FIELD]
  req.headers[SECRET_FIELD] = false -- scripts that log a request must not find it
  return peer.may_prove and type(sent) == "string" and crypto.equal(sent, secret)
end

-- Proxies that are not trusted

-- For this long after a trusted proxy forwarded a request, another peer in a private network that
-- sends the proxies' fields is no proxy, but someone who would like a proxy's budget.
local PROOF_SECONDS = 600
local REPORTED, PROVEN = forwarded.untrusted, "client.proven"
local noted_until = 0

local function note_trusted(req, peer)
  if not peer.is_exempt then server.exempt(req.peer) end
  peer.is_exempt = true
  local now = os.time()
  if now < noted_until then return end
  noted_until = now + PROOF_SECONDS // 10
  shared.set(PROVEN, true, PROOF_SECONDS)
  shared.set(REPORTED, nil)
end

local function report(peer)
  if not shared.add(REPORTED, peer) then return end
  log.warn("client.proxy_not_trusted", {
    peer = peer,
    message = "requests that this address forwards share their limits; "
      .. "if it is your proxy: " .. forwarded.cure,
  })
end

-- All clients of such a proxy are one client, whose budgets are larger (limits.shared).
local function untrusted(req, peer)
  if peer.is_private and (peer.is_shared or forwarded.is_present(req.headers)) then
    peer.is_shared = not shared.get(PROVEN)
    if peer.is_shared then report(req.peer) end
  end
  return peer
end

--- The address of a proxy that is not trusted, because of which clients share their limits.
---@return string|nil
function client.untrusted_proxy() return shared.get(REPORTED) end

-- Behind a trusted proxy

-- Without the port that some proxies add.
local function without_port(text)
  return text:match("^%[(.-)%]") or text:match("^([%d.]+):%d+$") or text
end

-- The first untrusted address from the right, and its place; an unreadable one ends the search.
local function outermost(bytes, addresses)
  for i = #addresses, 1, -1 do
    local hop = address.parse(without_port(addresses[i]))
    if not hop then return bytes, i end
    bytes = hop
    if not address.within(bytes, proxies) then return bytes, i end
  end
  return bytes, 1
end

local is_proto = { http = true, https = true }

local function behind_proxy(req, peer)
  local found = forwarded.read(req.headers)
  local bytes, hop = outermost(peer.bytes, found.addresses)
  local from = described(bytes)
  from.is_trusted = true
  local proto = (forwarded.value(found, found.protos, hop) or ""):lower()
  from.proto = is_proto[proto] and proto or nil
  local authority = forwarded.value(found, found.hosts, hop)
  from.authority = authority and host.split(authority) and authority or nil
  if #found.addresses > 0 then note_trusted(req, peer) end
  return from
end

--- The client of a request.
---@param req Request
---@return Client
function client.of(req)
  local known = rawget(req, "client")
  if known then return known end
  local peer = of_peer(req.peer)
  known = is_trusted(req, peer) and behind_proxy(req, peer) or untrusted(req, peer)
  req.client = known
  return known
end

--- The host and port that the client asked: as the trusted proxy reports it, else the Host field.
---@param req Request
---@return string|nil name, string|nil port  nil when it is missing or malformed
function client.host(req)
  local authority = client.of(req).authority or req.headers.host
  if not authority then return nil end
  return host.split(authority)
end

local is_loopback_name = { localhost = true, ["127.0.0.1"] = true, ["[::1]"] = true }

--- Whether the browser reaches the portal over TLS: as the trusted proxy says, else as workspaces
--- are reached.
---@param req Request
---@return boolean
function client.is_over_tls(req)
  local proto = client.of(req).proto
  if proto then return proto == "https" end
  return workspaces_use_tls and not is_loopback_name[client.host(req)]
end

--- Whether 0.1 set a Secure cookie: over TLS, and on this machine itself.
---@param req Request
---@return boolean
function client.is_secure(req)
  return is_loopback_name[client.host(req)] == true or client.is_over_tls(req)
end

return client
