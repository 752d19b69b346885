-- Before anything is made: is there a licence left?
local http = require "core.http"
local config = require "core.config"

return {
  before = "project",
  title = { en = "Licence", nl = "Licentie", ar = "الترخيص" },
  run = function(ctx)
    local response, message = http.request { url = config.site.licences .. ctx.name }
    if not response then return nil, message, "no_licence" end
    if response.status == 200 then return true end
    return nil, "the licence server answered " .. response.status, "no_licence"
  end,
}
