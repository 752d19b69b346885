--- Cross-site request checks. Browsers say where a request comes from; workspaces are neighbours
--- under the same domain ("same-site"), so only the portal's own pages ("same-origin") may pass.
local client = require "lib.auth.client"
local host = require "lib.base.host"
local origin = {}

local default_port = { http = "80", https = "443" }

--- Whether the request comes from a program or from one of the portal's own pages.
---@param req Request
---@return boolean
function origin.is_own(req)
  local site, from = req.headers["sec-fetch-site"], req.headers.origin
  if site and site ~= "same-origin" and site ~= "none" then return false end
  if not from then return true end
  if from == "null" then return site == "same-origin" end -- a form of a page without referrer
  local scheme, authority = from:match("^(https?)://([^/]+)$")
  if not scheme then return false end
  local name, port = host.split(authority)
  local own_name, own_port = client.host(req)
  local default = default_port[scheme]
  return name ~= nil and name == own_name and (port or default) == (own_port or default)
end

--- Whether the request says where it comes from. Browsers do for every unsafe method.
---@param req Request
---@return boolean
function origin.is_stated(req)
  return req.headers["sec-fetch-site"] ~= nil or req.headers.origin ~= nil
end

return origin
