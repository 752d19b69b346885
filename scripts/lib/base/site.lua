--- The installation's own files (site/), which are merged over the product's. Each reader checks
--- what it gets with lib/schema.
local shared = require "core.shared"
local files = require "core.site"
local site = {}

-- What may be there; any other file would be ignored, most likely because its name is misspelt.
local places = {
  "^config%.lua$", "^policy/names%.lua$", "^policy/access%.lua$", "^policy/limits%.lua$",
  "^policy/templates%.lua$", "^policy/schedule%.lua$", "^steps/[a-z0-9_]+%.lua$",
  "^hooks/[a-z0-9_]+%.lua$", "^routes/[a-z0-9_]+%.lua$", "^lib/[a-z0-9_/]+%.lua$",
  "^tests/[a-z0-9_]+%.lua$", "^locales/%a[%w-]*%.json$", "^www/", "^[%w_-]+%.md$",
}

local function is_known(path)
  for _, place in ipairs(places) do
    if path:find(place) then return true end
  end
  return false
end

local function module_of(path) return "site." .. path:gsub("/", ".") end

local function value_of(path, file)
  local value = require(module_of(path))
  if type(value) == "table" then return value end
  error(file .. ": it returns no table (end it with: return { ... })", 0)
end

--- What site/PATH.lua returns; nil when there is no such file.
---@param path string  "policy/names"
---@return table|nil value, string file  its name for messages
function site.part(path)
  local file = "site/" .. path .. ".lua"
  if not files.read(path .. ".lua") then return nil, file end
  return value_of(path, file), file
end

--- The Lua files of a folder, sorted by name.
---@param folder string  "hooks"
---@return { name: string, file: string, value: table }[]
function site.parts(folder)
  local parts = {}
  for _, entry in ipairs(files.list(folder)) do
    local name = entry:match "^([a-z0-9_]+)%.lua$"
    local path = name and folder .. "/" .. name
    if path then
      local file = ("site/%s.lua"):format(path)
      parts[#parts + 1] = { name = name, file = file, value = value_of(path, file) }
    end
  end
  return parts
end

--- The number of the version in force; 0 when there never was one. In core.shared, because another
--- Lua state takes over with each version.
---@return integer
function site.number() return shared.get "site.number" or 0 end

--- Whether there are files of which no version loads, so that rules of the installation's own are
--- missing.
---@return boolean
function site.is_missing() return shared.get "site.missing" == true end

local function run_tests(tests, problems)
  for _, part in ipairs(tests) do
    for name, test in pairs(part.value) do
      local passes, message = pcall(test)
      if not passes then
        problems[#problems + 1] = ("%s: %s: %s"):format(part.file, name, message)
      end
    end
  end
end

--- Loads every file, also one that nothing has required yet, and runs the tests.
---@return string[] problems
function site.check()
  local problems, seen = {}, {}
  for path in pairs(files.files()) do
    local name = path:match "^(.+)%.lua$"
    if not is_known(path) then
      problems[#problems + 1] = ("site/%s: nothing reads a file of this name (docs/scripting.md "
        .. "lists what can be here)"):format(path)
    elseif name and name ~= "config" then
      local loads, message = pcall(require, module_of(name))
      message = tostring(message)
      -- a mistake in a shared file is met by each file that requires it
      if not loads and not seen[message] then problems[#problems + 1] = message end
      seen[message] = true
    end
  end
  if #problems == 0 then run_tests(site.parts "tests", problems) end
  table.sort(problems)
  return problems
end

return site
