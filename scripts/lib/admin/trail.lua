--- The admin's page about the audit trail: who did what, when, and by which rule. Pure, from documents.
local parts = require "lib.admin.parts"
local page = require "lib.pages"
local i18n = require "lib.pages.i18n"
local trail = {}

local h, code, say = page.h, page.code, parts.say

local kinds = { "admin", "owner", "user", "token", "visitor" }

-- The words for an act; a new one is told as the trail has it.
local function act(view, action)
  local key = "admin.did." .. action
  return i18n.has(key) and say(view, key) or code(action)
end

local function who(view, entry)
  local name = entry.whoName and h("bdi", {}, entry.whoName) or parts.short(entry.ownerId)
  return { say(view, "admin.who." .. entry.who), name and { " ", name } }
end

local function line(view, entry)
  local allowed = entry.allowed and parts.state("ready", say(view, "admin.allowed")) or parts.state("failed", say(view, "admin.refused"))
  return {
    id = "entry-" .. entry.id, parts.time(entry.at), who(view, entry), act(view, entry.action),
    entry.name and h("a", { href = parts.href("/admin/audit", { name = entry.name }) }, code(entry.name)), allowed, parts.word(entry.rule),
    h("details", {}, h("summary", {}, say(view, "admin.more")), parts.values(view, {
      { "admin.network", code(entry.network) }, { "admin.policy", code(entry.policy) },
      { "admin.request", code(entry.requestId) }, { "admin.owner", entry.ownerId and code(entry.ownerId) },
      { "admin.operation", entry.deploymentId and parts.operation_link(entry.deploymentId, code(entry.deploymentId)) },
    })),
  }
end

function trail.search(view)
  local choices = { { "", say(view, "admin.who.all") } }
  for _, kind in ipairs(kinds) do choices[#choices + 1] = { kind, say(view, "admin.who." .. kind) } end
  local chosen = parts.select(view, "who", say(view, "admin.who"), choices)
  return parts.search(view, say(view, "admin.search.audit"), { "allowed", "name" }, chosen)
end

--- The trail, newest first.
function trail.list(view, doc)
  local lines = {}
  for i, entry in ipairs(doc.entries) do lines[i] = line(view, entry) end
  local choices = { { "", say(view, "admin.all") }, { "true", say(view, "admin.allowed") }, { "false", say(view, "admin.refused") } }
  return {
    parts.chips(view, "allowed", say(view, "admin.outcome"), choices),
    view.query.name and h("p", {}, say(view, "admin.of_name"), " ", code(view.query.name), " ",
      h("a", { href = "/admin/audit" }, say(view, "admin.all"))),
    #lines == 0 and parts.empty(say(view, "admin.nothing")) or parts.table(view, "admin.nav.audit", {
      { "admin.when", head = true }, { "admin.who" }, { "admin.did" }, { "admin.to" },
      { "admin.outcome" }, { "admin.rule" }, { "admin.more", hidden = true },
    }, lines),
    parts.pager(view, "before", doc.next),
  }
end

return trail
