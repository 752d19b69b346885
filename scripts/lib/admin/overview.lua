--- The first admin page: the state of everything. Pure, from a document of lib/admin/lists.lua.
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
    local link = has_page[problem.code] and h("a", { href = "/admin/" .. problem.code },
      say(view, "admin.nav." .. problem.code))
    items[i] = h("p", {}, link and { link, ": " }, problem.detail)
  end
  return parts.notice("warn", items)
end

local function rejected(view, edit)
  if not edit then return nil end
  local place = edit.line > 0 and edit.file .. ":" .. edit.line or edit.file
  return parts.notice("bad",
    h("p", {}, h("strong", {}, say(view, "admin.rejected")), " ", parts.time(edit.at)),
    edit.file ~= "" and h("p", {}, code(place)), h("pre", { dir = "ltr" }, edit.message),
    h("p", {}, say(view, "admin.rejected.advice")))
end

local function policy(view, doc)
  return parts.section(say(view, "admin.policy"), rejected(view, doc.policy.rejected),
    parts.values(view, {
      { "admin.generation", doc.policy.generation },
      { "admin.loaded", parts.time(doc.policy.loadedAt) },
      { "admin.access", { code(doc.access.mode), " ",
        h("span", { class = "hush" }, doc.access.detail) } },
    }))
end

local function reach(view, dokploy)
  if dokploy.reachable == nil then
    return parts.state("stopped", say(view, "admin.reach.unknown"))
  end
  if dokploy.reachable then return parts.state("ready", say(view, "admin.reach.yes")) end
  return parts.state("failed", say(view, "admin.reach.no"))
end

local breaker_marks = { closed = "ready", half_open = "running", open = "failed" }

local function dokploy_section(view, dokploy)
  local breaker = dokploy.breaker
  local state = parts.state(breaker_marks[breaker.state],
    say(view, "admin.breaker." .. breaker.state))
  return parts.section("Dokploy", parts.values(view, {
    { "admin.reach", reach(view, dokploy) }, { "admin.version", parts.maybe(dokploy.version) },
    { "page.address", { code(dokploy.url),
      dokploy.rehearsal and h("span", { class = "hush" }, " ", say(view, "admin.rehearsal")) } },
    { "admin.last_answer", parts.time(dokploy.checkedAt) }, { "admin.breaker", state },
    { "admin.breaker.since", parts.time(breaker.since) },
    { "admin.breaker.retry", parts.time(breaker.retryAt) },
    { "admin.breaker.failures", breaker.failures },
  }))
end

local function portal(view, doc)
  local counts = { connections = doc.connections, streams = doc.streams }
  return parts.section(say(view, "admin.portal"), parts.values(view, {
    { "admin.version", { code(doc.version), doc.release and { " ", code(doc.release) } } },
    { "admin.started", parts.time(doc.startedAt) },
    { "admin.memory.scripts", parts.memory(view, doc.memory) },
    { "admin.connections", say(view, "admin.connections.value", counts) },
  }))
end

function overview.page(view, doc)
  return {
    health(view, doc), figures(view, doc),
    h("div", { class = "columns" }, policy(view, doc), dokploy_section(view, doc.dokploy),
      portal(view, doc)),
  }
end

return overview
