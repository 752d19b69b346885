--- Owners and their keys: who am I; a one-time link to another browser; change or revoke the key.
local config = require "core.config"
local json = require "core.json"
local server = require "core.server"
local auth = require "lib.auth"
local credentials = require "lib.auth.credentials"
local csrf = require "lib.auth.csrf"
local identity = require "lib.auth.identity"
local clock = require "lib.base.clock"
local media = require "lib.base.media"
local names = require "lib.base.names"
local refusal = require "lib.base.refusal"
local answer = require "lib.http.answer"
local routes = require "lib.http.routes"
local page = require "lib.pages"
local elements = require "lib.pages.elements"
local html = require "lib.pages.html"
local i18n = require "lib.pages.i18n"

local h = page.h

-- A form is sent to the page; a program gets the document.
local function answered(req, doc, set_cookie, path)
  if media.is_form(req) then return answer.see_other(path or "/", set_cookie) end
  return { json = doc, headers = { ["Set-Cookie"] = set_cookie } }
end

local function who_am_i(req)
  local who = auth.who(req)
  local scopes = {}
  for scope in pairs(who.scopes or {}) do scopes[#scopes + 1] = scope end
  table.sort(scopes)
  return answer.private(req, {
    kind = who.kind, ownerId = who.id, name = who.name, via = who.via, access = config.access,
    csrf = csrf.token(who), scopes = who.scopes and json.array(scopes) or nil,
  })
end

-- The owner that a request is about: the sender, or for the admin the one it names.
---@return string owner_id, Who who
local function owner_id_of(req, action, named)
  local who = auth.allow(req, named and action .. "_other" or action, {}, named)
  return named or who.id or refusal.raise "owner_key_only", who
end

-- Links

local function make_link(req, values)
  local owner_id, who = owner_id_of(req, "link", values.owner)
  -- What follows "#" stays in the browser: no server and no log sees it.
  local path = "/move#" .. credentials.new_link(who, owner_id)
  if media.is_form(req) then return answer.see_other(path) end
  local seconds = credentials.link_seconds
  local expires_at = clock.iso(os.time() + seconds)
  return { status = 201, json = { link = path, seconds = seconds, expiresAt = expires_at } }
end

-- The page that a link opens, where www/move.js fills the field in. Only its button uses the link:
-- programs that preview links open the page, too.
local function move_page(req)
  local language = page.language(req)
  local reader = { language = language, csrf = csrf.token(identity.of(req)) }
  local function say(key) return i18n.text(language, key) end
  local document = page.frame(language, say "move.title", {
    h("script", { type = "module", src = server.asset "move.js" }),
    h("p", {}, say "move.text"),
    elements.form(reader, "/api/owner/move", {},
      h("label", {}, say "move.label",
        html.text_input { name = "link", id = "link", required = true, translate = "no" }),
      h("button", { type = "submit", class = "primary" }, say "move.button")),
    h("p", {}, h("a", { href = "/" }, say "problem.back")),
  })
  return page.reply(req, document, { private = true })
end

local function use_link(req, values)
  local owner_id, generation = credentials.use_link(values.link)
  if not owner_id then
    auth.count_guess(req)
    refusal.raise "link_invalid"
  end
  local entry = auth.decide(req, { kind = "owner", id = owner_id }, "move", {})
  entry.allowed, entry.rule = true, "link"
  auth.record(entry)
  local key = identity.owner_key(owner_id, generation)
  return answered(req, { ownerKey = key }, identity.set_cookie(req, key))
end

-- The key

-- A browser that has lost its cookie gets it again from the key.
local function enter(req, values)
  local key = values.key
  if not identity.is_owner_key(key) then
    auth.count_guess(req)
    refusal.raise("key_invalid", { field = "key" })
  end
  local name = names.fold(values.name or "")
  local path = names.well_formed(name) and "/stack/" .. name or "/"
  return answered(req, { ownerId = key:match "^own_(.-)%." }, identity.set_cookie(req, key), path)
end

local function reveal(req)
  local who = auth.allow(req, "reveal_key")
  return { json = { ownerKey = identity.owner_key(who.id, who.generation) } }
end

-- Every earlier key and link is invalid; the admin who changes another's key does not see the new
-- one.
local function rotate(req, values)
  local owner_id, who = owner_id_of(req, "rotate_key", values.owner)
  local generation = credentials.begin_generation(who, owner_id)
  if who.id ~= owner_id then return answered(req, { revoked = true }) end
  local key = identity.owner_key(owner_id, generation)
  return answered(req, { ownerKey = key }, identity.set_cookie(req, key))
end

local function revoke(req, values)
  local owner_id, who = owner_id_of(req, "revoke_key", values.owner)
  credentials.begin_generation(who, owner_id)
  local is_own = who.id == owner_id
  return answered(req, { revoked = true }, is_own and identity.clear_cookie(req) or nil)
end

local function leave(req) return answered(req, { left = true }, identity.clear_cookie(req)) end

routes.add("Owners", {
  { "GET", "/api/owner", who_am_i,
    summary = "Who am I?",
    text = "How the portal identifies the request, and the token that forms need.",
    access = "optional", answers = { [200] = "Owner" } },

  { "POST", "/api/owner/link", make_link,
    summary = "Make a link to another browser",
    text = "Opening the link and pressing its button gives that browser the owner's key. It works "
      .. "once, for ten minutes. The admin may name any owner, for one who has lost the key.",
    access = "owner", body = "OwnerName", form = true,
    answers = { [201] = "Link" }, problems = { "owner_key_only", "admin_only" } },

  { "GET", "/move", move_page,
    summary = "The page that a link opens",
    text = "Looking at it does not use the link.",
    answers = { [200] = { "A page with a button", type = "text/html" } } },

  { "POST", "/api/owner/move", use_link,
    summary = "Use a link",
    body = "LinkSecret", form = true, self_proving = true,
    answers = { [200] = { "The owner's key, and a cookie with it", schema = "OwnerKey" } },
    problems = { "link_invalid" } },

  { "POST", "/api/owner/enter", enter,
    summary = "Make this browser the holder of an owner key",
    text = "Sets the cookie, in place of the key that the browser had. Programs need none.",
    body = "EnterKey", form = true, self_proving = true,
    answers = { [200] = { "The owner, and a cookie with the key", schema = "EnteredKey" } },
    problems = { "key_invalid" } },

  { "POST", "/api/owner/reveal", reveal,
    summary = "See the owner key",
    text = "Only its holder sees it, and that is audited.",
    access = "owner", answers = { [200] = "OwnerKey" }, problems = { "owner_key_only" } },

  { "POST", "/api/owner/rotate", rotate,
    summary = "Change the owner key",
    text = "The present key is invalid from now on, in every browser and program. The admin may "
      .. "change any owner's key, and does not see the new one.",
    access = "owner", body = "OwnerName", form = true,
    answers = { [200] = "OwnerKey" }, problems = { "owner_key_only", "admin_only" } },

  { "POST", "/api/owner/revoke", revoke,
    summary = "Revoke the owner key",
    text = "Only a link made by the admin gives access to the workspaces again.",
    access = "owner", body = "OwnerName", form = true,
    answers = { [200] = "Revoked" }, problems = { "owner_key_only", "admin_only" } },

  { "POST", "/api/owner/leave", leave,
    summary = "Make this browser forget the key",
    text = "Removes the cookie; the key stays valid elsewhere.",
    form = true, answers = { [200] = "Left" } },
})
