--- The OpenAPI 3.1 document, made from the declarations of all routes.
local json = require "core.json"
local server = require "core.server"
local check = require "lib.base.check"
local names = require "lib.base.names"
local parameters = require "lib.http.parameters"
local problem = require "lib.http.problem"
local routes = require "lib.http.routes"
local schemas = require "lib.http.schemas"
local policy = require "policy.access"
local openapi = {}

local none = json.array {}
local bearer = { { ownerKey = none }, { ownerCookie = none }, { adminToken = none },
  { apiToken = none } }
local security = {
  optional = json.array { {}, table.unpack(bearer) },
  owner = json.array(bearer),
  admin = json.array { { adminToken = none }, { apiToken = none } },
  session = json.array { { adminCookie = none } },
}

-- Problems that every route of a kind has, beside its own.
local credential = { "key_invalid", "key_expired", "key_revoked", "forward_user_invalid" }
local by_access = {
  optional = credential,
  owner = { "key_missing", "scope_missing", table.unpack(credential) },
  admin = { "key_missing", "scope_missing", "admin_only", table.unpack(credential) },
  session = credential,
}
local changing = { "forbidden_origin", "csrf_invalid" }
local with_body = {
  "json_invalid", "form_invalid", "content_type", "body_too_large", "field_unknown", "field_type",
  "field_missing", "value_invalid",
}
local general = { "bad_request", "host_unknown", "rate_limited", "journal", "internal" }

local function ref(kind, name) return { ["$ref"] = ("#/components/%s/%s"):format(kind, name) } end

local function response(answer)
  if type(answer) == "string" then answer = { answer, schema = answer } end
  local content
  if answer.schema then
    content = { ["application/json"] = { schema = ref("schemas", answer.schema) } }
  end
  if answer.type then content = { [answer.type] = { schema = { type = "string" } } } end
  if answer.events then
    content = content or {}
    content["text/event-stream"] = { schema = ref("schemas", answer.events) }
  end
  local headers = { ["X-Request-Id"] = { schema = { type = "string" } } }
  if answer.location then
    local description = "The status URL"
    headers.Location = { schema = { type = "string", description = description } }
  end
  return { description = answer[1], headers = headers, content = content }
end

local function problem_codes(route)
  local lists = { route.problems or {}, by_access[route.access] or {}, general }
  if route[1] ~= "GET" then lists[#lists + 1] = changing end
  if route[1] == "POST" then lists[#lists + 1] = with_body end
  if route.query then lists[#lists + 1] = { "value_invalid" } end
  local seen = {}
  for _, list in ipairs(lists) do
    for _, code in ipairs(list) do seen[code] = true end
  end
  local codes = {}
  for code in pairs(seen) do codes[#codes + 1] = code end
  table.sort(codes)
  return codes
end

-- OpenAPI knows responses by status only, so the description lists the codes.
local function add_problems(responses, route)
  local by_status = {}
  for _, code in ipairs(problem_codes(route)) do
    local status = tostring(problem.status[code])
    by_status[status] = by_status[status] and by_status[status] .. ", " .. code or code
  end
  local content = { ["application/problem+json"] = { schema = ref("schemas", "Problem") } }
  for status, codes in pairs(by_status) do
    if not responses[status] then
      responses[status] = { description = "Problem: " .. codes, content = content }
    end
  end
  responses.default = { description = "Any other problem", content = content }
end

local function request_body(route)
  if not route.body and not route.form then return nil end
  local schema = route.body and ref("schemas", route.body)
  local required = route.body and schemas.components[route.body].required
  local content = { ["application/json"] = schema and { schema = schema } }
  if route.form then
    local with_token = { allOf = json.array { ref("schemas", "Form"), schema } }
    content["application/x-www-form-urlencoded"] = { schema = with_token }
  end
  return { required = required ~= nil and #required > 0, content = content }
end

local function operation_id(route)
  return ((route[1] .. route[2]):lower():gsub("[^%w]+", "_"):gsub("_$", ""))
end

local function parameter_list(route)
  local list = {}
  for name in route[2]:gmatch(":(%w+)") do list[#list + 1] = parameters.path[name] end
  for _, key in ipairs { "query", "headers" } do
    for _, name in ipairs(route[key] or {}) do list[#list + 1] = parameters[name] end
  end
  list[#list + 1] = parameters.lang
  return json.array(list)
end

local function operation(route)
  local responses = {}
  for status, answer in pairs(route.answers) do
    responses[tostring(status)] = response(answer)
  end
  add_problems(responses, route)
  return {
    tags = json.array { route.tag },
    summary = route.summary,
    description = route.text,
    operationId = operation_id(route),
    deprecated = route.deprecated,
    parameters = parameter_list(route),
    requestBody = request_body(route),
    responses = responses,
    security = security[route.access] or none,
    ["x-access"] = route.access or "public",
    ["x-scope"] = route.scope or policy.scopes[route.allow],
  }
end

-- JSON with sorted keys, so that the bytes are the same in every process.
local function encode(value)
  if type(value) ~= "table" then return json.encode(value) end
  local parts = {}
  if getmetatable(value) or #value > 0 then
    for i, item in ipairs(value) do parts[i] = encode(item) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for key, item in pairs(value) do parts[#parts + 1] = json.encode(key) .. ":" .. encode(item) end
  table.sort(parts)
  return "{" .. table.concat(parts, ",") .. "}"
end

local function bearer_scheme(description)
  return { type = "http", scheme = "bearer", description = description }
end

local function cookie_scheme(name, description)
  return { type = "apiKey", ["in"] = "cookie", name = name, description = description }
end

--- The document as text.
---@return string
function openapi.document()
  local paths, tags, seen = {}, {}, {}
  for _, route in ipairs(routes.declared()) do
    local path = route[2]:gsub(":(%w+)", "{%1}")
    paths[path] = paths[path] or {}
    paths[path][route[1]:lower()] = operation(route)
    if not seen[route.tag] then tags[#tags + 1] = { name = route.tag } end
    seen[route.tag] = true
  end
  return encode {
    openapi = "3.1.0",
    info = {
      title = "AI Stack Deployer",
      version = server.info().version,
      description = ("A name of %d to %d characters becomes an AI coding workspace. Errors are "
        .. "application/problem+json; `code` is stable, `title` and `detail` are in the language "
        .. "of Accept-Language or ?lang=."):format(names.min, names.max),
      license = { name = "MIT", identifier = "MIT" },
    },
    servers = json.array { { url = "/" } },
    tags = json.array(tags),
    paths = paths,
    components = {
      schemas = schemas.components,
      securitySchemes = {
        ownerKey = bearer_scheme "The ownerKey of a deployment's answer.",
        ownerCookie = cookie_scheme("__Host-owner", "The same key, as browsers keep it."),
        adminCookie = cookie_scheme("__Host-admin", "The session of POST /admin/login."),
        apiToken = bearer_scheme "A token of POST /api/tokens, within its scopes.",
        adminToken = bearer_scheme "The portal's ADMIN_TOKEN.",
      },
    },
  }
end

-- Every $ref must have its schema.
check.add(function()
  local faults = {}
  for name in openapi.document():gmatch '"#/components/schemas/(%w+)"' do
    if not schemas.components[name] then
      faults[#faults + 1] = ("lib/http/schemas.lua: no schema %s"):format(name)
    end
  end
  return faults
end)

return openapi
