--- The owner and his key: who am I; take it to another browser by a link that works once; change it; make it worthless.
local config = require "core.config"
local json = require "core.json"
local server = require "core.server"
local clock = require "lib.base.clock"
local body = require "lib.http.body"
local credentials = require "lib.auth.credentials"
local csrf = require "lib.auth.csrf"
local owner = require "lib.auth.owner"
local page = require "lib.pages"
local i18n = require "lib.pages.i18n"
local problem = require "lib.http.problem"
local door = require "routes.door"

-- A form is taken to the page; a program gets the answer.
local function answered(req, doc, cookie)
  if body.is_form(req) then return { status = 303, headers = { Location = "/", ["Set-Cookie"] = cookie } } end
  return { json = doc, headers = { ["Set-Cookie"] = cookie } }
end

server.route("GET", "/api/owner", function(req)
  local who, refusal = door.who(req)
  if not who then return refusal end
  local scopes = {}
  for scope in pairs(who.scopes or {}) do scopes[#scopes + 1] = scope end
  table.sort(scopes)
  return {
    json = {
      kind = who.kind, ownerId = who.id, name = who.name, via = who.via, access = config.access, csrf = csrf.token(who),
      scopes = who.scopes and json.array(scopes) or nil,
    },
    headers = { Vary = "Authorization, Cookie" },
  }
end)

-- The owner that it is about: whoever asks, or for the admin the one whom he names; else nil and the refusal.
local function whose(req, action)
  local asked, refusal = body.read(req, { owner = { type = "string" } }, true)
  if not asked then return nil, refusal end
  local id = asked.owner
  if id and not id:find("^[%w_-]+$") then return nil, problem.value(req, "owner", { "an owner's id" }) end
  local who
  who, refusal = door.allow(req, id and action .. "_other" or action, {}, id)
  if not who then return nil, refusal end
  id = id or who.id
  if not id then return nil, problem.reply(req, "owner_key_only") end
  return id
end

-- Links ------------------------------------------------------------------------------------------------------------------

server.route("POST", "/api/owner/link", function(req)
  local id, refusal = whose(req, "link")
  if not id then return refusal end
  local secret = credentials.new_link(id)
  if not secret then return problem.failure(req, "journal") end
  local path = "/move/" .. secret
  if body.is_form(req) then return { status = 303, headers = { Location = path } } end
  local seconds = credentials.link_seconds
  return { status = 201, json = { link = path, seconds = seconds, expiresAt = clock.iso(os.time() + seconds) } }
end)

-- The page that a link opens. Looking at it uses nothing up, as programs that preview links would; its button does.
local function move_page(req, language)
  local h = page.h
  local function say(key) return i18n.text(language, key) end
  return page.frame(language, say "move.title", {
    h("p", {}, say "move.text"),
    h("form", { method = "post", action = "/api/owner/move" },
      h("input", { type = "hidden", name = "csrf", value = csrf.token(owner.from(req)) }),
      h("input", { type = "hidden", name = "link", value = req.params.link }),
      h("button", { type = "submit", class = "primary" }, say "move.button")),
    h("p", {}, h("a", { href = "/" }, say "problem.back")),
  })
end

server.route("GET", "/move/:link", function(req)
  local language = page.language(req)
  local headers = { ["Content-Language"] = language, ["Referrer-Policy"] = "same-origin" }
  for name, value in pairs(page.headers) do headers[name] = value end
  headers["Cache-Control"] = "no-store"
  return { html = move_page(req, language), headers = headers }
end)

server.route("POST", "/api/owner/move", function(req)
  local asked, refusal = body.read(req, { link = { type = "string", required = true } }, false, true)
  if not asked then return refusal end
  local id = credentials.use_link(asked.link)
  if id == nil then return problem.failure(req, "journal") end
  if not id then return door.wrong_guess(req) or problem.reply(req, "link_invalid") end
  local entry = door.decide(req, { kind = "owner", id = id }, "move", {}, nil)
  entry.allowed, entry.rule = true, "link"
  refusal = door.note(req, entry)
  if refusal then return refusal end
  local key = owner.key(id)
  return answered(req, { ownerKey = key }, owner.cookie(req, key))
end)

-- The key ----------------------------------------------------------------------------------------------------------------

-- What was given out before is worthless; only this answer, and the admin's link, lead to what is good from now on.
server.route("POST", "/api/owner/rotate", function(req)
  local id, refusal = whose(req, "rotate_key")
  if not id then return refusal end
  if not credentials.next_generation(id) then return problem.failure(req, "journal") end
  local who = owner.from(req)
  if who.id ~= id then return answered(req, { revoked = true }) end -- the admin changes it, and does not get to see it
  local key = owner.key(id)
  return answered(req, { ownerKey = key }, owner.cookie(req, key))
end)

server.route("POST", "/api/owner/revoke", function(req)
  local id, refusal = whose(req, "revoke_key")
  if not id then return refusal end
  if not credentials.next_generation(id) then return problem.failure(req, "journal") end
  return answered(req, { revoked = true }, owner.from(req).id == id and owner.no_cookie(req) or nil)
end)

-- This browser forgets; the key stays good.
server.route("POST", "/api/owner/leave", function(req)
  local asked, refusal = body.read(req, {}, true)
  if not asked then return refusal end
  return answered(req, { left = true }, owner.no_cookie(req))
end)
