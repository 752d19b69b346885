--- Whether a request that changes something may have been sent by another site's page. Browsers say where a request comes from;
--- a users' stack is a neighbour under the same domain ("same-site"), so only the portal's own pages are let through.
local origin = {}

local default_port = { http = "80", https = "443" }

-- host:port of an authority, with the scheme's default port left out.
local function normal(authority, scheme)
  local host, port = authority:lower():match("^(.-):(%d+)$")
  if not host then return authority:lower() end
  return port == default_port[scheme] and host or host .. ":" .. port
end

--- True when the request comes from a program, or from a page of the portal itself.
---@param req Request
---@return boolean
function origin.is_own(req)
  local site, from = req.headers["sec-fetch-site"], req.headers.origin
  if site and site ~= "same-origin" and site ~= "none" then return false end
  if not from then return true end
  if from == "null" then return site == "same-origin" end -- a form of a page that sends no referrer
  local scheme, authority = from:match("^(https?)://([^/]+)$")
  local host = req.headers.host
  return scheme ~= nil and host ~= nil and normal(authority, scheme) == normal(host, scheme)
end

--- True when the request says where it comes from. Every browser of today does with whatever changes something.
---@param req Request
---@return boolean
function origin.is_told(req) return req.headers["sec-fetch-site"] ~= nil or req.headers.origin ~= nil end

return origin
