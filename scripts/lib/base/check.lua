--- What `deployer --check` tries beyond loading every file: what files register, such
--- as examples beside rules. Pure.
local check = {}
local registered = {}
local seen -- errors that were reported in this run: one mistake is one problem

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

local function arguments_of(example)
  local arguments = {}
  for i = 2, #example do arguments[#arguments + 1] = written(example[i]) end
  return table.concat(arguments, ", ")
end

-- What is wrong with one example, and the error where there was one.
local function try(file, decide, number, example)
  local ok, result = pcall(decide, table.unpack(example, 2, #example))
  if ok and result == example[1] then return nil end
  local given = ok and written(result) or "an error: " .. tostring(result)
  local problem = MESSAGE:format(file, number, arguments_of(example), given, written(example[1]))
  return problem, not ok and tostring(result) or nil
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
      local problem, message = try(file, decide, number, example)
      if not message or not seen[message] then problems[#problems + 1] = problem end
      if message then seen[message] = true end
    end
    return problems
  end)
end

--- Registers probes of a function whose results do not matter: it must not raise.
---@param fn fun(...): any
---@param list any[][]  { anything, its arguments... }, ...
function check.probes(fn, list)
  check.add(function()
    local problems = {}
    for _, probe in ipairs(list) do
      local ok, message = pcall(fn, table.unpack(probe, 2, #probe))
      if not ok and not seen[message] then
        seen[message] = true
        problems[#problems + 1] = ("%s (asked about %s)"):format(message, arguments_of(probe))
      end
    end
    return problems
  end)
end

local check_texts

--- Sets what checks a text that a policy brings along.
---@param fn fun(file: string, path: string, texts: table<string, string>)  raises what is wrong
function check.on_texts(fn) check_texts = fn end

--- Checks a text by language; nothing while no languages are loaded, or when there is no text.
---@param file string
---@param path string
---@param texts table<string, string>|nil
function check.texts(file, path, texts)
  if check_texts and texts and next(texts) then check_texts(file, path, texts) end
end

--- Runs them all.
---@return string[] problems
function check.check()
  seen = {}
  local problems = {}
  for _, fn in ipairs(registered) do
    for _, problem in ipairs(fn()) do problems[#problems + 1] = problem end
  end
  return problems
end

return check
