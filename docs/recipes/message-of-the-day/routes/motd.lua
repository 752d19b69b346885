-- GET /api/motd: the line of the start page, for programs.
local json = require "core.json"
local site = require "core.site"

local function notice(language)
  local file = site.read(("locales/%s.json"):format(language))
  return file and json.decode(file)["own.notice"]
end

local function show(req)
  return { json = { text = notice(req.query.lang or "en") or notice "en" } }
end

return {
  { "GET", "/api/motd", show, summary = "The message of the day" },
}
