--- The admin pages, /admin and below: each section has its address and comes whole from the server.
--- www/admin.js keeps them live: when something changes it asks for the same page again.
local bulk = require "lib.admin.bulk"
local drift_list = require "lib.admin.drift_list"
local lists = require "lib.admin.lists"
local overview = require "lib.admin.overview"
local admin_page = require "lib.admin.page"
local parts = require "lib.admin.parts"
local sections = require "lib.admin.sections"
local stacks = require "lib.admin.stacks"
local audit = require "lib.admin.audit"
local work = require "lib.admin.work"
local answer = require "lib.http.answer"
local routes = require "lib.http.routes"
local journal = require "lib.journal"

local say = parts.say

-- A page whose handler does more than show a list.
local function page(pattern, make, summary, ...)
  return admin_page.route("GET", pattern, make, { summary = summary, query = { ... } })
end

-- A list: `main` renders it, `tools` what is above it, `kinds` are the changes that renew it.
local function section(pattern, options)
  local function make(view, _, values)
    return {
      title = say(view, options.title), tools = options.tools and options.tools(view),
      main = options.main(view, values), kinds = options.kinds,
    }
  end
  return page(pattern, make, options.summary, table.unpack(options.query))
end

local function show_access(view, _, values) return sections.access(view, values) end
local function show_drift(view, _, values) return sections.drift(view, values) end

local function ask_remove(view, req)
  return sections.ask_remove(view, drift_list.find(req, "list"))
end

-- The names that are ticked in a list.
local function picked(query)
  local list = {}
  for key in pairs(query) do list[#list + 1] = key:match("^pick%.(.+)$") end
  table.sort(list)
  return bulk.names(table.concat(list, " ")) or {}
end

local function ask_action(view, req)
  if not bulk.is_action(req.query.act) then return answer.see_other "/admin/stacks" end
  return sections.ask_action(view, req.query.act, picked(req.query))
end

local function show_results(view, req)
  local results = bulk.results(req.params.batch)
  if not results then return answer.see_other "/admin/stacks" end
  local function outcome(operation) return work.outcome(view, operation.state) end
  return {
    title = say(view, "admin.results"), crumb = sections.stacks_crumb(view), kinds = "operations",
    main = stacks.results(view, results, journal.operations.get, outcome),
  }
end

local function show_stack(view, req)
  local name = req.params.name
  local stack = lists.stack(name, view.language)
  local operations = lists.operations({ name = name, limit = 20 }, view.language).operations
  local rows = work.table({ language = view.language, query = {} }, operations)
  local made = { crumb = sections.stacks_crumb(view), kinds = "stacks operations" }
  if stack then
    made.title, made.main = stack.name, stacks.one(view, stack, rows)
  else
    made.title, made.main = name, { parts.notice("", say(view, "admin.stack.gone")), rows }
    made.status = #operations == 0 and 404 or nil
  end
  return made
end

routes.add("Admin pages", {
  section("/admin", {
    summary = "Everything at a glance", query = {}, title = "admin.nav.overview",
    main = function(view) return overview.page(view, lists.summary(view.language)) end,
    kinds = "stacks operations leftovers findings portal",
  }),
  section("/admin/stacks", {
    summary = "Workspaces", title = "admin.nav.stacks", tools = stacks.search,
    query = { "limit", "search", "stack_state", "of_owner", "after_cursor" },
    main = function(view, values) return stacks.list(view, lists.stacks(values, view.language)) end,
    kinds = "stacks operations",
  }),
  section("/admin/operations", {
    summary = "Operations", title = "admin.nav.operations", tools = work.search,
    query = { "limit", "search", "operation_state", "kind", "of_name", "before" },
    main = function(view, values)
      return work.operations(view, lists.operations(values, view.language))
    end,
    kinds = "operations",
  }),
  section("/admin/queue", {
    summary = "The queue", title = "admin.nav.queue", tools = work.plain_search,
    query = { "limit", "search", "from" },
    main = function(view, values) return work.queue(view, lists.queue(view.language), values) end,
    kinds = "operations",
  }),
  section("/admin/leftovers", {
    summary = "Leftovers and kept data", title = "admin.nav.leftovers", tools = work.plain_search,
    query = { "limit", "search", "from" },
    main = function(view, values)
      return work.leftovers(view, lists.leftovers(view.language), values)
    end,
    kinds = "leftovers operations",
  }),
  section("/admin/audit", {
    summary = "The audit log", title = "admin.nav.audit", tools = audit.search,
    query = { "limit", "search", "who", "action", "of_name", "allowed", "before" },
    main = function(view, values) return audit.list(view, lists.audit(values)) end,
    kinds = "audit",
  }),
  page("/admin/findings", show_drift, "Drift between the journal and Dokploy", "limit", "all",
    "before"),
  page("/admin/access", show_access, "Invites and tokens",
    "limit", "search", "key_state", "after_invite", "after_token"),
  page("/admin/stacks/act", ask_action, "The question before an action on workspaces"),
  page("/admin/stacks/done/:batch", show_results, "Its results"),
  page("/admin/stacks/:name", show_stack, "One workspace"),
  page("/admin/findings/:id/remove", ask_remove, "The question before an entry is removed"),
})
