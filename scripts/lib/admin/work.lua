--- The admin pages about work: operations, the queue, leftovers. Pure, from documents of
--- lib/admin/lists.lua.
local parts = require "lib.admin.parts"
local elements = require "lib.pages.elements"
local html = require "lib.pages.html"
local i18n = require "lib.pages.i18n"
local wording = require "lib.pages.wording"
local work = {}

local h, code, say = html.h, html.code, parts.say

-- Operations

--- The state or the end of an operation.
---@param state string
function work.outcome(view, state)
  local key = "admin.end." .. state
  local text = i18n.has(key) and say(view, key) or elements.state(view.language, state)
  return parts.state(state, text)
end

local function failure(operation)
  if not operation.code then return nil end
  if not operation.detail then return h("p", {}, code(operation.code)) end
  return h("details", {}, h("summary", {}, code(operation.code)), h("p", {}, operation.detail))
end

local columns = {
  { "admin.stack", is_head = true }, { "admin.kind" }, { "admin.outcome" }, { "admin.step" },
  { "admin.owner" }, { "admin.begun" }, { "admin.ended" }, { "admin.more", is_hidden = true },
}

--- A table of operations.
function work.table(view, list)
  return parts.list(view, "admin.nav.operations", columns, list, "admin.operations.none",
    function(operation)
      return {
        id = "op-" .. operation.deploymentId, parts.stack_link(operation.name),
        say(view, "admin.kind." .. operation.kind),
        { work.outcome(view, operation.state), failure(operation) },
        wording.step(view.language, operation.step), parts.short(operation.ownerId),
        parts.time(operation.createdAt), parts.time(operation.endedAt),
        parts.operation_link(operation.deploymentId, say(view, "admin.follow")),
      }
    end)
end

local kinds = {
  "deploy", "stop", "start", "restart", "redeploy", "rotate", "delete", "adopt", "repair",
  "rebuild", "remove", "purge",
}

function work.search(view)
  local choices = { { "", say(view, "admin.kind.all") } }
  for i, kind in ipairs(kinds) do choices[i + 1] = { kind, say(view, "admin.kind." .. kind) } end
  local select = parts.select(view, "kind", say(view, "admin.kind"), choices)
  return parts.search(view, say(view, "admin.search.operations"), { "state", "name" }, select)
end

local ends = { "ready", "stopped", "deleted", "failed", "cancelled" }

function work.operations(view, doc)
  local choices = { { "", say(view, "admin.all") }, { "open", say(view, "admin.open") } }
  for _, state in ipairs(ends) do
    choices[#choices + 1] = { state, say(view, "admin.end." .. state) }
  end
  return {
    parts.chips(view, "state", say(view, "admin.outcome"), choices),
    work.table(view, doc.operations), parts.pager(view, "before", doc.next),
  }
end

-- Queue

local function cancel_button(view, operation)
  local path = ("/admin/operations/%s/cancel"):format(operation.deploymentId)
  return parts.button(view, path, "page.cancel", operation.name)
end

local function name_link(entry)
  return parts.operation_link(entry.deploymentId, html.name(entry.name))
end

local running_columns = {
  { "admin.stack", is_head = true }, { "admin.state" }, { "admin.step" }, { "admin.owner" },
  { "admin.begun" }, { "page.cancel", is_hidden = true },
}

local function running_row(view, operation)
  return {
    id = "op-" .. operation.deploymentId, name_link(operation),
    work.outcome(view, operation.state), wording.step(view.language, operation.step),
    parts.short(operation.ownerId), parts.time(operation.startedAt),
    cancel_button(view, operation),
  }
end

local waiting_columns = {
  { "admin.stack", is_head = true }, { "admin.position" }, { "admin.owner" },
  { "admin.waits_since" }, { "admin.eta" }, { "page.cancel", is_hidden = true },
}

local function waiting_row(view, operation)
  return {
    id = "op-" .. operation.deploymentId, name_link(operation), operation.position,
    parts.short(operation.ownerId), parts.time(operation.createdAt),
    i18n.duration(view.language, operation.etaSeconds), cancel_button(view, operation),
  }
end

local function queue_text(operation)
  return ("%s %s %s"):format(operation.name, operation.deploymentId, operation.ownerId)
end

function work.queue(view, doc, which)
  local waiting = parts.found(doc.waiting, which.search, queue_text)
  local rows, next_from = parts.slice(waiting, which)
  return {
    h("p", { class = "hush" }, say(view, "admin.places", { places = doc.places })),
    parts.section(say(view, "admin.queue.waiting"),
      parts.list(view, "admin.queue.waiting", waiting_columns, rows, "admin.queue.none",
        function(operation) return waiting_row(view, operation) end),
      parts.pager(view, "from", next_from)),
    parts.section(say(view, "admin.running"),
      parts.list(view, "admin.running", running_columns,
        parts.found(doc.running, which.search, queue_text), "admin.running.none",
        function(operation) return running_row(view, operation) end)),
  }
end

-- Leftovers

local leftover_columns = {
  { "admin.stack", is_head = true }, { "admin.what" }, { "admin.since" }, { "admin.tried" },
  { "admin.try", is_hidden = true },
}

local function leftover_row(view, entry)
  local items = {}
  for i, thing in ipairs(entry.things) do items[i] = h("li", {}, thing.detail) end
  local path = ("/admin/leftovers/%s/try"):format(entry.deploymentId)
  return {
    id = "left-" .. entry.deploymentId, name_link(entry), h("ul", {}, items),
    parts.time(entry.since), parts.time(entry.triedAt),
    parts.button(view, path, "admin.try", entry.name),
  }
end

local kept_columns = {
  { "admin.volume", is_head = true }, { "admin.stack" }, { "admin.owner" }, { "admin.why" },
  { "admin.since" },
}

local function kept_row(view, volume)
  return {
    code(volume.volume), code(volume.name), parts.short(volume.ownerId),
    say(view, "admin.kept." .. volume.reason), parts.time(volume.since),
  }
end

local function leftover_text(entry) return entry.name .. " " .. entry.deploymentId end
local function kept_text(volume)
  return ("%s %s %s"):format(volume.volume, volume.name, volume.ownerId)
end

-- Leftovers are few and need attention, so all are shown; kept volumes grow over the years.
function work.leftovers(view, doc, which)
  local kept, next_from = parts.slice(parts.found(doc.keptData, which.search, kept_text), which)
  return {
    h("p", { class = "hush" }, say(view, "admin.leftovers.text")),
    parts.list(view, "admin.nav.leftovers", leftover_columns,
      parts.found(doc.leftovers, which.search, leftover_text), "admin.leftovers.none",
      function(entry) return leftover_row(view, entry) end),
    parts.section(say(view, "admin.kept"), h("p", { class = "hush" }, say(view, "admin.kept.text")),
      parts.list(view, "admin.kept", kept_columns, kept, "admin.kept.none",
        function(volume) return kept_row(view, volume) end),
      parts.pager(view, "from", next_from)),
  }
end

--- The search of a list of names, owners and ids.
function work.plain_search(view)
  return parts.search(view, say(view, "admin.search.operations"), {})
end

return work
