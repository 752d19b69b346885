--- What proxies report about a request: X-Forwarded-For, -Proto and -Host or, when none of them is
--- there, Forwarded (RFC 7239). Pure. Each proxy appends to the lists, so the right end is the
--- nearest proxy's word, and everything left of the first untrusted address may be forged.
local forwarded = {}

local FIELDS = { addresses = "x-forwarded-for", protos = "x-forwarded-proto",
  hosts = "x-forwarded-host" }

---@class Forwarded
---@field addresses string[]  one for each hop, the nearest last; "" where a hop names none
---@field protos string[]
---@field hosts string[]

local function list_of(text)
  local list = {}
  for item in (text or ""):gmatch("[^,]+") do list[#list + 1] = item:match("^%s*(.-)%s*$") end
  return list
end

-- One parameter at `at`: its name, its value and the position behind it; nil when malformed.
local function parameter(text, at)
  local name, stop = text:match("^%s*([%w%-]+)=()", at)
  if not name then return nil end
  if text:sub(stop, stop) ~= '"' then
    local value, after = text:match("^([^%s;,\"]+)%s*()", stop)
    return value and name:lower(), value, after
  end
  local value, at_end = "", stop + 1
  while true do
    local plain, char, after = text:match('^([^"\\]*)(["\\])()', at_end)
    if not plain then return nil end
    value = value .. plain
    if char == '"' then return name:lower(), value, text:match("^%s*()", after) end
    value, at_end = value .. text:sub(after, after), after + 1
  end
end

-- The elements of Forwarded. A malformed one makes the whole field unreadable.
local function elements(text)
  local list, hop, at = {}, {}, 1
  while true do
    local name, value, after = parameter(text, at)
    if not name then return {} end
    hop[name] = value
    local separator = text:sub(after, after)
    if separator ~= ";" then
      list[#list + 1], hop = hop, {}
      if separator == "" then return list end
      if separator ~= "," then return {} end
    end
    at = after + 1
  end
end

local function from_rfc7239(text)
  local found = { addresses = {}, protos = {}, hosts = {} }
  for i, hop in ipairs(elements(text)) do
    found.addresses[i], found.protos[i], found.hosts[i] = hop["for"] or "", hop.proto or "",
      hop.host or ""
  end
  return found
end

--- What makes the portal trust the proxy in front, for people who run it.
forwarded.cure = "give the portal PROXY_SECRET and let the proxy send it as X-Proxy-Secret "
  .. '(docs/install.md, "The proxy in front"); deployer bootstrap does both'
--- The key in core.shared of the address of a proxy that is not trusted (lib/auth/client.lua).
forwarded.untrusted = "client.proxy"

--- Whether the request carries an address that a proxy reports.
---@param headers table<string, string>
---@return boolean
function forwarded.is_present(headers)
  return headers["x-forwarded-for"] ~= nil or headers.forwarded ~= nil
end

--- What the proxies report. A proxy that writes the X- fields may pass a client's Forwarded on, so
--- that one counts only alone.
---@param headers table<string, string>
---@return Forwarded
function forwarded.read(headers)
  local found, has_any = {}, false
  for part, field in pairs(FIELDS) do
    found[part] = list_of(headers[field])
    has_any = has_any or headers[field] ~= nil
  end
  if has_any or not headers.forwarded then return found end
  return from_rfc7239(headers.forwarded)
end

--- What the outermost trusted proxy wrote: the value of its hop, or the first one of a list that is
--- not as long as that of the addresses.
---@param found Forwarded
---@param list string[]  found.protos or found.hosts
---@param hop integer    the outermost trusted proxy's place in found.addresses
---@return string|nil
function forwarded.value(found, list, hop)
  local value = #list == #found.addresses and list[hop] or list[1]
  return value ~= "" and value or nil
end

return forwarded
