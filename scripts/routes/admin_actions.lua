--- What the forms of the admin pages do. Each carries the CSRF token of its session, is audited,
--- and redirects to a page that shows the result.
local bulk = require "lib.admin.bulk"
local credential_actions = require "lib.admin.credential_actions"
local drift_html = require "lib.admin.drift"
local drift_list = require "lib.admin.drift_list"
local keys = require "lib.admin.keys"
local lists = require "lib.admin.lists"
local admin_page = require "lib.admin.page"
local parts = require "lib.admin.parts"
local sections = require "lib.admin.sections"
local stacks = require "lib.admin.stacks"
local auth = require "lib.auth"
local refusal = require "lib.base.refusal"
local answer = require "lib.http.answer"
local routes = require "lib.http.routes"
local journal = require "lib.journal"
local accept = require "lib.operations.accept"
local reconcile = require "lib.workspaces.reconcile"
local limits = require "lib.policy.limits"

local first_page = { limit = limits.page }

-- What was typed to confirm.
local function confirmation(values) return (values.confirm or ""):lower():match("^%s*(.-)%s*$") end

local function data_of(values) return values.data == "delete" and "delete" or "keep" end

-- Workspaces

local function act_on_stacks(view, req, values)
  local list = bulk.names(values.names)
  if not bulk.is_action(values.act) or not list or #list == 0 then
    return answer.see_other "/admin/stacks"
  end
  local word = stacks.word(list)
  if values.act == "delete" and confirmation(values) ~= word then
    local mistake = parts.say(view, "page.delete.mismatch", { name = word })
    return sections.ask_action(view, values.act, list, mistake)
  end
  local results = bulk.run(req, view.who, values.act, list, data_of(values))
  return answer.see_other("/admin/stacks/done/" .. bulk.keep(results))
end

-- Operations and leftovers

local function cancel(_, req)
  local operation = refusal.check(journal.operations.get(req.params.id))
  if not operation then refusal.raise "deployment_unknown" end
  auth.allow(req, "cancel", { owner_id = operation.owner_id }, operation.name)
  refusal.check(accept.cancel(operation.id))
  return answer.see_other "/admin/queue"
end

local function try_leftovers(_, req)
  local is_tried, failure = refusal.catch(lists.try_leftovers, req.params.id)
  if not is_tried and failure.code ~= "deployment_unknown" then error(failure, 0) end
  return answer.see_other "/admin/leftovers"
end

-- Drift

local function compare()
  reconcile.start()
  return answer.see_other "/admin/findings"
end

local function adopt_picked(view, req, values)
  local ids = {}
  for name in pairs(values) do ids[#ids + 1] = math.tointeger(name:match("^pick%.(%d+)$")) end
  table.sort(ids)
  auth.allow(req, "adopt_finding", {}, table.concat(ids, " "))
  local refused = drift_list.adopt({ ids = ids }, view.language).refused
  if #refused == 0 then return answer.see_other "/admin/findings" end
  return sections.drift(view, first_page, drift_html.refused(refused))
end

local function adopt(_, req)
  drift_list.adopt_one(drift_list.find(req, "adopt"))
  return answer.see_other "/admin/findings"
end

local function repair(_, req)
  local operation = drift_list.begin("repair", drift_list.find(req, "repair"), "keep")
  return answer.see_other("/deployment/" .. operation.id)
end

local function remove(view, req, values)
  local row = drift_list.find(req, "remove")
  if confirmation(values) ~= row.name then
    local mistake = parts.say(view, "page.delete.mismatch", { name = row.name })
    return sections.ask_remove(view, row, mistake)
  end
  local operation = drift_list.begin("remove", row, data_of(values))
  return answer.see_other("/deployment/" .. operation.id)
end

-- Invites and tokens: the page shows the secret once.

local function make_invite(view, req, values)
  local invite = credential_actions.make_invite(req, values)
  return sections.access(view, first_page, keys.created(view, "invite", invite.code), 201)
end

local function make_token(view, req, values)
  local scopes = {}
  for name in pairs(values) do scopes[#scopes + 1] = name:match("^scope%.(.+)$") end
  local token = credential_actions.make_token(req, {
    label = values.label, expiresIn = values.expiresIn, scopes = table.concat(scopes, " "),
  })
  return sections.access(view, first_page, keys.created(view, "token", token.token), 201)
end

local function revoke_invite(_, req)
  credential_actions.revoke_invite(req.params.id)
  return answer.see_other "/admin/access"
end

local function revoke_token(_, req)
  credential_actions.revoke_token(req.params.id)
  return answer.see_other "/admin/access"
end

local function form(pattern, make, summary, more)
  local route = more or {}
  route.summary = summary
  return admin_page.route("POST", pattern, make, route)
end

routes.add("Admin pages", {
  form("/admin/stacks/act", act_on_stacks, "Act on workspaces", { body = "StacksAction" }),
  form("/admin/operations/:id/cancel", cancel, "Cancel a deployment"),
  form("/admin/leftovers/:id/try", try_leftovers, "Try to remove leftovers",
    { allow = "try_leftovers" }),
  form("/admin/findings/look", compare, "Compare the journal with Dokploy now",
    { allow = "look_for_findings" }),
  form("/admin/findings/adopt", adopt_picked, "Adopt what was ticked",
    { body = "PickedFindings" }),
  form("/admin/findings/:id/adopt", adopt, "Adopt an entry"),
  form("/admin/findings/:id/repair", repair, "Repair an entry"),
  form("/admin/findings/:id/remove", remove, "Remove an entry",
    { body = "RemoveFinding" }),
  form("/admin/access/invites", make_invite, "Create an invite", { body = "NewInvite" }),
  form("/admin/access/tokens", make_token, "Create a token", { body = "TokenForm" }),
  form("/admin/access/invites/:id/revoke", revoke_invite, "Revoke an invite",
    { allow = "revoke_invite" }),
  form("/admin/access/tokens/:id/revoke", revoke_token, "Revoke a token",
    { allow = "revoke_token" }),
})
