--- Cross-site request checks. Browsers say where a request comes from; workspaces are neighbours
--- under the same domain ("same-site"), so only the portal's own pages ("same-origin") may pass.
local origin = {}

local default_port = { http = "80", https = "443" }

-- host[:port], without the scheme's default port.
local function normalize(authority, scheme)
  local host, port = authority:lower():match("^(.-):(%d+)$")
  if not host then return authority:lower() end
  return port == default_port[scheme] and host or host .. ":" .. port
end

--- Whether the request comes from a program or from one of the portal's own pages.
---@param req Request
---@return boolean
function origin.is_own(req)
  local site, from = req.headers["sec-fetch-site"], req.headers.origin
  if site and site ~= "same-origin" and site ~= "none" then return false end
  if not from then return true end
  if from == "null" then return site == "same-origin" end -- a form of a page without referrer
  local scheme, authority = from:match("^(https?)://([^/]+)$")
  local host = req.headers.host
  if not scheme or not host then return false end
  return normalize(authority, scheme) == normalize(host, scheme)
end

--- Whether the request says where it comes from. Browsers do for every unsafe method.
---@param req Request
---@return boolean
function origin.is_stated(req)
  return req.headers["sec-fetch-site"] ~= nil or req.headers.origin ~= nil
end

return origin
