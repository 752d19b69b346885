--- Cookies: for the whole site, hidden from scripts. Their names end with the installation's id,
--- since browsers share cookies between all ports of a host.
local client = require "lib.auth.client"
local crypto = require "core.crypto"
local cookie = {}

local installation
local function installation_id()
  installation = installation or crypto.sha256(crypto.sign("installation", "")):sub(1, 8)
  return installation
end

-- Browsers reject a "__Host-" cookie that another host of the domain set, such as a workspace. The
-- prefix requires Secure, and some browsers (WebKit) drop Secure cookies without TLS, on loopback
-- as well.
local function full_name(req, name)
  return (client.is_over_tls(req) and "__Host-" or "") .. name .. "-" .. installation_id()
end

-- The name of 0.1, which is read until the next release.
local function old_name(req, name)
  return client.is_secure(req) and "__Host-" .. name or name
end

local function field(name, value, seconds, same_site)
  local secure = name:find("^__Host%-") and "; Secure" or ""
  return ("%s=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=%s%s"):format(
    name, value, seconds, same_site, secure)
end

--- The Set-Cookie that stores a value.
---@param req Request
---@param name string
---@param value string
---@param seconds integer
---@param same_site "Strict"|"Lax"  Lax: also sent when a link on another site is followed
---@return string
function cookie.set(req, name, value, seconds, same_site)
  return field(full_name(req, name), value, seconds, same_site)
end

--- The fields that remove it.
---@return string[]
function cookie.clear(req, name)
  return {
    field(full_name(req, name), "", 0, "Lax"), field(old_name(req, name), "", 0, "Lax"),
  }
end

local function value_of(sent, name)
  return ("; " .. sent):match(";%s*" .. name:gsub("%-", "%%-") .. "=([^;%s]+)")
end

--- The value that a request carries, or nil.
---@return string|nil value
---@return boolean is_old  under the name of 0.1
function cookie.get(req, name)
  local sent = req.headers.cookie
  if not sent then return nil, false end
  local value = value_of(sent, full_name(req, name))
  if value then return value, false end
  return value_of(sent, old_name(req, name)), true
end

return cookie
