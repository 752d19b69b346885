--- The admin page about access: invites and tokens. Pure, from documents of lib/admin/lists.lua.
local parts = require "lib.admin.parts"
local html = require "lib.pages.html"
local keys = {}

local h, code, say = html.h, html.code, parts.say

-- How long a key may be valid, in seconds; "" is until revoked.
local spans = {
  { "86400", "admin.span.day" }, { "604800", "admin.span.week" }, { "2592000", "admin.span.month" },
  { "31536000", "admin.span.year" }, { "", "admin.span.ever" },
}

local function state(view, row)
  local mark = row.state == "good" and "ready" or "stopped"
  return parts.state(mark, say(view, "admin.key." .. row.state))
end

local function revoke(view, path, row)
  if row.state ~= "good" then return nil end
  local name = row.label ~= "" and row.label or row.id
  return parts.button(view, path .. row.id .. "/revoke", "admin.revoke", name, "small wary")
end

local function span_field(view, id)
  local choices = {}
  for i, choice in ipairs(spans) do choices[i] = { choice[1], say(view, choice[2]) } end
  local control = parts.options(id, "expiresIn", choices, "604800")
  return parts.field(id, say(view, "admin.good_for"), control)
end

local function label_field(view, id, is_required)
  return parts.field(id, say(view, "admin.label"), h("input", { type = "text", id = id,
    name = "label", maxlength = "100", required = is_required, autocomplete = "off" }))
end

local function create_form(view, key, path, ...)
  return h("details", { class = "new" }, h("summary", {}, say(view, key)),
    h("div", { class = "fields" }, parts.form(view, path, nil, ...,
      h("button", { type = "submit", class = "primary" }, say(view, "admin.make")))))
end

--- A secret that was just created, shown this once. what: "invite" or "token".
function keys.created(view, what, secret)
  return parts.notice("good", h("h2", { tabindex = "-1" }, say(view, "admin.told." .. what)),
    h("p", {}, say(view, "admin.told.once")),
    h("p", { class = "secret" }, code(secret, "secret"),
      h("button", { type = "button", class = "small scripted", ["data-copy"] = "secret" },
        say(view, "page.copy"))))
end

-- Invites

local invite_columns = {
  { "admin.label", is_head = true }, { "admin.state" }, { "admin.used" }, { "admin.made" },
  { "admin.ends" }, { "admin.revoke", is_hidden = true },
}

local function invite_row(view, row)
  return {
    id = "invite-" .. row.id, row.label ~= "" and h("bdi", {}, row.label) or code(row.id),
    state(view, row), say(view, "admin.uses", { used = row.used, uses = row.uses }),
    parts.time(row.createdAt), parts.time(row.expiresAt),
    revoke(view, "/admin/access/invites/", row),
  }
end

local function invite_form(view)
  local uses = h("input", { type = "number", id = "invite-uses", name = "uses", min = "1",
    max = "100000", value = "1", dir = "ltr" })
  return create_form(view, "admin.invite.new", "/admin/access/invites", {
    label_field(view, "invite-label"),
    parts.field("invite-uses", say(view, "admin.invite.uses"), uses),
    span_field(view, "invite-span"),
  })
end

-- Tokens

local scopes = { "create", "read", "delete", "admin" }

local function scope_boxes(view)
  local boxes = {}
  for i, scope in ipairs(scopes) do
    local box = h("input", { type = "checkbox", name = "scope." .. scope, value = "on",
      checked = scope == "read" })
    local text = h("span", {}, say(view, "admin.scope." .. scope))
    boxes[i] = h("label", { class = "tick" }, box, text)
  end
  local legend = h("legend", {}, say(view, "admin.scopes"))
  return h("fieldset", { class = "field" }, legend, boxes)
end

local function token_form(view)
  return create_form(view, "admin.token.new", "/admin/access/tokens", {
    label_field(view, "token-label", true), scope_boxes(view), span_field(view, "token-span"),
  })
end

local token_columns = {
  { "admin.label", is_head = true }, { "admin.state" }, { "admin.scopes" }, { "admin.used_last" },
  { "admin.made" }, { "admin.ends" }, { "admin.revoke", is_hidden = true },
}

local function token_row(view, row)
  local list = {}
  for i, scope in ipairs(row.scopes) do list[i] = { code(scope), " " } end
  return {
    id = "token-" .. row.id, h("bdi", {}, row.label), state(view, row), list,
    parts.time(row.usedAt), parts.time(row.createdAt), parts.time(row.expiresAt),
    revoke(view, "/admin/access/tokens/", row),
  }
end

-- Page

--- Both lists, each with its own pages.
function keys.lists(view, invites, tokens)
  local choices = { { "", say(view, "admin.all") } }
  for i, worth in ipairs { "good", "used_up", "expired", "revoked" } do
    choices[i + 1] = { worth, say(view, "admin.key." .. worth) }
  end
  return {
    parts.chips(view, "state", say(view, "admin.state"), choices),
    parts.section(say(view, "admin.invites"),
      parts.list(view, "admin.invites", invite_columns, invites.invites, "admin.invites.none",
        function(row) return invite_row(view, row) end),
      parts.pager(view, "invites", invites.next)),
    parts.section(say(view, "admin.tokens"),
      parts.list(view, "admin.tokens", token_columns, tokens.tokens, "admin.tokens.none",
        function(row) return token_row(view, row) end),
      parts.pager(view, "tokens", tokens.next)),
  }
end

function keys.search(view)
  return parts.search(view, say(view, "admin.search.access"), { "state" })
end

--- The forms for new ones.
function keys.forms(view)
  return h("div", { class = "forms" }, invite_form(view), token_form(view))
end

return keys
