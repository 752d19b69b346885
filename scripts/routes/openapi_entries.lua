--- What each route takes and gives, one entry a route, for routes/openapi.lua.
---   { method, path, summary, text = more, parameters = names of them, body = a schema, form = true: also urlencoded, security = who,
---     answers = { [status] = {what it is, schema} }, problems = the codes that it may answer with }
local json = require "core.json"
local limits = require "policy.limits"

local function text(description, example) return { type = "string", description = description, example = example } end
local function path(name, schema) return { name = name, ["in"] = "path", required = true, schema = schema } end
local function query(name, schema, description) return { name = name, ["in"] = "query", schema = schema, description = description } end
local function header(name, schema, description) return { name = name, ["in"] = "header", schema = schema, description = description } end

local event_number = { type = "integer", minimum = 0 }

local parameters = {
  name = path("name", text("The stack's name; upper case and surrounding blanks are folded.", "my-stack")),
  id = path("id", text "The deploymentId that an answer gave."),
  after = query("after", event_number, "Only what happened after this event. The field Last-Event-ID does the same, and goes before it."),
  last_event_id = header("Last-Event-ID", event_number, "What a reconnecting EventSource sends."),
  lang = query("lang", text("The language of texts for people; goes before Accept-Language.", "nl")),
  data = query("data", { type = "string", enum = json.array { "keep", "delete" }, default = "keep" },
    "What becomes of the files. `delete` works where Dokploy can remove a volume (0.30 and later); else they are listed as left."),
  limit = query("limit", { type = "integer", minimum = 1, maximum = limits.page_max, default = limits.page }),
  before = query("before", { type = "integer", minimum = 1 }, "The `next` of the page before."),
  from = query("from", { type = "integer", minimum = 1 }, "Where the page begins: the first is 1."),
  after_invite = query("invites", text "The invite that the page before ended with."),
  after_token = query("tokens", text "The token that the page before ended with."),
  row_id = path("id", text "The id that the list tells."),
  all = query("all", { type = "boolean", default = false }, "Those that are resolved as well."),
  link = path("link", text "The link's secret."),
  search = query("search", text "Only what holds this text, whatever its case."),
  stack_state = query("state", text("Only stacks of this state.", "ready")),
  operation_state = query("state", text("Only operations of this state; open: those that have not ended.", "failed")),
  key_state = query("state", { type = "string", enum = json.array { "good", "used_up", "expired", "revoked" } },
    "Only those of this state."),
  kind = query("kind", text("Only operations of this kind.", "deploy")),
  of_owner = query("owner", text "Only those of the owner of this id."),
  of_name = query("name", text "Only those of this name."),
  who = query("who", text("Only acts of such a person.", "admin")),
  action = query("action", text("Only this act.", "delete")),
  allowed = query("allowed", { type = "boolean" }, "Only what was allowed, or refused."),
  batch = path("batch", text "The id of what was begun together."),
  after_id = query("after", text "The `next` of the page before."),
  after_name = query("after", text "The `next` of the page before."),
  idempotency = header("Idempotency-Key", { type = "string", minLength = 1, maxLength = limits.idempotency_key },
    "Makes the request safe to repeat for 24 hours: the same key and body gets the first answer again, another body 409. "
    .. "Take a random one, such as a UUID: the answer holds the owner key. "
    .. ("Without a key of your own, one shorter than %d characters counts only from the address that it came from first."):format(
      limits.idempotency_random)),
}

local none = json.array {}
local key = json.array { { ownerKey = none }, { ownerCookie = none }, { adminToken = none }, { apiToken = none } }
local key_if_any = json.array { {}, table.unpack(key) }

local entries = {
  {
    "GET", "/", "The page",
    answers = { [200] = { "The page in the language of whoever asks", "html" }, [304] = { "Not changed" } },
  },
  {
    "GET", "/deployment/:id", "An operation's page", parameters = { "id", "lang" },
    answers = { [200] = { "The page; without JavaScript it refreshes itself", "html" }, [404] = { "A page that says so", "html" } },
  },
  {
    "GET", "/stack/:name", "A stack's page, for its owner", parameters = { "name", "lang" }, security = key,
    answers = {
      [200] = { "The page", "html" }, [303] = { "It is being worked on: the way to that page" }, [404] = { "A page that says so", "html" },
    },
  },
  {
    "GET", "/stacks", "The page of all stacks of whoever asks", parameters = { "after_name", "lang" }, security = key_if_any,
    answers = { [200] = { "The page", "html" } },
  },
  {
    "GET", "/health", "How the portal is", parameters = { "lang" },
    text = "Always 200 while the portal runs, and never waits for Dokploy. `degraded` names what is not as it should be, each with a code.",
    answers = { [200] = { "Its state", "Health" } },
  },
  {
    "GET", "/ready", "Whether to send it requests",
    text = "503 when the journal cannot be written or the portal is shutting down. An unreachable Dokploy is named with 200: "
      .. "an outage is no reason to roll a release back.",
    answers = { [200] = { "It is ready", "Ready" } },
    problems = { "not_ready" },
  },
  {
    "GET", "/metrics", "Numbers for Prometheus", security = key_if_any,
    text = "For the admin, and for whoever asks directly, not through a proxy, from a private network; scripts/policy/metrics.lua says so.",
    answers = { [200] = { "The text format of Prometheus, 0.0.4" } },
    problems = { "key_missing" },
  },
  {
    "GET", "/api/check/:name", "May this name be taken?", parameters = { "name", "lang" },
    text = "A bad name is an answer, not an error.",
    answers = { [200] = { "The answer", "Check" } },
  },
  {
    "POST", "/api/deploy", "Deploy a stack", parameters = { "idempotency", "lang" }, body = "Deploy", form = true, security = key_if_any,
    text = "Answers at once; follow statusUrl. Without an owner key a new owner is made, and the answer holds its key: "
      .. "the only way back to the stack. With an owner key the stack belongs to that owner.",
    answers = { [202] = { "Accepted", "Accepted", location = true } },
    problems = {
      "json_invalid", "content_type", "body_too_large", "field_unknown", "field_missing", "field_type", "name_invalid", "name_reserved",
      "name_taken", "template_unknown", "key_invalid", "access_closed", "forbidden_origin", "idempotency_conflict",
      "idempotency_key_invalid", "queue_full", "journal", "invite_needed", "invite_invalid", "login_needed", "scope_missing", "quota_owner",
      "quota_network", "quota_total", "rate_limited", "key_expired", "key_revoked", "csrf_invalid", "forward_user_invalid",
    },
  },
  {
    "GET", "/api/status/:id", "Follow an operation", parameters = { "id", "after", "last_event_id", "lang" },
    text = "A stream of server-sent events, or with Accept: application/json the same state as one document. Events have ascending ids "
      .. "and are kept: a stream resumes exactly where it was left, also days later. The last event is ready, failed, cancelled "
      .. "or deleted; who has it already gets 204.",
    answers = { [200] = { "The stream, or the document", "Status", stream = true }, [204] = { "It has ended and there is nothing more" } },
    problems = { "deployment_unknown", "value_invalid", "journal", "rate_limited" },
  },
  {
    "POST", "/api/status/:id/cancel", "Cancel an operation", parameters = { "id", "lang" }, security = key,
    text = "What was made is taken away again. Of an operation that has ended, and of a deletion, nothing is changed: "
      .. "`cancelled` is false and `detail` says why.",
    answers = { [202] = { "Asked to stop, or nothing to stop", "Cancelled", location = true } },
    problems = { "deployment_unknown", "key_missing", "key_invalid", "not_owner", "forbidden_origin", "journal", "rate_limited" },
  },
  {
    "GET", "/api/stack/:name", "A stack, for its owner and the admin", parameters = { "name", "lang" }, security = key,
    text = "The password is shown to the owner only. It is read from Dokploy; when that does not answer, the view comes without it "
      .. "and `passwordProblem` says why. To everybody else the stack is not there.",
    answers = { [200] = { "The stack", "Stack" } },
    problems = { "stack_unknown", "journal" },
  },
  {
    "DELETE", "/api/stack/:name", "Delete a stack", parameters = { "name", "data", "lang" }, security = key,
    text = "Removes its address, application and project; its files are kept unless `data=delete`. Idempotent: while it is being deleted, "
      .. "and after it was, its owner gets the same operation again, until somebody else takes the name. A stack that is still being made "
      .. "is cancelled. Files that an earlier deletion kept, or keeps just now, are removed by `data=delete` as well: by an operation "
      .. "of its own, which ends with the event deleted.",
    answers = { [202] = { "Being deleted, or deleted already", "Operation", location = true } },
    problems = { "stack_unknown", "value_invalid", "forbidden_origin", "journal" },
  },
  {
    "GET", "/api/stacks", "The stacks of an owner; all for the admin", parameters = { "limit", "after_name", "lang" }, security = key,
    text = "In the order of their names. `keptData` lists volumes that outlived their stack.",
    answers = { [200] = { "A page of them", "Stacks" } },
    problems = { "key_missing", "key_invalid", "value_invalid", "journal" },
  },
  { "GET", "/favicon.ico", "The icon, for browsers that take none from the page", answers = { [200] = { "image/x-icon" } } },
  {
    "GET", "/api/openapi.json", "This document",
    answers = { [200] = { "OpenAPI 3.1", "any" } },
  },
}

for _, more in ipairs { "routes.openapi_access", "routes.openapi_drift", "routes.openapi_admin" } do
  table.move(require(more), 1, 99, #entries + 1, entries)
end

return { list = entries, parameters = parameters }
