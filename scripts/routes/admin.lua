--- What the admin oversees, for programs: the summary, lists, actions on several workspaces,
--- leftovers, invites, tokens and the audit log. The admin pages show the same documents.
local json = require "core.json"
local bulk = require "lib.admin.bulk"
local credential_actions = require "lib.admin.credential_actions"
local lists = require "lib.admin.lists"
local answer = require "lib.http.answer"
local input = require "lib.http.input"
local routes = require "lib.http.routes"
local i18n = require "lib.pages.i18n"

-- A handler that answers with a document.
local function document(make)
  return function(req, values) return answer.private(req, make(values, i18n.from(req))) end
end

-- A handler that acts and answers with what came of it.
local function acting(act, status)
  return function(...) return { status = status, json = act(...) } end
end

local function act_on_stacks(req, values, who)
  local names = bulk.names(values.names)
  if not names or #names == 0 then input.refuse("names", "1, ..., " .. bulk.most) end
  return { results = json.array(bulk.run(req, who, values.action, names, values.data or "keep")) }
end

local function try_leftovers(req)
  local id = req.params.id
  return { deploymentId = id, gone = lists.try_leftovers(id) }
end

local function forget_leftovers(req)
  local id = req.params.id
  return { deploymentId = id, gone = lists.forget_leftovers(id) }
end

routes.add("Administration", {
  { "GET", "/api/admin/summary", document(function(_, language) return lists.summary(language) end),
    summary = "Everything at a glance",
    text = "The portal, Dokploy and the breaker, the scripts in force and a rejected edit, and "
      .. "how many of each thing exist.",
    access = "admin", allow = "oversee", answers = { [200] = "Summary" } },

  { "GET", "/api/admin/stacks", document(lists.stacks),
    summary = "Workspaces",
    text = "In the order of their names. `states` counts those that match the search, whatever "
      .. "their state.",
    access = "admin", allow = "oversee",
    query = { "limit", "search", "stack_state", "of_owner", "after_cursor" },
    answers = { [200] = "AdminStacks" } },

  { "POST", "/api/admin/stacks", acting(act_on_stacks),
    summary = "Act on several workspaces",
    text = "Each is decided, audited and answered by itself: what began, or why nothing did. "
      .. "`redeploy` deploys it again with the image pulled anew; its files stay. `data` is for a "
      .. "delete.",
    access = "admin", allow = "oversee", body = "BulkAction",
    answers = { [200] = "BulkResults" } },

  { "GET", "/api/admin/operations", document(lists.operations),
    summary = "Operations",
    text = "Newest first. `state=open`: those that have not ended.",
    access = "admin", allow = "oversee",
    query = { "limit", "search", "operation_state", "kind", "of_name", "before" },
    answers = { [200] = "Operations" } },

  { "GET", "/api/admin/queue", document(function(_, language) return lists.queue(language) end),
    summary = "The queue",
    access = "admin", allow = "oversee", answers = { [200] = "Queue" } },

  { "GET", "/api/admin/leftovers",
    document(function(_, language) return lists.leftovers(language) end),
    summary = "Leftovers and kept data",
    text = "Resources that could not be removed, by deployment, and volumes that outlived their "
      .. "workspace.",
    access = "admin", allow = "oversee", answers = { [200] = "Leftovers" } },

  { "POST", "/api/admin/leftovers/:id/try", acting(try_leftovers),
    summary = "Try to remove leftovers now",
    text = "Waits up to 15 seconds; the attempt goes on, and the portal retries every minute.",
    access = "admin", allow = "try_leftovers",
    answers = { [200] = "Tried" }, problems = { "deployment_unknown" } },

  { "POST", "/api/admin/leftovers/:id/forget", acting(forget_leftovers),
    summary = "Forget leftovers that were removed by hand",
    text = "For what only a step of the installation can remove (`byHand`), when that step no "
      .. "longer exists or cannot do it. What the portal itself can remove is tried again.",
    access = "admin", allow = "forget_leftovers",
    answers = { [200] = "Tried" }, problems = { "deployment_unknown" } },

  { "GET", "/api/invites", document(lists.invites),
    summary = "Invites",
    text = "Newest first, without their codes.",
    access = "admin", allow = "list_invites",
    query = { "limit", "search", "key_state", "after_cursor" },
    answers = { [200] = "Invites" } },

  { "POST", "/api/invites", acting(credential_actions.make_invite, 201),
    summary = "Create an invite",
    text = "Its code is shown this once. A deployment that fails or is cancelled gives its use "
      .. "back.",
    access = "admin", body = "NewInvite", answers = { [201] = "Invite" } },

  { "DELETE", "/api/invites/:id", acting(credential_actions.revoke_invite),
    summary = "Revoke an invite",
    access = "admin", allow = "revoke_invite",
    answers = { [200] = "RevokedRow" }, problems = { "invite_unknown" } },

  { "GET", "/api/tokens", document(lists.tokens),
    summary = "Tokens",
    text = "Newest first, without their secrets.",
    access = "admin", allow = "list_tokens",
    query = { "limit", "search", "key_state", "after_cursor" },
    answers = { [200] = "Tokens" } },

  { "POST", "/api/tokens", acting(credential_actions.make_token, 201),
    summary = "Create a token for a program",
    text = "Its secret is shown this once. It acts for an owner of its own, or for the named one. "
      .. "Scopes: create (deploy, stop, start, restart, change a password, cancel), read, delete, "
      .. "admin.",
    access = "admin", body = "NewToken", answers = { [201] = "Token" } },

  { "DELETE", "/api/tokens/:id", acting(credential_actions.revoke_token),
    summary = "Revoke a token",
    access = "admin", allow = "revoke_token",
    answers = { [200] = "RevokedRow" }, problems = { "token_unknown" } },

  { "GET", "/api/audit", document(lists.audit),
    summary = "The audit log",
    text = "Newest first: every action but reading, and every refusal of someone known, with the "
      .. "rule that decided and the policy that contained it. Entries are never changed or "
      .. "removed.",
    access = "admin", allow = "read_audit",
    query = { "limit", "search", "who", "action", "of_name", "allowed", "before" },
    answers = { [200] = "Audit" } },
})
