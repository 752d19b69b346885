--- GET /: the page, in the language of whoever asks. Written once for each language when the scripts load.
local config = require "core.config"
local server = require "core.server"
local i18n = require "lib.i18n"
local names = require "lib.names"
local page = require "lib.page"
local templates = require "policy.templates"

local function settings(language)
  return {
    suffix = config.stack.suffix,
    scheme = config.stack.scheme,
    port = config.stack.public_port,
    rehearsal = config.rehearsal,
    access = config.access,
    language = language,
    languages = i18n.languages(),
    templates = templates.ids(),
    names = { min = names.min, max = names.max },
    version = server.info().version,
  }
end

local pages = {}
for _, language in ipairs(i18n.languages()) do
  local values = { texts = i18n.group(language.code, "page."), settings = settings(language.code) }
  pages[language.code] = page.finished(page.render("www/index.html", language.code, values), language.code)
end

local function with_cookie(headers, language)
  local copy = { ["Set-Cookie"] = ("lang=%s; Path=/; Max-Age=31536000; SameSite=Lax"):format(language) }
  for name, value in pairs(headers) do copy[name] = value end
  return copy
end

local function is_fresh(req, etag)
  local known = req.headers["if-none-match"]
  return known ~= nil and known:find(etag, 1, true) ~= nil
end

server.route("GET", "/", function(req)
  local language, chosen = page.language(req)
  local found = pages[language]
  local headers = chosen and with_cookie(found.headers, language) or found.headers
  if is_fresh(req, found.etag) then return { status = 304, headers = headers } end
  return { html = found.html, headers = headers }
end)
