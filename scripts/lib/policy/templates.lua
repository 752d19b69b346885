--- Applies policy/templates.lua and an installation's own: what can be deployed.
local config = require "core.config"
local dotenv = require "lib.base.dotenv"
local duration = require "lib.base.duration"
local site = require "lib.base.site"
local pattern_syntax = require "lib.policy.pattern"
local schema = require "lib.schema"
local kinds = require "lib.schema.kinds"

---@class Template
---@field id string
---@field image string
---@field memory_bytes integer
---@field cpu_nanos integer|nil
---@field sleep_after number|nil  seconds without use; nil: never
---@field pool integer         how many are made ahead
---@field env table<string, string>|nil
---@field title table<string, string>  by language; may be empty
---@field about table<string, string>
---@field parameters Parameter[]

---@class Parameter
---@field id string
---@field kind string  text secret choice flag number
---@field title table<string, string>  by language; may be empty
---@field help table<string, string>
---@field required boolean
---@field default any
---@field pattern string|nil
---@field example string|nil
---@field choices string[]
---@field min number|nil
---@field max number|nil
---@field variable string|nil

local FILE, SITE_FILE = "scripts/policy/templates.lua", "site/policy/templates.lua"
local GIB = 1 << 30
-- The engine's own; a deployment without it would be open to everyone.
local PASSWORD = "OPENCODE_SERVER_PASSWORD"

local LONGEST_ID = 64

local function id_kind(hint, pattern)
  return { hint = hint, read = function(value)
    return type(value) == "string" and #value <= LONGEST_ID and value:find(pattern) ~= nil, value
  end }
end

local template_id = id_kind("letters, digits, _ and -, such as large", "^%w[%w_-]*$")
local parameter_id = id_kind("a word in lower case, such as cost_centre", "^%l[%l%d_]*$")
local variable = {
  hint = "the name of a variable, such as GIT_URL, but not " .. PASSWORD,
  read = function(value)
    return type(value) == "string" and value ~= PASSWORD and dotenv.line(value, "") ~= nil, value
  end,
}
local sleep_after = {
  hint = 'a duration, such as "2h", or "never"',
  read = function(value)
    if value == "never" then return true, false end
    local seconds = duration.seconds(value)
    return seconds ~= nil and seconds >= 1, seconds
  end,
}
local texts = schema.map { kinds.text }
local anything = { hint = "a value", read = function(value) return true, value end }
local parameter_shape = {
  id = { parameter_id, required = true }, title = texts, help = texts, variable = { variable },
  kind = { kinds.one_of { "text", "secret", "choice", "flag", "number" }, default = "text" },
  required = { kinds.flag, default = false }, default = { anything },
  pattern = { kinds.any_text }, example = { kinds.text }, choices = schema.list { kinds.text },
  min = { kinds.number(-1e15, 1e15) }, max = { kinds.number(-1e15, 1e15) },
}
local shape = schema.list {
  id = { template_id, required = true }, image = { kinds.image }, title = texts, about = texts,
  memory = { kinds.size(GIB, 1024 * GIB) }, cpus = { kinds.number(0.1, 256) },
  sleep_after = { sleep_after }, pool = { kinds.whole(0, 100), default = 0 },
  env = schema.map { kinds.any_text }, hidden = { kinds.flag, default = false },
  parameters = schema.list(parameter_shape),
  -- as 0.1 wrote them
  memory_bytes = { kinds.whole(GIB, 1024 * GIB) }, cpu_nanos = { kinds.whole(1, 1 << 40) },
}

local templates = {}
local places = {} -- of each template: its file, and the path in it

--- Where a template is written, for messages.
---@param template Template
---@return string file, string path
function templates.place_of(template) return table.unpack(places[template]) end

-- Parameters

--- Whether a parameter accepts a value; the value as it is kept.
---@param parameter Parameter
---@param value any
---@return boolean is_good, any value
function templates.accepts(parameter, value)
  local kind = parameter.kind
  if kind == "flag" then return type(value) == "boolean", value end
  if kind == "number" then
    local is_good = type(value) == "number" and value >= (parameter.min or value)
      and value <= (parameter.max or value)
    return is_good, is_good and math.tointeger(value) or value
  end
  if type(value) ~= "string" or value == "" then return false end
  for _, choice in ipairs(parameter.choices) do
    if value == choice then return true, value end
  end
  if kind == "choice" or not dotenv.line("X", value) then return false end
  return not parameter.pattern or value:find(parameter.pattern) ~= nil, value
end

-- Keys that only some kinds have.
local kinds_of = {
  pattern = { text = true, secret = true }, example = { text = true, secret = true },
  min = { number = true }, max = { number = true },
  choices = { choice = true },
}

local function check_keys(parameter, file, path)
  for _, key in ipairs(schema.sorted_keys(kinds_of)) do
    local value = parameter[key]
    local has_value = type(value) == "table" and #value > 0 or type(value) ~= "table" and value
    if has_value and not kinds_of[key][parameter.kind] then
      schema.refuse(file, path .. "." .. key, "a %s has none (it is for: %s)", parameter.kind,
        table.concat(schema.sorted_keys(kinds_of[key]), ", "))
    end
  end
end

local function check_parameter(parameter, file, path)
  check_keys(parameter, file, path)
  if parameter.kind == "choice" and #parameter.choices == 0 then
    schema.refuse(file, path .. ".choices", 'is missing (write { "small", "large" })')
  end
  local is_pattern, why = pattern_syntax.check(parameter.pattern or "")
  if not is_pattern then
    schema.refuse(file, path .. ".pattern", "%q is not a Lua pattern: %s", parameter.pattern, why)
  end
  if parameter.kind == "secret" and not parameter.variable then
    schema.refuse(file, path .. ".variable", "is missing (a secret goes into a variable of the "
      .. 'container and is kept nowhere else: write variable = "MODEL_KEY")')
  end
  if parameter.kind == "secret" and parameter.default ~= nil then
    schema.refuse(file, path .. ".default", "a secret has none (it would be in this file)")
  end
  for _, key in ipairs { "default", "example" } do
    local value = parameter[key]
    if value ~= nil and not templates.accepts(parameter, value) then
      schema.refuse(file, path .. "." .. key, "the parameter does not accept %q (correct either)",
        tostring(value))
    end
  end
end

-- No value of `list[i][key]` may be there twice, or in `taken`.
local function check_unique(list, key, taken, file, path)
  for i, item in ipairs(list) do
    local value = item[key]
    if value and taken[value] then
      schema.refuse(file, ("%s[%d].%s"):format(path, i, key), "%q is there twice (choose another)",
        value)
    end
    if value then taken[value] = true end
  end
end

local function check_parameters(template)
  local file, path = templates.place_of(template)
  local env = {}
  path = path .. ".parameters"
  for name in pairs(template.env) do env[name] = true end
  for i, parameter in ipairs(template.parameters) do
    check_parameter(parameter, file, ("%s[%d]"):format(path, i))
  end
  check_unique(template.parameters, "id", {}, file, path)
  check_unique(template.parameters, "variable", env, file, path)
end

-- Templates

-- The keys of version 0.1, in bytes and billionths of a CPU.
local function refuse_both(template, old, new)
  local file, path = templates.place_of(template)
  if template[old] and template[new] then
    schema.refuse(file, path .. "." .. old, "is the old name of %s (remove it)", new)
  end
end

local function check_template(template)
  refuse_both(template, "memory_bytes", "memory")
  refuse_both(template, "cpu_nanos", "cpus")
  for _, name in ipairs(schema.sorted_keys(template.env)) do
    local is_good, why = dotenv.line(name, template.env[name])
    if name == PASSWORD then is_good, why = nil, "the portal sets it" end
    if not is_good then
      local file, path = templates.place_of(template)
      schema.refuse(file, path .. ".env." .. name, "%s (change or remove it)", why)
    end
  end
  check_parameters(template)
end

local function read(value, file)
  local found = schema.check(value, shape, file)
  check_unique(found, "id", {}, file, "")
  for i, template in ipairs(found) do
    places[template] = { file, ("[%d]"):format(i) }
    check_template(template)
  end
  return found
end

local function index_of(list, id)
  for i, template in ipairs(list) do
    if template.id == id then return i end
  end
end

local list = read(require "policy.templates", FILE)
for _, template in ipairs(read(site.part "policy/templates" or {}, SITE_FILE)) do
  list[index_of(list, template.id) or #list + 1] = template
end

local offered = {}
for _, template in ipairs(list) do
  local stack = config.stack
  template.image = template.image or stack.image
  template.memory_bytes = template.memory or template.memory_bytes or stack.memory_bytes
  template.cpu_nanos = template.cpus and math.tointeger(template.cpus * 1e9 // 1)
    or template.cpu_nanos or stack.cpu_nanos
  template.env = next(template.env) and template.env or nil
  if not template.hidden then offered[#offered + 1] = template end
end
if #offered == 0 then
  schema.refuse(SITE_FILE, "", "every template is hidden (one must be left to deploy)")
end

--- The template of that id, with the configuration's values where it has none of its own; the first
--- one that is offered when id is nil; nil when there is none of that id.
---@param id string|nil
---@return Template|nil
function templates.find(id)
  if id == nil then return offered[1] end
  return list[index_of(list, id)]
end

--- After how many seconds without use its workspaces fall asleep; nil: never.
---@param id string|nil
---@return number|nil
function templates.sleep_after(id)
  local template = id and templates.find(id)
  return template and template.sleep_after or nil
end

--- Those that the page offers, in their order.
---@return Template[]
function templates.offered() return offered end

--- All of them, also those that are only for programs.
---@return Template[]
function templates.all() return list end

--- The ids of those that are offered.
---@return string[]
function templates.ids()
  local ids = {}
  for i, template in ipairs(offered) do ids[i] = template.id end
  return ids
end

return templates
