--- The kinds of values for lib/schema: how each is read and how a message asks for it.
--- `read(value)` returns true and the converted value; or false, nil, and what is wrong where there
--- is more to say than the hint does.
local address = require "lib.base.address"
local hosts = require "lib.base.host"
local image = require "lib.base.image"
local clean = require("lib.base.text").clean
local kinds = {}

local function kind(hint, read) return { hint = hint, read = read } end

-- A kind of text. `test` gets the cleaned text; it returns true, another value to use instead, or
-- false and perhaps what is wrong.
local function text_kind(hint, test)
  return kind(hint, function(value)
    if type(value) ~= "string" then return false end
    local text = clean(value)
    local result, fault = test(text)
    if not result then return false, nil, fault end
    return true, result == true and text or result
  end)
end

local function within(number, least, most)
  return number and number >= least and number <= most or false -- false for NaN, too
end

local function elements(value)
  if type(value) == "table" then return value end
  local list = {}
  for part in tostring(value):gmatch("[^,]+") do list[#list + 1] = part end
  return list
end

-- A kind of comma-separated text, or array. `convert` gets each cleaned element.
local function list_kind(hint, convert)
  return kind(hint, function(value)
    local list = {}
    for _, part in ipairs(elements(value)) do
      local text = clean(tostring(part))
      if text ~= "" then
        local item = convert(text)
        if not item then return false end
        list[#list + 1] = item
      end
    end
    return true, list
  end)
end

kinds.text = text_kind("a text", function(text) return text ~= "" and not text:find("%c") end)

kinds.any_text = kind("a text", function(value) return type(value) == "string", value end)

kinds.table = kind("a table", function(value) return type(value) == "table", value end)

kinds.func = kind("a function", function(value) return type(value) == "function", value end)

kinds.flag = kind("true or false", function(value)
  if value == "true" or value == "false" then return true, value == "true" end
  return type(value) == "boolean", value
end)

function kinds.one_of(choices)
  local quoted = {}
  for i, choice in ipairs(choices) do quoted[i] = '"' .. choice .. '"' end
  return text_kind(table.concat(quoted, " or "), function(text)
    for _, choice in ipairs(choices) do
      if text == choice then return true end
    end
    return false
  end)
end

function kinds.whole(least, most)
  return kind(("a whole number from %d to %d"):format(least, most), function(value)
    local number = math.tointeger(tonumber(value))
    return within(number, least, most), number
  end)
end

function kinds.number(least, most)
  return kind(("a number from %g to %g"):format(least, most), function(value)
    local number = tonumber(value)
    return within(number, least, most), number
  end)
end

local units = { B = 1, KiB = 1 << 10, MiB = 1 << 20, GiB = 1 << 30 }

local function bytes_of(value)
  if math.type(value) == "integer" then return value end
  local number, unit = tostring(value):match("^%s*(%d+%.?%d*)%s*(%a*)%s*$")
  local scale = number and units[unit ~= "" and unit or "B"]
  return scale and math.tointeger(tonumber(number) * scale // 1)
end

local function size_text(bytes)
  for _, unit in ipairs { "GiB", "MiB", "KiB" } do
    if bytes >= units[unit] then return ("%d %s"):format(bytes // units[unit], unit) end
  end
  return bytes .. " B"
end

--- A size in bytes, written with its unit.
function kinds.size(least, most)
  local hint = ('a size of %s or more, such as "%s"'):format(size_text(least), size_text(2 * least))
  return kind(hint, function(value)
    local bytes = bytes_of(value)
    return bytes ~= nil and within(bytes, least, most or math.huge), bytes
  end)
end

local LONGEST_SUFFIX = 220 -- a name and its dot must still fit into a host name of 253 characters

local function is_domain(text)
  if #text > LONGEST_SUFFIX then return false end
  for label in (text .. "."):gmatch("(.-)%.") do
    if #label > 63 or not label:find("^%w[%w-]*$") or label:sub(-1) == "-" then return false end
  end
  return true
end

kinds.domain = text_kind("a domain without a dot or star in front, such as ai.example.com",
  function(text)
    local name = hosts.fold(text)
    return is_domain(name) and name
  end)

-- An IPv6 address may be in brackets, as in a URL.
kinds.listen = text_kind("an address or name of this machine, such as 127.0.0.1 or ::",
  function(text)
    local host = text:match "^%[([%x:.]+)%]$" or text
    return host:find "^[%w.:_%%-]+$" ~= nil and host
  end)

local function is_port(text) return within(math.tointeger(tonumber(text)), 1, 65535) end

kinds.host_port = text_kind("host:port, such as traefik:443", function(text)
  local port = text:match("^[%w._-]+:(%d+)$") or text:match("^%[[%x:]+%]:(%d+)$")
  return port ~= nil and is_port(port)
end)

-- People copy a trailing slash, /api or the page that is open along; the client adds /api itself.
kinds.url = text_kind(
  "an http or https address without user, query or fragment, such as https://dokploy.example.com",
  function(text)
    text = text:gsub("^(%a+://[^/]*)/dashboard.*$", "%1")
    local scheme, rest = text:match("^(https?)://([^%s?#@]+)$")
    if not rest then return false end
    local host, port = rest:match("^([^/:]+):?(%d*)")
    if not host:find("^[%w._-]+$") and not rest:find("^%[[%x:]+%]") then return false end
    if port ~= "" and not is_port(port) then return false end
    return (scheme .. "://" .. rest):gsub("/+$", ""):gsub("/api$", "")
  end)

kinds.endpoint = text_kind(
  "an http or https address without user or fragment, such as https://example.com/hooks?for=us",
  function(text)
    local authority = text:match "^https?://([^/?#%s]+)[^#%s]*$"
    local name, port = hosts.split(authority or "")
    return name ~= nil and (not port or is_port(port) ~= false)
  end)

kinds.proxy = text_kind(
  "the address of an HTTP proxy that asks for no login, such as http://proxy.example.com:3128",
  function(text)
    local host, port = text:match "^https?://([^/@%s]+):(%d+)/?$"
    return host ~= nil and (host:find "^[%w._-]+$" or host:find "^%[[%x:.]+%]$") ~= nil
      and is_port(port) and text:gsub("/$", "")
  end)

kinds.image = text_kind("an image's name, such as ghcr.io/you/ai-stack:1.0 or one with @sha256:...",
  function(text)
    local parsed, fault = image.parse(text)
    return parsed ~= nil, fault
  end)

kinds.registry = text_kind("the host of a registry, such as ghcr.io", image.registry)

-- Those that Docker and Dokploy make for themselves.
local own_networks = {
  bridge = true, host = true, none = true, ingress = true, docker_gwbridge = true,
  ["dokploy-network"] = true,
}

kinds.docker_network = text_kind(
  "the name of a Docker network other than Docker's and Dokploy's own, such as workspaces",
  function(text) return text:find("^%w[%w_.-]*$") ~= nil and not own_networks[text] end)

kinds.version = text_kind("a version, such as 0.30.2",
  function(text) return text:find("^v?%d+%.%d+%.%d+$") and text:gsub("^v", "") or false end)

kinds.header = text_kind("the name of a header field, such as Remote-User",
  function(text) return text:find("^[%w-]+$") ~= nil end)

kinds.zone = text_kind("a time zone, such as Europe/Amsterdam or UTC",
  function(text) return text:find("^%a[%w_+/-]*$") ~= nil end)

kinds.list = list_kind("a list, separated by commas", function(text) return text end)

kinds.names = list_kind(
  "a list of names, separated by commas (patterns go into scripts/policy/names.lua)",
  function(text) return text:lower():match("^[a-z0-9-]+$") end)

kinds.networks = list_kind(
  "a list of addresses and networks, separated by commas, such as 192.0.2.7", address.block)

kinds.hosts = list_kind(
  "a list of host names without ports, separated by commas, such as deploy.example.com",
  function(text)
    local name, port = hosts.split(text)
    return name and not port and not text:find(":$") and name
  end)

-- The file holds secret "NAME"; config.secret "NAME" reads the value when it is needed.
kinds.secret = kind(
  'a secret does not belong in this file (write secret "%s", and set that variable, or %s_FILE to '
    .. "the path of a file that holds it)",
  function(value) return type(value) ~= "string", value end)
kinds.secret.is_secret = true

return kinds
