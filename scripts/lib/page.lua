--- Pages as templates in www/, filled in once for each language when the scripts load. What a template may say:
---   {{t:KEY}}       a text of the language, escaped       {{asset:FILE}}  the versioned address of a file in www/
---   {{lang}} {{dir}}  the language's code and direction   {{texts}} {{settings}}  JSON for a <script type="application/json">
local crypto = require "core.crypto"
local json = require "core.json"
local server = require "core.server"
local i18n = require "lib.i18n"
local page = {}

local entities = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

--- Text made safe for HTML, also inside quotes.
---@param text string
---@return string
function page.escape(text) return (text:gsub("[&<>\"']", entities)) end

-- JSON inside a script element: "<" would let a text end the element, and two line separators are no JavaScript.
local function embedded(value)
  return (json.encode(value):gsub("<", "\\u003c"):gsub("\u{2028}", "\\u2028"):gsub("\u{2029}", "\\u2029"))
end

local function text_of(key, language, path)
  if not i18n.has(key) then error(("%s: {{t:%s}}: no such text in locales/%s.json"):format(path, key, i18n.default), 0) end
  return page.escape(i18n.text(language, key))
end

--- The template filled in for one language.
---@param path string  below the root: "www/index.html"
---@param language string
---@param values { texts: table, settings: table }
---@return string html
function page.render(path, language, values)
  local function fill(what)
    local kind, rest = what:match("^(%l+):(.+)$")
    if kind == "t" then return text_of(rest, language, path) end
    if kind == "asset" then return page.escape(server.asset(rest)) end
    if what == "lang" then return language end
    if what == "dir" then return i18n.dir(language) end
    if values[what] then return embedded(values[what]) end
    error(("%s: {{%s}} is not understood (lib/page.lua lists what is)"):format(path, what), 0)
  end
  return (server.read(path):gsub("{{%s*([^{}]-)%s*}}", fill))
end

page.headers = {
  ["Content-Security-Policy"] = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    .. "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  ["Cache-Control"] = "no-cache",
  Vary = "Accept-Language, Cookie",
}

--- A rendered page with the fields that go with it.
---@param html string
---@param language string
---@return { html: string, etag: string, headers: table<string, string> }
function page.finished(html, language)
  local headers = { ["Content-Language"] = language, ETag = '"' .. crypto.sha256(html):sub(1, 20) .. '"' }
  for name, value in pairs(page.headers) do headers[name] = value end
  return { html = html, etag = headers.ETag, headers = headers }
end

--- The language of a page: ?lang=, else the cookie that an earlier choice left, else Accept-Language.
---@param req Request
---@return string language
---@return boolean chosen  it was asked for in this request
function page.language(req)
  local asked = req.query.lang
  if asked and i18n.known(asked) then return asked, true end
  local kept = ("; " .. (req.headers.cookie or "")):match(";%s*lang=([%w-]+)")
  if kept and i18n.known(kept) then return kept, false end
  return i18n.accepted(req.headers["accept-language"]), false
end

return page
