--- What `deployer --check` tries beside loading every file: files that stand to be checked say so when they are loaded. Pure.
local check = {}
local registered = {}

--- Registers a check: fn returns a list of sentences, each saying what is wrong and where; an empty one when all is good.
---@param fn fun(): string[]
function check.add(fn) registered[#registered + 1] = fn end

local function written(value)
  if type(value) == "string" then return ("%q"):format(value) end
  if type(value) ~= "table" then return tostring(value) end
  local parts = {}
  for key, item in pairs(value) do parts[#parts + 1] = tostring(key) .. " = " .. written(item) end
  table.sort(parts)
  return "{ " .. table.concat(parts, ", ") .. " }"
end

local function try(where, decide, number, example)
  local ok, result = pcall(decide, table.unpack(example, 2, #example))
  if ok and result == example[1] then return nil end
  local asked = {}
  for i = 2, #example do asked[#asked + 1] = written(example[i]) end
  return ("%s: example %d: (%s) gives %s; the example says %s (mend the rule, or the example if the change is meant)"):format(
    where, number, table.concat(asked, ", "), ok and written(result) or "an error: " .. tostring(result), written(example[1]))
end

--- Registers examples that stand beside rules.
---@param where string          the file
---@param decide fun(...): any
---@param list any[][]          { what decide should return, its arguments... }, ...
function check.examples(where, decide, list)
  check.add(function()
    local faults = {}
    for number, example in ipairs(list) do faults[#faults + 1] = try(where, decide, number, example) end
    return faults
  end)
end

--- Runs them all.
---@return string[] faults
function check.check()
  local faults = {}
  for _, fn in ipairs(registered) do
    for _, fault in ipairs(fn()) do faults[#faults + 1] = fault end
  end
  return faults
end

return check
