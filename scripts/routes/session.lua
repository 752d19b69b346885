--- The admin's log-in with a browser: GET and POST /admin/login, POST /admin/logout.
local log = require "core.log"
local admin_page = require "lib.admin.page"
local parts = require "lib.admin.parts"
local auth = require "lib.auth"
local client = require "lib.auth.client"
local csrf = require "lib.auth.csrf"
local identity = require "lib.auth.identity"
local session = require "lib.auth.session"
local answer = require "lib.http.answer"
local routes = require "lib.http.routes"
local change_events = require "lib.journal.change_events"
local page = require "lib.pages"
local html = require "lib.pages.html"
local i18n = require "lib.pages.i18n"

local HOME = "/admin"
local h, code, hidden = html.h, html.code, html.hidden

-- Where to go afterwards: an admin page and nothing else.
local function safe_path(text)
  if not text or #text > 2000 or text:find("[%c\\]") then return HOME end
  local is_admin_page = text == HOME or text:find("^/admin[/?]") and not text:find("^/admin/log")
  return is_admin_page and text or HOME
end

local function login_form(req, language, next_path)
  local function say(key) return i18n.text(language, key) end
  return h("form", { method = "post", action = "/admin/login", class = "login" },
    hidden("csrf", csrf.token(identity.of(req))), hidden("next", next_path),
    h("input", {
      type = "text", name = "username", value = "admin", autocomplete = "username", hidden = true,
    }),
    h("label", { ["for"] = "token" }, say "admin.login.token"),
    h("input", {
      type = "password", id = "token", name = "token", dir = "ltr", required = true,
      autocomplete = "current-password", autofocus = true, ["aria-describedby"] = "token-hint",
      maxlength = "1000",
    }),
    h("p", { class = "hush", id = "token-hint" }, say "admin.login.hint"),
    h("button", { type = "submit", class = "primary" }, say "admin.login.button"))
end

-- Without ADMIN_TOKEN: how to make one.
local function instructions(language)
  return {
    h("p", {}, i18n.text(language, "admin.closed.text")),
    h("p", {}, code("ADMIN_TOKEN_FILE=/run/secrets/admin")),
    h("p", {}, code("openssl rand -base64 32")),
  }
end

local function login_page(req, next_path, notice, status)
  local language = page.language(req)
  local is_open = session.is_open()
  local title = is_open and "admin.login.title" or "admin.closed.title"
  local main = is_open and login_form(req, language, next_path) or instructions(language)
  return admin_page.reply(req, { language = language, after = 0 }, {
    title = title,
    status = status,
    main = {
      notice and h("div", { class = "notice bad", role = "alert" }, h("p", {}, notice)),
      is_open and h("p", {}, i18n.text(language, "admin.login.text")), main,
    },
  })
end

-- A bearer token is ignored: the redirect would reveal that it is correct.
local function show_login(req)
  local next_path, who = safe_path(req.query.next), identity.of(req)
  if identity.is_admin(who) and who.via ~= "bearer" then return answer.see_other(next_path) end
  local missing = req.query.new and "no_cookie" or req.query.over and "over"
  local notice = missing and i18n.text(page.language(req), "admin.login." .. missing) or nil
  return login_page(req, next_path, notice)
end

-- Recorded before it takes effect.
local function record(req, action)
  auth.record((auth.decide(req, { kind = "admin" }, action, {})))
end

local function log_in(req, values)
  auth.refuse_guesser(req, "login")
  local next_path = safe_path(values.next)
  if not session.opens(values.token) then
    auth.count_guess(req, "login")
    log.warn("admin.login_refused", { network = client.of(req).network })
    return login_page(req, next_path, i18n.text(page.language(req), "admin.login.wrong"), 403)
  end
  record(req, "log_in")
  -- The log-in page goes on to next_path, or says that the cookie did not come back.
  local back = parts.href("/admin/login", { new = 1, next = next_path })
  return answer.see_other(back, session.begin(req, client.of(req).network))
end

local function log_out(req)
  local who = identity.of(req)
  if who.session then
    record(req, "log_out")
    session.finish(who.session)
    change_events.dismiss(identity.pass(who))
  end
  return answer.see_other("/admin/login", session.clear_cookie(req))
end

routes.add("Admin pages", {
  { "GET", "/admin/login", show_login,
    summary = "The log-in page",
    answers = {
      [200] = { "A form, or how to open the administration", type = "text/html" },
      [303] = { "Logged in already: to the page that was asked for" },
    } },

  { "POST", "/admin/login", log_in,
    summary = "Log in",
    text = "With the correct token: a session in a cookie that scripts cannot read, valid for "
      .. "eight hours, until its log-out, or until ADMIN_TOKEN changes.",
    body = "LogIn", form = true, self_proving = true,
    answers = {
      [303] = { "Logged in: by way of the log-in page to the page that was asked for" },
      [403] = { "Not the token: the form again", type = "text/html" },
    } },

  { "POST", "/admin/logout", log_out,
    summary = "Log out",
    text = "The session ends, wherever its cookie is.",
    access = "session", form = true,
    answers = { [303] = { "To the log-in page" } } },
})
