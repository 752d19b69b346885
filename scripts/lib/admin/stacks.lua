--- The admin pages about workspaces: the list, one of them, the question before an action, its
--- results. Pure, from documents of lib/admin/lists.lua.
local parts = require "lib.admin.parts"
local elements = require "lib.pages.elements"
local html = require "lib.pages.html"
local stacks = {}

local h, code, say = html.h, html.code, parts.say

local states = {
  "ready", "unhealthy", "stopped", "queued", "running", "rolling_back", "deleting", "stopping",
  "starting", "restarting", "redeploying", "rotating", "failed",
}

-- The states that exist now, and the one that is asked for.
local function chips(view, counts)
  local by_state, total = {}, 0
  for _, row in ipairs(counts) do by_state[row.state], total = row.count, total + row.count end
  local choices = { { "", say(view, "admin.all"), total } }
  for _, state in ipairs(states) do
    if by_state[state] or view.query.state == state then
      local text = elements.state(view.language, state)
      choices[#choices + 1] = { state, text, by_state[state] or 0 }
    end
  end
  return parts.chips(view, "state", say(view, "admin.state"), choices)
end

local function state_of(view, stack)
  local text = parts.state(stack.state, elements.state(view.language, stack.state))
  if not stack.workId then return text end
  return { text, " ", parts.operation_link(stack.workId, say(view, "admin.follow")) }
end

-- A URL without its scheme, which may break at its first dot.
local function bare(url)
  if not url then return nil end
  local name, rest = url:match("^https?://([^.]*)(.*)$")
  return h("bdi", { dir = "ltr", class = "mono" }, name, h("wbr"), rest)
end

local function owner_href(stack) return parts.href("/admin/stacks", { owner = stack.ownerId }) end

local columns = {
  { "admin.pick.head", is_hidden = true, class = "tight" },
  { "admin.stack", is_head = true, class = "wide" }, { "admin.state" }, { "admin.owner" },
  { "admin.image", class = "wide" }, { "admin.memory" }, { "admin.seen" }, { "admin.used_at" },
}

local function row_of(view, stack)
  return {
    id = "stack-" .. stack.name, parts.pick(view, stack.name, stack.name),
    { parts.stack_link(stack.name), h("span", { class = "hush block" }, bare(stack.url)) },
    { state_of(view, stack), h("span", { class = "hush block" }, parts.time(stack.since)) },
    h("a", { href = owner_href(stack) }, parts.short(stack.ownerId)), parts.maybe(stack.image),
    parts.memory(view, stack.memoryBytes), parts.time(stack.lastSeen), parts.time(stack.lastUsedAt),
  }
end

local actions = { "stop", "start", "restart", "redeploy", "delete" }

-- The buttons below which a page asks before anything begins.
local function bar(view)
  local choices = {}
  for i, action in ipairs(actions) do
    local class = action == "delete" and "wary" or nil
    choices[i] = { action, say(view, "admin.act." .. action), class }
  end
  return parts.bar(view, "get", "/admin/stacks/act", choices)
end

--- The list.
function stacks.list(view, doc)
  local owner = view.query.owner
  return {
    chips(view, doc.states),
    owner and h("p", {}, say(view, "admin.of_owner"), " ", code(owner), " ",
      h("a", { href = "/admin/stacks" }, say(view, "admin.all"))),
    #doc.stacks > 0 and bar(view),
    parts.list(view, "admin.nav.stacks", columns, doc.stacks, "admin.stacks.none",
      function(stack) return row_of(view, stack) end),
    parts.pager(view, "after", doc.next),
  }
end

function stacks.search(view)
  return parts.search(view, say(view, "admin.search.stacks"), { "state", "owner" })
end

-- One workspace

local possible = {
  ready = { "stop", "restart", "redeploy", "delete" },
  unhealthy = { "stop", "restart", "redeploy", "delete" },
  stopped = { "start", "redeploy", "delete" }, failed = { "delete" },
}

local function action_links(view, stack)
  local links = {}
  for i, action in ipairs(possible[stack.state] or {}) do
    local query = { act = action, ["pick." .. stack.name] = "on" }
    links[i] = h("a", { class = action == "delete" and "button small wary" or "button small",
      href = parts.href("/admin/stacks/act", query) }, say(view, "admin.act." .. action))
  end
  return #links > 0 and h("p", { class = "row" }, links)
end

--- One workspace.
---@param operations Element  the table of its operations
function stacks.one(view, stack, operations)
  local address = stack.url
    and h("a", { href = stack.url, rel = "noopener noreferrer" }, code(stack.url))
  return {
    stack.trouble and parts.notice("warn", h("p", {}, stack.trouble.detail)),
    parts.values(view, {
      { "admin.state", state_of(view, stack) }, { "page.address", address },
      { "admin.owner", h("a", { href = owner_href(stack) }, code(stack.ownerId)) },
      { "admin.image", parts.maybe(stack.image) },
      { "admin.template", parts.maybe(stack.template) },
      { "admin.made", parts.time(stack.createdAt) }, { "admin.since", parts.time(stack.since) },
      { "admin.seen", parts.time(stack.lastSeen) },
      { "admin.used_at", parts.time(stack.lastUsedAt) },
      { "admin.memory", parts.memory(view, stack.memoryBytes) },
      { "admin.volume", parts.maybe(stack.volume) },
    }),
    action_links(view, stack), parts.section(say(view, "admin.nav.operations"), operations),
    h("p", {}, h("a", { href = parts.href("/admin/audit", { name = stack.name }) },
      say(view, "admin.its_audit"))),
  }
end

-- Actions

--- What has to be typed before these are deleted: the name, or how many they are.
---@param list string[]
---@return string
function stacks.word(list) return #list == 1 and list[1] or tostring(#list) end

--- The heading of the question.
function stacks.question_title(view, action, list)
  local key = "admin.ask." .. action
  if #list ~= 1 then return say(view, key .. ".several") end
  return say(view, key .. ".single", { name = list[1] })
end

local function back_link(view)
  return h("a", { class = "button", href = "/admin/stacks" }, say(view, "admin.back"))
end

--- The question before an action.
---@param mistake string|nil  why it is asked again
function stacks.question(view, action, list, mistake)
  if #list == 0 then
    return { h("p", {}, say(view, "admin.picked.none")), h("p", {}, back_link(view)) }
  end
  local names, is_deletion = {}, action == "delete"
  for i, name in ipairs(list) do names[i] = h("li", {}, code(name)) end
  local fields = { act = action, names = table.concat(list, ",") }
  return {
    #list > 1 and h("ul", { class = "names" }, names),
    h("p", {}, say(view, "admin.ask." .. action .. ".what")),
    h("div", { class = "ask" }, parts.form(view, "/admin/stacks/act", fields,
      is_deletion and parts.deletion(view, stacks.word(list), mistake),
      h("p", { class = "row" },
        h("button", { type = "submit", class = is_deletion and "danger" or "primary" },
          say(view, "admin.act." .. action)), back_link(view)))),
  }
end

--- The results: the operation of each as it is now, or why none was begun.
---@param results table[]  lib/admin/bulk.lua
---@param operation_of fun(id: string): table|nil
---@param outcome fun(operation: table): Element
function stacks.results(view, results, operation_of, outcome)
  local columns_of_results = {
    { "admin.stack", is_head = true }, { "admin.outcome" }, { "admin.more" },
  }
  local rows = {}
  for i, result in ipairs(results) do
    local operation = result.deploymentId and operation_of(result.deploymentId)
    -- In the reader's language; only "internal" names the request that failed.
    local reason = result.code == "internal" and result.detail or not operation
      and say(view, ("problem.%s.detail"):format(result.code), { name = result.name })
    rows[i] = {
      parts.stack_link(result.name),
      operation and outcome(operation) or parts.state("failed", say(view, "admin.not_begun")),
      operation and parts.operation_link(operation.id, say(view, "admin.follow")) or reason,
    }
  end
  return {
    parts.table(view, "admin.results", columns_of_results, rows), h("p", {}, back_link(view)),
  }
end

return stacks
