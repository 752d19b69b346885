-- Compares the locales with one another and with the keys that the scripts and the page use. Run
-- from the top of the tree: lua5.4 tools/locales.lua
package.path = "scripts/?.lua;" .. package.path
local cjson = require "cjson"
local plural = require "lib.pages.plural"

local faults, reported = {}, {}
local function fault(text, ...)
  local line = text:format(...)
  if not reported[line] then faults[#faults + 1] = line end
  reported[line] = true
end

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

-- Reads a locale as a flat table. Repeated keys are faults: the decoder would keep only the last.
local function load(path)
  local texts = {}
  local function flatten(prefix, values)
    for key, value in pairs(values) do
      if type(value) == "table" then
        flatten(prefix .. key .. ".", value)
      else
        texts[prefix .. key] = value
      end
    end
  end
  local text = read(path)
  flatten("", cjson.decode(text))
  local seen = {}
  for key in text:gmatch('\n%s*"([^"]+)"%s*:%s*"') do
    if seen[key] then fault("%s: %s is repeated", path, key) end
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

-- Plural forms ("wait.before.one") count as one text, whose content is that of ".other".
local forms = { zero = true, one = true, two = true, few = true, many = true, other = true }

local function family_of(key, texts)
  local stem, form = key:match("^(.*)%.(%l+)$")
  local other = stem and forms[form] and texts[stem .. ".other"]
  return other and other:find("{count}", 1, true) and stem or nil, form
end

-- Each plural family must have exactly the language's forms.
local function check_forms(path, texts, families)
  local _, names = plural.parse(texts["language.plural"] or "one: n = 1")
  local known = {}
  for _, name in ipairs(names) do known[name] = true end
  for key in pairs(texts) do
    local stem, form = family_of(key, texts)
    if stem then families[stem] = true end
    if stem and not known[form] then
      fault("%s: %s: the language has no form %q (language.plural)", path, key, form)
    end
  end
  for stem in pairs(families) do
    for _, name in ipairs(names) do
      if texts[stem .. "." .. name] == nil then
        fault("%s: the plural form %s.%s is missing", path, stem, name)
      end
    end
  end
end

-- The texts with each plural family as one. A form may omit {count} ("one workspace").
local function folded(path, texts)
  local families, one = {}, {}
  check_forms(path, texts, families)
  for key, value in pairs(texts) do
    local stem = family_of(key, texts)
    if not stem then
      one[key] = value
    else
      one[stem] = texts[stem .. ".other"]
      local mine, all = placeholders(value .. "{count}"), placeholders(one[stem] .. "{count}")
      if mine ~= all then
        fault("%s: %s has {%s}, %s.other has {%s}", path, key, mine, stem, all)
      end
    end
  end
  return one
end

local function compare(path, texts, first_path, first)
  for key, value in pairs(texts) do
    if type(value) ~= "string" or value == "" then
      fault("%s: %s is empty or not a string", path, key)
    elseif not first[key] then
      fault("%s: %s is missing; %s has it", first_path, key, path)
    elseif type(first[key]) == "string" and placeholders(value) ~= placeholders(first[key]) then
      fault("%s: %s has {%s}, %s has {%s}", path, key, placeholders(value), first_path,
        placeholders(first[key]))
    end
  end
  for key in pairs(first) do
    if not texts[key] then fault("%s: %s is missing; %s has it", path, key, first_path) end
  end
end

-- The literal prefixes of keys that the scripts compose: "problem." .. code .. ".title".
local function used_prefixes(all)
  local list = {}
  for prefix in all:gmatch('"(%l[%l_.]*%.)"%s*%.%.') do list[prefix] = true end
  for prefix in all:gmatch('"(%l[%l_.]*%.)%%s') do list[prefix] = true end
  return list
end

local function is_used(key, all, prefixes)
  if key:find("^language%.") or all:find('"' .. key .. '"', 1, true)
    or all:find("{{t:" .. key .. "}}", 1, true) then
    return true
  end
  local start = key
  while start:find("%.") do
    start = start:match("^(.*%.)[^.]*$")
    if prefixes[start] then return true end
    start = start:sub(1, -2)
  end
  return false
end

local function check_unused(path, texts)
  local parts = {}
  local find = "find scripts www -name '*.lua' -o -name '*.js' -o -name '*.html'"
  for _, file in ipairs(lines_of(find)) do
    parts[#parts + 1] = read(file)
  end
  local all = table.concat(parts, "\n"):gsub("'", '"')
  local prefixes = used_prefixes(all)
  local codes = read("scripts/lib/http/problem.lua"):match("problem.status = (%b{})")
  for key in pairs(texts) do
    local code = key:match("^problem%.([%l_]+)%.")
    local known = not code or codes:find("%f[%l_]" .. code .. " = ")
      or all:find('"' .. key .. '"', 1, true)
    if not known or not is_used(key, all, prefixes) then fault("%s: %s is unused", path, key) end
  end
end

-- Whether the literal is a key, the stem of keys, or a file name.
local function is_known(key, texts)
  if texts[key] or texts[key .. ".other"] then return true end
  for _, ending in ipairs { "js", "css", "html", "lua", "png", "svg" } do
    if key:match("%.(%l+)$") == ending then return true end
  end
  for known in pairs(texts) do
    if known:sub(1, #key + 1) == key .. "." then return true end
  end
  return false
end

-- Checks that each literal whose first word is one of `families` is a key.
local function check_line(where, line, texts, families)
  local code = line:gsub("%-%-.*$", ""):gsub("^%s*//.*$", "")
  if code:find("require", 1, true) or code:find("log%.%l+%s*%(")
    or code:find("problem%.%l+%s*=") then
    return
  end
  for key, behind in code:gmatch([=[["'](%l[%l_]*%.[%l%d_.]*[%l%d])["'](%s*%.?%.?)]=]) do
    local is_piece = behind:find("..", 1, true)
    if families[key:match("^[^.]+")] and not is_piece and not is_known(key, texts) then
      fault("%s: %s is in no locale", where, key)
    end
  end
end

local function check_used(texts)
  local families = {}
  for key in pairs(texts) do families[key:match("^[^.]+")] = true end
  local find = "find scripts www -name '*.lua' -not -path 'scripts/meta/*'"
    .. " -o -name '*.js' -o -name '*.html'"
  for _, path in ipairs(lines_of(find)) do
    local number = 0
    for line in io.lines(path) do
      number = number + 1
      check_line(path .. ":" .. number, line, texts, families)
    end
  end
end

-- Each problem code and each step must have its texts.
local function check_codes(texts)
  for code in read("scripts/lib/http/problem.lua"):gmatch("([%l_]+) = [45]%d%d[,%s]") do
    for _, part in ipairs { "title", "detail" } do
      local key = ("problem.%s.%s"):format(code, part)
      if not texts[key] then fault("scripts/lib/http/problem.lua: %s is in no locale", key) end
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
    local is_read, texts = pcall(load, path)
    if not is_read then
      fault("%s: %s", path, texts)
    elseif path ~= first_path then
      compare(path, folded(path, texts), first_path, folded(first_path, first))
    end
  end
  check_used(first)
  check_unused(first_path, folded(first_path, first))
  check_codes(first)
end

table.sort(faults)
for _, text in ipairs(faults) do io.stderr:write(text, "\n") end
if #faults > 0 then
  io.stderr:write(("locales: %d faults\n"):format(#faults))
  os.exit(1)
end
print(("locales: %d languages agree"):format(#paths))
