--- The admin page about drift, where the journal and Dokploy disagree, and the question before an
--- entry is removed.
local json = require "core.json"
local drift_list = require "lib.admin.drift_list"
local parts = require "lib.admin.parts"
local html = require "lib.pages.html"
local drift = {}

local h, code, say = html.h, html.code, parts.say

-- Columns

local function can_adopt(entry)
  for _, action in ipairs(entry.actions) do
    if action == "adopt" then return true end
  end
  return false
end

local function pick(view, entry)
  return can_adopt(entry) and parts.pick(view, entry.id, entry.name)
end

local function name(_, entry) return h("strong", {}, code(entry.name)) end

local function state(view, entry)
  local mark = entry.resolution and "ready" or "failed"
  return parts.state(mark, say(view, "admin.finding." .. (entry.resolution or entry.kind)))
end

local details = parts.details {
  { "admin.owner", "ownerId", "code" }, { "admin.finding.project", "projectId", "code" },
  { "admin.finding.application", "applicationId", "code" }, { "admin.image", "image", "code" },
  { "admin.volume", "volume", "code" }, { "admin.finding.service", "service", "code" },
  { "admin.finding.command", "command", "code" }, { "page.address", "host", "code" },
  { "admin.operation", "deploymentId", "code" },
}

local function what(view, entry)
  return { h("p", {}, entry.detail), entry.advice and h("p", { class = "hush" }, entry.advice),
    details(view, entry) }
end

local function path_of(id, action) return ("/admin/findings/%d/%s"):format(id, action) end

-- Adopting and repairing lose nothing; removing asks first.
local function action_button(view, entry, action)
  local path, key = path_of(entry.id, action), "admin.finding." .. action
  if action ~= "remove" then return parts.button(view, path, key, entry.name) end
  local label = say(view, key)
  return h("a", { class = "button small wary", href = path,
    ["aria-label"] = label .. " " .. entry.name }, label)
end

local function actions(view, entry)
  local buttons = {}
  for i, action in ipairs(entry.actions) do buttons[i] = action_button(view, entry, action) end
  local id = entry.statusUrl and entry.statusUrl:match("[^/]+$")
  return h("div", { class = "row" }, buttons,
    id and parts.operation_link(id, say(view, "admin.follow")))
end

local list = {
  caption = "admin.nav.findings", empty = "admin.finding.none", cursor = "before",
  id = "finding-", id_field = "id",
  { "admin.pick.head", pick, is_hidden = true, class = "tight" },
  { "admin.stack", name, is_head = true }, { "admin.state", state },
  { "admin.what", what, class = "broad" }, { "admin.since", "since", "time" },
  { "admin.do", actions, is_hidden = true },
}

-- The list

local function last_run(view, run)
  local at = run.at ~= json.null and run.at or nil
  return {
    run.trouble and parts.notice("warn", h("p", {}, run.trouble.detail)),
    h("div", { class = "row" },
      h("p", { class = "hush" }, say(view, "admin.finding.looked"), " ",
        parts.show(view, "time", at) or say(view, "admin.finding.never")),
      parts.form(view, "/admin/findings/look", nil,
        h("button", { type = "submit", class = "small" }, say(view, "admin.finding.look")))),
  }
end

local function bar(view, entries)
  for _, entry in ipairs(entries) do
    if can_adopt(entry) then
      return parts.bar(view, "post", "/admin/findings/adopt",
        { { "adopt", "admin.finding.adopt" } })
    end
  end
end

---@return AdminPage
function drift.page(view, values)
  local doc = drift_list.page(values, view.language)
  local choices = {
    { "", say(view, "admin.finding.open"), doc.open }, { "true", say(view, "admin.all") },
  }
  return {
    title = "admin.nav.findings", kinds = "findings operations",
    main = {
      h("p", { class = "hush" }, say(view, "admin.finding.text")), last_run(view, doc.looked),
      parts.chips(view, "all", "admin.state", choices), bar(view, doc.findings),
      parts.list(view, list, doc.findings, doc.next),
    },
  }
end

--- Why some could not be adopted, above the list.
---@param refused { detail: string }[]
function drift.refused(refused)
  local items = {}
  for i, refusal in ipairs(refused) do items[i] = h("p", {}, refusal.detail) end
  return parts.notice("bad", items)
end

--- The question before an entry is removed.
---@param row table  the journal's
---@param mistake string|nil  why it is asked again
---@return AdminPage
function drift.ask(view, row, mistake)
  return {
    heading = say(view, "admin.finding.ask", { name = row.name }), status = mistake and 422,
    main = parts.question(view, {
      what = "admin.finding.remove.what", path = path_of(row.id, "remove"),
      action = "admin.finding.remove", word = row.name, mistake = mistake,
      back = parts.link(view, "/admin/findings", "admin.finding.back", "button"),
    }),
  }
end

return drift
