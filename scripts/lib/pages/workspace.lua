--- The page of a workspace: how to get in, what its owner can do with it.
local html = require "lib.pages.html"
local elements = require "lib.pages.elements"
local workspace = {}

local h, code, notice, say = html.h, html.code, html.notice, elements.say

local HIDDEN = "••••••••"
local acts = {
  ready = { "stop", "restart" }, unhealthy = { "stop", "restart" }, stopped = { "start" },
  asleep = { "wake" },
}
local rotatable = { ready = true, unhealthy = true }

local function path_of(shown, act) return ("/api/stack/%s/%s"):format(shown.name, act) end

local function toggle(reader, shown)
  local key = shown.password and "live.hide" or "live.show"
  local label = say(reader, key) .. ": " .. say(reader, "page.password")
  local props = { id = "reveal", ["aria-controls"] = "password", ["aria-label"] = label }
  if not shown.password then
    return elements.button(reader, path_of(shown, "password"), say(reader, key),
      { action = "reveal" }, props)
  end
  props.class, props.href = "button small", "/stack/" .. shown.name
  return h("a", props, say(reader, key))
end

local function values(reader, shown)
  local has_password = shown.password or reader.may_reveal
  return h("dl", { class = "values" },
    elements.value(reader, "page.address", "url", elements.address(shown.url, shown.name, "url")),
    elements.value(reader, "page.user", "user", code("opencode", "user")),
    has_password and elements.value(reader, "page.password", "password",
      code(shown.password or HIDDEN, "password"), toggle(reader, shown)))
end

local function rotation(reader, shown)
  return rotatable[shown.state] and elements.question("rotate", say(reader, "page.act.rotate"),
    elements.form(reader, path_of(shown, "password"), { action = "rotate" },
      h("h2", {}, say(reader, "page.rotate.title")), h("p", {}, say(reader, "page.rotate.what")),
      h("p", { class = "row" },
        h("button", { type = "submit", class = "primary" }, say(reader, "page.rotate.go")),
        elements.keep_button(say(reader, "page.cancel")))))
end

local function actions(reader, shown)
  local list = {}
  for i, act in ipairs(acts[shown.state] or {}) do
    list[i] = elements.button(reader, path_of(shown, act), say(reader, "page.act." .. act), nil,
      { id = "act-" .. act, class = act == "wake" and "primary" or nil })
  end
  return h("div", { class = "row acts" }, list, rotation(reader, shown),
    elements.deletion(reader, shown.name))
end

-- The browser keeps the owner key in a cookie, which can get lost; www/view.js asks for the key.
local function key(reader)
  local label = say(reader, "page.key.label")
  return h("section", { class = "keep scripted", id = "keep", ["data-keep"] = true },
    h("h2", {}, say(reader, "page.key.title")), h("p", {}, say(reader, "page.key.why")),
    h("button", { type = "button", id = "key-show" }, say(reader, "page.key.show")),
    h("p", { class = "wrong", role = "alert", id = "key-problem" }),
    h("div", { class = "value", id = "key-row", hidden = true },
      h("span", {}, code("", "owner-key")),
      elements.copy(reader, "owner-key", label),
      h("a", { class = "button small", id = "key-download" }, say(reader, "page.key.download"))),
    h("details", { class = "quiet", id = "key-qr", ["data-qr"] = "owner-key", hidden = true },
      h("summary", {}, say(reader, "page.qr"))))
end

-- The link to another device is made on demand: it lasts ten minutes.
local function move(reader)
  local label = say(reader, "page.move.button")
  return h("section", { class = "keep scripted", ["data-keep"] = true },
    h("button", { type = "button", id = "move" }, label),
    h("div", { class = "moved", id = "moved", role = "status", hidden = true },
      h("p", {}, say(reader, "page.move.what")),
      h("div", { class = "value" }, h("span", {}, code("", "move-link")),
        elements.copy(reader, "move-link", label))))
end

local function times(reader, shown)
  local used_at = shown.lastUsedAt
  return h("p", { class = "hush" },
    elements.sentence(reader, "page.created", "moment", shown.createdAt),
    used_at and { " · ", elements.sentence(reader, "page.used", "ago", used_at) })
end

-- That it falls asleep, or how long it does not.
local function sleep(reader, shown)
  if not shown.sleepAfterSeconds or shown.state ~= "ready" then return nil end
  local now = os.date("!%Y-%m-%dT%H:%M:%SZ")
  local is_kept = shown.awakeUntil and shown.awakeUntil > now
  return h("div", { class = "row", id = "sleep" },
    h("span", { class = "hush" }, is_kept
      and elements.sentence(reader, "page.awake", "moment", shown.awakeUntil)
      or say(reader, "page.sleep")),
    elements.button(reader, path_of(shown, "awake"), say(reader, "page.act.awake"), nil,
      { id = "act-awake" }))
end

-- When it is deleted, and putting that off.
local function lifetime(reader, shown)
  if not shown.endsAt then return nil end
  return h("div", { class = "row", id = "lifetime" },
    h("span", { class = "hush" }, elements.sentence(reader, "page.ends", "moment", shown.endsAt)),
    shown.extendSeconds and elements.button(reader, path_of(shown, "extend"),
      say(reader, "page.act.extend"), nil, { id = "act-extend" }))
end

-- One that is at rest has no address to open.
local is_at_rest = { stopped = true, asleep = true }

--- A workspace for its owner.
---@param reader Reader
---@param shown table  lib/workspaces/view.lua
---@param told string|nil  the state that the page's title says already
---@return Element[]
function workspace.card(reader, shown, told)
  local trouble = shown.trouble and shown.trouble.detail
  local is_asleep = shown.state == "asleep"
  local state = shown.state ~= "ready" and shown.state ~= told and not is_asleep
    and elements.state(reader.language, shown.state)
  return {
    is_asleep and notice("state-note", say(reader, "page.asleep")),
    (trouble or state) and notice("warn state-note", trouble or state),
    shown.note and h("div", { class = "notice", id = "note", dir = "auto" }, shown.note),
    shown.passwordProblem and notice("warn", shown.passwordProblem.detail),
    values(reader, shown),
    not is_at_rest[shown.state] and h("p", { class = "row" }, elements.open(reader, shown.openUrl),
      h("span", { class = "hush" }, say(reader, "page.open.hint"))),
    times(reader, shown), sleep(reader, shown), lifetime(reader, shown), actions(reader, shown),
    reader.has_key and { key(reader), move(reader) },
  }
end

--- What everyone else sees of a workspace that has just become ready.
function workspace.stranger(reader, name, url, open_url)
  return {
    url and h("dl", { class = "values" },
      elements.value(reader, "page.address", "url", elements.address(url, name, "url"))),
    open_url and h("p", { class = "row" }, elements.open(reader, open_url)),
    notice("", say(reader, "page.stack.not_yours")), elements.key_form(reader, name),
  }
end

--- The page of a workspace.
---@return string title, Element view
function workspace.page(reader, shown)
  local title = say(reader, "page.stack.title", { name = shown.name })
  local props = { class = "workspace", ["data-name"] = shown.name, ["data-mine"] = true }
  return title, elements.view(reader, props, elements.named(reader, "page.stack.title", shown.name),
    h("div", { id = "outcome" }, workspace.card(reader, shown)),
    h("p", { id = "say", class = "unseen", role = "status" }))
end

--- The page for a workspace that does not exist, or belongs to somebody else.
---@param doc { title: string, detail: string }  the problem
---@return string title, Element view
function workspace.unknown(reader, name, doc)
  return doc.title, elements.view(reader, { ["data-name"] = name }, doc.title,
    h("div", { id = "outcome" }, h("p", {}, doc.detail),
      notice("", say(reader, "page.stack.not_yours")), elements.key_form(reader, name)))
end

return workspace
