-- Checks locales/*.json against one another, and against the texts that the scripts and the pages
-- use. Run from the top of the tree: lua5.4 tools/locales.lua
package.path = "scripts/?.lua;" .. package.path
local cjson = require "cjson"
local plural = require "lib.pages.plural"

local FIRST = "locales/en.json" -- the others are compared with it
local faults, seen = {}, {}

local function fault(text, ...)
  local line = text:format(...)
  if not seen[line] then faults[#faults + 1] = line end
  seen[line] = true
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

-- The decoder silently keeps the last of two equal keys, so those are looked for in the text.
local function load_texts(path)
  local text, keys = read(path), {}
  for key in text:gmatch('\n%s*"([^"]+)"%s*:%s*"') do
    if keys[key] then fault("%s: %s occurs twice", path, key) end
    keys[key] = true
  end
  return cjson.decode(text)
end

local function placeholders(text)
  local set, list = {}, {}
  for name in text:gmatch("{([%w_]+)}") do
    if not set[name] then list[#list + 1] = name end
    set[name] = true
  end
  table.sort(list)
  return table.concat(list, " ")
end

-- Plural forms
-- "wait.before.one", "wait.before.other"... count as one text, "wait.before".

local forms = { zero = true, one = true, two = true, few = true, many = true, other = true }

local function stem_of(key, texts)
  local stem, form = key:match("^(.*)%.(%l+)$")
  local other = stem and forms[form] and texts[stem .. ".other"]
  if other and other:find("{count}", 1, true) then return stem, form end
end

-- Each text with {count} must have the forms that the language has, and no others.
local function check_forms(path, texts)
  local _, names = plural.parse(texts["language.plural"] or "one: n = 1")
  local is_known, stems = {}, {}
  for _, name in ipairs(names) do is_known[name] = true end
  for key in pairs(texts) do
    local stem, form = stem_of(key, texts)
    if stem then stems[stem] = true end
    if stem and not is_known[form] then
      fault("%s: %s: the language has no form %q (language.plural)", path, key, form)
    end
  end
  for stem in pairs(stems) do
    for _, name in ipairs(names) do
      local key = stem .. "." .. name
      if not texts[key] then fault("%s: %s is missing: a plural form", path, key) end
    end
  end
end

-- The texts with the forms of each folded into one; a form may spell its number out.
local function fold(path, texts)
  check_forms(path, texts)
  local folded = {}
  for key, text in pairs(texts) do
    local stem = stem_of(key, texts)
    local other = stem and texts[stem .. ".other"]
    folded[stem or key] = other or text
    if stem and placeholders(text .. "{count}") ~= placeholders(other .. "{count}") then
      fault("%s: %s and %s.other have different placeholders", path, key, stem)
    end
  end
  return folded
end

local function compare(path, texts, first)
  for key, text in pairs(texts) do
    if type(text) ~= "string" or text == "" then
      fault("%s: %s is empty or not a text", path, key)
    elseif not first[key] then
      fault("%s: %s is missing; %s has it", FIRST, key, path)
    elseif placeholders(text) ~= placeholders(first[key]) then
      fault("%s: %s has {%s}, %s has {%s}", path, key, placeholders(text), FIRST,
        placeholders(first[key]))
    end
  end
  for key in pairs(first) do
    if not texts[key] then fault("%s: %s is missing; %s has it", path, key, FIRST) end
  end
end

-- Use

local SOURCES = "find scripts www -not -path 'scripts/meta/*' "
  .. "\\( -name '*.lua' -o -name '*.js' -o -name '*.html' \\)"
local PROBLEMS = "scripts/lib/http/problem.lua"

-- The literal beginnings of keys that are put together: "problem." .. code, ("step.%s.title").
local function used_prefixes(source)
  local set = {}
  for prefix in source:gmatch('"(%l[%l_.]*%.)"%s*%.%.') do set[prefix] = true end
  for prefix in source:gmatch('"(%l[%l_.]*%.)%%s') do set[prefix] = true end
  return set
end

local function is_used(key, source, prefixes)
  if key:find("^language%.") or source:find('"' .. key .. '"', 1, true) then return true end
  if source:find("{{t:" .. key .. "}}", 1, true) then return true end
  for i = 1, #key do
    if key:sub(i, i) == "." and prefixes[key:sub(1, i)] then return true end
  end
  return false
end

local function check_unused(texts)
  local parts = {}
  for i, file in ipairs(lines_of(SOURCES)) do parts[i] = read(file) end
  local source = table.concat(parts, "\n"):gsub("'", '"')
  local prefixes = used_prefixes(source)
  local codes = read(PROBLEMS):match("problem.status = (%b{})")
  for key in pairs(texts) do
    local code = key:match("^problem%.([%l_]+)%.")
    local is_code = not code or codes:find("%f[%l_]" .. code .. " = ")
      or source:find('"' .. key .. '"', 1, true)
    local is_needed = is_code and is_used(key, source, prefixes)
    if not is_needed then fault("%s: %s is unused", FIRST, key) end
  end
end

-- Whether a literal is a key, the beginning of some, or the name of a file.
local function is_known(literal, texts)
  if texts[literal] or texts[literal .. ".other"] then return true end
  if literal:find("%.js$") or literal:find("%.css$") or literal:find("%.html$") then return true end
  if literal:find("%.lua$") or literal:find("%.png$") or literal:find("%.svg$") then return true end
  for key in pairs(texts) do
    if key:sub(1, #literal + 1) == literal .. "." then return true end
  end
  return false
end

local KEY = [=[["'](%l[%l_]*%.[%l%d_.]*[%l%d])["'](%s*%.?%.?)]=]

-- Literals that look like keys of a known family must be keys. Log events look like keys, too.
local function check_line(place, line, texts, families)
  local code = line:gsub("%-%-.*$", ""):gsub("^%s*//.*$", "")
  if code:find("require", 1, true) or code:find("log%.%l+%s*%(") then return end
  for literal, behind in code:gmatch(KEY) do
    local is_whole = not behind:find("..", 1, true)
    if families[literal:match("^[^.]+")] and is_whole and not is_known(literal, texts) then
      fault("%s: %s is in no locale", place, literal)
    end
  end
end

local function check_used(texts)
  local families = {}
  for key in pairs(texts) do families[key:match("^[^.]+")] = true end
  for _, path in ipairs(lines_of(SOURCES)) do
    local number = 0
    for line in io.lines(path) do
      number = number + 1
      check_line(path .. ":" .. number, line, texts, families)
    end
  end
end

-- Scripts in the browser get only the texts of these two families.
local function check_scripts(texts)
  for _, path in ipairs(lines_of("ls www/*.js")) do
    for key in read(path):gmatch('[^%w]t%("([%l_.]+)"') do
      local is_sent = key:find("^live%.") or key:find("^admin%.live%.")
      if not is_sent or not texts[key] then fault("%s: %s is not sent to scripts", path, key) end
    end
  end
end

-- Codes and steps are defined in one place each, and need their texts.
local function check_codes(texts)
  for code in read(PROBLEMS):gmatch("([%l_]+) = [45]%d%d[,%s]") do
    for _, part in ipairs { "title", "detail" } do
      local key = ("problem.%s.%s"):format(code, part)
      if not texts[key] then fault("%s: %s is in no locale", PROBLEMS, key) end
    end
  end
  for _, path in ipairs(lines_of("ls scripts/steps/*.lua")) do
    local name = read(path):match('%f[%w]name%s*=%s*"([%l_]+)"')
    local key = name and ("step.%s.title"):format(name)
    if key and not texts[key] then fault("%s: %s is in no locale", path, key) end
  end
end

local paths = lines_of("ls locales/*.json")
if #paths < 3 then fault("locales: expected at least nl, ar and en; found %d", #paths) end
local is_loaded, first = pcall(load_texts, FIRST)
if not is_loaded then
  fault("%s: %s", FIRST, first)
else
  local folded = fold(FIRST, first)
  for _, path in ipairs(paths) do
    local is_good, texts = pcall(load_texts, path)
    if not is_good then
      fault("%s: %s", path, texts)
    elseif path ~= FIRST then
      compare(path, fold(path, texts), folded)
    end
  end
  check_used(first)
  check_unused(folded)
  check_scripts(first)
  check_codes(first)
end

table.sort(faults)
for _, text in ipairs(faults) do io.stderr:write(text, "\n") end
if #faults > 0 then
  io.stderr:write(("locales: %d faults\n"):format(#faults))
  os.exit(1)
end
print(("locales: %d languages agree"):format(#paths))
