--- What `deployer --check` tries beyond loading every file: what files register, such
--- as examples beside rules. Pure.
local check = {}
local registered = {}

local function written(value)
  if type(value) == "string" then return ("%q"):format(value) end
  if type(value) ~= "table" then return tostring(value) end
  local parts = {}
  for key, item in pairs(value) do parts[#parts + 1] = tostring(key) .. " = " .. written(item) end
  table.sort(parts)
  return "{ " .. table.concat(parts, ", ") .. " }"
end

local MESSAGE = "%s: example %d: (%s) gives %s; the example says %s"
  .. " (fix the rule, or the example if the change is meant)"

local function try(file, decide, number, example)
  local ok, result = pcall(decide, table.unpack(example, 2, #example))
  if ok and result == example[1] then return nil end
  local arguments = {}
  for i = 2, #example do arguments[#arguments + 1] = written(example[i]) end
  local given = ok and written(result) or "an error: " .. tostring(result)
  return MESSAGE:format(file, number, table.concat(arguments, ", "), given,
    written(example[1]))
end

--- Registers a check: fn returns a list of problems, each a sentence that says what is wrong and
--- where.
---@param fn fun(): string[]
function check.add(fn) registered[#registered + 1] = fn end

--- Registers the examples of a file's rules.
---@param file string
---@param decide fun(...): any
---@param list any[][]  { what decide should return, its arguments... }, ...
function check.examples(file, decide, list)
  check.add(function()
    local problems = {}
    for number, example in ipairs(list) do
      problems[#problems + 1] = try(file, decide, number, example)
    end
    return problems
  end)
end

--- Runs them all.
---@return string[] problems
function check.check()
  local problems = {}
  for _, fn in ipairs(registered) do
    for _, problem in ipairs(fn()) do problems[#problems + 1] = problem end
  end
  return problems
end

return check
