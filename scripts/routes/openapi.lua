--- GET /api/openapi.json: OpenAPI 3.1 for every route, made of the table below and routes/openapi_schemas.lua.
--- A new route gets its entry here; a test holds the table against the routes that are registered.
local crypto = require "core.crypto"
local json = require "core.json"
local server = require "core.server"
local names = require "lib.names"
local problem = require "lib.problem"
local schemas = require "routes.openapi_schemas"
local limits = require "policy.limits"

local function text(description, example) return { type = "string", description = description, example = example } end

local parameters = {
  name = { name = "name", ["in"] = "path", required = true, schema = text("The stack's name; upper case and surrounding blanks are folded.", "my-stack") },
  id = { name = "id", ["in"] = "path", required = true, schema = text("The deploymentId that an answer gave.") },
  after = { name = "after", ["in"] = "query", schema = { type = "integer", minimum = 0 },
    description = "Only what happened after this event. The field Last-Event-ID does the same, and goes before it." },
  last_event_id = { name = "Last-Event-ID", ["in"] = "header", schema = { type = "integer", minimum = 0 }, description = "What a reconnecting EventSource sends." },
  lang = { name = "lang", ["in"] = "query", schema = text("The language of texts for people; goes before Accept-Language.", "nl") },
  data = { name = "data", ["in"] = "query", schema = { type = "string", enum = { "keep", "delete" }, default = "keep" },
    description = "What becomes of the files. `delete` works where Dokploy can remove a volume (0.30 and later); else they are listed as left." },
  limit = { name = "limit", ["in"] = "query", schema = { type = "integer", minimum = 1, maximum = limits.page_max, default = limits.page } },
  after_name = { name = "after", ["in"] = "query", schema = text("The `next` of the page before.") },
  idempotency = { name = "Idempotency-Key", ["in"] = "header", schema = { type = "string", minLength = 1, maxLength = limits.idempotency_key },
    description = "Makes the request safe to repeat for 24 hours: the same key and body gets the first answer again, another body 409. "
      .. "Take a random one, such as a UUID: the answer holds the owner key." },
}

local key = json.array { { ownerKey = json.array {} }, { adminToken = json.array {} } }
local key_if_any = json.array { {}, { ownerKey = json.array {} }, { adminToken = json.array {} } }

-- One entry a route: answers = { [status] = {what, schema name}, ... }, problems = the codes that it may answer with.
local entries = {
  { "GET", "/", "The page", answers = { [200] = { "The page in the language of whoever asks", "html" }, [304] = { "Not changed" } } },
  { "GET", "/health", "How the portal is", parameters = { "lang" },
    text = "Always 200 while the portal runs, and never waits for Dokploy. `degraded` names what is not as it should be, each with a code.",
    answers = { [200] = { "Its state", "Health" } } },
  { "GET", "/ready", "Whether to send it requests",
    text = "503 when the journal cannot be written or the portal is shutting down. An unreachable Dokploy is named with 200: an outage is no reason to roll a release back.",
    answers = { [200] = { "It is ready", "Ready" } }, problems = { "not_ready" } },
  { "GET", "/api/check/:name", "May this name be taken?", parameters = { "name", "lang" },
    text = "A bad name is an answer, not an error.", answers = { [200] = { "The answer", "Check" } } },
  { "POST", "/api/deploy", "Deploy a stack", parameters = { "idempotency", "lang" }, body = "Deploy", security = key_if_any,
    text = "Answers at once; follow statusUrl. Without an owner key a new owner is made, and the answer holds its key: the only way back to the stack. "
      .. "With an owner key the stack belongs to that owner.",
    answers = { [202] = { "Accepted", "Accepted", location = true } },
    problems = { "json_invalid", "content_type", "body_too_large", "field_unknown", "field_missing", "field_type", "name_invalid", "name_reserved",
      "name_taken", "template_unknown", "key_invalid", "access_closed", "forbidden_origin", "idempotency_conflict", "idempotency_key_invalid",
      "queue_full", "journal" } },
  { "GET", "/api/status/:id", "Follow an operation", parameters = { "id", "after", "last_event_id", "lang" },
    text = "A stream of server-sent events, or with Accept: application/json the same state as one document. Events have ascending ids and are kept: "
      .. "a stream resumes exactly where it was left, also days later. The last event is ready, failed, cancelled or deleted; who has it already gets 204.",
    answers = { [200] = { "The stream, or the document", "Status", stream = true }, [204] = { "It has ended and there is nothing more" } },
    problems = { "deployment_unknown", "value_invalid", "journal" } },
  { "POST", "/api/status/:id/cancel", "Cancel an operation", parameters = { "id", "lang" }, security = key,
    text = "What was made is taken away again. Of an operation that has ended, and of a deletion, nothing is changed: `cancelled` is false and `detail` says why.",
    answers = { [202] = { "Asked to stop, or nothing to stop", "Cancelled", location = true } },
    problems = { "deployment_unknown", "key_missing", "key_invalid", "not_owner", "forbidden_origin", "journal" } },
  { "GET", "/api/stack/:name", "A stack, for its owner and the admin", parameters = { "name", "lang" }, security = key,
    text = "The password is shown to the owner only. It is read from Dokploy; when that does not answer, the view comes without it and `passwordProblem` says why. "
      .. "To everybody else the stack is not there.",
    answers = { [200] = { "The stack", "Stack" } }, problems = { "stack_unknown", "journal" } },
  { "DELETE", "/api/stack/:name", "Delete a stack", parameters = { "name", "data", "lang" }, security = key,
    text = "Removes its address, application and project; its files are kept unless `data=delete`. Idempotent: while it is being deleted, and after it was, "
      .. "its owner gets the same operation again, until somebody else takes the name.",
    answers = { [202] = { "Being deleted, or deleted already", "Operation", location = true } },
    problems = { "stack_unknown", "stack_busy", "value_invalid", "forbidden_origin", "journal" } },
  { "GET", "/api/stacks", "The stacks of an owner; all for the admin", parameters = { "limit", "after_name", "lang" }, security = key,
    text = "In the order of their names. `keptData` lists volumes that outlived their stack.",
    answers = { [200] = { "A page of them", "Stacks" } }, problems = { "key_missing", "key_invalid", "value_invalid", "journal" } },
  { "GET", "/api/openapi.json", "This document", answers = { [200] = { "OpenAPI 3.1", "any" } } },
}

local function content(schema, stream)
  if schema == "html" then return { ["text/html"] = { schema = { type = "string" } } } end
  local found = { ["application/json"] = { schema = schema == "any" and { type = "object" } or { ["$ref"] = "#/components/schemas/" .. schema } } }
  if stream then found["text/event-stream"] = { schema = { type = "string", description = schemas.stream } } end
  return found
end

local function answer(told)
  local response = { description = told[1], headers = { ["X-Request-Id"] = { schema = { type = "string" } } } }
  if told[2] then response.content = content(told[2], told.stream) end
  if told.location then response.headers.Location = { schema = { type = "string", description = "The status URL" } } end
  return response
end

-- Problems by status, since OpenAPI knows responses by status only; the codes stand in the description.
local function add_problems(responses, codes)
  local by_status = {}
  for _, code in ipairs(codes or {}) do
    local status = tostring(problem.status[code])
    by_status[status] = by_status[status] and by_status[status] .. ", " .. code or code
  end
  for status, list in pairs(by_status) do
    responses[status] = { description = "Problem: " .. list, content = { ["application/problem+json"] = { schema = { ["$ref"] = "#/components/schemas/Problem" } } } }
  end
end

local function operation(entry)
  local responses, needed = {}, {}
  for status, told in pairs(entry.answers) do responses[tostring(status)] = answer(told) end
  add_problems(responses, entry.problems)
  for i, name in ipairs(entry.parameters or {}) do needed[i] = parameters[name] end
  return {
    summary = entry[3], description = entry.text, operationId = (entry[1] .. entry[2]):lower():gsub("[^%w]+", "_"):gsub("_$", ""),
    parameters = json.array(needed), responses = responses, security = entry.security or json.array {},
    requestBody = entry.body and { required = true, content = content(entry.body) } or nil,
  }
end

local function paths()
  local found = {}
  for _, entry in ipairs(entries) do
    local path = entry[2]:gsub(":(%w+)", "{%1}")
    found[path] = found[path] or {}
    found[path][entry[1]:lower()] = operation(entry)
  end
  return found
end

local document = json.encode {
  openapi = "3.1.0",
  info = {
    title = "AI Stack Deployer", version = server.info().version,
    description = ("A name of %d to %d characters becomes an AI coding workspace. Errors are application/problem+json; `code` is stable, `title` and `detail` "
      .. "come in the language of Accept-Language or ?lang=."):format(names.min, names.max),
    license = { name = "MIT", identifier = "MIT" },
  },
  servers = json.array { { url = "/" } },
  paths = paths(),
  components = {
    schemas = schemas.all,
    securitySchemes = {
      ownerKey = { type = "http", scheme = "bearer", description = "The ownerKey of a deploy's answer." },
      adminToken = { type = "http", scheme = "bearer", description = "The portal's ADMIN_TOKEN." },
    },
  },
}
local etag = '"' .. crypto.sha256(document):sub(1, 20) .. '"'

server.route("GET", "/api/openapi.json", function()
  return { body = document, type = "application/json", headers = { ETag = etag, ["Cache-Control"] = "no-cache" } }
end)

return { entries = entries }
