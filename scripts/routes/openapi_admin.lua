--- More entries for routes/openapi.lua, of the form that openapi_entries.lua tells: what the admin oversees, and the admin's page.
local json = require "core.json"

local none = json.array {}
local admin = json.array { { adminToken = none }, { apiToken = none }, { adminCookie = none } }
local cookie = json.array { { adminCookie = none } }

local who = { "key_missing", "key_invalid", "key_expired", "key_revoked", "scope_missing", "admin_only", "rate_limited", "journal" }

local function problems(...)
  local list = { ... }
  for _, code in ipairs(who) do list[#list + 1] = code end
  return list
end

-- A page of a list, searched.
local function list(path, summary, schema, text, ...)
  return {
    "GET", path, summary, parameters = { "limit", "lang", ... }, security = admin, text = text,
    answers = { [200] = { "A page of them", schema } }, problems = problems("value_invalid"),
  }
end

local function page(path, summary, ...)
  return {
    "GET", path, summary, parameters = { "lang", ... }, security = cookie,
    answers = { [200] = { "The page", "html" }, [303] = { "Nobody is logged in: the way to the log-in, and back" } },
  }
end

local function form(path, summary, text, ...)
  return {
    "POST", path, summary, parameters = { ... }, security = cookie, text = text,
    answers = { [303] = { "The way to the page that shows what came of it" } },
    problems = { "csrf_invalid", "forbidden_origin", "form_invalid", "field_unknown", "rate_limited", "journal" },
  }
end

return {
  {
    "GET", "/api/admin/summary", "How everything is", parameters = { "lang" }, security = admin,
    text = "The portal, Dokploy and the breaker, the scripts in force and the edit that was refused, and how many of what there are.",
    answers = { [200] = { "All of it", "Summary" } }, problems = problems(),
  },
  list("/api/admin/stacks", "All stacks, searched", "AdminStacks",
    "In the order of their names. `states` counts those that fit the search, whatever their state.",
    "search", "stack_state", "of_owner", "after_name"),
  {
    "POST", "/api/admin/stacks", "Do something to several stacks", parameters = { "lang" }, security = admin, body = "ManyStacks",
    text = "Each is asked for, written into the audit trail and answered by itself: what was begun, or why it was not. `redeploy` has "
      .. "Dokploy deploy it again, with the image pulled anew; its files stay. `data` is for a delete.",
    answers = { [200] = { "What came of each", "ManyResults" } },
    problems = problems("value_invalid", "field_missing", "field_type", "field_unknown", "forbidden_origin"),
  },
  list("/api/admin/operations", "Operations, newest first", "Operations", "`state=open`: those that have not ended.", "search",
    "operation_state", "kind", "of_name", "before"),
  {
    "GET", "/api/admin/queue", "Who waits, and who is being served", security = admin,
    answers = { [200] = { "The queue", "Queue" } }, problems = problems(),
  },
  {
    "GET", "/api/admin/leftovers", "What could not be taken away", parameters = { "lang" }, security = admin,
    answers = { [200] = { "By deployment; and the volumes that outlived their stack", "Leftovers" } }, problems = problems(),
  },
  {
    "POST", "/api/admin/leftovers/:id/try", "Try to take it away now", parameters = { "id", "lang" }, security = admin,
    text = "Waits 15 seconds for the end of the try; it goes on all the same, and the portal tries again each minute.",
    answers = { [200] = { "Whether nothing is left of it now", "Tried" } },
    problems = problems("deployment_unknown", "forbidden_origin"),
  },
  {
    "GET", "/api/admin/events", "A stream that says of which kind something changed", security = admin,
    parameters = { "after", "last_event_id" },
    text = "Events `changed` with data {kind: stacks, operations, leftovers, findings, audit, access, portal, or all: "
      .. "whatever you show, look again}. Numbers rise, also over a restart: whoever comes back with the last one is told of each kind "
      .. "that changed since, once. `over` ends the stream of a session that has ended. It tells no names, no ids and no secrets.",
    answers = { [200] = { "The stream", "any", stream = "changed {kind}; over {}" } }, problems = problems("value_invalid"),
  },
  {
    "GET", "/admin/login", "The admin's log-in", parameters = { "lang" },
    answers = { [200] = { "A form, or how to open the administration", "html" }, [303] = { "Logged in already: the way there" } },
  },
  {
    "POST", "/admin/login", "Log in", body = "LogIn", form = true,
    text = "With the right token: a session in a cookie that scripts cannot read, good for eight hours, until its log-out, or until "
      .. "ADMIN_TOKEN changes.",
    answers = { [303] = { "Logged in: the way to the page that was wanted" }, [403] = { "That is not the token: the form again", "html" } },
    problems = { "csrf_invalid", "forbidden_origin", "rate_limited", "journal" },
  },
  form("/admin/logout", "Log out", "The session is over, wherever its cookie is."),
  page("/admin", "The admin's page: how everything is"),
  page("/admin/stacks", "Stacks", "search", "stack_state", "of_owner", "after_name"),
  page("/admin/stacks/act", "The question before something is done to stacks"),
  page("/admin/stacks/done/:batch", "What came of it", "batch"),
  page("/admin/stacks/:name", "One stack", "name"),
  page("/admin/operations", "Operations", "search", "operation_state", "kind", "of_name", "before"),
  page("/admin/queue", "The queue", "search", "from"),
  page("/admin/leftovers", "What is left over", "search", "from"),
  page("/admin/findings", "What the journal and Dokploy do not agree on", "all", "before"),
  page("/admin/findings/:id/remove", "The question before a finding is removed", "row_id"),
  page("/admin/audit", "The audit trail", "search", "who", "action", "of_name", "allowed", "before"),
  page("/admin/access", "Invites and tokens", "search", "key_state", "after_invite", "after_token"),
  form("/admin/stacks/act", "Do it", "A delete needs what was asked to be typed: the name of one stack, the number of several."),
  form("/admin/operations/:id/cancel", "Cancel a deployment", nil, "id"),
  form("/admin/leftovers/:id/try", "Try to take away what is left", nil, "id"),
  form("/admin/findings/look", "Look through Dokploy now"),
  form("/admin/findings/adopt", "Adopt what was picked", "With pick.ID for each."),
  form("/admin/findings/:id/adopt", "Adopt it", nil, "row_id"),
  form("/admin/findings/:id/repair", "Repair it", nil, "row_id"),
  form("/admin/findings/:id/remove", "Remove it", "Needs its name to be typed.", "row_id"),
  form("/admin/access/invites", "Make an invite", "Answers with the page, which tells the code this once."),
  form("/admin/access/tokens", "Make a token", "Answers with the page, which tells the token this once."),
  form("/admin/access/invites/:id/revoke", "Revoke an invite", nil, "row_id"),
  form("/admin/access/tokens/:id/revoke", "Revoke a token", nil, "row_id"),
}
