--- Where a request comes from: the address at the other end of the connection, or behind proxies that are trusted (TRUSTED_PROXIES), the
--- address that they saw. Their X-Forwarded-For is walked from its right end, where the nearest proxy wrote, to the first address that is
--- not trusted: what stands left of that may be anybody's invention.
local config = require "core.config"
local log = require "core.log"
local shared = require "core.shared"
local address = require "lib.base.address"
local client = {}

local proxies = {} -- as plain tables: asked with every request
for i, block in ipairs(config.trusted_proxies) do proxies[i] = { bytes = block.bytes, bits = block.bits } end
local stacks_have_tls = config.stack.scheme == "https"

---@class Client
---@field key string       who counts as one client: an IPv4 address, an IPv6 /64
---@field site string|nil   the /48 of an IPv6 address
---@field network string   a /24 or a /64
---@field trusted boolean  the request came through a proxy that is trusted
---@field loopback boolean

local function described(bytes, trusted)
  return {
    key = bytes and address.client(bytes) or "unknown", site = bytes and address.site(bytes) or nil,
    network = bytes and address.network(bytes) or "unknown",
    trusted = trusted, loopback = bytes ~= nil and address.is_loopback(bytes),
  }
end

-- Without the port that some proxies add.
local function bare(text)
  text = text:match("^%s*(.-)%s*$")
  return text:match("^%[(.-)%]") or text:match("^([%d.]+):%d+$") or text
end

local function walk(bytes, header)
  local hops = {}
  for hop in header:gmatch("[^,]+") do hops[#hops + 1] = hop end
  for i = #hops, 1, -1 do
    local hop = address.parse(bare(hops[i]))
    if not hop then return bytes end -- not understood: the nearest that is
    bytes = hop
    if not address.within(bytes, proxies) then return bytes end
  end
  return bytes
end

-- A peer of a private network that passes others on, and is not trusted, makes them all one client: they hold one another up. It is told in
-- the log and by lib/doctor/machine.lua, until the scripts are loaded with it trusted.
local LOOKS = 100 -- requests of a peer that are looked at

local function suspect(req, found)
  found.looks = found.looks + 1
  if not req.headers["x-forwarded-for"] then return end
  found.looks = LOOKS
  if not shared.add("client.proxy", req.peer) then return end
  log.warn("client.proxy_not_trusted", { peer = req.peer,
    message = "requests come through this address for others, who count as one client; set TRUSTED_PROXIES if it is your proxy's" })
end

local seen = shared.get "client.proxy"
if seen and address.within(address.parse(seen), proxies) then shared.set("client.proxy", nil) end

-- Peers repeat; what is worked out for one is kept. Strangers can be many, so it starts anew at 1000.
local known, count = {}, 0

local function of_peer(peer)
  local found = known[peer]
  if found then return found end
  local bytes = address.parse(peer)
  found = described(bytes, bytes ~= nil and address.within(bytes, proxies))
  found.bytes = bytes
  found.looks = not found.trusted and bytes and address.is_private(bytes) and 0 or LOOKS
  if count >= 1000 then known, count = {}, 0 end
  known[peer], count = found, count + 1
  return found
end

--- Who sent it.
---@param req Request
---@return Client
function client.of(req)
  local found = of_peer(req.peer)
  if found.looks < LOOKS then suspect(req, found) end
  if not found.trusted then return found end
  local behind = rawget(req, "client")
  if behind then return behind end
  local forwarded = req.headers["x-forwarded-for"]
  if forwarded and forwarded ~= "" then found = described(walk(found.bytes, forwarded), true) end
  req.client = found
  return found
end

local loopback_name = { localhost = true, ["127.0.0.1"] = true, ["[::1]"] = true }

--- Whether the browser sees the portal over TLS. The proxy says so; else the stacks' scheme tells how this installation is reached.
---@param req Request
---@return boolean
function client.over_tls(req)
  local trusted = client.of(req).trusted
  if not trusted and not stacks_have_tls then return false end
  if trusted then
    local proto = req.headers["x-forwarded-proto"]
    if proto then return proto:lower():match("(%a+)%s*$") == "https" end
  end
  return stacks_have_tls and not loopback_name[req.host]
end

--- Whether a browser takes a Secure cookie here: over TLS, and on this machine itself.
---@param req Request
---@return boolean
function client.is_secure(req) return loopback_name[req.host] == true or client.over_tls(req) end

return client
