--- The admin page with the audit log: who did what, when, allowed by which rule.
local lists = require "lib.admin.lists"
local parts = require "lib.admin.parts"
local html = require "lib.pages.html"
local i18n = require "lib.pages.i18n"
local audit = {}

local h, code, say = html.h, html.code, parts.say

local people = { "admin", "owner", "user", "token", "visitor", "script" }

local function person(view, entry)
  local name = entry.whoName and h("bdi", {}, entry.whoName)
    or parts.show(view, "short", entry.ownerId)
  return { say(view, "admin.who." .. entry.who), name and { " ", name } }
end

-- An action without a text is shown as it is stored.
local function action(view, entry)
  local key = "admin.did." .. entry.action
  return i18n.has(key) and say(view, key) or code(entry.action)
end

local function subject(_, entry)
  local href = entry.name and parts.href("/admin/audit", { name = entry.name })
  return href and h("a", { href = href }, code(entry.name))
end

local function result(view, entry)
  if entry.allowed then return parts.state("ready", say(view, "admin.allowed")) end
  return parts.state("failed", say(view, "admin.refused"))
end

local function operation(_, entry)
  local id = entry.deploymentId
  return id and parts.operation_link(id, code(id))
end

local details = parts.details {
  { "admin.network", "network", "code" }, { "admin.policy", "policy", "code" },
  { "admin.request", "requestId", "code" }, { "admin.owner", "ownerId", "code" },
  { "admin.operation", operation },
}

local entries = {
  caption = "admin.nav.audit", empty = "admin.nothing", id = "entry-", id_field = "id",
  cursor = "before",
  { "admin.when", "at", "time", is_head = true }, { "admin.who", person },
  { "admin.did", action }, { "admin.to", subject }, { "admin.outcome", result },
  { "admin.rule", "rule", "word" }, { "admin.more", details, is_hidden = true },
}

--- The log, newest first.
---@return AdminPage
function audit.page(view, values)
  local doc = lists.audit(values)
  local who = parts.choices(view, "admin.who.all", "admin.who.%s", people)
  local outcomes = {
    { "", say(view, "admin.all") }, { "true", say(view, "admin.allowed") },
    { "false", say(view, "admin.refused") },
  }
  return {
    title = "admin.nav.audit", kinds = "audit",
    tools = parts.search(view, "admin.search.audit", { "allowed", "name" },
      parts.select(view, "who", "admin.who", who)),
    main = {
      parts.chips(view, "allowed", "admin.outcome", outcomes),
      parts.only(view, "name", "admin.of_name"), parts.list(view, entries, doc.entries, doc.next),
    },
  }
end

return audit
