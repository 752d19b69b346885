--- Internet addresses and networks. Pure. An address is a string of 4 or 16 bytes; an IPv4-mapped
--- IPv6 address is the IPv4 address.
local address = {}

local function parse_ipv4(text)
  local bytes = { text:match "^(%d%d?%d?)%.(%d%d?%d?)%.(%d%d?%d?)%.(%d%d?%d?)$" }
  if #bytes == 0 then return nil end
  for i, byte in ipairs(bytes) do
    bytes[i] = tonumber(byte)
    if bytes[i] > 255 then return nil end
  end
  return string.char(table.unpack(bytes))
end

-- The 16-bit groups of one side of "::"; nil when it is malformed.
local function groups(text)
  local list = {}
  if text == "" then return list end
  for group in (text .. ":"):gmatch "(.-):" do
    if not group:find "^%x%x?%x?%x?$" then return nil end
    list[#list + 1] = tonumber(group, 16)
  end
  return list
end

local function packed(list)
  local parts = {}
  for i, group in ipairs(list) do parts[i] = string.pack(">I2", group) end
  return table.concat(parts)
end

-- Turns an ending such as "::ffff:1.2.3.4" into groups.
local function without_dots(text)
  local head, tail = text:match "^(.*:)(%d+%.%d+%.%d+%.%d+)$"
  if not tail then return text end
  local bytes = parse_ipv4(tail)
  return bytes and ("%s%x:%x"):format(head, string.unpack(">I2I2", bytes))
end

local MAPPED = ("\0"):rep(10) .. "\xff\xff"

local function parse_ipv6(text)
  text = without_dots(text)
  if not text or text:find(":::", 1, true) then return nil end
  local left, right = text:match "^(.-)::(.*)$"
  if right and right:find("::", 1, true) then return nil end
  local first, last = groups(left or text), groups(right or "")
  if not first or not last then return nil end
  local missing = 8 - #first - #last
  if left and missing < 1 or not left and missing ~= 0 then return nil end
  local bytes = packed(first) .. ("\0\0"):rep(missing) .. packed(last)
  return bytes:sub(1, 12) == MAPPED and bytes:sub(13) or bytes
end

--- The bytes of an address as text; nil when it is malformed.
---@param text string
---@return string|nil
function address.parse(text)
  if #text > 45 then return nil end
  return parse_ipv4(text) or (text:find(":", 1, true) and parse_ipv6(text)) or nil
end

-- The first `bits` bits; the rest is 0.
local function masked(bytes, bits)
  local whole, rest = bits // 8, bits % 8
  if whole >= #bytes then return bytes end
  local byte = bytes:byte(whole + 1) & (0xff << (8 - rest)) & 0xff
  return bytes:sub(1, whole) .. string.char(byte) .. ("\0"):rep(#bytes - whole - 1)
end

local function shown(bytes)
  if #bytes == 4 then return ("%d.%d.%d.%d"):format(bytes:byte(1, 4)) end
  local text = ("%x:%x:%x:%x:%x:%x:%x:%x"):format(string.unpack(">I2I2I2I2I2I2I2I2", bytes))
  return (text:gsub(":0:0:0:0$", "::"))
end

--- What a limit counts as one client: an IPv4 address, or the /64 of an IPv6 one, which is what one
--- household gets.
---@return string
function address.client(bytes)
  return #bytes == 4 and shown(bytes) or shown(masked(bytes, 64)) .. "/64"
end

--- The /48 of an IPv6 address, which one customer may get whole; nil for IPv4.
---@return string|nil
function address.site(bytes) return #bytes == 16 and shown(masked(bytes, 48)) .. "/48" or nil end

--- The network that a quota counts as one: a /24, or a /64.
---@return string
function address.network(bytes)
  return #bytes == 4 and shown(masked(bytes, 24)) .. "/24" or shown(masked(bytes, 64)) .. "/64"
end

--- A network such as 10.0.0.0/8; an address alone is a network of one. nil when it is malformed.
---@return { bytes: string, bits: integer }|nil
function address.block(text)
  local base, bits = text:match "^([^/]+)/?(%d*)$"
  local bytes = base and address.parse(base)
  if not bytes or text:sub(-1) == "/" then return nil end
  local most = #bytes * 8
  bits = bits == "" and most or tonumber(bits)
  if bits > most then return nil end
  return { bytes = masked(bytes, bits), bits = bits }
end

--- Whether the address is in one of the networks.
function address.within(bytes, blocks)
  for _, block in ipairs(blocks) do
    if #block.bytes == #bytes and masked(bytes, block.bits) == block.bytes then return true end
  end
  return false
end

local private = {}
for _, text in ipairs {
  "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "::1",
  "fc00::/7", "fe80::/10",
} do
  private[#private + 1] = address.block(text)
end

local loopback = { address.block "127.0.0.0/8", address.block "::1" }

--- Networks as text, separated by commas.
---@param blocks { bytes: string, bits: integer }[]
function address.list_text(blocks)
  local list = {}
  for i, block in ipairs(blocks) do list[i] = ("%s/%d"):format(shown(block.bytes), block.bits) end
  return table.concat(list, ", ")
end

--- Whether two networks have addresses in common.
function address.overlap(a, b)
  local wide, narrow = a, b
  if b.bits < a.bits then wide, narrow = b, a end
  return address.within(narrow.bytes, { wide })
end

--- Whether a network holds more than one private address, leaving aside this machine's own.
---@param block { bytes: string, bits: integer }
---@return boolean
function address.is_private_network(block)
  if block.bits == #block.bytes * 8 or address.within(block.bytes, loopback) then return false end
  for _, other in ipairs(private) do
    if address.overlap(block, other) then return true end
  end
  return false
end

--- Whether it is this machine, or in a private network.
function address.is_private(bytes) return address.within(bytes, private) end

return address
