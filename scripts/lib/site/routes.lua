--- The site's routes: routes/NAME.lua returns { { "GET", "/api/motd", handler, summary = ... } }.
--- They are declared as the product's are (lib/http/routes.lua), so they are checked, decided and
--- documented alike. handler(req, values, who, portal).
local routes = require "lib.http.routes"
local schemas = require "lib.http.schemas"
local schema = require "lib.schema"
local portal = require "lib.site.portal"

local own = {}

local methods = { GET = true, POST = true, DELETE = true }
local accesses = { optional = true, owner = true, admin = true, session = true }

-- What two patterns have in common that match the same paths: the names of parameters differ.
local function shape_of(route) return route[1] .. " " .. route[2]:gsub(":[%w_]+", ":") end

-- The answers, by status: the name of a schema of the product, or what the answer is, which is JSON
-- unless { "The picture", type = "image/png" } says otherwise.
local function answers_of(given)
  local answers = {}
  for status, answer in pairs(given or { [200] = "The answer" }) do
    local is_text = type(answer) == "string" and not schemas.components[answer]
    answers[status] = is_text and { answer, type = "application/json" } or answer
  end
  return answers
end

local function refuse(part, index, message, ...)
  schema.refuse(part.file, ("[%d]"):format(index), message, ...)
end

-- The name of a body's schema. A route gives one of the product, or fields of its own.
local function body_of(part, index, route)
  local body = route.body
  if type(body) ~= "string" or schemas.components[body] then return body end
  local name = (route[2] .. "/body"):gsub("[^%w]+(%w)", string.upper)
  local is_added, message = pcall(schemas.add_body, name, body)
  if not is_added then
    refuse(part, index, '%s (write body = "title: text, count?: count")', message)
  end
  return name
end

local function declaration(part, index, route, taken)
  if type(route) ~= "table" then refuse(part, index, "is not a table (write { ... })") end
  local method, pattern, handler = route[1], route[2], route[3]
  if not methods[method] then
    refuse(part, index, 'begins with "GET", "POST" or "DELETE"')
  end
  if type(pattern) ~= "string" or pattern:sub(1, 1) ~= "/" then
    refuse(part, index, 'needs a path as its second value, such as "/api/motd"')
  end
  if type(handler) ~= "function" then
    refuse(part, index, "needs a function as its third value: function(req, values, who, portal)")
  end
  local access = route.access
  if access ~= nil and not accesses[access] then
    refuse(part, index, 'access: invalid value "%s" (write "optional", "owner", "admin" or '
      .. '"session")', tostring(access))
  end
  if access and access ~= "optional" and type(route.allow) ~= "string" then
    refuse(part, index, 'allow is missing: access alone lets anyone in (write allow = and an '
      .. 'action of scripts/policy/access.lua, such as "oversee" for admins)')
  end
  local name, path_shape = method .. " " .. pattern, shape_of(route)
  if taken[path_shape] then
    refuse(part, index, "%s is a route of %s already", name, taken[path_shape])
  end
  taken[path_shape] = part.file
  local copy, acts = {}, portal.of("routes/" .. part.name)
  for key, value in pairs(route) do copy[key] = value end
  copy[3] = function(req, values, who) return handler(req, values, who, acts) end
  copy.body = body_of(part, index, route)
  copy.summary, copy.answers = route.summary or name, answers_of(route.answers)
  return copy
end

local function add(part, taken)
  local list = {}
  for index, route in ipairs(part.value) do
    list[index] = declaration(part, index, route, taken)
  end
  if #list == 0 then schema.refuse(part.file, "", 'has no routes (return { { "GET", ... } })') end
  local is_added, message = pcall(routes.add, "Site", list)
  if not is_added then schema.refuse(part.file, "", "%s", message) end
end

--- Adds the site's routes. Called once while the scripts load, after the product's.
---@param parts { name: string, file: string, value: table }[]  the files of site/routes
function own.register(parts)
  local taken = {}
  for _, route in ipairs(routes.declared()) do
    taken[shape_of(route)] = "the portal"
  end
  for _, part in ipairs(parts) do add(part, taken) end
end

return own
