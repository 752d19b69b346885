--- Pages as templates in www/, filled in once for each language when the scripts load. What a template may say:
---   {{t:KEY}}       a text of the language, escaped       {{asset:FILE}}  the versioned address of a file in www/
---   {{lang}} {{dir}}  the language's code and direction   {{texts}} {{settings}}  JSON for a <script type="application/json">
---   {{languages}}   links to this page in each language   {{part:FILE}}   another template of www/
---   {{modules:FILE}}  has the browser fetch a script of www/ and all that it imports at once, not one after the other
---   {{slot:NAME}}   HTML of each request's own, see page.template
local crypto = require "core.crypto"
local gzip = require "core.gzip"
local json = require "core.json"
local server = require "core.server"
local i18n = require "lib.pages.i18n"
local page = {}

-- Elements -----------------------------------------------------------------------------------------------------------

local entities = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

--- Text made safe for HTML, also inside quotes.
---@param text string
---@return string
function page.escape(text) return (text:gsub("[&<>\"']", entities)) end

local made = {} -- the mark of what page.h made: that is not escaped again

---@class Element
---@field html string

local function as_html(child)
  if not child then return "" end
  if getmetatable(child) == made then return child.html end
  if type(child) ~= "table" then return page.escape(tostring(child)) end
  local parts, last = {}, 0
  for i in pairs(child) do last = math.max(last, i) end -- what is left out leaves holes
  for i = 1, last do parts[i] = as_html(child[i]) end
  return table.concat(parts)
end

local function attributes(props)
  local parts = {}
  for name, value in pairs(props) do
    if value == true then parts[#parts + 1] = " " .. name end
    if value and value ~= true then parts[#parts + 1] = (' %s="%s"'):format(name, page.escape(tostring(value))) end
  end
  table.sort(parts)
  return table.concat(parts)
end

local void = { input = true, meta = true, link = true, br = true, wbr = true }

--- An element: h("p", { class = "x" }, "text", child, { child, child }...). Texts are escaped; nil and false are left out.
---@param tag string
---@param props table|nil
---@return Element
function page.h(tag, props, ...)
  local parts = {}
  for i = 1, select("#", ...) do parts[i] = as_html((select(i, ...))) end
  local closing = void[tag] and "" or "</" .. tag .. ">"
  return setmetatable({ html = ("<%s%s>%s%s"):format(tag, attributes(props or {}), table.concat(parts), closing) }, made)
end

--- Names, addresses, ids: left to right whatever surrounds them.
function page.code(text) return page.h("bdi", { dir = "ltr", class = "mono" }, text) end

--- Links to the page that is shown, in each language; they need no script.
local function language_links(language)
  local links = {}
  for i, other in ipairs(i18n.languages()) do
    links[i] = page.h("a", { href = "?lang=" .. other.code, lang = other.code, hreflang = other.code, dir = other.dir,
      ["aria-current"] = other.code == language and "true" }, other.name)
  end
  return as_html(links)
end

-- Templates ------------------------------------------------------------------------------------------------------------

-- JSON inside a script element: "<" would let a text end the element, and two line separators are no JavaScript.
local function embedded(value)
  return (json.encode(value):gsub("<", "\\u003c"):gsub("\u{2028}", "\\u2028"):gsub("\u{2029}", "\\u2029"))
end

local function text_of(key, language, path)
  if not i18n.has(key) then error(("%s: {{t:%s}}: no such text in locales/%s.json"):format(path, key, i18n.default), 0) end
  return page.escape(i18n.text(language, key))
end

-- A script and what it imports by relative addresses, and what that imports, each once.
local function imported(file, list)
  if list[file] then return list end
  list[file] = true
  list[#list + 1] = file
  for other in server.read("www/" .. file):gmatch('from "%./([%w_.-]+)"') do imported(other, list) end
  return list
end

local function preloads(file)
  local links = {}
  for i, name in ipairs(imported(file, {})) do links[i] = page.h("link", { rel = "modulepreload", href = server.asset(name) }) end
  return as_html(links)
end

local filled

local function value_of(what, path, language, values)
  local kind, rest = what:match("^(%l+):(.+)$")
  if kind == "t" then return text_of(rest, language, path) end
  if kind == "asset" then return page.escape(server.asset(rest)) end
  if kind == "modules" then return preloads(rest) end
  if kind == "part" then return filled("www/" .. rest, language, values) end
  if kind == "slot" then return "{{" .. what .. "}}" end
  if what == "lang" then return language end
  if what == "dir" then return i18n.dir(language) end
  if what == "languages" then return language_links(language) end
  if values[what] then return embedded(values[what]) end
  error(("%s: {{%s}} is not understood (lib/pages/init.lua lists what is)"):format(path, what), 0)
end

function filled(path, language, values)
  return (server.read(path):gsub("{{%s*([^{}]-)%s*}}", function(what) return value_of(what, path, language, values) end))
end

---@class Template
---@field language string
---@field fill fun(slots: table<string, string|Element|Element[]>): string
---@field reply fun(req: Request, slots: table<string, string|Element|Element[]>, options: ReplyOptions|nil): Reply

-- The pieces between the slots, and the slots' names: piece, name, piece, ..., piece.
local function cut(html)
  local pieces, from = {}, 1
  for start, name, next_start in html:gmatch("(){{slot:([%w_]+)}}()") do
    pieces[#pieces + 1] = html:sub(from, start - 1)
    pieces[#pieces + 1] = name
    from = next_start
  end
  pieces[#pieces + 1] = html:sub(from)
  return pieces
end

--- The template filled in for one language, but for its slots: those are filled for each request. A slot's text is escaped, an
--- element stays one; a slot that is not given is empty. What stands between the slots is compressed here, once.
---@param path string  below the root: "www/index.html"
---@param language string
---@param values { texts: table|nil, settings: table|nil }|nil
---@return Template
function page.template(path, language, values)
  local html = filled(path, language, values or {})
  local pieces = cut(html)
  local packed = {}
  for i = 1, #pieces, 2 do packed[i] = gzip.pack(pieces[i]) end
  local function parts(slots)
    local list = {}
    for i, piece in ipairs(pieces) do list[i] = i % 2 == 1 and piece or as_html(slots[piece]) end
    return list
  end
  local function fill(slots) return table.concat(parts(slots)) end
  local function reply(req, slots, options)
    local list = parts(slots)
    local plain_html = table.concat(list)
    for i = 1, #pieces, 2 do list[i] = packed[i] end
    return page.reply(req, plain_html, options, req.gzip and list)
  end
  return { language = language, fill = fill, reply = reply }
end

local frames = {}

--- Names the template, with the slots title, heading and main, for pages that have no view in the lively one. While the scripts load.
---@param path string
function page.use_frame(path)
  for _, language in ipairs(i18n.languages()) do frames[language.code] = page.template(path, language.code) end
end

--- A page that says one thing.
---@param language string
---@param title string
---@param said Element[]
---@return string html
function page.frame(language, title, said)
  local name = i18n.has "page.title" and " · " .. i18n.text(language, "page.title") or ""
  local frame = frames[language]
  return frame and frame.fill { title = title .. name, heading = title, main = said } or as_html { page.h("h1", {}, title), said }
end

-- Replies --------------------------------------------------------------------------------------------------------------

page.headers = {
  ["Content-Security-Policy"] = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    .. "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  ["Cache-Control"] = "no-cache",
  ["Referrer-Policy"] = "same-origin",
  ["Cross-Origin-Opener-Policy"] = "same-origin", -- stacks are neighbours: no window of theirs holds one of ours, nor is it part of theirs
  ["Cross-Origin-Resource-Policy"] = "same-origin",
  Vary = "Accept-Language, Cookie, Accept-Encoding",
}

local function remember(language) return ("lang=%s; Path=/; Max-Age=31536000; SameSite=Lax"):format(language) end

local function headers_for(req, packed)
  local language, chosen = page.language(req)
  local headers = { ["Content-Language"] = language, ["Content-Encoding"] = packed and "gzip" or nil }
  for name, value in pairs(page.headers) do headers[name] = value end
  if chosen then headers["Set-Cookie"] = remember(language) end
  return headers
end

---@class ReplyOptions
---@field status integer|nil
---@field private boolean|nil  kept by nobody

--- The reply to a request for a page: 304 when the browser has it; a language that was asked for is remembered.
---@param req Request
---@param html string
---@param options ReplyOptions|nil
---@param packed (userdata|string)[]|nil  the same as parts for gzip.join, when the browser takes that
---@return Reply
function page.reply(req, html, options, packed)
  options = options or {}
  local headers = headers_for(req, packed)
  if options.private then
    headers["Cache-Control"] = "no-store"
  elseif not options.status then
    local hash = crypto.sha256(html):sub(1, 20)
    headers.ETag = ('"%s%s"'):format(hash, packed and "-gz" or "")
    if (req.headers["if-none-match"] or ""):find('"' .. hash, 1, true) then
      headers["Content-Encoding"] = nil
      return { status = 304, headers = headers }
    end
  end
  return { status = options.status, html = packed and gzip.join(packed) or html, headers = headers }
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
