--- The admin pages about work: operations, the queue, leftovers.
local lists = require "lib.admin.lists"
local parts = require "lib.admin.parts"
local elements = require "lib.pages.elements"
local html = require "lib.pages.html"
local i18n = require "lib.pages.i18n"
local wording = require "lib.pages.wording"
local work = {}

local h, code, say = html.h, html.code, parts.say

-- Columns

--- The state or the end of an operation.
---@param operation { state: string }
function work.outcome(view, operation)
  local state = operation.state
  local key = "admin.end." .. state
  local text = i18n.has(key) and say(view, key) or elements.state(view.language, state)
  return parts.state(state, text)
end

local function result(view, operation)
  local failure = operation.code and code(operation.code)
  if failure and operation.detail then
    failure = h("details", {}, h("summary", {}, failure), h("p", {}, operation.detail))
  elseif failure then
    failure = h("p", {}, failure)
  end
  return { work.outcome(view, operation), failure }
end

local function step(view, operation) return wording.step(view.language, operation.step) end

local function stack_link(_, operation) return parts.stack_link(operation.name) end

local function operation_link(_, entry)
  return parts.operation_link(entry.deploymentId, html.name(entry.name))
end

local function follow(view, operation)
  return parts.operation_link(operation.deploymentId, say(view, "admin.follow"))
end

local function eta(view, operation) return i18n.duration(view.language, operation.etaSeconds) end

local function cancel(view, operation)
  local path = ("/admin/operations/%s/cancel"):format(operation.deploymentId)
  return parts.button(view, path, "page.cancel", operation.name)
end

local function things(_, leftover)
  local items = {}
  for i, thing in ipairs(leftover.things) do items[i] = h("li", {}, thing.detail) end
  return h("ul", {}, items)
end

local function try(view, leftover)
  local path = ("/admin/leftovers/%s/try"):format(leftover.deploymentId)
  return parts.button(view, path, "admin.try", leftover.name)
end

local function forget(view, leftover)
  if not leftover.byHand then return nil end
  local path = ("/admin/leftovers/%s/forget"):format(leftover.deploymentId)
  return parts.button(view, path, "admin.forget_left", leftover.name)
end

-- Lists

local operations = {
  caption = "admin.nav.operations", empty = "admin.operations.none", cursor = "before",
  id = "op-", id_field = "deploymentId",
  { "admin.stack", stack_link, is_head = true }, { "admin.kind", "kind", "admin.kind.%s" },
  { "admin.outcome", result }, { "admin.step", step }, { "admin.owner", "ownerId", "short" },
  { "admin.begun", "createdAt", "time" }, { "admin.ended", "endedAt", "time" },
  { "admin.more", follow, is_hidden = true },
}
local waiting = {
  caption = "admin.queue.waiting", empty = "admin.queue.none", cursor = "from",
  id = "op-", id_field = "deploymentId",
  { "admin.stack", operation_link, is_head = true }, { "admin.position", "position" },
  { "admin.owner", "ownerId", "short" }, { "admin.waits_since", "createdAt", "time" },
  { "admin.eta", eta }, { "page.cancel", cancel, is_hidden = true },
}
local running = {
  caption = "admin.running", empty = "admin.running.none", id = "op-", id_field = "deploymentId",
  { "admin.stack", operation_link, is_head = true }, { "admin.state", work.outcome },
  { "admin.step", step }, { "admin.owner", "ownerId", "short" },
  { "admin.begun", "startedAt", "time" }, { "page.cancel", cancel, is_hidden = true },
}
local leftovers = {
  caption = "admin.nav.leftovers", empty = "admin.leftovers.none",
  id = "left-", id_field = "deploymentId",
  { "admin.stack", operation_link, is_head = true }, { "admin.what", things },
  { "admin.since", "since", "time" }, { "admin.tried", "triedAt", "time" },
  { "admin.try", try, is_hidden = true }, { "admin.forget_left", forget, is_hidden = true },
}
local kept_data = {
  caption = "admin.kept", empty = "admin.kept.none", cursor = "from",
  { "admin.volume", "volume", "code", is_head = true }, { "admin.stack", "name", "code" },
  { "admin.owner", "ownerId", "short" }, { "admin.state", "state", "admin.kept.%s" },
  { "admin.since", "since", "time" }, { "admin.until", "until", "time" },
}

-- Pages

local kinds = {
  "deploy", "restore", "stop", "start", "restart", "sleep", "wake", "redeploy", "rotate",
  "delete", "adopt", "repair", "rebuild", "remove", "purge", "prepare", "retire",
}
local ends = { "ready", "stopped", "asleep", "deleted", "failed", "cancelled" }

--- The operations of one workspace.
---@param list table[]
function work.of_stack(view, list)
  return parts.list({ language = view.language, query = {} }, operations, list)
end

---@return AdminPage
function work.operations(view, values)
  local doc = lists.operations(values, view.language)
  local states = parts.choices(view, "admin.all", "admin.end.%s", ends)
  table.insert(states, 2, { "open", say(view, "admin.open") })
  local select = parts.select(view, "kind", "admin.kind",
    parts.choices(view, "admin.kind.all", "admin.kind.%s", kinds))
  return {
    title = "admin.nav.operations", kinds = "operations",
    tools = parts.search(view, "admin.search.operations", { "state", "name" }, select),
    main = {
      parts.chips(view, "state", "admin.outcome", states),
      parts.list(view, operations, doc.operations, doc.next),
    },
  }
end

---@return AdminPage
function work.queue(view, values)
  local doc = lists.queue(view.language)
  local function found(list)
    return parts.found(list, values.search, "name", "deploymentId", "ownerId")
  end
  return {
    title = "admin.nav.queue", kinds = "operations",
    tools = parts.search(view, "admin.search.operations", {}),
    main = {
      h("p", { class = "hush" }, say(view, "admin.places", { places = doc.places })),
      parts.section(say(view, "admin.queue.waiting"),
        parts.list(view, waiting, parts.slice(found(doc.waiting), values))),
      parts.section(say(view, "admin.running"), parts.list(view, running, found(doc.running))),
    },
  }
end

--- Leftovers are few and need attention, so all are shown; kept volumes grow over the years.
---@return AdminPage
function work.leftovers(view, values)
  local doc, search = lists.leftovers(view.language), values.search
  local kept = parts.found(doc.keptData, search, "volume", "name", "ownerId")
  return {
    title = "admin.nav.leftovers", kinds = "leftovers operations",
    tools = parts.search(view, "admin.search.operations", {}),
    main = {
      h("p", { class = "hush" }, say(view, "admin.leftovers.text")),
      parts.list(view, leftovers, parts.found(doc.leftovers, search, "name", "deploymentId")),
      parts.section(say(view, "admin.kept"),
        h("p", { class = "hush" }, say(view, "admin.kept.text")),
        parts.list(view, kept_data, parts.slice(kept, values))),
    },
  }
end

return work
