--- The admin's pages about findings: what the journal and Dokploy do not agree on, and the question before one is removed. Pure, from
--- documents.
local json = require "core.json"
local parts = require "lib.admin.parts"
local page = require "lib.pages"
local findings = {}

local h, code, say = page.h, page.code, parts.say

local function path_of(finding, act) return ("/admin/findings/%d/%s"):format(finding.id, act) end

-- Adopting and repairing take nothing away; removing asks first.
local function act(view, finding, what)
  if what ~= "remove" then return parts.button(view, path_of(finding, what), "admin.finding." .. what, finding.name) end
  local label = say(view, "admin.finding.remove")
  return h("a", { class = "button small wary", href = path_of(finding, what), ["aria-label"] = label .. " " .. finding.name }, label)
end

local function acts(view, finding)
  local list = {}
  for i, what in ipairs(finding.actions) do list[i] = act(view, finding, what) end
  if finding.statusUrl then
    list[#list + 1] = parts.operation_link(finding.statusUrl:match("[^/]+$"), say(view, "admin.follow"))
  end
  return h("div", { class = "row" }, list)
end

local function pick(view, finding)
  for _, what in ipairs(finding.actions) do
    if what == "adopt" then return parts.pick(view, finding.id, finding.name) end
  end
end

local function details(view, finding)
  local list = parts.values(view, {
    { "admin.owner", code(finding.ownerId) }, { "admin.finding.project", finding.projectId and code(finding.projectId) },
    { "admin.finding.application", finding.applicationId and code(finding.applicationId) },
    { "admin.image", finding.image and code(finding.image) }, { "admin.volume", finding.volume and code(finding.volume) },
    { "page.address", finding.host and code(finding.host) }, { "admin.operation", finding.deploymentId and code(finding.deploymentId) },
  })
  return h("details", {}, h("summary", {}, say(view, "admin.more")), list)
end

local function line(view, finding)
  local mark = finding.resolution and parts.state("ready", say(view, "admin.finding." .. finding.resolution))
    or parts.state("failed", say(view, "admin.finding." .. finding.kind))
  return {
    id = "finding-" .. finding.id, pick(view, finding), h("strong", {}, code(finding.name)), mark,
    { h("p", {}, finding.detail), finding.advice and h("p", { class = "hush" }, finding.advice), details(view, finding) },
    parts.time(finding.since), acts(view, finding),
  }
end

local function looked(view, it)
  local at = it.at ~= json.null and it.at or nil
  return {
    it.trouble and parts.notice("warn", h("p", {}, it.trouble.detail)),
    h("div", { class = "row" },
      h("p", { class = "hush" }, say(view, "admin.finding.looked"), " ", parts.time(at) or say(view, "admin.finding.never")),
      parts.form(view, "/admin/findings/look", nil, h("button", { type = "submit", class = "small" }, say(view, "admin.finding.look")))),
  }
end

local function any(list, what)
  for _, finding in ipairs(list) do
    for _, action in ipairs(finding.actions) do
      if action == what then return true end
    end
  end
  return false
end

local columns = {
  { "admin.pick.head", hidden = true, class = "tight" }, { "admin.stack", head = true }, { "admin.state" },
  { "admin.what", class = "broad" }, { "admin.since" }, { "admin.do", hidden = true },
}

--- The list.
---@param doc table  lib/admin/drift_list.lua
function findings.list(view, doc)
  local lines = {}
  for i, finding in ipairs(doc.findings) do lines[i] = line(view, finding) end
  local choices = { { "", say(view, "admin.finding.open"), doc.open }, { "true", say(view, "admin.all") } }
  return {
    h("p", { class = "hush" }, say(view, "admin.finding.text")), looked(view, doc.looked),
    parts.chips(view, "all", say(view, "admin.state"), choices),
    any(doc.findings, "adopt") and parts.bar(view, "post", "/admin/findings/adopt", { { "adopt", say(view, "admin.finding.adopt") } }),
    #lines == 0 and parts.empty(say(view, "admin.finding.none")) or parts.table(view, "admin.nav.findings", columns, lines),
    parts.pager(view, "before", doc.next),
  }
end

--- The question before one is removed.
---@param finding table  the journal's row
---@param trouble string|nil  why it is asked again
function findings.question(view, finding, trouble)
  return {
    h("p", {}, say(view, "admin.finding.remove.what")),
    parts.form(view, path_of(finding, "remove"), "ask", parts.deletion(view, finding.name, trouble),
      h("p", { class = "row" }, h("button", { type = "submit", class = "danger" }, say(view, "admin.finding.remove")),
        h("a", { class = "button", href = "/admin/findings" }, say(view, "admin.finding.back")))),
  }
end

--- Why some could not be adopted, above the list.
---@param list { detail: string }[]
function findings.refused(list)
  local items = {}
  for i, refusal in ipairs(list) do items[i] = h("p", {}, refusal.detail) end
  return #items > 0 and parts.notice("bad", items) or nil
end

return findings
