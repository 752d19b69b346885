--- The shapes of what the API takes and gives, as JSON Schema: request bodies are checked against
--- them (lib/http/input.lua), and the OpenAPI document contains them.
local json = require "core.json"
local problem = require "lib.http.problem"
local templates = require "policy.templates"

local text = { type = "string" }
local time = { type = "string", format = "date-time" }
local flag = { type = "boolean" }
local count = { type = "integer", minimum = 0 }

local function described(schema, description)
  local copy = { description = description }
  for key, value in pairs(schema) do copy[key] = value end
  return copy
end

local function list_of(schema) return { type = "array", items = schema } end
local function one_of(...) return { type = "string", enum = json.array { ... } } end
local function enum_of(values) return { type = "string", enum = json.array(values) } end
local function ref(name) return { ["$ref"] = "#/components/schemas/" .. name } end
local function nullable(schema) return { anyOf = json.array { schema, { type = "null" } } } end

-- An object; the names after its properties are those that are always present.
local function object(properties, ...)
  local required = select("#", ...) > 0 and json.array { ... } or nil
  return { type = "object", properties = properties, required = required }
end

-- The same for a request's body, which may have no other fields.
local function body(properties, ...)
  local schema = object(properties, ...)
  schema.additionalProperties = false
  return schema
end

-- A page of a list.
local function page_of(name, item, cursor, more)
  local properties = { [name] = list_of(ref(item)), next = nullable(cursor) }
  properties.next.description = "The cursor of the next page"
  for key, schema in pairs(more or {}) do properties[key] = schema end
  return object(properties, name, "next")
end

local function sorted_codes()
  local codes = {}
  for code in pairs(problem.status) do codes[#codes + 1] = code end
  table.sort(codes)
  return codes
end

local kind = one_of("deploy", "delete", "stop", "start", "restart", "redeploy", "rotate", "adopt",
  "repair", "rebuild", "remove", "purge")
local operation_state = one_of("queued", "running", "rolling_back", "ready", "failed", "cancelled",
  "deleting", "deleted", "stopping", "stopped", "starting", "restarting", "redeploying", "rotating")
local stack_state = one_of("queued", "running", "rolling_back", "ready", "unhealthy", "stopped",
  "deleting", "failed", "stopping", "starting", "restarting", "redeploying", "rotating")
local access = one_of("open", "invite", "forward-auth", "closed")
local breaker = one_of("closed", "open", "half_open")
local drift_kind = one_of("vanished", "unknown", "in_error")
local reason = object({ code = text, detail = text }, "code", "detail")
local counted = object({ state = stack_state, count = count }, "state", "count")
local data = one_of("keep", "delete")
local label = {
  type = "string", maxLength = 100, pattern = "^[^\0-\x1f\x7f]*$", title = "at most 100 characters",
}
local expires_in = {
  type = "integer", minimum = 1, maximum = 10 * 366 * 86400,
  description = "Seconds that it is valid; without it, until it is revoked",
}
local uses = { type = "integer", minimum = 1, maximum = 100000, default = 1 }
local owner_id = { type = "string", pattern = "^[A-Za-z0-9_.-]+$", title = "an owner's id" }
local leftover = object({ kind = text, id = text, detail = text }, "kind", "detail")
local drift_run = object({
  at = described(nullable(time), "When the last complete comparison ended"),
  running = flag,
  trouble = described(reason, "Why the last one failed"),
}, "at", "running")

local all = {}

-- Errors and names

all.Problem = object({
  type = described(text, "A URN made of the code"), title = text, detail = text, status = count,
  code = described(enum_of(sorted_codes()), "For programs; never changes"),
  instance = described(text, "The request's id, as in X-Request-Id"),
  field = described(text, "The part of the request that is wrong"),
  retryAfter = described(count, "Seconds"), suggestions = list_of(text), failing = list_of(text),
}, "type", "title", "detail", "status", "code", "instance")

all.Form = object({ csrf = described(text, "The token of GET /api/owner or of the page") }, "csrf")

all.Check = object({
  name = described(text, "As it would be used"), valid = flag, available = flag,
  code = one_of("name_invalid", "name_reserved", "name_taken"), detail = text,
  suggestions = list_of(text),
}, "name", "valid", "available")

-- Deployments and operations

all.Deploy = body({
  name = described(text, "Upper case and surrounding blanks are folded"),
  template = described(text, "One of: " .. table.concat(templates.ids(), ", ")),
  invite = described(text, "An invite's code, where access requires one"),
}, "name")

all.Accepted = object({
  deploymentId = text, name = text, url = described(text, "Where the workspace will answer"),
  statusUrl = text, template = text,
  ownerKey = described(text, "Keep it: it alone opens and deletes the workspace. Send it as "
    .. "Authorization: Bearer; a browser also has it in a cookie. Users of a proxy and tokens get "
    .. "none"),
}, "deploymentId", "name", "url", "statusUrl", "template")

all.Operation = object({
  deploymentId = text, name = text, state = operation_state, statusUrl = text,
}, "deploymentId", "name", "statusUrl")

all.Cancelled = object({
  deploymentId = text, name = text, state = operation_state, detail = text, statusUrl = text,
  cancelled = described(flag, "Whether it was asked to stop"),
}, "deploymentId", "state", "cancelled", "detail", "statusUrl")

all.Step = object({
  step = text, title = text,
  state = one_of("pending", "running", "waiting", "stopped", "done", "undoing", "undone"),
  startedAt = time, endedAt = time,
}, "step", "title", "state")

all.Status = object({
  deploymentId = text, name = text, url = text, kind = kind, state = operation_state,
  step = text, percent = { type = "integer", minimum = 0, maximum = 100 },
  position = count, etaSeconds = count, createdAt = time, startedAt = time, endedAt = time,
  lastEventId = count, steps = list_of(ref "Step"),
  result = described(nullable { type = "object" }, "The data of the last event, once it exists"),
}, "deploymentId", "kind", "name", "state", "percent", "createdAt", "lastEventId", "steps", "result")

-- The events of a status stream

local function event(name, properties, ...)
  properties.at = time
  all[name .. "Event"] = object(properties, "at", ...)
end

local step_fields = { step = text, title = text }

event("Queued", { position = count, etaSeconds = count }, "position")
event("Progress", {
  step = text, title = text, state = one_of("running", "waiting", "done", "undoing", "undone"),
  percent = count, detail = text,
}, "step", "title", "state")
event("Log", { line = text }, "line")
event("Ready", {
  name = text, url = text, openUrl = text, warning = described(text, "What was not proven"),
}, "name")
event("Failed", {
  code = text, step = step_fields.step, title = step_fields.title, detail = text, advice = text,
  cause = text, causeCode = text,
  lastAnswer = object {
    method = text, procedure = text, status = count, message = text, at = time, detail = text,
  },
  lastLog = list_of(text), rolledBack = flag, leftovers = list_of(leftover), requestId = text,
}, "code", "detail", "advice", "lastLog", "leftovers")
event("Cancelled", { step = text, rolledBack = flag, leftovers = list_of(leftover) }, "leftovers")
event("Deleted", { name = text, data = one_of("kept", "deleted", "left"), volume = text }, "name")
event("Stopped", { name = text }, "name")

-- One of the data of the stream's events.
local function stream(...)
  local events, mapping = {}, {}
  for i, name in ipairs { ... } do
    events[i] = ref(name .. "Event")
    mapping[name:lower()] = "#/components/schemas/" .. name .. "Event"
  end
  return {
    anyOf = json.array(events), ["x-events"] = mapping,
    description = "Server-sent events; each has an ascending id. x-events maps an event's name to "
      .. "its data",
  }
end

all.StatusStream = stream("Queued", "Progress", "Log", "Ready", "Failed", "Cancelled", "Deleted",
  "Stopped")

-- Workspaces

all.Stack = object({
  name = text, state = stack_state, url = text, openUrl = described(text, "The page to work on"),
  image = text, template = text, createdAt = time,
  lastUsedAt = described(time, "When anyone last worked in it, as far as it reports"),
  deploymentId = text, statusUrl = text, volume = described(text, "The volume with its files"),
  trouble = object({ code = text, detail = text, since = time }, "code", "detail"),
  username = text, password = described(text, "For the owner only"), passwordProblem = reason,
}, "name", "state", "createdAt", "deploymentId", "statusUrl")

all.KeptData = object({
  volume = text, name = text, reason = one_of("kept", "left"), since = time,
}, "volume", "name", "reason", "since")

all.Stacks = page_of("stacks", "Stack", text, { keptData = list_of(ref "KeptData") })

local password_action = one_of("reveal", "rotate")
password_action.default = "reveal"
all.PasswordAction = body { action = password_action }
all.Password = object({ name = text, username = text, password = text }, "name", "username",
  "password")
all.DeleteData = body { data = data }

-- Owners

all.Owner = object({
  kind = one_of("visitor", "owner", "user", "token", "admin"), ownerId = text,
  name = described(text, "A user's name, a token's label"),
  via = described(one_of("none", "bearer", "cookie", "proxy"), "The credential"),
  scopes = list_of(text), access = access,
  csrf = described(text, "For the field csrf of forms; valid for a day"),
}, "kind", "via", "access", "csrf")
all.OwnerName = body { owner = described(owner_id, "For the admin: the owner's id") }
all.Link = object({
  link = described(text, "A path of this portal"), seconds = count, expiresAt = time,
}, "link", "seconds", "expiresAt")
all.LinkSecret = body({ link = described(text, "What follows /move/") }, "link")
all.OwnerKey = object { ownerKey = text, revoked = described(flag, "For the admin, without the key") }
all.Revoked = object({ revoked = flag }, "revoked")
all.Left = object({ left = flag }, "left")

-- Invites, tokens, audit log

all.RevokedRow = object({ id = text, revoked = flag }, "id", "revoked")
all.NewInvite = body { label = label, uses = uses, expiresIn = expires_in }
all.Invite = object({
  id = text, code = described(text, "Shown once, when the invite is created"), label = text,
  uses = count, used = described(count, "Its deployments that did not fail"),
  state = one_of("good", "used_up", "expired", "revoked"),
  createdAt = time, expiresAt = time, revokedAt = time,
}, "id", "label", "uses", "used", "createdAt")
all.Invites = page_of("invites", "Invite", text)
all.NewToken = body({
  label = label, expiresIn = expires_in, owner = owner_id,
  scopes = described(text, "One or more of create, read, delete, admin, separated by blanks"),
}, "label", "scopes")
all.Token = object({
  id = text, token = described(text, "Shown once, when the token is created"),
  state = one_of("good", "expired", "revoked"), label = text,
  scopes = list_of(one_of("create", "read", "delete", "admin")), ownerId = text,
  createdAt = time, expiresAt = time, revokedAt = time,
  usedAt = described(time, "The last use, to the minute"),
}, "id", "label", "scopes", "ownerId", "createdAt")
all.Tokens = page_of("tokens", "Token", text)
all.Entry = object({
  id = count, at = time, who = one_of("admin", "owner", "user", "token", "visitor"),
  ownerId = text, whoName = text, network = described(text, "The client's /24, or /64"),
  action = text, name = described(text, "Of the workspace, or an id"), deploymentId = text,
  allowed = flag, rule = described(text, "The rule of scripts/policy/access.lua that decided"),
  policy = described(text, "The generation of the scripts and when it was loaded"),
  requestId = text,
}, "id", "at", "who", "network", "action", "allowed", "rule", "policy", "requestId")
all.Audit = page_of("entries", "Entry", count)

-- The admin's lists

all.AdminStack = object({
  name = text, state = stack_state, ownerId = text, url = text, image = text, template = text,
  createdAt = time, since = described(time, "Since when it is in this state"),
  memoryBytes = described(count, "Its memory limit"), volume = text,
  lastSeen = described(time, "Last healthy, since the portal started"),
  lastUsedAt = described(time, "When anyone last worked in it, as far as it reports"),
  deploymentId = text, workId = described(text, "The operation in progress"), trouble = reason,
}, "name", "state", "ownerId", "createdAt", "since", "deploymentId")
all.AdminStacks = page_of("stacks", "AdminStack", text, { states = list_of(counted) })
all.BulkAction = body({
  action = one_of("stop", "start", "restart", "redeploy", "delete"), data = data,
  names = described(text, "Separated by commas or blanks, at most 200"),
}, "action", "names")
all.BulkResult = object({
  name = text, deploymentId = text, statusUrl = text, code = text, detail = text,
}, "name")
all.BulkResults = object({ results = list_of(ref "BulkResult") }, "results")
all.OperationRow = object({
  deploymentId = text, kind = kind, name = text, ownerId = text, template = text,
  state = operation_state, step = text, code = described(text, "Why it failed"),
  detail = described(text, "The same as a sentence"), createdAt = time, startedAt = time,
  endedAt = time, statusUrl = text, position = described(count, "In the queue"),
  etaSeconds = count,
}, "deploymentId", "kind", "name", "ownerId", "state", "createdAt", "statusUrl")
all.Operations = page_of("operations", "OperationRow", count)
all.Queue = object({
  places = described(count, "How many deployments run at once"),
  running = list_of(ref "OperationRow"), waiting = list_of(ref "OperationRow"),
}, "places", "running", "waiting")
all.Leftover = object({
  deploymentId = text, name = text, since = time, triedAt = time, things = list_of(leftover),
}, "deploymentId", "name", "things")
all.Volume = object({
  volume = text, name = text, ownerId = text, reason = one_of("kept", "left"), since = time,
}, "volume", "name", "reason")
all.Leftovers = object({
  leftovers = list_of(ref "Leftover"), keptData = list_of(ref "Volume"),
}, "leftovers", "keptData")
all.Tried = object({ deploymentId = text, gone = flag }, "deploymentId", "gone")

-- Drift

all.Finding = object({
  id = count, kind = drift_kind, name = described(text, "Of the workspace"), ownerId = text,
  deploymentId = described(text, "The deployment that made it"),
  projectId = described(text, "In Dokploy"), applicationId = text, image = text,
  volume = described(text, "With its files"), host = text,
  createdAt = described(time, "When Dokploy created it"), detail = text,
  advice = described(text, "What can be done, while it is open"),
  since = described(time, "When it was found"), resolvedAt = time,
  resolution = one_of("gone", "adopted", "repaired", "removed"),
  actions = list_of(one_of("adopt", "repair", "remove")),
  statusUrl = described(text, "Of its latest operation"),
}, "id", "kind", "name", "ownerId", "deploymentId", "detail", "since", "actions")
all.Findings = page_of("findings", "Finding", count, {
  open = described(count, "How many are not resolved"), looked = drift_run,
})
all.DriftRun = object({ looked = drift_run }, "looked")
all.AdoptFindings = body {
  ids = described({ type = "array", items = count, title = "[1, 2, ...]" }, "Of findings"),
  all = flag,
}
all.Adoptions = object({
  adopted = list_of(ref "Finding"),
  refused = list_of(object({ id = count, name = text, code = text, detail = text },
    "id", "name", "code", "detail")),
}, "adopted", "refused")

-- The portal

local degraded = object({
  code = text, detail = text, file = text, line = count, message = text, at = time, since = time,
  retryAt = time, count = count, vanished = count, unknown = count, inError = count,
}, "code", "detail")

all.Health = object({
  status = one_of("healthy", "degraded"), version = text,
  release = described(text, "The name of this build"),
  generation = described(count, "How often the scripts were loaded"),
  loadedAt = time, startedAt = time,
  dokploy = object {
    reachable = flag, version = text, checkedAt = time, breaker = breaker, rehearsal = flag,
  },
  access = object { mode = access, detail = text }, degraded = list_of(degraded),
}, "status", "version", "generation", "degraded")

all.Ready = object({
  status = one_of "ready", release = text, journal = text, scripts = text,
  dokploy = one_of("ok", "unreachable", "unknown"), breaker = breaker,
  doctor = described(object({
    status = one_of("ok", "warn", "fail", "unknown"), ok = count, warn = count, fail = count,
    checkedAt = time, findings = list_of(object { level = one_of("warn", "fail"), what = text }),
  }, "status"), "The last run of the scheduled checks; unknown before the first"),
}, "status")

all.Summary = object({
  status = one_of("healthy", "degraded"), degraded = list_of(degraded), version = text,
  release = text, startedAt = time, access = object { mode = access, detail = text },
  policy = object({
    generation = count, loadedAt = time,
    rejected = described(object({ file = text, line = count, message = text, at = time },
      "file", "line", "message"), "The last edit, if it was rejected"),
  }, "generation"),
  dokploy = object({
    url = text, rehearsal = flag, reachable = flag, version = text, trouble = text,
    checkedAt = time,
    breaker = object({ state = breaker, since = time, failures = count, retryAt = time }, "state"),
  }, "breaker"),
  stacks = list_of(counted), running = count, waiting = count, places = count,
  leftovers = count, findings = count, streams = count, connections = count,
  memory = described(count, "Of the scripts, in bytes"),
}, "status", "degraded", "version", "policy", "dokploy", "stacks", "running", "waiting",
  "leftovers")

event("Changed", {
  kind = one_of("stacks", "operations", "leftovers", "findings", "audit", "access", "portal",
    "all"),
}, "kind")
event("Over", {})
all.ChangedEvent.properties.at, all.OverEvent.properties.at = nil, nil
all.ChangedEvent.required, all.OverEvent.required = json.array { "kind" }, nil
all.ChangeStream = stream("Changed", "Over")

-- Forms of the admin pages

all.LogIn = body({
  token = text, next = described(text, "Where to go afterwards: a path below /admin"),
  username = text,
}, "token")
all.StacksAction = body({ act = text, names = text, data = text, confirm = text }, "act", "names")
all.RemoveFinding = body { data = text, confirm = text }
all.PickedFindings = body { act = text }
all.PickedFindings.patternProperties = { ["^pick[.]"] = text }
all.TokenForm = body({ label = label, expiresIn = expires_in }, "label")
all.TokenForm.patternProperties = { ["^scope[.]"] = text }

return { components = all }
