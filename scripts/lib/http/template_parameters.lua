--- What a template asks for beside the name: reads it from a request, and describes it.
local json = require "core.json"
local refusal = require "lib.base.refusal"
local clean = require("lib.base.text").clean
local sorted_keys = require("lib.schema").sorted_keys
local i18n = require "lib.pages.i18n"
local wording = require "lib.pages.wording"
local templates = require "lib.policy.templates"
local template_parameters = {}

local LONGEST = 4000 -- bytes of one value

local function field_of(id) return "parameters." .. id end

-- What a parameter accepts, for the texts; nil where only its help says so.
local function accepted(parameter)
  if parameter.kind == "flag" then return "true, false" end
  if parameter.kind == "choice" then return table.concat(parameter.choices, ", ") end
  if parameter.kind ~= "number" then return parameter.example end
  local least, most = parameter.min, parameter.max
  if least and most then return ("%g, ..., %g"):format(least, most) end
  return least and ("%g, ..."):format(least) or most and ("..., %g"):format(most) or "1, 2, ..."
end

-- Refuses with the parameter's title and help, which people see; programs have the field.
local function refuse(code, template, parameter, detail, good)
  local field, texts = field_of(parameter.id), {}
  for _, each in ipairs(i18n.languages()) do
    local language = each.code
    local title = wording.parameter(language, template, parameter, "title") or field
    local help = wording.parameter(language, template, parameter, "help")
    local text = i18n.text(language, detail, { field = title, good = good })
    texts[language] = help and text .. " " .. help or text
  end
  refusal.raise(code, { field = field, texts = texts })
end

local function refuse_value(template, parameter)
  local good, is_text = accepted(parameter), parameter.kind == "text" or parameter.kind == "secret"
  local detail = not is_text and "detail" or good and "example" or "text"
  refuse("value_invalid", template, parameter, "problem.value_invalid." .. detail, good)
end

local function check_known(template, given)
  local known = {}
  for i, parameter in ipairs(template.parameters) do known[i] = parameter.id end
  for _, id in ipairs(sorted_keys(given)) do
    local is_known = false
    for _, other in ipairs(known) do is_known = is_known or other == id end
    if not is_known then
      local args = { field = field_of(id), known = table.concat(known, ", ") }
      refusal.raise("field_unknown", { field = args.field:sub(1, 100), args = args })
    end
  end
end

-- A value as it was given: nil when it is missing.
local function given_value(given, template, parameter)
  local value = given[parameter.id]
  if value == json.null then return nil end
  if type(value) ~= "string" then return value end
  value = clean(value)
  if #value > LONGEST then refuse_value(template, parameter) end
  return value ~= "" and value or nil
end

local function read_value(given, template, parameter)
  local value = given_value(given, template, parameter)
  if value == nil then value = parameter.default end
  if value == nil then
    if parameter.required then
      refuse("field_missing", template, parameter, "problem.field_missing.detail")
    end
    return nil
  end
  local is_good, kept = templates.accepts(parameter, value)
  if not is_good then refuse_value(template, parameter) end
  return kept
end

local function as_variable(value)
  return type(value) == "number" and ("%.14g"):format(value) or tostring(value)
end

--- Checks the values that were sent for a template; raises a refusal about `parameters.ID`.
---@param template Template
---@param given table<string, any>
---@return { values: table<string, any>, env: table<string, string>,
--- secrets: table<string, string> }  values: what is kept; env, secrets: variables of the container
function template_parameters.read(template, given)
  check_known(template, given)
  local found = { values = {}, env = {}, secrets = {} }
  for _, parameter in ipairs(template.parameters) do
    local value = read_value(given, template, parameter)
    if value ~= nil and parameter.kind == "secret" then
      found.secrets[parameter.variable] = value
    elseif value ~= nil then
      found.values[parameter.id] = value
      if parameter.variable then found.env[parameter.variable] = as_variable(value) end
    end
  end
  return found
end

--- The name of a parameter's field on the page's form, where every template has its own.
---@return string
function template_parameters.form_name(template, parameter)
  return ("parameters.%s.%s"):format(template.id, parameter.id)
end

--- A pattern of these names.
template_parameters.FORM_NAME = "^parameters%.[%w_-]+%.[%l%d_]+$"

-- What a form sends, as the parameter's kind; a box that is not ticked sends nothing.
local function from_form(parameter, text)
  if parameter.kind == "flag" then return text ~= nil end
  if parameter.kind == "number" then return tonumber(text) or text end
  return text
end

--- The values that the page's form sent for a template.
---@param template Template
---@param fields table<string, any>  of the form
---@return table<string, any> given
function template_parameters.of_form(template, fields)
  local given = {}
  for _, parameter in ipairs(template.parameters) do
    local text = fields[template_parameters.form_name(template, parameter)]
    given[parameter.id] = from_form(parameter, text)
  end
  return given
end

-- Description

local json_types = { flag = "boolean", number = "number" }

local function schema_of(parameter)
  local described = {
    type = json_types[parameter.kind] or "string",
    description = parameter.help.en or parameter.title.en,
    minimum = parameter.min, maximum = parameter.max, default = parameter.default,
    writeOnly = parameter.kind == "secret" or nil,
  }
  if parameter.kind == "choice" then described.enum = json.array(parameter.choices) end
  return described
end

-- A value that the parameter most likely accepts: certain unless it has a pattern alone.
local function example_of(parameter)
  if parameter.example then return parameter.example end
  if parameter.default ~= nil then return parameter.default end
  if parameter.kind == "choice" then return parameter.choices[1] end
  if parameter.kind == "flag" then return true end
  if parameter.kind == "number" then return parameter.min or parameter.max or 1 end
  return "example"
end

--- Examples of the values that a template requires; nil when it requires none.
---@param template Template
---@return table<string, any>|nil
function template_parameters.examples(template)
  local values = {}
  for _, parameter in ipairs(template.parameters) do
    if parameter.required then values[parameter.id] = example_of(parameter) end
  end
  return next(values) and values
end

--- The JSON Schema of `parameters`, for the OpenAPI document: the parameters of every template,
--- where one id may mean different things.
---@return table
function template_parameters.schema()
  local by_id = {}
  for _, template in ipairs(templates.all()) do
    for _, parameter in ipairs(template.parameters) do
      by_id[parameter.id] = by_id[parameter.id] or {}
      table.insert(by_id[parameter.id], schema_of(parameter))
    end
  end
  local properties = {}
  for id, list in pairs(by_id) do
    properties[id] = #list == 1 and list[1] or { anyOf = json.array(list) }
  end
  return {
    type = "object", properties = properties, additionalProperties = false,
    description = "what the template asks for",
  }
end

return template_parameters
