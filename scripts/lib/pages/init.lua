--- Pages: templates of www/, filled in once for each language when the scripts load, and replies.
--- A template may contain:
---   {{t:KEY}}         a text of the language, escaped
---   {{asset:FILE}}    the versioned address of a file in www/
---   {{lang}} {{dir}}  the language's code and direction
---   {{languages}}     links to the same page in each language
---   {{texts}} {{settings}}  JSON for a <script type="application/json">
---   {{part:FILE}}     another template of www/
---   {{modules:FILE}}  preloads a script of www/ and everything that it imports
---   {{theme}}         the style sheet of the installation's own, if there is one
---   {{logo:FILE}}     its logo, or else the one in FILE
---   {{notice}}        its line for visitors, if there is one
---   {{slot:NAME}}     HTML of the request, see page.template
local crypto = require "core.crypto"
local gzip = require "core.gzip"
local json = require "core.json"
local server = require "core.server"
local site = require "core.site"
local html = require "lib.pages.html"
local i18n = require "lib.pages.i18n"
local page = { h = html.h, code = html.code, escape = html.escape }

local h = html.h

-- Templates

local function language_links(language)
  local links = {}
  for i, other in ipairs(i18n.languages()) do
    local is_current = other.code == language and "true"
    links[i] = h("a", { href = "?lang=" .. other.code, lang = other.code, hreflang = other.code,
      dir = other.dir, ["aria-current"] = is_current }, other.name)
  end
  return html.render(links)
end

-- JSON inside a script element: "<" could end the element; U+2028 and U+2029 end a line in scripts.
local function embedded(value)
  local text = json.encode(value):gsub("<", "\\u003c")
  return (text:gsub("\u{2028}", "\\u2028"):gsub("\u{2029}", "\\u2029"))
end

local function text_of(key, language, path)
  if not i18n.has(key) then
    error(("%s: {{t:%s}}: no such text in locales/%s.json"):format(path, key, i18n.default), 0)
  end
  return html.escape(i18n.text(language, key))
end

-- A script and everything that it imports, each once.
local function imported(file, list)
  if list[file] then return list end
  list[file] = true
  list[#list + 1] = file
  local script = server.read("www/" .. file)
  for other in script:gmatch('from "%./([%w_.-]+)"') do imported(other, list) end
  return list
end

local preload_links = {} -- the same in each language

local function preloads(file)
  if preload_links[file] then return preload_links[file] end
  local links = {}
  for i, name in ipairs(imported(file, {})) do
    links[i] = h("link", { rel = "modulepreload", href = server.asset(name) })
  end
  preload_links[file] = html.render(links)
  return preload_links[file]
end

-- What the installation adds (site/www/, site/locales/).
local own = {}

function own.theme()
  if not site.read "www/theme.css" then return "" end
  return html.render(h("link", { rel = "stylesheet", href = server.asset "site/theme.css" }))
end

function own.logo(default)
  if not site.read "www/logo.svg" then return (server.read("www/" .. default):gsub("%s+$", "")) end
  return html.render(h("img", { class = "logo", alt = "", src = server.asset "site/logo.svg" }))
end

function own.notice(_, language)
  if not i18n.has "own.notice" then return "" end
  return html.render(h("p", { class = "notice" }, i18n.text(language, "own.notice")))
end

local filled

local function value_of(what, path, language, values)
  local kind, rest = what:match("^(%l+):(.+)$")
  if kind == "t" then return text_of(rest, language, path) end
  if kind == "asset" then return html.escape(server.asset(rest)) end
  if kind == "modules" then return preloads(rest) end
  if kind == "part" then return filled("www/" .. rest, language, values) end
  if kind == "slot" then return "{{" .. what .. "}}" end
  local of_own = own[kind or what]
  if of_own then return of_own(rest, language) end
  if what == "lang" then return language end
  if what == "dir" then return i18n.dir(language) end
  if what == "languages" then return language_links(language) end
  if values[what] then return embedded(values[what]) end
  error(("%s: {{%s}} is not a placeholder (lib/pages/init.lua has the list)"):format(path, what), 0)
end

function filled(path, language, values)
  return (server.read(path):gsub("{{%s*([^{}]-)%s*}}", function(what)
    return value_of(what, path, language, values)
  end))
end

-- The pieces between the slots, and the slots' names: piece, name, piece, ..., piece. A plain find
-- is fast where a pattern tries each byte.
local function cut(text)
  local pieces, from, start = {}, 1, text:find("{{slot:", 1, true)
  while start do
    local name, next_start = text:match("^{{slot:([%w_]+)}}()", start)
    pieces[#pieces + 1] = text:sub(from, start - 1)
    pieces[#pieces + 1] = name
    from, start = next_start, text:find("{{slot:", next_start, true)
  end
  pieces[#pieces + 1] = text:sub(from)
  return pieces
end

---@alias Slots table<string, string|Element|Element[]>
---@class Template
---@field fill fun(slots: Slots): string
---@field reply fun(req: Request, slots: Slots, options: ReplyOptions|nil): Reply

--- A template filled in for one language, except for its slots, which each request fills. A slot
--- that is not given is empty. The pieces between the slots are compressed once, for the first
--- reply; slots are sent as they are, so that the length of a page says nothing about the secrets
--- in it (BREACH).
---@param path string  "www/index.html"
---@param language string
---@param values { texts: table|nil, settings: table|nil }|nil
---@return Template
function page.template(path, language, values)
  local pieces = cut(filled(path, language, values or {}))
  local packed
  local function pack()
    packed = {}
    for i = 1, #pieces, 2 do packed[i] = gzip.pack(pieces[i]) end
  end
  local function parts(slots)
    local list = {}
    for i, piece in ipairs(pieces) do
      list[i] = i % 2 == 1 and piece or html.render(slots[piece])
    end
    return list
  end
  local template = {}
  function template.fill(slots) return table.concat(parts(slots)) end
  function template.reply(req, slots, options)
    local list = parts(slots)
    local text = table.concat(list)
    if not req.gzip then return page.reply(req, text, options) end
    if not packed then pack() end
    for i = 1, #pieces, 2 do list[i] = packed[i] end
    return page.reply(req, text, options, list)
  end
  return template
end

local frames = {}

--- Sets the template, with the slots title, heading and main, of pages without a script. While the
--- scripts load.
---@param path string
function page.use_frame(path)
  for _, language in ipairs(i18n.languages()) do
    frames[language.code] = page.template(path, language.code)
  end
end

--- The title of a browser's tab.
function page.title(language, title)
  return i18n.has "page.title" and title .. " · " .. i18n.text(language, "page.title") or title
end

--- A page without a script.
---@param language string
---@param title string
---@param main Element[]
---@return string
function page.frame(language, title, main)
  local frame = frames[language]
  if not frame then return html.render { h("h1", {}, title), main } end
  return frame.fill { title = page.title(language, title), heading = title, main = main }
end

-- Replies

page.headers = {
  ["Content-Security-Policy"] = "default-src 'none'; script-src 'self'; style-src 'self'; "
    .. "img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'self'; "
    .. "frame-ancestors 'none'",
  ["Cache-Control"] = "no-cache",
  ["Referrer-Policy"] = "same-origin",
  -- Workspaces are neighbours of this host: their windows get no handle on this one.
  ["Cross-Origin-Opener-Policy"] = "same-origin",
  ["Cross-Origin-Resource-Policy"] = "same-origin",
  Vary = "Accept-Language, Cookie, Accept-Encoding",
}

local function headers_for(req, is_packed)
  local language, is_chosen = page.language(req)
  local headers = { ["Content-Language"] = language }
  if is_packed then headers["Content-Encoding"] = "gzip" end
  for name, value in pairs(page.headers) do headers[name] = value end
  if is_chosen then
    headers["Set-Cookie"] = ("lang=%s; Path=/; Max-Age=31536000; SameSite=Lax"):format(language)
  end
  return headers
end

---@class ReplyOptions
---@field status integer|nil
---@field private boolean|nil  not stored by any cache

--- The reply to a request for a page: 304 when the browser has it already. A language that the
--- request chooses is remembered in a cookie.
---@param req Request
---@param text string  HTML
---@param options ReplyOptions|nil
---@param packed (userdata|string)[]|false|nil  the same as parts for gzip.join
---@return Reply
function page.reply(req, text, options, packed)
  options = options or {}
  local headers = headers_for(req, packed)
  if options.private then
    headers["Cache-Control"] = "no-store"
  elseif not options.status then
    local hash = crypto.sha256(text):sub(1, 20)
    headers.ETag = ('"%s%s"'):format(hash, packed and "-gz" or "")
    if (req.headers["if-none-match"] or ""):find('"' .. hash, 1, true) then
      headers["Content-Encoding"] = nil
      return { status = 304, headers = headers }
    end
  end
  local body = packed and gzip.join(packed) or text
  return { status = options.status, html = body, headers = headers }
end

--- The part of a page that changes, for the script that shows it already.
---@param req Request
---@param title string
---@param main Element[]
---@param status integer|nil
---@return Reply
function page.part(req, title, main, status)
  local text = html.render { h("title", {}, title), main }
  return page.reply(req, text, { private = true, status = status })
end

--- Whether the request asks for the part of a page that changes.
---@return boolean
function page.wants_part(req) return req.headers["x-part"] ~= nil end

--- The language of a page: ?lang=, else the cookie of an earlier choice, else Accept-Language.
---@param req Request
---@return string language
---@return boolean is_chosen  by this request
function page.language(req)
  local asked = req.query.lang
  if asked and i18n.is_known(asked) then return asked, true end
  local kept = ("; " .. (req.headers.cookie or "")):match(";%s*lang=([%w-]+)")
  if kept and i18n.is_known(kept) then return kept, false end
  return i18n.accepted(req.headers["accept-language"]), false
end

return page
