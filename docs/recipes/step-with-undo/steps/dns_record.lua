-- Each workspace has a record in our DNS server. It is removed when the deployment fails or the
-- workspace is deleted.
local http = require "core.http"
local config = require "core.config"

local function request(method, name)
  return http.request { method = method, url = config.site.dns .. name, fresh = true }
end

local function find(ctx)
  local response, message = request("GET", ctx.name)
  if not response then return nil, message end
  if response.status == 404 then return false end -- it is gone
  return { id = ctx.name }
end

return {
  before = "domain", kind = "dns_record",
  title = { en = "DNS record", nl = "DNS-record", ar = "سجل DNS" },

  make = function(ctx)
    local response, message, _, was_sent = request("PUT", ctx.name)
    -- unknown: no answer came, and it may have been made. The engine then calls `find`.
    if not response then return nil, message, "dns", { unknown = was_sent ~= false } end
    if response.status < 300 then return { id = ctx.name } end
    return nil, "the DNS server answered " .. response.status, "dns", { unknown = false }
  end,

  find = find,

  undo = function(_, resource)
    local response, message = request("DELETE", resource.id)
    if not response then return nil, message end
    if response.status < 300 or response.status == 404 then return true end -- gone
    return nil, "the DNS server answered " .. response.status
  end,
}
