--- The admin's first page: how everything is. Pure, from a document.
local parts = require "lib.admin.parts"
local page = require "lib.pages"
local elements = require "lib.pages.elements"
local overview = {}

local h, code, say = page.h, page.code, parts.say

-- A number that leads to what it counts.
local function figure(href, number, label)
  return h("li", {}, h("a", { href = href }, h("b", {}, number), h("span", {}, label)))
end

local function figures(view, doc)
  local items, total = {}, 0
  for _, row in ipairs(doc.stacks) do total = total + row.count end
  items[1] = figure("/admin/stacks", total, say(view, "admin.nav.stacks"))
  for _, row in ipairs(doc.stacks) do
    items[#items + 1] = figure(parts.href("/admin/stacks", { state = row.state }), row.count, elements.state(view.language, row.state))
  end
  items[#items + 1] = figure("/admin/queue", doc.waiting, say(view, "admin.queue.waiting"))
  items[#items + 1] = figure("/admin/leftovers", doc.leftovers, say(view, "admin.nav.leftovers"))
  items[#items + 1] = figure("/admin/findings", doc.findings, say(view, "admin.nav.findings"))
  return h("ul", { class = "figures-row" }, items)
end

-- Where more is told of what is not as it should be.
local sections = { findings = "findings", leftovers = "leftovers" }

local function health(view, doc)
  if doc.status == "healthy" then return parts.notice("good", h("p", {}, say(view, "admin.healthy"))) end
  local items = {}
  for i, found in ipairs(doc.degraded) do
    local section = sections[found.code]
    local link = section and h("a", { href = "/admin/" .. section }, say(view, "admin.nav." .. section))
    items[i] = h("p", {}, link and { link, ": " } or "", found.detail)
  end
  return parts.notice("warn", items)
end

local function rejected(view, edit)
  if not edit then return nil end
  return parts.notice("bad",
    h("p", {}, h("strong", {}, say(view, "admin.rejected")), " ", parts.time(edit.at)),
    edit.file ~= "" and h("p", {}, code(edit.line > 0 and edit.file .. ":" .. edit.line or edit.file)),
    h("pre", { dir = "ltr" }, edit.message), h("p", {}, say(view, "admin.rejected.advice")))
end

local function policy(view, doc)
  return parts.section(say(view, "admin.policy"), rejected(view, doc.policy.rejected), parts.values(view, {
    { "admin.generation", doc.policy.generation }, { "admin.loaded", parts.time(doc.policy.loadedAt) },
    { "admin.access", { code(doc.access.mode), " ", h("span", { class = "hush" }, doc.access.detail) } },
  }))
end

local function reach(view, it)
  if it.reachable == nil then return parts.state("stopped", say(view, "admin.reach.unknown")) end
  return it.reachable and parts.state("ready", say(view, "admin.reach.yes")) or parts.state("failed", say(view, "admin.reach.no"))
end

local breaker_marks = { closed = "ready", half_open = "running", open = "failed" }

local function dokploy(view, it)
  return parts.section("Dokploy", parts.values(view, {
    { "admin.reach", reach(view, it) }, { "admin.version", it.version and code(it.version) },
    { "page.address", { code(it.url), it.rehearsal and h("span", { class = "hush" }, " ", say(view, "admin.rehearsal")) } },
    { "admin.last_answer", parts.time(it.checkedAt) },
    { "admin.breaker", parts.state(breaker_marks[it.breaker.state], say(view, "admin.breaker." .. it.breaker.state)) },
    { "admin.breaker.since", parts.time(it.breaker.since) }, { "admin.breaker.retry", parts.time(it.breaker.retryAt) },
    { "admin.breaker.failures", it.breaker.failures },
  }))
end

local function portal(view, doc)
  return parts.section(say(view, "admin.portal"), parts.values(view, {
    { "admin.version", { code(doc.version), doc.release and { " ", code(doc.release) } } },
    { "admin.started", parts.time(doc.startedAt) }, { "admin.memory.scripts", parts.memory(view, doc.memory) },
    { "admin.connections", say(view, "admin.connections.value", { connections = doc.connections, streams = doc.streams }) },
  }))
end

--- The page.
---@param doc table  lib/admin/lists.lua
function overview.page(view, doc)
  return {
    health(view, doc), figures(view, doc),
    h("div", { class = "columns" }, policy(view, doc), dokploy(view, doc.dokploy), portal(view, doc)),
  }
end

return overview
