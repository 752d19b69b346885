--- The first admin page: the state of everything.
local lists = require "lib.admin.lists"
local parts = require "lib.admin.parts"
local elements = require "lib.pages.elements"
local html = require "lib.pages.html"
local overview = {}

local h, code, say = html.h, html.code, parts.say

-- A number that links to what it counts.
local function figure(href, number, label)
  return h("li", {}, h("a", { href = href }, h("b", {}, number), h("span", {}, label)))
end

local function figures(view, doc)
  local total, items = 0, { false } -- the total comes first
  for _, row in ipairs(doc.stacks) do
    total = total + row.count
    local href = parts.href("/admin/stacks", { state = row.state })
    items[#items + 1] = figure(href, row.count, elements.state(view.language, row.state))
  end
  items[1] = figure("/admin/stacks", total, say(view, "admin.nav.stacks"))
  return h("ul", { class = "figures-row" }, items,
    figure("/admin/queue", doc.waiting, say(view, "admin.queue.waiting")),
    figure("/admin/leftovers", doc.leftovers, say(view, "admin.nav.leftovers")),
    figure("/admin/findings", doc.findings, say(view, "admin.nav.findings")))
end

local has_page = { findings = true, leftovers = true }

local function health(view, doc)
  if doc.status == "healthy" then
    return parts.notice("good", h("p", {}, say(view, "admin.healthy")))
  end
  local items = {}
  for i, problem in ipairs(doc.degraded) do
    local link = has_page[problem.code]
      and parts.link(view, "/admin/" .. problem.code, "admin.nav." .. problem.code)
    items[i] = h("p", {}, link and { link, ": " }, problem.detail)
  end
  return parts.notice("warn", items)
end

local function rejected(view, edit)
  local place = edit.line > 0 and edit.file .. ":" .. edit.line or edit.file
  return parts.notice("bad",
    h("p", {}, h("strong", {}, say(view, "admin.rejected")), " ",
      parts.show(view, "time", edit.at)),
    edit.file ~= "" and h("p", {}, code(place)), h("pre", { dir = "ltr" }, edit.message),
    h("p", {}, say(view, "admin.rejected.advice")))
end

local function access(_, doc)
  return { code(doc.access.mode), " ", h("span", { class = "hush" }, doc.access.detail) }
end

local function reach(view, doc)
  local is_reachable = doc.dokploy.reachable
  if is_reachable == nil then return parts.state("stopped", say(view, "admin.reach.unknown")) end
  if is_reachable then return parts.state("ready", say(view, "admin.reach.yes")) end
  return parts.state("failed", say(view, "admin.reach.no"))
end

local function saved(view, doc)
  return doc.memorySavedBytes > 0 and parts.show(view, "memory", doc.memorySavedBytes) or nil
end

local function pool(view, doc)
  local items = {}
  for i, each in ipairs(doc.pool) do
    items[i] = h("li", {}, code(each.template), " ", say(view, "admin.pool.value", each))
  end
  return #items > 0 and h("ul", {}, items) or nil
end

local function address(view, doc)
  return { code(doc.dokploy.url),
    doc.dokploy.rehearsal and h("span", { class = "hush" }, " ", say(view, "admin.rehearsal")) }
end

local breaker_marks = { closed = "ready", half_open = "running", open = "failed" }

local function breaker(view, doc)
  local state = doc.dokploy.breaker.state
  return parts.state(breaker_marks[state], say(view, "admin.breaker." .. state))
end

local function version(_, doc)
  return { code(doc.version), doc.release and { " ", code(doc.release) } }
end

local function connections(view, doc) return say(view, "admin.connections.value", doc) end

local policy = {
  { "admin.loaded", "policy.loadedAt", "time" }, { "admin.access", access },
}
local dokploy = {
  { "admin.reach", reach }, { "admin.version", "dokploy.version", "code" },
  { "page.address", address }, { "admin.last_answer", "dokploy.checkedAt", "time" },
  { "admin.breaker", breaker }, { "admin.breaker.since", "dokploy.breaker.since", "time" },
  { "admin.breaker.retry", "dokploy.breaker.retryAt", "time" },
  { "admin.breaker.failures", "dokploy.breaker.failures" },
}
local portal = {
  { "admin.version", version }, { "admin.started", "startedAt", "time" },
  { "admin.pool", pool }, { "admin.saved", saved },
  { "admin.memory.scripts", "memory", "memory" }, { "admin.connections", connections },
}

---@return AdminPage
function overview.page(view)
  local doc = lists.summary(view.language)
  local edit = doc.policy.rejected
  return {
    title = "admin.nav.overview", kinds = "stacks operations leftovers findings portal",
    main = {
      health(view, doc), figures(view, doc),
      h("div", { class = "columns" },
        parts.section(say(view, "admin.policy"), edit and rejected(view, edit),
          parts.values(view, doc, policy)),
        parts.section("Dokploy", parts.values(view, doc, dokploy)),
        parts.section(say(view, "admin.portal"), parts.values(view, doc, portal))),
    },
  }
end

return overview
