--- The admin's page, /admin and what is below it: each section has its address and comes whole from the server, in the reader's language.
--- www/admin.js makes it live: when the feed tells of a change, it asks for the same page again and shows what is new.
local server = require "core.server"
local findings = require "lib.admin.drift"
local frame = require "lib.admin.frame"
local keys = require "lib.admin.keys"
local overview = require "lib.admin.overview"
local parts = require "lib.admin.parts"
local stacks = require "lib.admin.stacks"
local trail = require "lib.admin.trail"
local work = require "lib.admin.work"
local change_events = require "lib.journal.change_events"
local csrf = require "lib.auth.csrf"
local owner = require "lib.auth.owner"
local session = require "lib.auth.session"
local journal = require "lib.journal"
local page = require "lib.pages"
local i18n = require "lib.pages.i18n"
local admin = require "routes.admin"
local bulk = require "routes.bulk"
local door = require "routes.door"
local filter = require "routes.filter"
local drift_routes = require "routes.drift"
local lists = require "routes.lists"

local pages = {}
local h, say = page.h, parts.say

-- The frame --------------------------------------------------------------------------------------------------------------

local function unreadable(view, section)
  local title = say(view, "problem.journal.title")
  local main = parts.notice("bad", h("p", {}, say(view, "problem.journal.detail")))
  return { section = section, title = title, main = main, status = 503, kinds = "portal" }
end

-- Somebody who is not logged in is led to where he can be, and back.
local function to_login(req)
  local query = { next = req.method == "GET" and parts.href(req.path, req.query) or "/admin", over = session.was(req) and "1" or nil }
  return { status = 303, headers = { Location = parts.href("/admin/login", query) } }
end

-- Whoever comes by a link of another site comes without the cookie, which is strict; the page asks for itself once more, and has it.
local function come_again(req)
  local language = page.language(req)
  local title = i18n.text(language, "admin.title")
  local said = { h("meta", { ["http-equiv"] = "refresh", content = "0" }), h("p", {}, h("a", { href = req.path }, title)) }
  return page.reply(req, page.frame(language, title, said), { private = true })
end

--- A page for the admin alone. make(view, req) returns what it is made of, or a reply.
---@param method string
---@param pattern string
---@param make fun(view: View, req: Request): table
function pages.route(method, pattern, make)
  server.route(method, pattern, function(req)
    local who = owner.from(req)
    local _, refusal
    if who.kind == "forged" then -- a wrong secret is counted here as everywhere
      _, refusal = door.who(req)
      return refusal
    end
    if not owner.is_admin(who) then
      local stranger = method == "GET" and req.headers["sec-fetch-site"] == "cross-site"
      return stranger and come_again(req) or to_login(req)
    end
    _, refusal = door.who(req)
    if refusal then return refusal end
    -- What a form is answered with has no address of its own: it belongs to its list, and is not asked for again by itself.
    local path = method == "POST" and req.path:match("^/admin/[^/]+") or req.path
    local view = { language = page.language(req), csrf = csrf.token(who), path = path, query = req.query, who = who,
      session = who.session, after = change_events.now() }
    local made = make(view, req)
    if method == "POST" then made.kinds = nil end
    return made.section and frame.reply(req, view, made) or made
  end)
end

-- Sections ---------------------------------------------------------------------------------------------------------------

-- A filter that makes no sense is as none: a page has nothing to refuse.
local function which(req, names)
  return filter.which(req, names) or filter.which({ query = {} }, {})
end

pages.route("GET", "/admin", function(view)
  local doc = lists.summary(view.language)
  if not doc then return unreadable(view, "overview") end
  return { section = "overview", title = say(view, "admin.nav.overview"), main = overview.page(view, doc),
    kinds = "stacks operations leftovers findings portal" }
end)

pages.route("GET", "/admin/stacks", function(view, req)
  local doc = lists.stacks(which(req, lists.stack_filters), view.language)
  if not doc then return unreadable(view, "stacks") end
  local main, kinds = stacks.list(view, doc), "stacks operations"
  return { section = "stacks", title = say(view, "admin.nav.stacks"), tools = stacks.search(view), main = main, kinds = kinds }
end)

pages.route("GET", "/admin/operations", function(view, req)
  local doc = lists.operations(which(req, lists.operation_filters), view.language)
  if not doc then return unreadable(view, "operations") end
  local main = work.operations(view, doc)
  return { section = "operations", title = say(view, "admin.nav.operations"), tools = work.search(view), main = main, kinds = "operations" }
end)

pages.route("GET", "/admin/queue", function(view, req)
  local doc = lists.queue(view.language)
  if not doc then return unreadable(view, "queue") end
  local main, search = work.queue(view, doc, which(req, { "search", "from" })), work.plain_search(view)
  return { section = "queue", title = say(view, "admin.nav.queue"), tools = search, main = main, kinds = "operations" }
end)

pages.route("GET", "/admin/leftovers", function(view, req)
  local doc = lists.leftovers(view.language)
  if not doc then return unreadable(view, "leftovers") end
  local main, search = work.leftovers(view, doc, which(req, { "search", "from" })), work.plain_search(view)
  return { section = "leftovers", title = say(view, "admin.nav.leftovers"), tools = search, main = main, kinds = "leftovers operations" }
end)

--- The page of findings; `told`: what came of an act.
function pages.findings(view, req, told)
  local doc = drift_routes.page(which(req, { "before", "all" }), view.language)
  if not doc then return unreadable(view, "findings") end
  local main = findings.list(view, doc)
  return { section = "findings", title = say(view, "admin.nav.findings"), tools = told, main = main, kinds = "findings operations" }
end

pages.route("GET", "/admin/findings", function(view, req) return pages.findings(view, req) end)

--- The question before a finding is removed.
function pages.ask_remove(view, finding, trouble)
  return { section = "findings", title = say(view, "admin.finding.ask", { name = finding.name }), status = trouble and 422,
    main = findings.question(view, finding, trouble) }
end

pages.route("GET", "/admin/findings/:id/remove", function(view, req)
  local finding, refusal = drift_routes.find(req, "list")
  return finding and pages.ask_remove(view, finding) or refusal
end)

pages.route("GET", "/admin/audit", function(view, req)
  local doc = admin.audit(which(req, admin.audit_filters))
  if not doc then return unreadable(view, "audit") end
  local main = trail.list(view, doc)
  return { section = "audit", title = say(view, "admin.nav.audit"), tools = trail.search(view), main = main, kinds = "audit" }
end)

-- Invites and tokens share their search; each list has its own cursor.
local function keys_of(asked, cursor)
  return { search = asked.search, state = asked.state, limit = asked.limit, after = asked[cursor] }
end

--- The page of invites and tokens; `told`: what was just made.
function pages.access(view, req, told, status)
  local asked = which(req, { "search", "state", "invites", "tokens" })
  local invites, tokens = admin.invites(keys_of(asked, "invites")), admin.tokens(keys_of(asked, "tokens"))
  if not invites or not tokens then return unreadable(view, "access") end
  return { section = "access", title = say(view, "admin.nav.access"), tools = { told, keys.forms(view), keys.search(view) },
    main = keys.lists(view, invites, tokens), kinds = "access operations", status = status }
end

pages.route("GET", "/admin/access", function(view, req) return pages.access(view, req) end)

-- One stack, and acts on several -----------------------------------------------------------------------------------------

local function crumb(view) return h("a", { href = "/admin/stacks" }, say(view, "admin.nav.stacks")) end

-- The names that are picked in a list.
local function picked(query)
  local list = {}
  for key in pairs(query) do list[#list + 1] = key:match("^pick%.(.+)$") end
  table.sort(list)
  return bulk.names(table.concat(list, " ")) or {}
end

--- The question before an act.
function pages.question(view, act, list, trouble)
  return { section = "stacks", title = stacks.question_title(view, act, list), main = stacks.question(view, act, list, trouble),
    crumb = crumb(view), status = trouble and 422 }
end

pages.route("GET", "/admin/stacks/act", function(view, req)
  if not bulk.knows(req.query.act) then return { status = 303, headers = { Location = "/admin/stacks" } } end
  return pages.question(view, req.query.act, picked(req.query))
end)

pages.route("GET", "/admin/stacks/done/:batch", function(view, req)
  local results = bulk.results(req.params.batch)
  if not results then return { status = 303, headers = { Location = "/admin/stacks" } } end
  return {
    section = "stacks", title = say(view, "admin.results"), crumb = crumb(view), kinds = "operations",
    main = stacks.results(view, results, journal.operation, function(operation) return work.outcome(view, operation.state) end),
  }
end)

pages.route("GET", "/admin/stacks/:name", function(view, req)
  local stack = lists.stack(req.params.name, view.language)
  local doc = lists.operations({ name = req.params.name, limit = 20 }, view.language)
  if stack == nil or not doc then return unreadable(view, "stacks") end
  local rows = work.table({ language = view.language, query = {} }, doc.operations)
  if stack then
    local main = stacks.one(view, stack, rows)
    return { section = "stacks", title = stack.name, main = main, crumb = crumb(view), kinds = "stacks operations" }
  end
  return {
    section = "stacks", title = req.params.name, crumb = crumb(view), kinds = "operations", status = #doc.operations == 0 and 404 or nil,
    main = { parts.notice("", h("p", {}, say(view, "admin.stack.gone"))), rows },
  }
end)

return pages
