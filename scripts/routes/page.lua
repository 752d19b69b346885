--- The visitors' pages: the form, an operation, a workspace, the list of workspaces. The server
--- renders each state; the scripts of www/ ask for the part that changed (page.wants_part).
local config = require "core.config"
local server = require "core.server"
local shared = require "core.shared"
local auth = require "lib.auth"
local client = require "lib.auth.client"
local csrf = require "lib.auth.csrf"
local identity = require "lib.auth.identity"
local origin = require "lib.auth.origin"
local names = require "lib.base.names"
local refusal = require "lib.base.refusal"
local problem = require "lib.http.problem"
local routes = require "lib.http.routes"
local workspace_view = require "lib.http.workspace_view"
local journal = require "lib.journal"
local reservations = require "lib.journal.reservations"
local queue = require "lib.operations.queue"
local scheduler = require "lib.operations.scheduler"
local summary = require "lib.operations.summary"
local page = require "lib.pages"
local access = require "lib.pages.access"
local home = require "lib.pages.home"
local elements = require "lib.pages.elements"
local html = require "lib.pages.html"
local i18n = require "lib.pages.i18n"
local operation_page = require "lib.pages.operation"
local workspace_page = require "lib.pages.workspace"
local limits = require "lib.policy.limits"
local templates = require "lib.policy.templates"

local h = html.h
local REFRESH_S = 3 -- seconds between two reloads of a browser without JavaScript

local offered, planned = templates.offered(), {}
home.define_texts(templates.all(), templates.place_of)
for i, step in ipairs(require "steps") do planned[i] = step.name end

local settings = {
  suffix = config.stack.suffix, scheme = config.stack.scheme, port = config.stack.public_port,
}

local home_templates, view_templates, choices = {}, {}, {}
for _, language in ipairs(i18n.languages()) do
  local code = language.code
  local values = { texts = i18n.group(code, "live."), settings = settings }
  home_templates[code] = page.template("www/index.html", code, values)
  view_templates[code] = page.template("www/view.html", code, values)
  choices[code] = {
    home.templates(code, offered), config.access == "invite" and home.invite(code) or nil,
  }
end
page.use_frame "www/plain.html"

-- Browsers that take no icon from the page look for it here.
local ICON = server.read "www/favicon.ico"
local function show_icon()
  local headers = { ["Cache-Control"] = "public, max-age=86400" }
  return { body = ICON, type = "image/x-icon", headers = headers }
end

local function reader_of(req, is_mine)
  local who = auth.reader(req)
  return {
    language = page.language(req), csrf = csrf.token(who), is_mine = is_mine,
    has_key = who.kind == "owner",
  }
end

-- A view of www/view.html, or for its script only the part that changes.
---@param options { status: integer|nil, refresh_s: integer|nil }
local function view_reply(req, options, title, view)
  local language, status = page.language(req), options.status
  title = page.title(language, title)
  if page.wants_part(req) then return page.part(req, title, view, status) end
  local refresh = options.refresh_s
    and h("noscript", {}, h("meta", { ["http-equiv"] = "refresh", content = options.refresh_s }))
  local slots = { title = title, main = view, head = refresh }
  return view_templates[language].reply(req, slots, { private = true, status = status })
end

-- Lists

-- The workspaces of a person, and the files of deleted ones.
local function lists_of(who, after)
  local list = { stacks = {}, kept = {} }
  if not who.id then return list end
  local asked = { owner_id = who.id, limit = limits.page, after = after }
  local rows, next_after = journal.stacks.list(asked)
  for i, row in ipairs(rows or {}) do list.stacks[i] = workspace_view.document(row) end
  list.next_after = rows and next_after
  list.kept = workspace_view.kept_data(who.id)
  for _, kept in ipairs(list.kept) do kept.is_name_free = reservations.is_free(kept.name) end
  return list
end

local function show_stacks(req, values)
  local list = lists_of(auth.reader(req), values.after)
  return view_reply(req, {}, home.lists_page(reader_of(req, true), list))
end

-- Start page

local ESTIMATE_S = 5 -- seconds for which an estimate is kept
local estimate, estimated_at = nil, 0

local function current_estimate()
  if estimate and os.time() - estimated_at < ESTIMATE_S then return estimate end
  local seconds = queue.median(journal.operations.durations())
  local waiting = shared.get("queue.waiting") or 0
  estimate = {
    typical = seconds or scheduler.guess, measured = seconds ~= nil, waiting = waiting,
    eta = waiting > 0 and scheduler.forecast() or 0,
  }
  estimated_at = os.time()
  return estimate
end

local CARD = server.asset "card.png"

-- The picture that other sites show beside a link to here: they want a full URL.
local function picture(req)
  local scheme = client.is_over_tls(req) and "https" or "http"
  local name, port = client.host(req)
  return ("%s://%s%s%s"):format(scheme, name or "localhost", port and ":" .. port or "", CARD)
end

local is_closed = config.access == "closed"

local function show_home(req)
  local language, who, reader = page.language(req), auth.reader(req), reader_of(req, true)
  local wait = home.wait(language, current_estimate())
  local lists = home.lists(reader, lists_of(who))
  if page.wants_part(req) then
    local main = { h("p", { id = "wait", class = "hush" }, wait), lists }
    return page.part(req, i18n.text(language, "page.title"), main)
  end
  local name = names.fold(req.query.name or ""):sub(1, 64)
  local closed_text = access.is_unopened() and access.sentence(language)
    or is_closed and i18n.text(language, "problem.access_closed.detail")
  return home_templates[language].reply(req, {
    title = i18n.text(language, "page.title"), csrf = csrf.token(who),
    name = utf8.len(name) and name or "", lists = lists, wait = wait,
    key_form = elements.key_form(reader), choices = choices[language],
    closed = closed_text and html.notice("warn closed", closed_text),
    hide_form = is_closed and " hidden",
    picture = picture(req),
  }, { private = who.id ~= nil })
end

-- Workspaces

-- Adds what only the owner sees of a workspace.
local function add_private(req, reader, doc, row)
  workspace_view.note_visit(row)
  doc.sleepsAt = nil
  local who, language = auth.reader(req), reader.language
  doc.trouble = workspace_view.trouble(row, language)
  doc.note = workspace_view.note(row, language)
  if not workspace_view.has_password(row) then return end
  reader.may_reveal = auth.decide(req, who, "reveal", auth.what(row), row.name).allowed
  -- A link on another site shows the workspace, but no password.
  local is_asked = req.query.show == "password" and origin.is_own(req)
  if is_asked and workspace_view.reveals(req, who, row) then
    workspace_view.add_password(doc, language)
  end
end

local function show_refused(req, name, refused)
  local reader = reader_of(req, false)
  local doc = problem.document(req, reader.language, refused.code, refused.options)
  return view_reply(req, { status = doc.status }, workspace_page.unknown(reader, name, doc))
end

local function show_stack(req)
  local name = names.fold(req.params.name)
  local is_found, row = refusal.catch(workspace_view.find, req, "look", name)
  if not is_found then return show_refused(req, name, row) end
  if row.state == "deploying" or row.state == "deleting" then
    local id = row.delete_id or row.operation_id
    return { status = 303, headers = { Location = "/deployment/" .. id } }
  end
  local reader, doc = reader_of(req, true), workspace_view.document(row)
  add_private(req, reader, doc, row)
  return view_reply(req, {}, workspace_page.page(reader, doc))
end

-- Operations

local shows_workspace = { ready = true, stopped = true, asleep = true }

-- The workspace that an operation was about, while it still belongs to the same owner.
local function workspace_of(req, reader, operation)
  local has_one = shows_workspace[operation.state] or operation.kind == "sleep"
  local is_shown = reader.is_mine and operation.ended_at and has_one
  local row = is_shown and journal.stacks.get(operation.name)
  if not row or row.owner_id ~= operation.owner_id then return nil end
  local doc = workspace_view.document(row)
  add_private(req, reader, doc, row)
  return doc
end

local function show_operation(req)
  local operation = journal.operations.get(req.params.id)
  local rows = operation and journal.events.list(operation.id, 0)
  if not rows then
    return view_reply(req, { status = 404 }, operation_page.unknown(reader_of(req, false)))
  end
  local is_mine = identity.can_manage(auth.reader(req), operation.owner_id)
  local reader = reader_of(req, is_mine)
  reader.is_still = req.query.still ~= nil
  local doc = summary.of(operation, rows, reader.language, planned)
  local workspace = workspace_of(req, reader, operation)
  local refresh_s = not doc.endedAt and not reader.is_still and REFRESH_S
  return view_reply(req, { refresh_s = refresh_s },
    operation_page.page(reader, doc, rows, workspace))
end

local page_answer = { "The page", type = "text/html" }
local missing = { "A page that says so", type = "text/html" }

routes.add("Pages", {
  { "GET", "/", show_home, summary = "The start page",
    answers = { [200] = page_answer, [304] = { "Not changed" } } },
  { "GET", "/favicon.ico", show_icon, summary = "The icon",
    answers = { [200] = { "The icon", type = "image/x-icon" } } },
  { "GET", "/deployment/:id", show_operation, summary = "An operation's page",
    answers = { [200] = page_answer, [404] = missing } },
  { "GET", "/stack/:name", show_stack, summary = "A workspace's page, for its owner",
    access = "owner",
    answers = {
      [200] = page_answer, [303] = { "To the page of its operation" }, [404] = missing,
    } },
  { "GET", "/stacks", show_stacks, summary = "The page of the sender's workspaces",
    access = "optional", query = { "after_cursor" }, lenient = true,
    answers = { [200] = page_answer } },
})
