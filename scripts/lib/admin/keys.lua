--- The admin's page about who gets in: invites and tokens. Pure, from documents.
local parts = require "lib.admin.parts"
local page = require "lib.pages"
local keys = {}

local h, code, say = page.h, page.code, parts.say

-- How long something may be good, in seconds; "" is for ever.
local spans = { { "86400", "admin.span.day" }, { "604800", "admin.span.week" }, { "2592000", "admin.span.month" },
  { "31536000", "admin.span.year" }, { "", "admin.span.ever" } }

local states = { good = "ready", revoked = "stopped", expired = "stopped", used_up = "stopped" }

local function state(view, row) return parts.state(states[row.state], say(view, "admin.key." .. row.state)) end

local function revoke(view, path, row)
  if row.state ~= "good" then return nil end
  return parts.button(view, path .. row.id .. "/revoke", "admin.revoke", row.label ~= "" and row.label or row.id, "small wary")
end

local function span(view, id)
  local choices = {}
  for i, choice in ipairs(spans) do choices[i] = { choice[1], say(view, choice[2]) } end
  return parts.choice(id, "expiresIn", say(view, "admin.good_for"), choices, "604800")
end

local function label(view, id, required)
  local control = h("input", { type = "text", id = id, name = "label", maxlength = "100", required = required, autocomplete = "off" })
  return parts.field(id, say(view, "admin.label"), control)
end

--- What was just made, told this once.
function keys.told(view, what, secret)
  return parts.notice("good", h("h2", { tabindex = "-1" }, say(view, "admin.told." .. what)), h("p", {}, say(view, "admin.told.once")),
    h("p", { class = "secret" }, h("bdi", { dir = "ltr", class = "mono", id = "secret" }, secret)))
end

-- Invites --------------------------------------------------------------------------------------------------------------

local function invites(view, list)
  local lines = {}
  for i, row in ipairs(list) do
    lines[i] = { id = "invite-" .. row.id, row.label ~= "" and h("bdi", {}, row.label) or code(row.id), state(view, row),
      say(view, "admin.uses", { used = row.used, uses = row.uses }), parts.time(row.createdAt),
      parts.time(row.expiresAt), revoke(view, "/admin/access/invites/", row) }
  end
  return #lines == 0 and parts.nothing(view, "admin.invites.none") or parts.table(view, "admin.invites", {
    { "admin.label", head = true }, { "admin.state" }, { "admin.used" }, { "admin.made" },
    { "admin.ends" }, { "admin.revoke", hidden = true },
  }, lines)
end

local function new_invite(view)
  return h("details", { class = "new" }, h("summary", {}, say(view, "admin.invite.new")),
    parts.form(view, "/admin/access/invites", "fields", label(view, "invite-label"),
      parts.field("invite-uses", say(view, "admin.invite.uses"), h("input", { type = "number", id = "invite-uses", name = "uses", min = "1",
        max = "100000", value = "1", dir = "ltr" })),
      span(view, "invite-span"), h("button", { type = "submit", class = "primary" }, say(view, "admin.make"))))
end

-- Tokens ---------------------------------------------------------------------------------------------------------------

local scopes = { "create", "read", "delete", "admin" }

local function scope_boxes(view)
  local boxes = {}
  for i, scope in ipairs(scopes) do
    local box = h("input", { type = "checkbox", name = "scope." .. scope, value = "on", checked = scope == "read" })
    boxes[i] = h("label", { class = "tick" }, box, h("span", {}, say(view, "admin.scope." .. scope)))
  end
  return h("fieldset", { class = "field" }, h("legend", {}, say(view, "admin.scopes")), boxes)
end

local function new_token(view)
  return h("details", { class = "new" }, h("summary", {}, say(view, "admin.token.new")),
    parts.form(view, "/admin/access/tokens", "fields", label(view, "token-label", true), scope_boxes(view), span(view, "token-span"),
      h("button", { type = "submit", class = "primary" }, say(view, "admin.make"))))
end

local function scope_list(list)
  local told = {}
  for i, scope in ipairs(list) do told[i] = { code(scope), " " } end
  return told
end

local function tokens(view, list)
  local lines = {}
  for i, row in ipairs(list) do
    lines[i] = { id = "token-" .. row.id, h("bdi", {}, row.label), state(view, row), scope_list(row.scopes), parts.time(row.usedAt),
      parts.time(row.createdAt), parts.time(row.expiresAt), revoke(view, "/admin/access/tokens/", row) }
  end
  return #lines == 0 and parts.nothing(view, "admin.tokens.none") or parts.table(view, "admin.tokens", {
    { "admin.label", head = true }, { "admin.state" }, { "admin.scopes" }, { "admin.used_last" },
    { "admin.made" }, { "admin.ends" }, { "admin.revoke", hidden = true },
  }, lines)
end

--- Both lists, as they are now, each with pages of its own.
function keys.lists(view, invite_doc, token_doc)
  local choices = { { "", say(view, "admin.all") } }
  for _, worth in ipairs { "good", "used_up", "expired", "revoked" } do
    choices[#choices + 1] = { worth, say(view, "admin.key." .. worth) }
  end
  return {
    parts.chips(view, "state", say(view, "admin.state"), choices),
    parts.section(say(view, "admin.invites"), invites(view, invite_doc.invites), parts.pager(view, "invites", invite_doc.next)),
    parts.section(say(view, "admin.tokens"), tokens(view, token_doc.tokens), parts.pager(view, "tokens", token_doc.next)),
  }
end

function keys.search(view) return parts.search(view, say(view, "admin.search.access"), { "state" }) end

--- The forms for new ones; they stay as they are while the lists change.
function keys.forms(view) return h("div", { class = "forms" }, new_invite(view), new_token(view)) end

return keys
