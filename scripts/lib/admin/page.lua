--- The admin pages as routes: only for admins, framed, in the reader's language. Others are sent to
--- the log-in.
local auth = require "lib.auth"
local csrf = require "lib.auth.csrf"
local identity = require "lib.auth.identity"
local session = require "lib.auth.session"
local frame = require "lib.admin.frame"
local parts = require "lib.admin.parts"
local refusal = require "lib.base.refusal"
local answer = require "lib.http.answer"
local change_events = require "lib.journal.change_events"
local page = require "lib.pages"
local i18n = require "lib.pages.i18n"
local admin_page = {}

local h, say = page.h, parts.say

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

local function section_of(path) return path:match("^/admin/([^/]+)") or "overview" end

-- The answer to a form has no address of its own: it belongs to its list.
local function view_of(req)
  local who = auth.who(req)
  local path = req.method == "POST" and req.path:match("^/admin/[^/]+") or req.path
  return {
    language = page.language(req), csrf = csrf.token(who), path = path, query = req.query,
    who = who, session = who.session, after = change_events.now(),
  }
end

local function unreadable(view)
  return {
    title = say(view, "problem.journal.title"), status = 503, kinds = "portal",
    main = parts.notice("bad", h("p", {}, say(view, "problem.journal.detail"))),
  }
end

-- What make() returns, or a page that says that the journal cannot be read.
local function made_by(make, view, req, values)
  if req.method == "POST" then return make(view, req, values) end
  local is_made, made = refusal.catch(make, view, req, values)
  if is_made then return made end
  if made.code ~= "journal" then error(made, 0) end
  return unreadable(view)
end

--- A declaration for lib/http/routes.lua.
---@param method string
---@param pattern string
---@param make fun(view: View, req: Request, values: table): AdminPage|Reply
---@param route table  summary and what else the declaration needs
---@return Route
function admin_page.route(method, pattern, make, route)
  local function handler(req, values)
    local view = view_of(req)
    local made = made_by(make, view, req, values)
    if not made.main then return made end
    made.section = section_of(pattern)
    if method == "POST" then made.kinds = nil end -- not asked for again when something changes
    return frame.reply(req, view, made)
  end
  route[1], route[2], route[3] = method, pattern, handler
  route.access, route.before = "session", require_admin
  if method == "GET" then
    route.lenient = true
    route.answers = {
      [200] = { "The page", type = "text/html" },
      [303] = { "To the log-in, and back" },
    }
  else
    route.form = true
    route.answers = { [303] = { "To the page that shows the result" } }
  end
  return route
end

return admin_page
