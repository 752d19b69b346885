-- After everything: tells the chat. Optional: a chat that is down fails no deployment.
local http = require "core.http"
local json = require "core.json"
local config = require "core.config"

return {
  after = "health", optional = true,
  title = { en = "Message", nl = "Bericht", ar = "رسالة" },
  run = function(ctx)
    local response, message = http.request {
      url = config.site.chat, method = "POST", headers = { ["Content-Type"] = "application/json" },
      body = json.encode { text = ("%s is ready: %s"):format(ctx.name, ctx.url) },
    }
    return response and response.status < 300, message or "the chat refused it"
  end,
}
