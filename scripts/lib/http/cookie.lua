--- The portal's cookies: for the whole site, out of the reach of scripts, and sent along only by the portal's own pages.
local client = require "lib.http.client"
local cookie = {}

-- The prefix makes browsers refuse a cookie of that name that another host of the domain has set, such as somebody's stack. They demand
-- Secure with it, and so TLS; where there is none, nothing is left but the bare name.
local function full_name(req, name) return client.is_secure(req) and "__Host-" .. name or name end

--- The Set-Cookie that gives a browser a value for some seconds.
---@param req Request
---@param name string
---@param value string
---@param seconds integer
---@return string
function cookie.set(req, name, value, seconds)
  return ("%s=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Strict%s"):format(
    full_name(req, name), value, seconds, client.is_secure(req) and "; Secure" or "")
end

--- The Set-Cookie that makes it forget.
function cookie.forget(req, name) return cookie.set(req, name, "", 0) end

--- The value that came with a request; nil when there is none.
---@return string|nil
function cookie.get(req, name)
  local sent = req.headers.cookie
  return sent and ("; " .. sent):match(";%s*" .. full_name(req, name):gsub("%-", "%%-") .. "=([^;%s]+)")
end

return cookie
