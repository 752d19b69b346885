--- Routes, declared: what a route is called, takes, answers and requires is one table, from which
--- its input is checked, access to it is decided and the OpenAPI document is made.
local server = require "core.server"
local auth = require "lib.auth"
local check = require "lib.base.check"
local input = require "lib.http.input"
local parameters = require "lib.http.parameters"
local problem = require "lib.http.problem"
local schemas = require "lib.http.schemas"
local routes = {}

---@class Route
--- { method, pattern, handler, ... }: handler(req, values, who) gets the checked query parameters
--- and body fields as one table, and the client's identity where `allow` is declared.
---@field summary string
---@field text? string        more, for the OpenAPI document
---@field access? string      who may ask: nil anyone, "optional" (a credential is used if sent),
--- "owner", "admin" or "session" (admin pages)
---@field allow? string       the action of policy/access.lua that is decided before the handler
---@field identify? boolean   a bad credential is refused before bad input
---@field scope? string       of a token, for the document, when the handler decides
---@field query? string[]     names in lib/http/parameters.lua
---@field headers? string[]   the same, for documented header fields
---@field body? string        a schema of lib/http/schemas.lua; POST without one takes no fields
---@field form? boolean       pages send it as a form, too
---@field self_proving? boolean  the form's content is its credential, see lib/auth/csrf.lua
---@field lenient? boolean    invalid query parameters are ignored: pages
---@field answers table<integer, string|table>  by status: a schema's name, or { description,
--- schema = name, type = media type, events = true }
---@field problems? string[]  codes of lib/http/problem.lua beyond those that every such route has
---@field log? string         log level of its requests
---@field max_body? integer    bytes, instead of limits.max_body of config.lua
---@field alias? string       an earlier pattern, which answers with a Deprecation header
---@field before? fun(req: Request): Reply|nil  called first; its reply, if any, is the answer

local known = {}
for key in ("summary text access allow identify scope query headers body form self_proving "
  .. "lenient answers problems log max_body before alias"):gmatch("%S+") do known[key] = true end

-- Deprecation (RFC 9745): since when, in seconds since 1970.
local DEPRECATED_SINCE = "@1796083200"

local declared = {}

local function assert_valid(route)
  local name = route[1] .. " " .. route[2]
  local function expect(condition, message, ...)
    if not condition then error(("%s: " .. message):format(name, ...), 0) end
  end
  for key in pairs(route) do
    expect(type(key) == "number" or known[key], "unknown key %s in its declaration", key)
  end
  expect(route.summary and route.answers, "declare a summary and answers")
  expect(not route.body or schemas.components[route.body], "no schema %s", route.body)
  for _, parameter in ipairs(route.query or {}) do
    expect(parameters[parameter], "no parameter %s in lib/http/parameters.lua", parameter)
  end
  for _, code in ipairs(route.problems or {}) do
    expect(problem.status[code], "no problem code %s", code)
  end
end

local function handler_of(route)
  local handler, has_body = route[3], route[1] == "POST" or route[1] == "PUT"
  local schema = route.body and schemas.components[route.body]
  local options = { is_required = route.access == "session", is_self_proving = route.self_proving }
  local query = {}
  for i, name in ipairs(route.query or {}) do query[i] = parameters[name] end
  local function read(req)
    local values = input.query(req, query, route.lenient)
    if has_body then
      for name, value in pairs(input.body(req, schema, options)) do values[name] = value end
    end
    return values
  end
  return function(req)
    local reply = route.before and route.before(req)
    if reply then return reply end
    -- A form whose CSRF token is wrong is refused before anything is recorded as allowed.
    local values = route.access == "session" and read(req)
    local who = route.allow and auth.allow(req, route.allow, {}, req.params.id)
    if route.identify then auth.who(req) end
    return handler(req, values or read(req), who)
  end
end

-- The handler of an alias.
local function deprecated(handler)
  return function(req)
    local reply = handler(req)
    reply.headers = reply.headers or {}
    reply.headers.Deprecation = DEPRECATED_SINCE
    return reply
  end
end

local function register(route, tag, pattern, handler)
  local copy = { tag = tag, deprecated = pattern == route.alias or nil }
  for key, value in pairs(route) do copy[key] = value end
  copy[2] = pattern
  declared[#declared + 1] = copy
  server.route(route[1], pattern, handler, { log = route.log, max_body = route.max_body })
end

--- Registers routes. Only while the scripts load; raises on a faulty declaration.
---@param tag string  the group in the OpenAPI document
---@param list Route[]
function routes.add(tag, list)
  for _, route in ipairs(list) do
    assert_valid(route)
    local handler = handler_of(route)
    register(route, tag, route[2], handler)
    if route.alias then register(route, tag, route.alias, deprecated(handler)) end
  end
end

--- Every declared route, in the order of declaration.
---@return Route[]
function routes.declared() return declared end

check.add(function()
  local is_declared, faults = {}, {}
  for _, route in ipairs(declared) do is_declared[route[1] .. " " .. route[2]] = true end
  for _, route in ipairs(server.routes()) do
    local name = route.method .. " " .. route.pattern
    if not is_declared[name] then
      faults[#faults + 1] = name .. ": declare the route with lib/http/routes.lua"
    end
  end
  return faults
end)

return routes
