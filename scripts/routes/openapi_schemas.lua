--- The shapes of what the API takes and gives, as JSON Schema, for routes/openapi.lua.
local json = require "core.json"
local names = require "lib.base.names"
local templates = require "policy.templates"

local text = { type = "string" }
local time = { type = "string", format = "date-time" }
local flag = { type = "boolean" }
local count = { type = "integer" }

local function described(schema, description)
  local copy = { description = description }
  for key, value in pairs(schema) do copy[key] = value end
  return copy
end

local function list_of(schema) return { type = "array", items = schema } end
local function one_of(...) return { type = "string", enum = json.array { ... } } end

-- An object; the names after the fields are those that are always there.
local function object(properties, ...)
  return { type = "object", properties = properties, required = json.array { ... } }
end

local all = {}

all.Problem = object({
  type = described(text, "A name for the kind of problem, made of the code"), title = text, detail = text, status = count,
  code = described(text, "For programs; never changes"), instance = described(text, "The request's id, as in X-Request-Id"),
  field = described(text, "The part of the request that is wrong"), retryAfter = described(count, "Seconds"), suggestions = list_of(text),
}, "type", "title", "detail", "status", "code", "instance")

all.Check = object({
  name = described(text, "As it would be used"), valid = flag, available = flag,
  code = one_of("name_invalid", "name_reserved", "name_taken"), detail = text, suggestions = list_of(text),
}, "name", "valid", "available")

all.Deploy = object({
  name = {
    type = "string", minLength = names.min, maxLength = names.max, pattern = "^[a-z](?:[a-z0-9]|-(?!-))*[a-z0-9]$", example = "my-stack",
  },
  template = { type = "string", enum = json.array(templates.ids()) },
  invite = described(text, "An invite's code, where access needs one"),
}, "name")
all.Deploy.additionalProperties = false

all.Accepted = object({
  deploymentId = text, name = text, url = described(text, "Where the stack will answer"), statusUrl = text,
  ownerKey = described(text, "Keep it: it alone opens, and deletes, the stack. Send it as Authorization: Bearer. "
    .. "A browser has it in a cookie as well. Users of a proxy and tokens get none"),
  template = text,
}, "deploymentId", "name", "url", "statusUrl", "template")

all.Operation = object({ deploymentId = text, name = text, state = text, statusUrl = text }, "deploymentId", "name", "statusUrl")

all.Cancelled = object({
  deploymentId = text, name = text, state = text, detail = text, statusUrl = text,
  cancelled = described(flag, "Whether it was asked to stop"),
}, "deploymentId", "state", "cancelled", "detail", "statusUrl")

all.Step = object({
  step = text, title = text, state = one_of("pending", "running", "waiting", "stopped", "done", "undoing", "undone"),
  startedAt = time, endedAt = time,
}, "step", "title", "state")

all.Status = object({
  deploymentId = text, name = text, url = text,
  kind = one_of("deploy", "delete", "stop", "start", "restart", "redeploy", "rotate", "adopt", "repair", "rebuild", "remove", "purge"),
  state = one_of("queued", "running", "rolling_back", "ready", "failed", "cancelled", "deleting", "deleted",
    "stopping", "stopped", "starting", "restarting", "redeploying", "rotating"),
  step = text, percent = { type = "integer", minimum = 0, maximum = 100 }, position = count, etaSeconds = count,
  createdAt = time, startedAt = time, endedAt = time, lastEventId = count,
  steps = list_of { ["$ref"] = "#/components/schemas/Step" },
  result = { type = json.array { "object", "null" }, description = "The data of the last event, once there is one" },
}, "deploymentId", "kind", "name", "state", "percent", "createdAt", "lastEventId", "steps", "result")

all.Stack = object({
  name = text, state = described(text, "queued running rolling_back ready unhealthy stopped deleting failed"), url = text,
  openUrl = described(text, "The workspace's own page"), image = text, template = text,
  createdAt = time, lastUsedAt = described(time, "When somebody last worked in it, as far as it told"),
  deploymentId = text, statusUrl = text,
  volume = described(text, "The volume that holds its files"), username = text, password = described(text, "For the owner only"),
  passwordProblem = object({ code = text, detail = text }, "code", "detail"),
}, "name", "state", "createdAt", "deploymentId", "statusUrl")

all.KeptData = object({
  volume = text, name = text, reason = one_of("kept", "left"), since = time,
}, "volume", "name", "reason", "since")

all.Stacks = object({
  stacks = list_of { ["$ref"] = "#/components/schemas/Stack" },
  next = { type = json.array { "string", "null" }, description = "Send it as ?after= for the next page" },
  keptData = list_of { ["$ref"] = "#/components/schemas/KeptData" },
}, "stacks", "next", "keptData")

all.Health = object({
  status = one_of("healthy", "degraded"), version = text, release = described(text, "What this build is called"),
  generation = described(count, "How often the scripts were loaded"),
  loadedAt = time, startedAt = time,
  dokploy = object {
    reachable = flag, version = text, checkedAt = time, breaker = one_of("closed", "open", "half_open"), rehearsal = flag,
  },
  access = object { mode = one_of("open", "invite", "forward-auth", "closed"), detail = text },
  degraded = list_of(object({
    code = text, detail = text, file = text, line = count, message = text, at = time, since = time, retryAt = time, count = count,
    vanished = count, unknown = count, inError = count,
  }, "code", "detail")),
}, "status", "version", "generation", "degraded")

all.Ready = object({
  status = one_of "ready", release = text, journal = text, scripts = text, dokploy = one_of("ok", "unreachable", "unknown"), breaker = text,
  doctor = described(object({
    status = one_of("ok", "warn", "fail", "unknown"), ok = count, warn = count, fail = count, checkedAt = time,
    findings = list_of(object { level = one_of("warn", "fail"), what = text }),
  }, "status"), "What `deployer doctor` found in its last round; unknown before the first"),
}, "status")

local words = { object = object, described = described, list_of = list_of, one_of = one_of, json = json }
for _, more in ipairs { "routes.openapi_schemas_access", "routes.openapi_schemas_drift", "routes.openapi_schemas_admin" } do
  for name, schema in pairs(require(more)(words)) do all[name] = schema end
end

local stream = "queued {position, etaSeconds}; progress {step, title, state, percent, detail}; log {line}; and last one of "
  .. "ready {name, url, openUrl, warning}, "
  .. "failed {code, step, title, detail, cause, causeCode, advice, lastAnswer {method, procedure, status, message, at, detail}, lastLog, "
  .. "rolledBack, leftovers}, cancelled {rolledBack, leftovers}, "
  .. "deleted {name, data, volume}, stopped {name}. "
  .. "Each has `at`. Every event's id is its number."

return { all = all, stream = stream }
