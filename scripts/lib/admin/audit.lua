--- The admin page with the audit log: who did what, when, allowed by which rule. Pure, from a
--- document of lib/admin/lists.lua.
local parts = require "lib.admin.parts"
local html = require "lib.pages.html"
local i18n = require "lib.pages.i18n"
local audit = {}

local h, code, say = html.h, html.code, parts.say

local kinds = { "admin", "owner", "user", "token", "visitor" }

local columns = {
  { "admin.when", is_head = true }, { "admin.who" }, { "admin.did" }, { "admin.to" },
  { "admin.outcome" }, { "admin.rule" }, { "admin.more", is_hidden = true },
}

-- An action without a text is shown as it is stored.
local function action_text(view, action)
  local key = "admin.did." .. action
  return i18n.has(key) and say(view, key) or code(action)
end

local function result(view, entry)
  if entry.allowed then return parts.state("ready", say(view, "admin.allowed")) end
  return parts.state("failed", say(view, "admin.refused"))
end

local function details(view, entry)
  local id = entry.deploymentId
  return h("details", {}, h("summary", {}, say(view, "admin.more")), parts.values(view, {
    { "admin.network", code(entry.network) }, { "admin.policy", code(entry.policy) },
    { "admin.request", code(entry.requestId) }, { "admin.owner", parts.maybe(entry.ownerId) },
    { "admin.operation", id and parts.operation_link(id, code(id)) },
  }))
end

local function row_of(view, entry)
  local name = entry.whoName and h("bdi", {}, entry.whoName) or parts.short(entry.ownerId)
  local href = entry.name and parts.href("/admin/audit", { name = entry.name })
  return {
    id = "entry-" .. entry.id, parts.time(entry.at),
    { say(view, "admin.who." .. entry.who), name and { " ", name } },
    action_text(view, entry.action), href and h("a", { href = href }, code(entry.name)),
    result(view, entry), parts.word(entry.rule), details(view, entry),
  }
end

function audit.search(view)
  local choices = { { "", say(view, "admin.who.all") } }
  for i, kind in ipairs(kinds) do choices[i + 1] = { kind, say(view, "admin.who." .. kind) } end
  local select = parts.select(view, "who", say(view, "admin.who"), choices)
  return parts.search(view, say(view, "admin.search.audit"), { "allowed", "name" }, select)
end

--- The log, newest first.
function audit.list(view, doc)
  local choices = {
    { "", say(view, "admin.all") }, { "true", say(view, "admin.allowed") },
    { "false", say(view, "admin.refused") },
  }
  local name = view.query.name
  return {
    parts.chips(view, "allowed", say(view, "admin.outcome"), choices),
    name and h("p", {}, say(view, "admin.of_name"), " ", code(name), " ",
      h("a", { href = "/admin/audit" }, say(view, "admin.all"))),
    parts.list(view, "admin.nav.audit", columns, doc.entries, "admin.nothing",
      function(entry) return row_of(view, entry) end),
    parts.pager(view, "before", doc.next),
  }
end

return audit
