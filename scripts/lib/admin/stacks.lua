--- The admin's pages about stacks: the list, one of them, the question before an act, and what came of it. Pure, from documents.
local parts = require "lib.admin.parts"
local page = require "lib.pages"
local elements = require "lib.pages.elements"
local stacks = {}

local h, code, say = page.h, page.code, parts.say

local states = { "ready", "unhealthy", "stopped", "queued", "running", "rolling_back", "deleting", "stopping", "starting", "restarting",
  "redeploying", "rotating", "failed" }

-- Every state that a stack is in now, and the one that is asked for.
local function chips(view, counts)
  local by_state, total = {}, 0
  for _, row in ipairs(counts) do by_state[row.state], total = row.count, total + row.count end
  local choices = { { "", say(view, "admin.all"), total } }
  for _, state in ipairs(states) do
    if by_state[state] or view.query.state == state then
      choices[#choices + 1] = { state, elements.state(view.language, state), by_state[state] or 0 }
    end
  end
  return parts.chips(view, "state", say(view, "admin.state"), choices)
end

local function state_of(view, stack)
  local text = parts.state(stack.state, elements.state(view.language, stack.state))
  if stack.workId then return { text, " ", parts.operation_link(stack.workId, say(view, "admin.follow")) } end
  return text
end

-- An address without its scheme; where there is no room it goes on below from its dot.
local function bare(url)
  if not url then return nil end
  local name, rest = url:match("^https?://([^.]*)(.*)$")
  return h("bdi", { dir = "ltr", class = "mono" }, name, h("wbr"), rest)
end

local function line(view, stack)
  return {
    id = "stack-" .. stack.name, parts.pick(view, stack.name, stack.name),
    { h("a", { href = "/admin/stacks/" .. stack.name }, h("strong", {}, h("bdi", { dir = "ltr" }, stack.name))),
      h("span", { class = "hush block" }, bare(stack.url)) },
    { state_of(view, stack), h("span", { class = "hush block" }, parts.time(stack.since)) },
    h("a", { href = parts.href("/admin/stacks", { owner = stack.ownerId }) }, parts.short(stack.ownerId)),
    stack.image and code(stack.image), parts.memory(view, stack.memoryBytes), parts.time(stack.lastSeen),
    parts.time(stack.lastUsedAt),
  }
end

local columns = {
  { "admin.pick.head", hidden = true, class = "tight" }, { "admin.stack", head = true, class = "wide" }, { "admin.state" },
  { "admin.owner" }, { "admin.image", class = "wide" }, { "admin.memory" }, { "admin.seen" }, { "admin.used_at" },
}

local acts = { "stop", "start", "restart", "redeploy", "delete" }

-- The next page asks, and begins nothing.
local function bar(view)
  local choices = {}
  for i, act in ipairs(acts) do choices[i] = { act, say(view, "admin.act." .. act), act == "delete" and "wary" or nil } end
  return parts.bar(view, "get", "/admin/stacks/act", choices)
end

--- The list.
---@param view View
---@param doc table  lib/admin/lists.lua
function stacks.list(view, doc)
  local lines = {}
  for i, stack in ipairs(doc.stacks) do lines[i] = line(view, stack) end
  return {
    chips(view, doc.states),
    view.query.owner and h("p", {}, say(view, "admin.of_owner"), " ", code(view.query.owner), " ",
      h("a", { href = "/admin/stacks" }, say(view, "admin.all"))),
    #lines > 0 and { bar(view), parts.table(view, "admin.nav.stacks", columns, lines) }
      or parts.nothing(view, "admin.stacks.none"),
    parts.pager(view, "after", doc.next),
  }
end

function stacks.search(view)
  return parts.search(view, say(view, "admin.search.stacks"), { "state", "owner" })
end

-- One ------------------------------------------------------------------------------------------------------------------

local fitting = {
  ready = { "stop", "restart", "redeploy", "delete" }, unhealthy = { "stop", "restart", "redeploy", "delete" },
  stopped = { "start", "redeploy", "delete" }, failed = { "delete" },
}

local function act_links(view, stack)
  local links = {}
  for i, act in ipairs(fitting[stack.state] or {}) do
    links[i] = h("a", { class = act == "delete" and "button small wary" or "button small",
      href = parts.href("/admin/stacks/act", { act = act, ["pick." .. stack.name] = "on" }) }, say(view, "admin.act." .. act))
  end
  return #links > 0 and h("p", { class = "row" }, links)
end

--- One stack.
---@param rows Element  its operations
function stacks.one(view, stack, rows)
  return {
    stack.trouble and parts.notice("warn", h("p", {}, stack.trouble.detail)),
    parts.values(view, {
      { "admin.state", state_of(view, stack) },
      { "page.address", stack.url and h("a", { href = stack.url, rel = "noopener noreferrer" }, code(stack.url)) },
      { "admin.owner", h("a", { href = parts.href("/admin/stacks", { owner = stack.ownerId }) }, code(stack.ownerId)) },
      { "admin.image", stack.image and code(stack.image) }, { "admin.template", stack.template and code(stack.template) },
      { "admin.made", parts.time(stack.createdAt) }, { "admin.since", parts.time(stack.since) },
      { "admin.seen", parts.time(stack.lastSeen) }, { "admin.used_at", parts.time(stack.lastUsedAt) },
      { "admin.memory", parts.memory(view, stack.memoryBytes) },
      { "admin.volume", stack.volume and code(stack.volume) },
    }),
    act_links(view, stack),
    parts.section(say(view, "admin.nav.operations"), rows),
    h("p", {}, h("a", { href = parts.href("/admin/audit", { name = stack.name }) }, say(view, "admin.its_audit"))),
  }
end

-- Before an act --------------------------------------------------------------------------------------------------------

local function name_list(list)
  local items = {}
  for i, name in ipairs(list) do items[i] = h("li", {}, code(name)) end
  return h("ul", { class = "names" }, items)
end

--- What has to be typed before these are deleted: the name of one, else how many they are.
---@param list string[]
---@return string
function stacks.word(list) return #list == 1 and list[1] or tostring(#list) end

--- The heading of the question.
function stacks.question_title(view, act, list)
  if #list == 1 then return say(view, "admin.ask." .. act .. ".single", { name = list[1] }) end
  return say(view, "admin.ask." .. act .. ".several")
end

local function way_back(view) return h("a", { class = "button", href = "/admin/stacks" }, say(view, "admin.back")) end

--- The question before an act.
---@param trouble string|nil  why it is asked again
function stacks.question(view, act, list, trouble)
  if #list == 0 then
    return { h("p", {}, say(view, "admin.picked.none")), h("p", {}, way_back(view)) }
  end
  local go = h("button", { type = "submit", class = act == "delete" and "danger" or "primary" }, say(view, "admin.act." .. act))
  return {
    #list > 1 and name_list(list), h("p", {}, say(view, "admin.ask." .. act .. ".what")),
    parts.form(view, "/admin/stacks/act", "ask", parts.hidden("act", act), parts.hidden("names", table.concat(list, ",")),
      act == "delete" and parts.deletion(view, stacks.word(list), trouble),
      h("p", { class = "row" }, go, way_back(view))),
  }
end

-- After it -------------------------------------------------------------------------------------------------------------

--- What came of it, for each: the operation as it stands now, or why nothing was begun.
---@param results table[]  routes/bulk.lua
---@param operation fun(id: string): table|nil
---@param outcome fun(operation: table): Element
function stacks.results(view, results, operation, outcome)
  local lines = {}
  -- In the language of whoever looks now; "internal" alone tells of the request that it was.
  local function why(done)
    return done.code == "internal" and done.detail or say(view, "problem." .. done.code .. ".detail", { name = done.name })
  end
  for i, done in ipairs(results) do
    local found = done.deploymentId and operation(done.deploymentId)
    lines[i] = {
      { h("a", { href = "/admin/stacks/" .. done.name }, h("strong", {}, h("bdi", { dir = "ltr" }, done.name))) },
      found and outcome(found) or parts.state("failed", say(view, "admin.not_begun")),
      found and parts.operation_link(found.id, say(view, "admin.follow")) or why(done),
    }
  end
  return {
    parts.table(view, "admin.results",
      { { "admin.stack", head = true }, { "admin.outcome" }, { "admin.more" } }, lines),
    h("p", {}, way_back(view)),
  }
end

return stacks
