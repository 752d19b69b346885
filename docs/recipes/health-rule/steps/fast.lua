-- A workspace that answers slowly is no good: the deployment fails and is undone.
local http = require "core.http"

local MOST = 2 -- seconds
local TRIES = 5

return {
  after = "health", deadline = 60, expect = 1,
  title = { en = "Speed", nl = "Snelheid", ar = "السرعة" },
  run = function(ctx)
    for _ = 1, TRIES do
      -- verify = false: no password is sent, and the certificate may be minutes away
      local response = http.request { url = ctx.url .. "/global/health", verify = false }
      if response and response.seconds < MOST then return true end
      ctx:sleep(1)
    end
    return nil, ("it takes more than %g s to answer"):format(MOST), "too_slow"
  end,
}
