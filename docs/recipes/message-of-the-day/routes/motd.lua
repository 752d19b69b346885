-- GET /api/motd: the line of the start page, for programs.
local json = require "core.json"
local site = require "core.site"

local function show(req)
  local file = ("locales/%s.json"):format(req.query.lang or "en")
  local texts = json.decode(site.read(file) or "{}")
  return { json = { text = texts["own.notice"] } }
end

return {
  { "GET", "/api/motd", show, summary = "The message of the day" },
}
