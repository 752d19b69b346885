--- Cookies: for the whole site, hidden from scripts, sent by the portal's own pages only.
local client = require "lib.auth.client"
local cookie = {}

-- Browsers reject a "__Host-" cookie that another host of the domain set, such as a workspace. The
-- prefix requires Secure, hence TLS; without TLS only the bare name works.
local function full_name(req, name)
  return client.is_secure(req) and "__Host-" .. name or name
end

--- The Set-Cookie that stores a value.
---@param req Request
---@param name string
---@param value string
---@param seconds integer
---@return string
function cookie.set(req, name, value, seconds)
  return ("%s=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Strict%s"):format(
    full_name(req, name), value, seconds, client.is_secure(req) and "; Secure" or "")
end

--- The Set-Cookie that removes it.
function cookie.clear(req, name) return cookie.set(req, name, "", 0) end

--- The value that a request carries, or nil.
---@return string|nil
function cookie.get(req, name)
  local sent = req.headers.cookie
  local pattern = ";%s*" .. full_name(req, name):gsub("%-", "%%-") .. "=([^;%s]+)"
  return sent and ("; " .. sent):match(pattern)
end

return cookie
