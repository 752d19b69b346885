--- The OpenAPI 3.1 document, made from the declarations of all routes.
local json = require "core.json"
local server = require "core.server"
local check = require "lib.base.check"
local names = require "lib.base.names"
local parameters = require "lib.http.parameters"
local problem = require "lib.http.problem"
local routes = require "lib.http.routes"
local schemas = require "lib.http.schemas"
local access = require "lib.policy.access"
local openapi = {}

local none = json.array {}
local bearer = { { ownerKey = none }, { ownerCookie = none }, { adminToken = none },
  { apiToken = none } }
local security = {
  optional = json.array { {}, table.unpack(bearer) }, owner = json.array(bearer),
  admin = json.array { { adminToken = none }, { apiToken = none } },
  session = json.array { { adminCookie = none } },
}

-- Problems that every route of a kind has, beside its own.
local credential = { "key_invalid", "key_expired", "key_revoked", "forward_user_invalid" }
local by_access = {
  optional = credential, owner = { "key_missing", "scope_missing", table.unpack(credential) },
  admin = { "key_missing", "scope_missing", "admin_only", table.unpack(credential) },
  session = credential,
}
local changing = {
  "forbidden_origin", "csrf_invalid", "json_invalid", "form_invalid", "content_type",
  "content_encoding", "body_too_large", "field_unknown", "field_type", "field_missing",
  "value_invalid",
}

local function ref(kind, name) return { ["$ref"] = ("#/components/%s/%s"):format(kind, name) } end

local function response(answer)
  if type(answer) == "string" then answer = { answer, schema = answer } end
  local content
  if answer.schema then
    content = { ["application/json"] = { schema = ref("schemas", answer.schema) } }
  end
  if answer.type then
    local kind = answer.type == "application/json" and "object" or "string"
    content = { [answer.type] = { schema = { type = kind } } }
  end
  if answer.events then
    content = content or {}
    content["text/event-stream"] = { schema = ref("schemas", answer.events) }
  end
  local headers = { ["X-Request-Id"] = ref("headers", "RequestId") }
  if answer.location then headers.Location = ref("headers", "StatusUrl") end
  return { description = answer[1], headers = headers, content = content }
end

local function problem_codes(route)
  local seen, codes = {}, {}
  local function add(list)
    for _, code in ipairs(list or {}) do
      if not seen[code] then codes[#codes + 1] = code end
      seen[code] = true
    end
  end
  add(route.problems)
  add(by_access[route.access])
  if route[1] ~= "GET" then add(changing) end
  if route.query then add { "value_invalid" } end
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
  by_status.default = "any other"
  for status, codes in pairs(by_status) do
    local shared, own = ref("responses", "Problem"), responses[status]
    shared.description = "Problem: " .. codes
    responses[status] = own or shared
    if own and own.content then
      own.content["application/problem+json"] = { schema = ref("schemas", "Problem") }
    end
  end
end

-- A form has the fields of the body and its CSRF token.
local function form_schema(body)
  local form = schemas.components.Form
  local properties = { csrf = form.properties.csrf }
  for name, schema in pairs(body and body.properties or {}) do properties[name] = schema end
  local required = table.move(body and body.required or {}, 1, 99, 2, { "csrf" })
  return { type = "object", properties = properties, required = json.array(required) }
end

local function request_body(route)
  if not route.body and not route.form then return nil end
  local body, content = schemas.components[route.body], {}
  if body then content["application/json"] = { schema = ref("schemas", route.body) } end
  if route.form then
    content["application/x-www-form-urlencoded"] = { schema = form_schema(body) }
  end
  return { required = body ~= nil and body.required ~= nil, content = content }
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
  local id = (route[1] .. route[2]):lower():gsub("[^%w]+", "_"):gsub("_$", "")
  return {
    tags = json.array { route.tag }, summary = route.summary, description = route.text,
    operationId = id, deprecated = route.deprecated,
    parameters = parameter_list(route), requestBody = request_body(route), responses = responses,
    security = security[route.access] or none, ["x-access"] = route.access or "public",
    ["x-scope"] = route.scope or access.scopes[route.allow],
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

local components = {
  schemas = schemas.components,
  responses = {
    Problem = {
      description = "A problem; for browsers, as a page",
      content = {
        ["application/problem+json"] = { schema = ref("schemas", "Problem") },
        ["text/html"] = { schema = { type = "string" } },
      },
    },
  },
  headers = {
    RequestId = { schema = { type = "string" } },
    StatusUrl = { schema = { type = "string" }, description = "The status URL" },
  },
  securitySchemes = {
    ownerKey = bearer_scheme "The ownerKey of a deployment's answer.",
    ownerCookie = cookie_scheme("__Host-owner-ID", "The same key, as browsers keep it. "
      .. "ID is the installation's; without TLS the name begins with owner-."),
    adminCookie = cookie_scheme("__Host-admin-ID", "The session of POST /admin/login."),
    apiToken = bearer_scheme "A token of POST /api/tokens, within its scopes.",
    adminToken = bearer_scheme "The portal's ADMIN_TOKEN.",
  },
}

local description = ("A name of %d to %d characters becomes an AI coding workspace. Errors are "
  .. "application/problem+json; `code` is stable, `title` and `detail` are in the language of "
  .. "Accept-Language or ?lang=."):format(names.min, names.max)

-- The operations by path and method, and the tags in their order.
local function paths_and_tags()
  local paths, tags, seen = {}, {}, {}
  for _, route in ipairs(routes.declared()) do
    local path = route[2]:gsub(":(%w+)", "{%1}")
    paths[path] = paths[path] or {}
    paths[path][route[1]:lower()] = operation(route)
    if not seen[route.tag] then tags[#tags + 1] = { name = route.tag } end
    seen[route.tag] = true
  end
  return paths, json.array(tags)
end

local function document()
  local paths, tags = paths_and_tags()
  return {
    openapi = "3.1.0",
    info = {
      title = "AI Stack Deployer", version = server.info().version, description = description,
      license = { name = "MIT", identifier = "MIT" },
    },
    servers = json.array { { url = "/" } }, tags = tags, paths = paths, components = components,
  }
end

--- The document as text.
---@return string
function openapi.document() return encode(document()) end

local function add_missing(value, faults, seen)
  if seen[value] then return end
  seen[value] = true
  for key, item in pairs(value) do
    local name = key == "$ref" and item:match "^#/components/schemas/(%w+)$"
    if name and not schemas.components[name] then
      faults[#faults + 1] = ("lib/http/schemas.lua: no schema %s"):format(name)
    elseif type(item) == "table" then
      add_missing(item, faults, seen)
    end
  end
end

-- Every $ref must have its schema. Each change of site/ waits for this, so it makes no text: that
-- took 30 ms of 170.
check.add(function()
  local faults = {}
  add_missing(document(), faults, {})
  return faults
end)

return openapi
