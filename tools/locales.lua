-- Holds the locales against one another and against what the scripts and the page ask for.
-- Run from the top of the tree: lua5.4 tools/locales.lua
local cjson = require "cjson"

local faults = {}
local function fault(text, ...) faults[#faults + 1] = text:format(...) end

local function lines_of(command)
  local list = {}
  local pipe = assert(io.popen(command))
  for line in pipe:lines() do list[#list + 1] = line end
  pipe:close()
  return list
end

local function read(path)
  local file = assert(io.open(path))
  local text = file:read("a")
  file:close()
  return text
end

-- Flat keys, also for a file that nests; a key given twice is told (the last would win in silence).
local function load(path)
  local texts = {}
  local function take(prefix, t)
    for key, value in pairs(t) do
      if type(value) == "table" then take(prefix .. key .. ".", value) else texts[prefix .. key] = value end
    end
  end
  local text = read(path)
  take("", cjson.decode(text))
  local seen = {}
  for key in text:gmatch('\n%s*"([^"]+)"%s*:%s*"') do
    if seen[key] then fault("%s: %s stands there twice", path, key) end
    seen[key] = true
  end
  return texts
end

local function placeholders(text)
  local set = {}
  for name in text:gmatch("{([%w_]+)}") do set[#set + 1] = name end
  table.sort(set)
  local unique = {}
  for i, name in ipairs(set) do if name ~= set[i - 1] then unique[#unique + 1] = name end end
  return table.concat(unique, " ")
end

local function compare(path, texts, first_path, first)
  for key, value in pairs(texts) do
    if type(value) ~= "string" or value == "" then
      fault("%s: %s is empty or no text", path, key)
    elseif not first[key] then
      fault("%s: %s is missing; %s has it", first_path, key, path)
    elseif type(first[key]) == "string" and placeholders(value) ~= placeholders(first[key]) then
      fault("%s: %s has {%s}, %s has {%s}", path, key, placeholders(value), first_path, placeholders(first[key]))
    end
  end
  for key in pairs(first) do
    if not texts[key] then fault("%s: %s is missing; %s has it", path, key, first_path) end
  end
end

-- Whole keys that stand as a literal in scripts and page: each must exist. Families are the first words of the keys.
local function is_known(key, texts)
  if texts[key] or key:find("%.js$") or key:find("%.css$") or key:find("%.html$") or key:find("%.lua$") then return true end
  for known in pairs(texts) do
    if known:sub(1, #key + 1) == key .. "." then return true end
  end
  return false
end

local function check_line(where, line, texts, families)
  local code = line:gsub("%-%-.*$", ""):gsub("^%s*//.*$", "")
  if code:find("require", 1, true) or code:find("log%.%l+%s*%(") or code:find("problem%.%l+%s*=") then return end
  for key, behind in code:gmatch([=[["'](%l[%l_]*%.[%l%d_.]*[%l%d])["'](%s*%.?%.?)]=]) do
    local is_piece = behind:find("..", 1, true)
    if families[key:match("^[^.]+")] and not is_piece and not is_known(key, texts) then fault("%s: %s is in no locale", where, key) end
  end
end

local function check_used(texts)
  local families = {}
  for key in pairs(texts) do families[key:match("^[^.]+")] = true end
  for _, path in ipairs(lines_of("find scripts www -name '*.lua' -not -path 'scripts/meta/*' -o -name '*.js' -o -name '*.html'")) do
    local number = 0
    for line in io.lines(path) do
      number = number + 1
      check_line(path .. ":" .. number, line, texts, families)
    end
  end
end

-- Families whose last words are codes that stand in one place of the scripts.
local function check_codes(texts)
  for code in read("scripts/lib/problem.lua"):gmatch("([%l_]+) = [45]%d%d[,%s]") do
    for _, part in ipairs { "title", "detail" } do
      local key = ("problem.%s.%s"):format(code, part)
      if not texts[key] then fault("scripts/lib/problem.lua: %s is in no locale", key) end
    end
  end
  for _, path in ipairs(lines_of("ls scripts/steps/*.lua 2>/dev/null")) do
    local name = read(path):match('%f[%w]name%s*=%s*"([%l_]+)"')
    local key = name and ("step.%s.title"):format(name)
    if key and not texts[key] then fault("%s: %s is in no locale", path, key) end
  end
end

local paths = lines_of("ls locales/*.json")
if #paths < 3 then fault("locales: there should be nl, ar and en; found %d", #paths) end
local first_path = "locales/en.json"
local ok, first = pcall(load, first_path)
if not ok then
  fault("%s: %s", first_path, first)
else
  for _, path in ipairs(paths) do
    local read_well, texts = pcall(load, path)
    if not read_well then fault("%s: %s", path, texts) elseif path ~= first_path then compare(path, texts, first_path, first) end
  end
  check_used(first)
  check_codes(first)
end

table.sort(faults)
for _, text in ipairs(faults) do io.stderr:write(text, "\n") end
if #faults > 0 then
  io.stderr:write(("locales: %d faults\n"):format(#faults))
  os.exit(1)
end
print(("locales: %d languages agree"):format(#paths))
