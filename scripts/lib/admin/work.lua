--- The admin's pages about work: operations, the queue, what is left over. Pure, from documents.
local parts = require "lib.admin.parts"
local page = require "lib.pages"
local i18n = require "lib.pages.i18n"
local elements = require "lib.pages.elements"
local work = {}

local h, code, say = page.h, page.code, parts.say

-- Operations -----------------------------------------------------------------------------------------------------------

local ends = { ready = true, failed = true, cancelled = true, deleted = true, stopped = true }

--- How an operation stands, or how it ended.
---@param state string
function work.outcome(view, state)
  return parts.state(state, ends[state] and say(view, "admin.end." .. state) or elements.state(view.language, state))
end

local function failure(op)
  if not op.code then return nil end
  if not op.detail then return h("p", {}, code(op.code)) end
  return h("details", {}, h("summary", {}, code(op.code)), h("p", {}, op.detail))
end

local function step(view, op)
  local key = op.step and "step." .. op.step .. ".title"
  return key and i18n.has(key) and say(view, key) or op.step
end

local function line(view, op)
  return {
    id = "op-" .. op.deploymentId,
    { h("a", { href = "/admin/stacks/" .. op.name }, h("strong", {}, h("bdi", { dir = "ltr" }, op.name))) },
    say(view, "admin.kind." .. op.kind), { work.outcome(view, op.state), failure(op) },
    step(view, op), parts.short(op.ownerId), parts.time(op.createdAt), parts.time(op.endedAt),
    parts.operation_link(op.deploymentId, say(view, "admin.follow")),
  }
end

--- A table of operations.
function work.table(view, list)
  if #list == 0 then return parts.nothing(view, "admin.operations.none") end
  local lines = {}
  for i, op in ipairs(list) do lines[i] = line(view, op) end
  return parts.table(view, "admin.nav.operations", {
    { "admin.stack", head = true }, { "admin.kind" }, { "admin.outcome" }, { "admin.step" },
    { "admin.owner" }, { "admin.begun" }, { "admin.ended" },
    { "admin.more", hidden = true },
  }, lines)
end

local kinds = { "deploy", "stop", "start", "restart", "redeploy", "rotate", "delete", "adopt", "repair", "rebuild", "remove", "purge" }

function work.search(view)
  local choices = { { "", say(view, "admin.kind.all") } }
  for _, kind in ipairs(kinds) do choices[#choices + 1] = { kind, say(view, "admin.kind." .. kind) } end
  local kind = parts.select(view, "kind", say(view, "admin.kind"), choices)
  return parts.search(view, say(view, "admin.search.operations"), { "state", "name" }, kind)
end

function work.operations(view, doc)
  local choices = { { "", say(view, "admin.all") }, { "open", say(view, "admin.open") } }
  for _, state in ipairs { "ready", "stopped", "deleted", "failed", "cancelled" } do
    choices[#choices + 1] = { state, say(view, "admin.end." .. state) }
  end
  local chips = parts.chips(view, "state", say(view, "admin.outcome"), choices)
  return { chips, work.table(view, doc.operations), parts.pager(view, "before", doc.next) }
end

-- The queue ------------------------------------------------------------------------------------------------------------

local function cancel_button(view, op)
  return parts.button(view, ("/admin/operations/%s/cancel"):format(op.deploymentId), "page.cancel", op.name)
end

local function name_of(op) return parts.operation_link(op.deploymentId, h("strong", {}, h("bdi", { dir = "ltr" }, op.name))) end

local function running(view, list)
  local lines = {}
  for i, op in ipairs(list) do
    lines[i] = { id = "op-" .. op.deploymentId, name_of(op), work.outcome(view, op.state), step(view, op),
      parts.short(op.ownerId), parts.time(op.startedAt), cancel_button(view, op) }
  end
  return #lines == 0 and parts.nothing(view, "admin.running.none") or parts.table(view, "admin.running", {
    { "admin.stack", head = true }, { "admin.state" }, { "admin.step" }, { "admin.owner" },
    { "admin.begun" }, { "page.cancel", hidden = true },
  }, lines)
end

local function waiting(view, list)
  local lines = {}
  for i, op in ipairs(list) do
    lines[i] = { id = "op-" .. op.deploymentId, name_of(op), op.position, parts.short(op.ownerId), parts.time(op.createdAt),
      i18n.duration(view.language, op.etaSeconds), cancel_button(view, op) }
  end
  return #lines == 0 and parts.nothing(view, "admin.queue.none") or parts.table(view, "admin.queue.waiting", {
    { "admin.stack", head = true }, { "admin.position" }, { "admin.owner" }, { "admin.waits_since" },
    { "admin.eta" }, { "page.cancel", hidden = true },
  }, lines)
end

local function in_queue(op) return ("%s %s %s"):format(op.name, op.deploymentId, op.ownerId) end

function work.queue(view, doc, which)
  local rows, next_from = parts.slice(parts.found(doc.waiting, which.search, in_queue), which)
  return {
    h("p", { class = "hush" }, say(view, "admin.places", { places = doc.places })),
    parts.section(say(view, "admin.queue.waiting"), waiting(view, rows), parts.pager(view, "from", next_from)),
    parts.section(say(view, "admin.running"), running(view, parts.found(doc.running, which.search, in_queue))),
  }
end

-- Leftovers ------------------------------------------------------------------------------------------------------------

local function things(entry)
  local items = {}
  for i, thing in ipairs(entry.things) do items[i] = h("li", {}, thing.detail) end
  return h("ul", {}, items)
end

local function left(view, list)
  local lines = {}
  for i, entry in ipairs(list) do
    lines[i] = { id = "left-" .. entry.deploymentId, name_of(entry), things(entry), parts.time(entry.since), parts.time(entry.triedAt),
      parts.button(view, ("/admin/leftovers/%s/try"):format(entry.deploymentId), "admin.try", entry.name) }
  end
  return #lines == 0 and parts.nothing(view, "admin.leftovers.none") or parts.table(view, "admin.nav.leftovers", {
    { "admin.stack", head = true }, { "admin.what" }, { "admin.since" }, { "admin.tried" },
    { "admin.try", hidden = true },
  }, lines)
end

local function kept(view, list)
  local lines = {}
  for i, volume in ipairs(list) do
    lines[i] = { code(volume.volume), code(volume.name), parts.short(volume.ownerId), say(view, "admin.kept." .. volume.reason),
      parts.time(volume.since) }
  end
  return #lines == 0 and parts.nothing(view, "admin.kept.none") or parts.table(view, "admin.kept", {
    { "admin.volume", head = true }, { "admin.stack" }, { "admin.owner" }, { "admin.why" },
    { "admin.since" },
  }, lines)
end

local function in_left(entry) return entry.name .. " " .. entry.deploymentId end
local function in_kept(volume) return ("%s %s %s"):format(volume.volume, volume.name, volume.ownerId) end

-- What is left is little and wants doing, so all of it is shown; what is kept grows over the years.
function work.leftovers(view, doc, which)
  local volumes, next_from = parts.slice(parts.found(doc.keptData, which.search, in_kept), which)
  return {
    h("p", { class = "hush" }, say(view, "admin.leftovers.text")),
    left(view, parts.found(doc.leftovers, which.search, in_left)),
    parts.section(say(view, "admin.kept"), h("p", { class = "hush" }, say(view, "admin.kept.text")), kept(view, volumes),
      parts.pager(view, "from", next_from)),
  }
end

--- The search of a list of what has a name, an owner and an id.
function work.plain_search(view) return parts.search(view, say(view, "admin.search.operations"), {}) end

return work
