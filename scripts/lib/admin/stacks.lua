--- The admin pages about workspaces: the list, one of them, the question before an action, its
--- results.
local bulk = require "lib.admin.bulk"
local lists = require "lib.admin.lists"
local parts = require "lib.admin.parts"
local work = require "lib.admin.work"
local journal = require "lib.journal"
local elements = require "lib.pages.elements"
local html = require "lib.pages.html"
local stacks = {}

local h, code, say = html.h, html.code, parts.say

-- Columns

local function pick(view, stack) return parts.pick(view, stack.name, stack.name) end

-- A URL without its scheme, which may break at its first dot.
local function bare(url)
  local name, rest = url:match("^https?://([^.]*)(.*)$")
  return h("bdi", { dir = "ltr", class = "mono" }, name, h("wbr"), rest)
end

local function name_and_url(_, stack)
  return { parts.stack_link(stack.name),
    h("span", { class = "hush block" }, stack.url and bare(stack.url)) }
end

local function state(view, stack)
  local text = parts.state(stack.state, elements.state(view.language, stack.state))
  if not stack.workId then return text end
  return { text, " ", parts.operation_link(stack.workId, say(view, "admin.follow")) }
end

local function state_and_since(view, stack)
  local since = parts.show(view, "time", stack.since)
  return { state(view, stack), h("span", { class = "hush block" }, since) }
end

-- A link to the owner's workspaces; how: as in parts.show.
local function owner(how)
  return function(view, stack)
    local href = parts.href("/admin/stacks", { owner = stack.ownerId })
    return h("a", { href = href }, parts.show(view, how, stack.ownerId))
  end
end

local function address(_, stack)
  return stack.url
    and h("a", { href = stack.url, rel = "noopener noreferrer" }, code(stack.url))
end

local list = {
  caption = "admin.nav.stacks", empty = "admin.stacks.none", cursor = "after",
  id = "stack-", id_field = "name",
  { "admin.pick.head", pick, is_hidden = true, class = "tight" },
  { "admin.stack", name_and_url, is_head = true, class = "wide" },
  { "admin.state", state_and_since }, { "admin.owner", owner "short" },
  { "admin.image", "image", "code", class = "wide" }, { "admin.memory", "memoryBytes", "memory" },
  { "admin.seen", "lastSeen", "time" }, { "admin.used_at", "lastUsedAt", "time" },
}
local details = {
  { "admin.state", state }, { "page.address", address }, { "admin.owner", owner "code" },
  { "admin.image", "image", "code" }, { "admin.template", "template", "code" },
  { "admin.made", "createdAt", "time" }, { "admin.since", "since", "time" },
  { "admin.seen", "lastSeen", "time" }, { "admin.used_at", "lastUsedAt", "time" },
  { "admin.memory", "memoryBytes", "memory" }, { "admin.volume", "volume", "code" },
}

-- The list

local states = {
  "ready", "unhealthy", "stopped", "asleep", "queued", "running", "restoring", "rolling_back",
  "deleting", "stopping", "starting", "restarting", "falling_asleep", "waking", "redeploying",
  "rotating", "failed",
}

-- The states that exist now, and the one that is asked for.
local function chips(view, counts)
  local by_state, total = {}, 0
  for _, row in ipairs(counts) do by_state[row.state], total = row.count, total + row.count end
  local choices = { { "", say(view, "admin.all"), total } }
  for _, one in ipairs(states) do
    if by_state[one] or view.query.state == one then
      choices[#choices + 1] = { one, elements.state(view.language, one), by_state[one] or 0 }
    end
  end
  return parts.chips(view, "state", "admin.state", choices)
end

-- The buttons below which a page asks before anything begins.
local buttons = {}
for i, action in ipairs(bulk.actions) do
  buttons[i] = { action, "admin.act." .. action, action == "delete" and "wary" or nil }
end

---@return AdminPage
function stacks.page(view, values)
  local doc = lists.stacks(values, view.language)
  return {
    title = "admin.nav.stacks", kinds = "stacks operations",
    tools = parts.search(view, "admin.search.stacks", { "state", "owner" }),
    main = {
      chips(view, doc.states), parts.only(view, "owner", "admin.of_owner"),
      #doc.stacks > 0 and parts.bar(view, "get", "/admin/stacks/act", buttons),
      parts.list(view, list, doc.stacks, doc.next),
    },
  }
end

-- One workspace

local possible = {
  ready = { "stop", "restart", "sleep", "redeploy", "delete" },
  unhealthy = { "stop", "restart", "redeploy", "delete" },
  stopped = { "start", "redeploy", "delete" }, asleep = { "wake", "redeploy", "delete" },
  failed = { "delete" },
}

local function action_links(view, stack)
  local links = {}
  for i, action in ipairs(possible[stack.state] or {}) do
    local href = parts.href("/admin/stacks/act", { act = action, ["pick." .. stack.name] = "on" })
    links[i] = parts.link(view, href, "admin.act." .. action,
      action == "delete" and "button small wary" or "button small")
  end
  return #links > 0 and h("p", { class = "row" }, links)
end

local function crumb(view) return parts.link(view, "/admin/stacks", "admin.nav.stacks") end

--- One workspace, or what is known of one that is gone.
---@return AdminPage
function stacks.one(view, _, req)
  local name = req.params.name
  local stack = lists.stack(name, view.language)
  local operations = lists.operations({ name = name, limit = 20 }, view.language).operations
  local rows = work.of_stack(view, operations)
  local page = { heading = name, crumb = crumb(view), kinds = "stacks operations" }
  if not stack then
    page.main = { parts.notice("", say(view, "admin.stack.gone")), rows }
    page.status = #operations == 0 and 404 or nil
    return page
  end
  page.main = {
    stack.trouble and parts.notice("warn", h("p", {}, stack.trouble.detail)),
    parts.values(view, stack, details), action_links(view, stack),
    parts.section(say(view, "admin.nav.operations"), rows),
    h("p", {}, parts.link(view, parts.href("/admin/audit", { name = name }), "admin.its_audit")),
  }
  return page
end

-- Actions

--- What has to be typed before these are deleted: the name, or how many they are.
---@param names string[]
---@return string
function stacks.word(names) return #names == 1 and names[1] or tostring(#names) end

local function back_link(view)
  return parts.link(view, "/admin/stacks", "admin.back", "button")
end

local function question(view, action, names, mistake)
  if #names == 0 then
    return { h("p", {}, say(view, "admin.picked.none")), h("p", {}, back_link(view)) }
  end
  local items = {}
  for i, name in ipairs(names) do items[i] = h("li", {}, code(name)) end
  return {
    #names > 1 and h("ul", { class = "names" }, items),
    parts.question(view, {
      what = ("admin.ask.%s.what"):format(action), action = "admin.act." .. action,
      path = "/admin/stacks/act", fields = { act = action, names = table.concat(names, ",") },
      word = action == "delete" and stacks.word(names), mistake = mistake, back = back_link(view),
    }),
  }
end

--- The question before an action.
---@param names string[]
---@param mistake string|nil  why it is asked again
---@return AdminPage
function stacks.ask(view, action, names, mistake)
  local key = "admin.ask." .. action .. (#names == 1 and ".single" or ".several")
  return {
    heading = say(view, key, { name = names[1] }), crumb = crumb(view),
    main = question(view, action, names, mistake), status = mistake and 422,
  }
end

-- Results: the operation of each as it is now, or why none was begun

local function outcome(view, result)
  if result.operation then return work.outcome(view, result.operation) end
  return parts.state("failed", say(view, "admin.not_begun"))
end

-- In the reader's language; only "internal" names the request that failed.
local function follow_or_reason(view, result)
  local operation = result.operation
  if result.code == "internal" then return result.detail end
  if operation then return parts.operation_link(operation.id, say(view, "admin.follow")) end
  return say(view, ("problem.%s.detail"):format(result.code), { name = result.name })
end

local results = {
  caption = "admin.results",
  { "admin.stack", function(_, result) return parts.stack_link(result.name) end, is_head = true },
  { "admin.outcome", outcome }, { "admin.more", follow_or_reason },
}

--- The results of an action.
---@param list_of_results table[]  lib/admin/bulk.lua
---@return AdminPage
function stacks.results(view, list_of_results)
  for _, result in ipairs(list_of_results) do
    result.operation = result.deploymentId and journal.operations.get(result.deploymentId)
  end
  return {
    title = "admin.results", crumb = crumb(view), kinds = "operations",
    main = { parts.list(view, results, list_of_results), h("p", {}, back_link(view)) },
  }
end

return stacks
