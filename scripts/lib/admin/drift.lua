--- The admin page about drift, where the journal and Dokploy disagree, and the question before an
--- entry is removed. Pure, from a document of lib/admin/drift_list.lua.
local json = require "core.json"
local parts = require "lib.admin.parts"
local html = require "lib.pages.html"
local drift = {}

local h, code, say = html.h, html.code, parts.say

local function path_of(entry, action) return ("/admin/findings/%d/%s"):format(entry.id, action) end

-- Adopting and repairing lose nothing; removing asks first.
local function action_button(view, entry, action)
  local path, key = path_of(entry, action), "admin.finding." .. action
  if action ~= "remove" then return parts.button(view, path, key, entry.name) end
  local label = say(view, key)
  return h("a", { class = "button small wary", href = path,
    ["aria-label"] = label .. " " .. entry.name }, label)
end

local function actions(view, entry)
  local list = {}
  for i, action in ipairs(entry.actions) do list[i] = action_button(view, entry, action) end
  local id = entry.statusUrl and entry.statusUrl:match("[^/]+$")
  return h("div", { class = "row" }, list,
    id and parts.operation_link(id, say(view, "admin.follow")))
end

local function can_adopt(entry)
  for _, action in ipairs(entry.actions) do
    if action == "adopt" then return true end
  end
  return false
end

local function details(view, entry)
  return h("details", {}, h("summary", {}, say(view, "admin.more")), parts.values(view, {
    { "admin.owner", code(entry.ownerId) },
    { "admin.finding.project", parts.maybe(entry.projectId) },
    { "admin.finding.application", parts.maybe(entry.applicationId) },
    { "admin.image", parts.maybe(entry.image) }, { "admin.volume", parts.maybe(entry.volume) },
    { "page.address", parts.maybe(entry.host) },
    { "admin.operation", parts.maybe(entry.deploymentId) },
  }))
end

local function row_of(view, entry)
  local mark = entry.resolution and "ready" or "failed"
  return {
    id = "finding-" .. entry.id, can_adopt(entry) and parts.pick(view, entry.id, entry.name),
    h("strong", {}, code(entry.name)),
    parts.state(mark, say(view, "admin.finding." .. (entry.resolution or entry.kind))),
    { h("p", {}, entry.detail), entry.advice and h("p", { class = "hush" }, entry.advice),
      details(view, entry) },
    parts.time(entry.since), actions(view, entry),
  }
end

local function last_run(view, run)
  local at = run.at ~= json.null and run.at or nil
  return {
    run.trouble and parts.notice("warn", h("p", {}, run.trouble.detail)),
    h("div", { class = "row" },
      h("p", { class = "hush" }, say(view, "admin.finding.looked"), " ",
        parts.time(at) or say(view, "admin.finding.never")),
      parts.form(view, "/admin/findings/look", nil,
        h("button", { type = "submit", class = "small" }, say(view, "admin.finding.look")))),
  }
end

local columns = {
  { "admin.pick.head", is_hidden = true, class = "tight" }, { "admin.stack", is_head = true },
  { "admin.state" }, { "admin.what", class = "broad" }, { "admin.since" },
  { "admin.do", is_hidden = true },
}

local function bar(view, entries)
  for _, entry in ipairs(entries) do
    if can_adopt(entry) then
      local choice = { "adopt", say(view, "admin.finding.adopt") }
      return parts.bar(view, "post", "/admin/findings/adopt", { choice })
    end
  end
end

--- The list.
function drift.list(view, doc)
  local choices = {
    { "", say(view, "admin.finding.open"), doc.open }, { "true", say(view, "admin.all") },
  }
  return {
    h("p", { class = "hush" }, say(view, "admin.finding.text")), last_run(view, doc.looked),
    parts.chips(view, "all", say(view, "admin.state"), choices), bar(view, doc.findings),
    parts.list(view, "admin.nav.findings", columns, doc.findings, "admin.finding.none",
      function(entry) return row_of(view, entry) end),
    parts.pager(view, "before", doc.next),
  }
end

--- The question before an entry is removed.
---@param entry table  the journal's row
---@param mistake string|nil  why it is asked again
function drift.question(view, entry, mistake)
  return {
    h("p", {}, say(view, "admin.finding.remove.what")),
    h("div", { class = "ask" }, parts.form(view, path_of(entry, "remove"), nil,
      parts.deletion(view, entry.name, mistake), h("p", { class = "row" },
        h("button", { type = "submit", class = "danger" }, say(view, "admin.finding.remove")),
        h("a", { class = "button", href = "/admin/findings" }, say(view, "admin.finding.back"))))),
  }
end

--- Why some could not be adopted, above the list.
---@param list { detail: string }[]
function drift.refused(list)
  local items = {}
  for i, refusal in ipairs(list) do items[i] = h("p", {}, refusal.detail) end
  return #items > 0 and parts.notice("bad", items) or nil
end

return drift
