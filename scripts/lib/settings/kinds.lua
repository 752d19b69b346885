--- The kinds of values in config.lua: how each is read, and in which words it is asked for.
--- read(value) returns true and what was understood, or false.
local address = require "lib.base.address"
local kinds = {}

local function kind(hint, read)
  return { hint = hint, read = read }
end

local function from_text(test)
  return function(value)
    if type(value) ~= "string" then return false end
    local text = value:match("^%s*(.-)%s*$")
    local result = test(text)
    if result == true then return true, text end
    return result ~= nil and result ~= false, result
  end
end

kinds.text = kind("a text", from_text(function(text) return text ~= "" and not text:find("%c") end))

kinds.flag = kind("true or false", function(value)
  if value == "true" or value == "false" then return true, value == "true" end
  return type(value) == "boolean", value
end)

function kinds.one_of(words)
  local quoted = {}
  for i, word in ipairs(words) do quoted[i] = '"' .. word .. '"' end
  return kind(table.concat(quoted, " or "), from_text(function(text)
    for _, word in ipairs(words) do
      if text == word then return true end
    end
    return false
  end))
end

local function within(number, least, most)
  return number and number == number and number >= least and number <= most
end

function kinds.whole(least, most)
  return kind(("a whole number from %d to %d"):format(least, most), function(value)
    local number = math.tointeger(tonumber(value))
    return within(number, least, most) or false, number
  end)
end

function kinds.number(least, most)
  return kind(("a number from %g to %g"):format(least, most), function(value)
    local number = tonumber(value)
    return within(number, least, most) or false, number
  end)
end

local units = { [""] = 1, B = 1, KiB = 1 << 10, MiB = 1 << 20, GiB = 1 << 30 }

local function as_size(value)
  if math.type(value) == "integer" then return value end
  if type(value) ~= "string" then return nil end
  local number, unit = value:match("^%s*(%d+%.?%d*)%s*(%a*)%s*$")
  return number and units[unit] and math.tointeger(tonumber(number) * units[unit] // 1)
end

local function size_text(bytes)
  for _, unit in ipairs { "GiB", "MiB", "KiB" } do
    if bytes >= units[unit] then return ("%d %s"):format(bytes // units[unit], unit) end
  end
  return bytes .. " B"
end

function kinds.size(least)
  return kind(('a size of %s or more, such as "2 GiB" or "64 KiB"'):format(size_text(least)), function(value)
    local size = as_size(value)
    return size ~= nil and size >= least, size
  end)
end

local function is_domain(text)
  if #text > 220 then return false end -- a name and its dot must still fit into a host name of 253
  for label in (text .. "."):gmatch("(.-)%.") do
    if #label > 63 or not label:find("^%w[%w-]*$") or label:sub(-1) == "-" then return false end
  end
  return true
end

kinds.domain = kind("a domain without a dot or star in front, such as ai.example.com", from_text(function(text)
  return is_domain(text) and text:lower()
end))

local function is_port(text)
  local port = math.tointeger(tonumber(text))
  return port ~= nil and port >= 1 and port <= 65535
end

kinds.host_port = kind("host:port, such as traefik:443", from_text(function(text)
  local host, port = text:match("^([%w._-]+):(%d+)$")
  if not host then host, port = text:match("^(%[[%x:]+%]):(%d+)$") end
  return host ~= nil and is_port(port)
end))

-- A trailing slash or /api is what people copy along; the client adds /api itself.
kinds.url = kind("an http or https address without user, query or fragment, such as https://dokploy.example.com", from_text(function(text)
  local scheme, rest = text:match("^(https?)://([^%s?#@]+)$")
  if not rest then return false end
  local host, port = rest:match("^([^/:]+):?(%d*)")
  if not host:find("^[%w._-]+$") and not rest:find("^%[[%x:]+%]") then return false end
  if port ~= "" and not is_port(port) then return false end
  return (scheme .. "://" .. rest):gsub("/+$", ""):gsub("/api$", "")
end))

kinds.image = kind("an image's name, such as ghcr.io/you/ai-stack:1.0 or one with @sha256:...", from_text(function(text)
  return text:find("^[%w][%w._/:@-]*$") ~= nil
end))

kinds.version = kind("a version, such as 0.30.2", from_text(function(text)
  return text:find("^v?%d+%.%d+%.%d+$") and text:gsub("^v", "") or false
end))

local function as_words(value)
  if type(value) == "table" then return value end
  local words = {}
  for word in tostring(value):gmatch("[^,]+") do words[#words + 1] = word end
  return words
end

kinds.words = kind("a list of names, separated by commas (patterns go into scripts/policy/names.lua)", function(value)
  local words = {}
  for _, raw in ipairs(as_words(value)) do
    local word = tostring(raw):match("^%s*(.-)%s*$"):lower()
    if word:find("[^a-z0-9-]") then return false end
    if word ~= "" then words[#words + 1] = word end
  end
  return true, words
end)

-- What stands between commas, without the blanks around it.
local function parts_of(value)
  local parts = {}
  for _, part in ipairs(as_words(value)) do
    part = tostring(part):match("^%s*(.-)%s*$")
    if part ~= "" then parts[#parts + 1] = part end
  end
  return parts
end

kinds.list = kind("a list, separated by commas", function(value) return true, parts_of(value) end)

kinds.hosts = kind("a list of host names without ports, separated by commas, such as deploy.example.com", function(value)
  local set = {}
  for _, host in ipairs(parts_of(value)) do
    host = host:lower()
    if not host:find("^[%w._-]+$") and not host:find("^%[[%x:.]+%]$") then return false end
    set[host] = true
  end
  return true, next(set) and set or nil
end)

kinds.networks = kind("a list of addresses and networks, separated by commas, such as 172.18.0.0/16", function(value)
  local blocks = {}
  for i, part in ipairs(parts_of(value)) do
    blocks[i] = address.block(part)
    if not blocks[i] then return false end
  end
  return true, blocks
end)

kinds.header = kind("the name of a header field, such as Remote-User", from_text(function(text) return text:find("^[%w-]+$") ~= nil end))

-- A secret itself never stands in config.lua: secret "NAME" does, and config.secret("NAME") reads it when it is needed.
kinds.secret = kind('a secret does not belong in this file (write secret "%s", and set that variable, or %s_FILE to its file)',
  function(value) return type(value) ~= "string", value end)
kinds.secret.is_secret = true

return kinds
