--- The pages, in the language of whoever asks: the form, an operation, a workspace, the list of workspaces. Each is the one lively page of
--- www/index.html, written for each language when the scripts load, with what a browser without JavaScript needs to see put in.
local config = require "core.config"
local json = require "core.json"
local server = require "core.server"
local shared = require "core.shared"
local names = require "lib.base.names"
local scheduler = require "lib.operations.scheduler"
local queue = require "lib.operations.queue"
local summary = require "lib.operations.summary"
local auth = require "lib.auth"
local client = require "lib.auth.client"
local csrf = require "lib.auth.csrf"
local identity = require "lib.auth.identity"
local refusal = require "lib.base.refusal"
local problem = require "lib.http.problem"
local routes = require "lib.http.routes"
local journal = require "lib.journal"
local page = require "lib.pages"
local i18n = require "lib.pages.i18n"
local plain = require "lib.pages.plain"
local limits = require "lib.policy.limits"
local templates = require "lib.policy.templates"
local workspace_view = require "lib.http.workspace_view"

local h = page.h
local REFRESH = 3 -- seconds between two looks of a browser without JavaScript

local offered, planned = {}, {}
for i, id in ipairs(templates.ids()) do offered[i] = templates.find(id) end
for i, step in ipairs(require "steps") do planned[i] = step.name end

local function settings(language)
  return {
    suffix = config.stack.suffix,
    scheme = config.stack.scheme,
    port = config.stack.public_port,
    access = config.access,
    language = language,
    names = { min = names.min, max = names.max },
  }
end

local shells, choices = {}, {}
for _, language in ipairs(i18n.languages()) do
  local code = language.code
  shells[code] = page.template("www/index.html", code, { texts = i18n.group(code, "page."), settings = settings(code) })
  choices[code] = { plain.templates(code, offered), config.access == "invite" and plain.invite(code) or nil }
end

page.use_frame "www/plain.html"

-- How long? ------------------------------------------------------------------------------------------------------------

local FRESH = 5 -- seconds that an estimate is good for
local known, known_at = nil, 0

local function estimate()
  if known and os.time() - known_at < FRESH then return known end
  local seconds, waiting = queue.median(journal.operations.durations()), shared.get("queue.waiting") or 0
  local typical = seconds or scheduler.guess
  local eta = waiting > 0 and scheduler.forecast() or 0
  known, known_at = { typical = typical, measured = seconds ~= nil, waiting = waiting, eta = eta }, os.time()
  return known
end

-- The shell ------------------------------------------------------------------------------------------------------------

local CARD = server.asset "card.png"

-- The picture that other sites show beside a link to here; they want its whole address.
local function picture(req)
  return ("%s://%s%s"):format(client.is_over_tls(req) and "https" or "http", req.headers.host or "localhost", CARD)
end

-- Browsers that take no icon from the page look for it here.
local ICON = server.read "www/favicon.ico"
local function show_icon()
  return { body = ICON, type = "image/x-icon", headers = { ["Cache-Control"] = "public, max-age=86400" } }
end

-- The lively page, opened at one of its views; `said` is that view in plain elements.
local function view(req, language, title, said, refresh)
  return shells[language].reply(req, {
    title = title .. " · " .. i18n.text(language, "page.title"),
    head = { h("meta", { name = "robots", content = "noindex" }),
      refresh and h("noscript", {}, h("meta", { ["http-equiv"] = "refresh", content = refresh })) },
    plain = h("noscript", {}, h("div", { class = "bare" }, said)),
    hide_home = " hidden",
    owner = auth.reader(req).id and " data-owner",
    picture = picture(req),
  }, { private = true })
end

-- A refusal as a page that says it.
local function refused(req, found)
  local language = page.language(req)
  local told = problem.reply(req, found.code, found.options)
  local doc = told.body and json.decode(told.body) or {}
  local reply = view(req, language, doc.title or "", { h("h1", {}, doc.title), h("p", {}, doc.detail) })
  reply.status = told.status
  return reply
end

local function reader(req, language, mine) return { language = language, csrf = csrf.token(auth.reader(req)), mine = mine } end

local closed = config.access == "closed"

local function show_home(req)
  local language = page.language(req)
  local name = names.fold(req.query.name or ""):sub(1, 64)
  return shells[language].reply(req, {
    title = i18n.text(language, "page.title"),
    csrf = csrf.token(auth.reader(req)),
    name = utf8.len(name) and name or "",
    owner = auth.reader(req).id and " data-owner",
    wait = plain.wait(language, estimate()),
    choices = choices[language],
    closed = closed and h("p", { class = "notice warn closed" }, i18n.text(language, "problem.access_closed.detail")),
    hide_form = closed and " hidden",
    picture = picture(req),
  })
end

-- An operation -----------------------------------------------------------------------------------------------------------

local function show_operation(req)
  local language = page.language(req)
  local operation = journal.operations.get(req.params.id)
  local rows = operation and journal.events.list(operation.id, 0)
  if not rows then
    local said = { h("h1", {}, i18n.text(language, "page.job.gone")), h("p", {}, i18n.text(language, "page.job.gone.detail")) }
    local reply = view(req, language, i18n.text(language, "page.job.gone"), said)
    reply.status = 404
    return reply
  end
  local doc = summary.of(operation, rows, language, planned)
  local me = reader(req, language, identity.can_manage(auth.reader(req), operation.owner_id))
  me.still = req.query.still ~= nil
  return view(req, language, plain.title(me, doc), plain.operation(me, doc), not doc.endedAt and not me.still and REFRESH)
end

-- Workspaces -------------------------------------------------------------------------------------------------------------

local function may_reveal(req, row) return auth.decide(req, auth.reader(req), "reveal", { owner_id = row.owner_id }).allowed end

local function show_stack(req)
  local language = page.language(req)
  local is_found, row = refusal.catch(workspace_view.find, req, "look", names.fold(req.params.name))
  if not is_found then return refused(req, row) end
  if row.state == "deploying" or row.state == "deleting" then
    return { status = 303, headers = { Location = "/deployment/" .. (row.delete_id or row.operation_id) } }
  end
  local shown = { name = row.name, state = row.state == "leftover" and "failed" or row.state, url = row.url }
  shown.trouble = workspace_view.trouble(row, language)
  if req.query.show == "password" and workspace_view.reveals(req, auth.reader(req), row) then
    workspace_view.add_password(shown, language)
  end
  local me = reader(req, language, true)
  me.may_reveal = not shown.username and workspace_view.has_password(row) and may_reveal(req, row)
  return view(req, language, i18n.text(language, "page.stack.title", { name = row.name }), plain.stack(me, shown))
end

local function owned(who, after)
  if not who.id then return {} end
  return journal.stacks.list { owner_id = who.id, limit = limits.page + 1, after = after }
end

-- Files that outlived their workspace.
local function kept(who)
  local volumes = who.id and journal.volumes.list(who.id) or {}
  for _, volume in ipairs(volumes) do volume.held = journal.stacks.get(volume.name) ~= false end
  return volumes
end

local function show_stacks(req, values)
  local language = page.language(req)
  local rows = owned(auth.reader(req), values.after) or {}
  local next_after = #rows > limits.page and rows[limits.page].name or nil
  rows[limits.page + 1] = nil
  local said = plain.stacks(reader(req, language, true), rows, next_after, kept(auth.reader(req)))
  return view(req, language, i18n.text(language, "page.mine.title"), said)
end

local html = { "The page", type = "text/html" }
local missing = { "A page that says so", type = "text/html" }

routes.add("Pages", {
  { "GET", "/", show_home, summary = "The start page",
    answers = { [200] = html, [304] = { "Not changed" } } },
  { "GET", "/favicon.ico", show_icon, summary = "The icon",
    answers = { [200] = { "The icon", type = "image/x-icon" } } },
  { "GET", "/deployment/:id", show_operation, summary = "An operation's page",
    answers = { [200] = html, [404] = missing } },
  { "GET", "/stack/:name", show_stack, summary = "A workspace's page, for its owner",
    access = "owner",
    answers = { [200] = html, [303] = { "To the page of its operation" }, [404] = missing } },
  { "GET", "/stacks", show_stacks, summary = "The page of the sender's workspaces",
    access = "optional", query = { "after_cursor" }, lenient = true, answers = { [200] = html } },
})
