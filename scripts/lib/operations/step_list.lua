--- The steps of a deployment: checks each, and puts an installation's own between those that are
--- shipped. Calls their functions so that a mistake in one becomes a sentence that names it.
local attempt = require "lib.base.attempt"
local schema = require "lib.schema"
local kinds = require "lib.schema.kinds"

local step_list = {
  deadline = 90, -- seconds of a step that does not say
}

-- What the engine makes and undoes itself; a step may add a mount or a domain to the application.
local engine_kinds = {
  project = false, application = false, deployment = false, volume = false,
  mount = true, domain = true,
}

--- Whether resources of that kind are undone by the step that made them.
---@param kind string
---@return boolean
function step_list.is_own_kind(kind) return engine_kinds[kind] == nil end

local word = {
  hint = "a word in lower case, such as dns_record",
  read = function(value)
    return type(value) == "string" and value:find "^%l[%l%d_]*$" ~= nil, value
  end,
}
local func, seconds = { kinds.func }, kinds.number(0.001, 86400)
local shape = {
  name = { word }, after = { word }, before = { word }, kind = { word },
  deadline = { seconds, default = step_list.deadline }, expect = { seconds, default = 1 },
  optional = { kinds.flag, default = false }, title = schema.map { kinds.any_text },
  make = func, find = func, run = func, undo = func,
  ahead = { kinds.flag, default = false }, claim = func,
}

-- A step runs, or makes one thing.
local function check_parts(step, file)
  local there, missing = {}, {}
  for _, part in ipairs { "kind", "make", "find" } do
    local list = step[part] and there or missing
    list[#list + 1] = part
  end
  if #there == (step.run and 0 or 3) then return end
  local rule = "needs either run, or kind, make and find"
  if step.run then
    schema.refuse(file, "", "%s; it has run, and also %s", rule, table.concat(there, ", "))
  elseif #there > 0 then
    schema.refuse(file, "", "%s; missing: %s", rule, table.concat(missing, ", "))
  end
  schema.refuse(file, "", "%s; it has none of them", rule)
end

-- Checks one step; `file` is its file, `name` its name when it has none.
local function read_step(value, file, name)
  if type(value) ~= "table" then schema.refuse(file, "", "must return a table: the step") end
  local step = schema.check(value, shape, file)
  step.name, step.file = step.name or name, file
  check_parts(step, file)
  if step.kind and step_list.is_own_kind(step.kind) and not step.undo then
    schema.refuse(file, "undo", "is missing (a kind of its own, such as %q, is removed by it: "
      .. "undo = function(ctx, resource) ... return true end)", step.kind)
  end
  return step
end

local function names_of(list)
  local names = {}
  for i, step in ipairs(list) do names[i] = step.name end
  return table.concat(names, ", ")
end

local function index_of(list, name)
  for index, step in ipairs(list) do
    if step.name == name then return index end
  end
end

-- Adds a step, whose name must be new.
local function claim(by_name, step)
  local other = by_name[step.name]
  if other then
    schema.refuse(step.file, "name", "%q is the name of the step in %s (choose another)", step.name,
      other.file)
  end
  by_name[step.name] = step
end

local function read_own(part, list)
  local step = read_step(part.value, part.file, part.name)
  if (step.after ~= nil) == (step.before ~= nil) then
    schema.refuse(step.file, step.after and "before" or "after",
      'write either after = "NAME" or before = "NAME" (steps: %s)', names_of(list))
  end
  if step.kind and engine_kinds[step.kind] == false then
    schema.refuse(step.file, "kind", "%q is made by the shipped steps (choose another kind)",
      step.kind)
  end
  step.key = step.name -- tells it from the shipped step of the same kind
  return step
end

-- Inserts the steps of `waiting` whose neighbour is in the list; returns the others. Steps with one
-- neighbour keep their order.
local function insert_round(list, waiting)
  local rest = {}
  for i = #waiting, 1, -1 do
    local step = waiting[i]
    local index = step.after and index_of(list, step.after)
    if index then table.insert(list, index + 1, step) else table.insert(rest, 1, step) end
  end
  local later = {}
  for _, step in ipairs(rest) do
    local index = step.before and index_of(list, step.before)
    if index then table.insert(list, index, step) else later[#later + 1] = step end
  end
  return later
end

local function refuse_unplaced(list, waiting, by_name)
  local step = waiting[1]
  local key = step.after and "after" or "before"
  local neighbour = step[key]
  if by_name[neighbour] then
    schema.refuse(step.file, key, "%q waits for %s in turn (one of them must name a step of: %s)",
      neighbour, names_of(waiting), names_of(list))
  end
  schema.refuse(step.file, key, "there is no step %q (steps: %s)", neighbour, names_of(list))
end

--- The steps in their order.
---@param shipped table  scripts/steps/init.lua: a list with `deadline`
---@param own { name: string, file: string, value: any }[]|nil  the installation's, by name
---@return table[] steps  with name and file; `deadline`: of all together; `expect`: seconds that
--- they usually take
function step_list.arrange(shipped, own)
  local file, by_name = "scripts/steps/init.lua", {}
  local list = schema.check({ deadline = shipped.deadline },
    { deadline = { seconds, required = true } }, file)
  for i, value in ipairs(shipped) do
    local name = type(value) == "table" and value.name or ("[%d]"):format(i)
    list[i] = read_step(value, ("scripts/steps/%s.lua"):format(name))
    if list[i].after or list[i].before then
      schema.refuse(list[i].file, "", "the order of the shipped steps is that of %s", file)
    end
    claim(by_name, list[i])
  end
  local waiting = {}
  for i, part in ipairs(own or {}) do
    waiting[i] = read_own(part, list)
    claim(by_name, waiting[i])
  end
  while #waiting > 0 do
    local rest = insert_round(list, waiting)
    if #rest == #waiting then refuse_unplaced(list, rest, by_name) end
    waiting = rest
  end
  return list
end

--- The step of that name, and its index; nil when there is none.
---@param steps table[]
---@param name string|nil
---@return table|nil step, integer|nil index
function step_list.find(steps, name)
  local index = index_of(steps, name)
  return index and steps[index], index
end

-- Calling

local returns = {
  run = "true when it is done", claim = "true when it is done", undo = "true when it is gone",
  make = "a table with the id of what it made, such as { id = made.someId }",
  find = "a table with its id, or false when it is not there",
}

local function is_fit(part, value)
  if part == "find" and value == false then return true end
  if part == "make" or part == "find" then return type(value) == "table" end
  return value ~= nil and value ~= false
end

local function results(step, part, value, message, ...)
  if is_fit(part, value) or value == nil and message ~= nil then return value, message, ... end
  local returned = value == nil and "nothing" or tostring(value)
  if type(value) ~= "boolean" and value ~= nil then returned = "a " .. type(value) end
  return nil, ("step %s: its function %s in %s returned %s (it must return %s, or nil and what "
    .. "went wrong)"):format(step.name, part, step.file, returned, returns[part]), "script_error"
end

--- Calls a function of a step. Waits.
---@param step table
---@param part "run"|"claim"|"make"|"find"|"undo"
---@return any value  nil, message, code... when it failed, or returned something that does not fit
function step_list.call(step, part, ...)
  return results(step, part, attempt.catch(step[part], ...))
end

--- The sentence for the log about a step that ended early, and where in its file that was.
---@param step table
---@param message string|nil
---@param code string|nil
---@param limit number|nil  its deadline, when that was not the step's usual one
---@return string sentence, string|nil where  such as "site/steps/dns.lua:12"
function step_list.explain(step, message, code, limit)
  local text = tostring(message or code or "it failed")
  local own_file = step.key and step.file -- a shipped step that fails like this is not mistaken
  if code == "timeout" then
    return ("step %s (%s) did not end within its deadline of %g s"):format(step.name, step.file,
      limit or step.deadline), own_file
  end
  if code == "no_such_call" then
    return ("step %s (%s) failed: %s"):format(step.name, step.file, text), own_file
  end
  if text:find("step " .. step.name .. ":", 1, true) == 1 then return text, step.file end
  if code ~= "failed" and code ~= "stopped" then return text end
  local line = text:match((step.file:gsub("%p", "%%%0")) .. ":(%d+)")
  local where = line and step.file .. ":" .. line or text:match "[%w_/-]+%.lua:%d+" or step.file
  return ("step %s stopped at %s: %s"):format(step.name, where, text), where
end

return step_list
