--- The admin's log-in with a browser: GET and POST /admin/login, POST /admin/logout.
local log = require "core.log"
local server = require "core.server"
local frame = require "lib.admin.frame"
local change_events = require "lib.journal.change_events"
local body = require "lib.http.body"
local client = require "lib.http.client"
local csrf = require "lib.auth.csrf"
local owner = require "lib.auth.owner"
local session = require "lib.auth.session"
local page = require "lib.pages"
local i18n = require "lib.pages.i18n"
local problem = require "lib.http.problem"
local door = require "routes.door"

local HOME = "/admin"
local h, code = page.h, page.code

-- Where to go afterwards: a page of the admin's, and nothing else.
local function wanted(text)
  if not text or #text > 2000 or text:find("[%c\\]") then return HOME end
  return (text == HOME or text:find("^/admin[/?]") and not text:find("^/admin/log")) and text or HOME
end

local function hidden(name, value) return h("input", { type = "hidden", name = name, value = value }) end

local function form(req, language, next_path)
  local function say(key) return i18n.text(language, key) end
  return h("form", { method = "post", action = "/admin/login", class = "login" },
    hidden("csrf", csrf.token(owner.from(req))), hidden("next", next_path),
    h("input", { type = "text", name = "username", value = "admin", autocomplete = "username", hidden = true }),
    h("label", { ["for"] = "token" }, say "admin.login.token"),
    h("input", { type = "password", id = "token", name = "token", dir = "ltr", required = true, autocomplete = "current-password",
      autofocus = true, ["aria-describedby"] = "token-hint", maxlength = "1000" }),
    h("p", { class = "hush", id = "token-hint" }, say "admin.login.hint"),
    h("button", { type = "submit", class = "primary" }, say "admin.login.button"))
end

-- There is no token: how to make one.
local function closed(language)
  return {
    h("p", {}, i18n.text(language, "admin.closed.text")),
    h("p", {}, code("ADMIN_TOKEN_FILE=/run/secrets/admin")), h("p", {}, code("openssl rand -base64 32")),
  }
end

-- The page with the form; `notice`: why it is shown again.
local function login_page(req, next_path, notice, status)
  local language = page.language(req)
  local open = session.is_open()
  return frame.reply(req, { language = language, after = 0 }, {
    title = i18n.text(language, open and "admin.login.title" or "admin.closed.title"), status = status,
    main = {
      notice and h("div", { class = "notice bad", role = "alert" }, h("p", {}, notice)),
      open and h("p", {}, i18n.text(language, "admin.login.text")), open and form(req, language, next_path) or closed(language),
    },
  })
end

server.route("GET", "/admin/login", function(req)
  local next_path = wanted(req.query.next)
  local who = owner.from(req)
  -- Not by a bearer: that would tell whether a secret is the right one.
  if owner.is_admin(who) and who.via ~= "bearer" then return { status = 303, headers = { Location = next_path } } end
  local over = req.query.over and i18n.text(page.language(req), "admin.login.over") or nil
  return login_page(req, next_path, over)
end)

local function refused(req, asked)
  local refusal = door.wrong_guess(req)
  if refusal then return refusal end
  log.warn("admin.login_refused", { network = client.of(req).network })
  return login_page(req, wanted(asked.next), i18n.text(page.language(req), "admin.login.wrong"), 403)
end

-- It goes into the trail before it is true.
local function noted(req, action)
  local entry = door.decide(req, { kind = "admin" }, action, {}, nil)
  return door.note(req, entry)
end

local fields = { token = { type = "string", required = true }, next = { type = "string" }, username = { type = "string" } }

server.route("POST", "/admin/login", function(req)
  local asked, refusal = body.read(req, fields, false, true)
  if not asked then return refusal end
  refusal = door.guessed_too_often(req)
  if refusal then return refusal end
  if not session.opens(asked.token) then return refused(req, asked) end
  refusal = noted(req, "log_in")
  if refusal then return refusal end
  local set_cookie = session.begin(req, client.of(req).network)
  if not set_cookie then return problem.failure(req, "journal") end
  return { status = 303, headers = { Location = wanted(asked.next), ["Set-Cookie"] = set_cookie } }
end)

server.route("POST", "/admin/logout", function(req)
  local asked, refusal = body.read(req, {})
  if not asked then return refusal end
  local who = owner.from(req)
  local headers = { Location = "/admin/login", ["Set-Cookie"] = session.no_cookie(req) }
  if not who.session then return { status = 303, headers = headers } end
  refusal = noted(req, "log_out")
  if refusal then return refusal end
  if session.finish(who.session) == nil then return problem.failure(req, "journal") end
  change_events.dismiss(owner.pass(who))
  return { status = 303, headers = headers }
end)
