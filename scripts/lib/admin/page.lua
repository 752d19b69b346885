--- The admin pages as routes: only for admins, in the frame of www/admin.html, in the reader's
--- language. Others are sent to the log-in.
local auth = require "lib.auth"
local csrf = require "lib.auth.csrf"
local identity = require "lib.auth.identity"
local session = require "lib.auth.session"
local parts = require "lib.admin.parts"
local refusal = require "lib.base.refusal"
local answer = require "lib.http.answer"
local change_events = require "lib.journal.change_events"
local page = require "lib.pages"
local elements = require "lib.pages.elements"
local i18n = require "lib.pages.i18n"
local admin_page = {}

local h, say = page.h, parts.say

-- The frame

local templates = {}
for _, language in ipairs(i18n.languages()) do
  local texts = i18n.group(language.code, "admin.live.")
  texts["live.copied"] = i18n.text(language.code, "live.copied")
  templates[language.code] = page.template("www/admin.html", language.code, { texts = texts })
end

local sections = {
  "overview", "stacks", "operations", "queue", "leftovers", "findings", "scripts", "audit",
  "access",
}

local function navigation(view, current)
  local list = {}
  for i, section in ipairs(sections) do
    local href = section == "overview" and "/admin" or "/admin/" .. section
    local props = { href = href, ["aria-current"] = section == current and "page" }
    list[i] = h("a", props, say(view, "admin.nav." .. section))
  end
  local label = say(view, "admin.sections")
  return h("nav", { class = "sections", ["aria-label"] = label }, list)
end

--- What a page is made of. `main` is asked for again when something of its `kinds` changes
--- (lib/journal/change_events.lua); `tools` above it stay.
---@class AdminPage
---@field title string|nil    a text's key
---@field heading string|nil  instead of a title
---@field section string|nil  nil: not logged in
---@field main Element[]
---@field tools Element|nil
---@field crumb Element|nil
---@field kinds string|nil
---@field status integer|nil

--- The reply that is this page.
---@param req Request
---@param view View
---@param made AdminPage
---@return Reply
function admin_page.reply(req, view, made)
  local heading = made.heading or say(view, made.title)
  return templates[view.language].reply(req, {
    title = ("%s · %s"):format(heading, say(view, "admin.title")), heading = heading,
    sections = made.section and navigation(view, made.section),
    logout = view.session and elements.button(view, "/admin/logout", say(view, "admin.logout")),
    tools = { view.notice, made.tools }, main = made.main, crumb = made.crumb,
    kinds = made.kinds or "", after = view.after,
  }, { status = made.status, private = true })
end

-- Access

-- The log-in leads back to the page.
local function to_login(req)
  local path = req.method == "GET" and parts.href(req.path, req.query) or "/admin"
  local over = session.was(req) and "1" or nil
  return answer.see_other(parts.href("/admin/login", { next = path, over = over }))
end

-- A link of another site comes without the strict cookie; the page asks for itself once more and
-- then has it.
local function reload(req)
  local language = page.language(req)
  local title = i18n.text(language, "admin.title")
  return page.reply(req, page.frame(language, title, {
    h("meta", { ["http-equiv"] = "refresh", content = "0" }),
    h("p", {}, h("a", { href = req.path }, title)),
  }), { private = true })
end

-- The reply for someone who is not an admin.
local function require_admin(req)
  local who = identity.of(req)
  if who.kind ~= "forged" and not identity.is_admin(who) then
    local is_linked = req.method == "GET" and req.headers["sec-fetch-site"] == "cross-site"
    return is_linked and reload(req) or to_login(req)
  end
  auth.who(req)
end

-- Routes

-- The answer to a form has no address of its own: it belongs to its list.
local function view_of(req)
  local who = auth.who(req)
  local path = req.method == "POST" and req.path:match("^/admin/[^/]+") or req.path
  return {
    language = page.language(req), csrf = csrf.token(who), path = path, query = req.query,
    who = who, session = who.session, after = change_events.now(),
  }
end

-- The page, or one that says that the journal cannot be read.
local function made_by(make, view, values, req)
  local is_made, made = refusal.catch(make, view, values, req)
  if is_made then return made end
  if made.code ~= "journal" then error(made, 0) end
  return {
    title = "problem.journal.title", status = 503, kinds = "portal",
    main = parts.notice("bad", h("p", {}, say(view, "problem.journal.detail"))),
  }
end

---@alias PageMaker fun(view: View, values: table, req: Request): AdminPage|Reply

-- A declaration for lib/http/routes.lua.
local function route(method, pattern, more, make)
  local function handler(req, values)
    local view = view_of(req)
    local made = make(view, values, req)
    if not made.main then return made end
    made.section = pattern:match("^/admin/([^/]+)") or "overview"
    if method == "POST" then made.kinds = nil end -- not asked for again when something changes
    return admin_page.reply(req, view, made)
  end
  more[1], more[2], more[3], more.access, more.before =
    method, pattern, handler, "session", require_admin
  return more
end

--- The route of a page.
---@param make PageMaker
---@param ... string  its query parameters
---@return Route
function admin_page.page(pattern, summary, make, ...)
  return route("GET", pattern, {
    summary = summary, query = { ... }, lenient = true,
    answers = { [200] = { "The page", type = "text/html" }, [303] = { "To the log-in, and back" } },
  }, function(...) return made_by(make, ...) end)
end

--- The route of a page's form.
---@param make PageMaker
---@param more { body: string|nil, allow: string|nil }|nil
---@return Route
function admin_page.form(pattern, summary, make, more)
  more = more or {}
  more.summary, more.form = summary, true
  more.answers = more.answers or { [303] = { "To the page that shows the result" } }
  return route("POST", pattern, more, make)
end

return admin_page
