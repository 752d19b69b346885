--- GET /api/openapi.json: OpenAPI 3.1 for every route, made of the tables in openapi_entries.lua and openapi_schemas.lua.
--- A new route gets its entry there; a test holds the entries against the routes that are registered.
local crypto = require "core.crypto"
local json = require "core.json"
local server = require "core.server"
local check = require "lib.base.check"
local names = require "lib.base.names"
local problem = require "lib.http.problem"
local entries = require "routes.openapi_entries"
local schemas = require "routes.openapi_schemas"

local function content(schema, stream)
  if schema == "html" then return { ["text/html"] = { schema = { type = "string" } } } end
  local shape = schema == "any" and { type = "object" } or { ["$ref"] = "#/components/schemas/" .. schema }
  local found = { ["application/json"] = { schema = shape } }
  local told = stream == true and schemas.stream or stream
  if told then found["text/event-stream"] = { schema = { type = "string", description = told } } end
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
    responses[status] = {
      description = "Problem: " .. list,
      content = { ["application/problem+json"] = { schema = { ["$ref"] = "#/components/schemas/Problem" } } },
    }
  end
end

-- A form has the fields of the JSON, and csrf.
local function body(entry)
  local found = content(entry.body)
  if entry.form then found["application/x-www-form-urlencoded"] = { schema = { ["$ref"] = "#/components/schemas/" .. entry.body } } end
  return found
end

local function operation(entry)
  local responses, needed = {}, {}
  for status, told in pairs(entry.answers) do responses[tostring(status)] = answer(told) end
  add_problems(responses, entry.problems)
  for i, name in ipairs(entry.parameters or {}) do needed[i] = entries.parameters[name] end
  return {
    summary = entry[3], description = entry.text,
    operationId = (entry[1] .. entry[2]):lower():gsub("[^%w]+", "_"):gsub("_$", ""),
    parameters = json.array(needed), responses = responses, security = entry.security or json.array {},
    requestBody = entry.body and { required = entry.body == "Deploy", content = body(entry) } or nil,
  }
end

local function paths()
  local found = {}
  for _, entry in ipairs(entries.list) do
    local path = entry[2]:gsub(":(%w+)", "{%1}")
    found[path] = found[path] or {}
    found[path][entry[1]:lower()] = operation(entry)
  end
  return found
end

local function write()
  return json.encode {
    openapi = "3.1.0",
    info = {
      title = "AI Stack Deployer", version = server.info().version,
      description = ("A name of %d to %d characters becomes an AI coding workspace. Errors are application/problem+json; `code` is stable, "
        .. "`title` and `detail` come in the language of Accept-Language or ?lang=."):format(names.min, names.max),
      license = { name = "MIT", identifier = "MIT" },
    },
    servers = json.array { { url = "/" } },
    paths = paths(),
    components = {
      schemas = schemas.all,
      securitySchemes = {
        ownerKey = { type = "http", scheme = "bearer", description = "The ownerKey of a deploy's answer." },
        ownerCookie = { type = "apiKey", ["in"] = "cookie", name = "__Host-owner", description = "The same key, as browsers have it." },
        adminCookie = { type = "apiKey", ["in"] = "cookie", name = "__Host-admin", description = "The session of POST /admin/login." },
        apiToken = { type = "http", scheme = "bearer", description = "A token of POST /api/tokens, within its scopes." },
        adminToken = { type = "http", scheme = "bearer", description = "The portal's ADMIN_TOKEN." },
      },
    },
  }
end

-- Written when it is first asked for: most portals never are.
local document, etag

server.route("GET", "/api/openapi.json", function()
  document = document or write()
  etag = etag or '"' .. crypto.sha256(document):sub(1, 20) .. '"'
  return { body = document, type = "application/json", headers = { ETag = etag, ["Cache-Control"] = "no-cache" } }
end)

-- Told by `deployer --check`: a route that this document forgets, or one that it invents.
check.add(function()
  local described, faults = {}, {}
  for _, entry in ipairs(entries.list) do described[entry[1] .. " " .. entry[2]] = true end
  for _, route in ipairs(server.routes()) do
    local name = route.method .. " " .. route.pattern
    if not described[name] then faults[#faults + 1] = name .. " has no entry in scripts/routes/openapi_entries.lua" end
    described[name] = nil
  end
  for name in pairs(described) do faults[#faults + 1] = "scripts/routes/openapi_entries.lua: " .. name .. " is no route" end
  return faults
end)
