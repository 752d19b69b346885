--- The admin pages, /admin and below: each section has its address and comes whole from the server.
--- www/admin.js keeps them live: when something changes it asks for the same page again. Their
--- forms carry the CSRF token of the session, are audited, and redirect to a page with the result.
local audit = require "lib.admin.audit"
local bulk = require "lib.admin.bulk"
local credential_actions = require "lib.admin.credential_actions"
local drift = require "lib.admin.drift"
local drift_list = require "lib.admin.drift_list"
local keys = require "lib.admin.keys"
local lists = require "lib.admin.lists"
local overview = require "lib.admin.overview"
local admin_page = require "lib.admin.page"
local parts = require "lib.admin.parts"
local script_editor = require "lib.admin.script_editor"
local scripts = require "lib.admin.scripts"
local stacks = require "lib.admin.stacks"
local work = require "lib.admin.work"
local auth = require "lib.auth"
local refusal = require "lib.base.refusal"
local answer = require "lib.http.answer"
local routes = require "lib.http.routes"
local journal = require "lib.journal"
local change_events = require "lib.journal.change_events"
local outbox = require "lib.journal.outbox"
local accept = require "lib.operations.accept"
local reconcile = require "lib.workspaces.reconcile"
local limits = require "lib.policy.limits"

local page, form = admin_page.page, admin_page.form
local created = { [201] = { "The page, which shows the secret once", type = "text/html" } }
local first_page = { limit = limits.page }

-- A form that acts and shows the page at `path` afterwards.
local function then_show(path, act)
  return function(_, _, req)
    act(req)
    return answer.see_other(path)
  end
end

-- What is ticked in a list, from fields such as "pick.NAME".
local function ticked(values, prefix)
  local list = {}
  for key in pairs(values) do
    if key:sub(1, #prefix) == prefix then list[#list + 1] = key:sub(#prefix + 1) end
  end
  table.sort(list)
  return list
end

local function data_of(values) return values.data == "delete" and "delete" or "keep" end

-- Workspaces

local function ask_action(view, _, req)
  local action = req.query.act
  if not bulk.is_action(action) then return answer.see_other "/admin/stacks" end
  local names = table.concat(ticked(req.query, "pick."), " ")
  return stacks.ask(view, action, bulk.names(names) or {})
end

local function act_on_stacks(view, values, req)
  local list = bulk.names(values.names)
  if not bulk.is_action(values.act) or not list or #list == 0 then
    return answer.see_other "/admin/stacks"
  end
  local mistake = values.act == "delete"
    and parts.mistake(view, values.confirm, stacks.word(list))
  if mistake then return stacks.ask(view, values.act, list, mistake) end
  local results = bulk.run(req, view.who, values.act, list, data_of(values))
  return answer.see_other("/admin/stacks/done/" .. bulk.keep(results))
end

local function show_results(view, _, req)
  local results = bulk.results(req.params.batch)
  return results and stacks.results(view, results) or answer.see_other "/admin/stacks"
end

-- Operations and leftovers

local function cancel(req)
  local operation = refusal.check(journal.operations.get(req.params.id))
  if not operation then refusal.raise "deployment_unknown" end
  auth.allow(req, "cancel", auth.what(operation), operation.name)
  refusal.check(accept.cancel(operation.id))
end

-- Handlers of buttons whose leftovers may be gone by then.
local function with_leftovers(act)
  return function(req)
    local is_done, failure = refusal.catch(act, req.params.id)
    if not is_done and failure.code ~= "deployment_unknown" then error(failure, 0) end
  end
end

-- Drift

local function adopt_picked(view, values, req)
  local ids = {}
  for _, id in ipairs(ticked(values, "pick.")) do ids[#ids + 1] = math.tointeger(id) end
  table.sort(ids)
  auth.allow(req, "adopt_finding", {}, table.concat(ids, " "))
  local refused = drift_list.adopt({ ids = ids }, view.language).refused
  if #refused == 0 then return answer.see_other "/admin/findings" end
  view.notice = drift.refused(refused)
  return drift.page(view, first_page)
end

local function adopt(req) drift_list.adopt_one(drift_list.find(req, "adopt")) end

local function repair(_, _, req)
  local operation = drift_list.begin("repair", drift_list.find(req, "repair"), "keep")
  return answer.see_other("/deployment/" .. operation.id)
end

local function ask_remove(view, _, req) return drift.ask(view, drift_list.find(req, "list")) end

local function remove(view, values, req)
  local row = drift_list.find(req, "remove")
  local mistake = parts.mistake(view, values.confirm, row.name)
  if mistake then return drift.ask(view, row, mistake) end
  local operation = drift_list.begin("remove", row, data_of(values))
  return answer.see_other("/deployment/" .. operation.id)
end

-- Events that hooks and webhooks have not got; one may be delivered or dropped by now.
local function with_event(act)
  return function(req)
    local id = math.tointeger(tonumber(req.params.id))
    if id then refusal.check(act(id)) end
    change_events.changed "outbox"
  end
end

-- Invites and tokens: the page shows the secret once.

local function make_invite(view, values, req)
  local invite = credential_actions.make_invite(req, values)
  return keys.created(view, "invite", invite.code, first_page)
end

local function make_token(view, values, req)
  values.scopes = table.concat(ticked(values, "scope."), " ")
  local token = credential_actions.make_token(req, values)
  return keys.created(view, "token", token.token, first_page)
end

routes.add("Admin pages", {
  page("/admin", "Everything at a glance", overview.page),
  page("/admin/stacks", "Workspaces", stacks.page,
    "limit", "search", "stack_state", "of_owner", "after_cursor"),
  page("/admin/operations", "Operations", work.operations,
    "limit", "search", "operation_state", "kind", "of_name", "before"),
  page("/admin/queue", "The queue", work.queue, "limit", "search", "from"),
  page("/admin/leftovers", "Leftovers and kept data", work.leftovers, "limit", "search", "from"),
  page("/admin/audit", "The audit log", audit.page,
    "limit", "search", "who", "action", "of_name", "allowed", "before"),
  page("/admin/findings", "Drift between the journal and Dokploy", drift.page,
    "limit", "all", "before"),
  page("/admin/access", "Invites and tokens", keys.page,
    "limit", "search", "key_state", "after_invite", "after_token"),
  page("/admin/scripts", "The installation's own files", scripts.page, "done"),
  page("/admin/scripts/file", "One of them, to edit", script_editor.page, "file"),
  page("/admin/scripts/shipped", "A shipped file, to read", script_editor.shipped, "file"),
  page("/admin/scripts/versions/:number", "A version of them", scripts.version),
  page("/admin/stacks/act", "The question before an action on workspaces", ask_action),
  page("/admin/stacks/done/:batch", "Its results", show_results),
  page("/admin/stacks/:name", "One workspace", stacks.one),
  page("/admin/findings/:id/remove", "The question before an entry is removed", ask_remove),

  form("/admin/stacks/act", "Act on workspaces", act_on_stacks, { body = "StacksAction" }),
  form("/admin/operations/:id/cancel", "Cancel a deployment", then_show("/admin/queue", cancel)),
  form("/admin/leftovers/:id/try", "Try to remove leftovers",
    then_show("/admin/leftovers", with_leftovers(lists.try_leftovers)),
    { allow = "try_leftovers" }),
  form("/admin/leftovers/:id/forget", "Forget leftovers that were removed by hand",
    then_show("/admin/leftovers", with_leftovers(lists.forget_leftovers)),
    { allow = "forget_leftovers" }),
  form("/admin/findings/look", "Compare the journal with Dokploy now",
    then_show("/admin/findings", reconcile.start), { allow = "look_for_findings" }),
  form("/admin/findings/adopt", "Adopt what was ticked", adopt_picked, { body = "PickedFindings" }),
  form("/admin/findings/:id/adopt", "Adopt an entry", then_show("/admin/findings", adopt)),
  form("/admin/findings/:id/repair", "Repair an entry", repair),
  form("/admin/findings/:id/remove", "Remove an entry", remove, { body = "RemoveFinding" }),
  form("/admin/scripts/file", "Check, try, put into force or delete a file", script_editor.act,
    { body = "ScriptForm", max_body = 2 << 20, answers = {
      [200] = { "The page with the result", type = "text/html" },
      [303] = { "To the page that shows the result" },
    }, problems = { "site_read_only", "site_changed", "site_invalid" } }),
  form("/admin/scripts/versions/:number/activate", "Put a version into force again",
    script_editor.back, { body = "ScriptHash", allow = "change_site",
      problems = { "version_unknown", "site_read_only", "site_changed", "site_invalid" } }),
  form("/admin/scripts/outbox/:id/retry", "Deliver an event now",
    then_show("/admin/scripts", with_event(outbox.retry)), { allow = "retry_outbox" }),
  form("/admin/scripts/outbox/:id/drop", "Delete an event undelivered",
    then_show("/admin/scripts", with_event(outbox.drop)), { allow = "drop_outbox" }),
  form("/admin/access/invites", "Create an invite", make_invite,
    { body = "NewInvite", answers = created }),
  form("/admin/access/tokens", "Create a token", make_token,
    { body = "TokenForm", answers = created }),
  form("/admin/access/invites/:id/revoke", "Revoke an invite",
    then_show("/admin/access", credential_actions.revoke_invite), { allow = "revoke_invite" }),
  form("/admin/access/tokens/:id/revoke", "Revoke a token",
    then_show("/admin/access", credential_actions.revoke_token), { allow = "revoke_token" }),
})
