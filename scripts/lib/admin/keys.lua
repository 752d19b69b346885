--- The admin page about access: invites and tokens.
local credential_actions = require "lib.admin.credential_actions"
local lists = require "lib.admin.lists"
local parts = require "lib.admin.parts"
local html = require "lib.pages.html"
local keys = {}

local h, code, say = html.h, html.code, parts.say

-- The forms for new ones

-- How long a key may be valid, in seconds; "" is until revoked.
local spans = {
  { "86400", "admin.span.day" }, { "604800", "admin.span.week" }, { "2592000", "admin.span.month" },
  { "31536000", "admin.span.year" }, { "", "admin.span.ever" },
}

local function span_field(view, id)
  local choices = {}
  for i, choice in ipairs(spans) do choices[i] = { choice[1], say(view, choice[2]) } end
  return parts.field(view, id, "admin.good_for",
    parts.options(id, "expiresIn", choices, "604800"))
end

local function label_field(view, id, is_required)
  return parts.field(view, id, "admin.label", h("input", { type = "text", id = id,
    name = "label", maxlength = "100", required = is_required, autocomplete = "off" }))
end

local function uses_field(view, id)
  return parts.field(view, id, "admin.invite.uses", h("input", { type = "number", id = id,
    name = "uses", min = "1", max = "100000", value = "1", dir = "ltr" }))
end

local function scope_boxes(view)
  local boxes = {}
  for i, scope in ipairs(credential_actions.scopes) do
    boxes[i] = h("label", { class = "tick" },
      h("input", { type = "checkbox", name = "scope." .. scope, value = "on",
        checked = scope == "read" }),
      h("span", {}, say(view, "admin.scope." .. scope)))
  end
  return h("fieldset", { class = "field" }, h("legend", {}, say(view, "admin.scopes")), boxes)
end

local function create_form(view, key, path, ...)
  return h("details", { class = "new" }, h("summary", {}, say(view, key)),
    h("div", { class = "fields" }, parts.form(view, path, nil, ...,
      h("button", { type = "submit", class = "primary" }, say(view, "admin.make")))))
end

local function forms(view)
  return h("div", { class = "forms" },
    create_form(view, "admin.invite.new", "/admin/access/invites", {
      label_field(view, "invite-label"), uses_field(view, "invite-uses"),
      span_field(view, "invite-span"),
    }),
    create_form(view, "admin.token.new", "/admin/access/tokens", {
      label_field(view, "token-label", true), scope_boxes(view), span_field(view, "token-span"),
    }))
end

-- The lists

local function invite_label(_, row)
  return row.label ~= "" and h("bdi", {}, row.label) or code(row.id)
end

local function token_label(_, row) return h("bdi", {}, row.label) end

local function state(view, row)
  local mark = row.state == "good" and "ready" or "stopped"
  return parts.state(mark, say(view, "admin.key." .. row.state))
end

local function uses(view, row) return say(view, "admin.uses", row) end

local function scopes(_, row)
  local list = {}
  for i, scope in ipairs(row.scopes) do list[i] = { code(scope), " " } end
  return list
end

local function revoke(path)
  return function(view, row)
    if row.state ~= "good" then return nil end
    local name = row.label ~= "" and row.label or row.id
    return parts.button(view, path:format(row.id), "admin.revoke", name, "small wary")
  end
end

local invites = {
  caption = "admin.invites", empty = "admin.invites.none", cursor = "invites",
  id = "invite-", id_field = "id",
  { "admin.label", invite_label, is_head = true }, { "admin.state", state },
  { "admin.used", uses }, { "admin.made", "createdAt", "time" },
  { "admin.ends", "expiresAt", "time" },
  { "admin.revoke", revoke "/admin/access/invites/%s/revoke", is_hidden = true },
}
local tokens = {
  caption = "admin.tokens", empty = "admin.tokens.none", cursor = "tokens",
  id = "token-", id_field = "id",
  { "admin.label", token_label, is_head = true }, { "admin.state", state },
  { "admin.scopes", scopes }, { "admin.used_last", "usedAt", "time" },
  { "admin.made", "createdAt", "time" }, { "admin.ends", "expiresAt", "time" },
  { "admin.revoke", revoke "/admin/access/tokens/%s/revoke", is_hidden = true },
}

-- The two lists share their search, and each has its own cursor.
local function list(view, columns, values)
  local name = columns.cursor
  local doc = lists[name] {
    search = values.search, state = values.state, limit = values.limit, after = values[name],
  }
  return parts.section(say(view, columns.caption), parts.list(view, columns, doc[name], doc.next))
end

---@return AdminPage
function keys.page(view, values)
  local states = parts.choices(view, "admin.all", "admin.key.%s",
    { "good", "used_up", "expired", "revoked" })
  return {
    title = "admin.nav.access", kinds = "access operations",
    tools = { forms(view), parts.search(view, "admin.search.access", { "state" }) },
    main = {
      parts.chips(view, "state", "admin.state", states), list(view, invites, values),
      list(view, tokens, values),
    },
  }
end

--- The page with a secret that was just created, shown this once.
---@param what string  invite token
---@return AdminPage
function keys.created(view, what, secret, values)
  view.notice = parts.notice("good", h("h2", { tabindex = "-1" }, say(view, "admin.told." .. what)),
    h("p", {}, say(view, "admin.told.once")),
    h("p", { class = "secret" }, code(secret, "secret"),
      h("button", { type = "button", class = "small scripted", ["data-copy"] = "secret" },
        say(view, "page.copy"))))
  local page = keys.page(view, values)
  page.status = 201
  return page
end

return keys
