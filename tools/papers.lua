-- Checks the documents: links and named files exist, named functions are defined, every variable of
-- config.lua is documented, recipes are quoted as they are, and all versions agree. Run from the
-- top of the tree: lua5.4 tools/papers.lua

local faults = 0

local function fault(where, text, ...)
  faults = faults + 1
  io.stderr:write(where .. ": " .. text:format(...) .. "\n")
end

local function read(path)
  local file = io.open(path)
  local text = file and file:read "a"
  if file then file:close() end
  return text
end

local function exists(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

local documents = { "README.md", "CHANGES.md", "CONTRIBUTING.md", "SECURITY.md" }
local listing = assert(io.popen "ls docs/*.md")
for path in listing:lines() do documents[#documents + 1] = path end
listing:close()

-- Calls visit(where, line) for each line of a document.
local function each_line(path, visit)
  local number = 0
  for line in io.lines(path) do
    number = number + 1
    visit(path .. ":" .. number, line)
  end
end

local function check_links(path)
  local folder = path:match("^(.*/)") or ""
  each_line(path, function(where, line)
    for target in line:gmatch("%]%(([^)#]+)[^)]*%)") do
      if not target:find("^%a+:") and not exists(folder .. target) then
        fault(where, "%s does not exist", target)
      end
    end
  end)
end

local file_pattern = "`([%w_/]+%.%a+)`"
local rooms = {
  "core/", "scripts/", "www/", "locales/", "tests/", "tools/", "ops/", "stack/", "docs/",
}

local function is_in_tree(path)
  for _, room in ipairs(rooms) do
    if path:sub(1, #room) == room then return true end
  end
  return false
end

-- Whether a file defines a function: "name(" that begins a line of C after its type, or a Lua
-- function of that name.
local function defines(text, name)
  local plain = name:gsub("%p", "%%%0")
  return text:find("\n[%w_ *]*%f[%w_]" .. plain .. "%([^;]-\n{")
    or text:find("%f[%w_]function " .. plain .. "%f[^%w_]")
end

-- `core/task.c:task_spawn` names a function of that file.
local function check_names(path)
  each_line(path, function(where, line)
    for file in line:gmatch(file_pattern) do
      if is_in_tree(file) and not exists(file) then fault(where, "%s does not exist", file) end
    end
    for file, name in line:gmatch("`([%w_/]+%.%a+):([%w_.:]+)`") do
      local text = read(file)
      if not text then
        fault(where, "%s does not exist", file)
      elseif not defines(text, name) then
        fault(where, "%s defines no %s", file, name)
      end
    end
  end)
end

-- A link to a file of docs/recipes/ that ends its line with ":" is followed by the file itself.
local function check_quotes(path, linked)
  local file, lines, at
  each_line(path, function(where, line)
    for target in line:gmatch("%]%((recipes/[^)]+)%)") do linked["docs/" .. target] = true end
    if lines and line == "```" then
      local quoted = table.concat(lines, "\n") .. "\n"
      if quoted ~= read(file) then fault(at, "%s is not as quoted here; copy it", file) end
      file, lines = nil, nil
    elseif lines then
      lines[#lines + 1] = line
    elseif file and line:find("^```%a") then
      lines, at = {}, where
    elseif line ~= "" then
      file = line:match("^%[[^]]+%]%((recipes/[^)]+)%).*:$")
      file = file and "docs/" .. file
    end
  end)
end

local function check_recipes()
  local linked = {}
  check_quotes("docs/scripting.md", linked)
  local files = assert(io.popen "find docs/recipes -type f | sort")
  for file in files:lines() do
    if not linked[file] then fault("docs/scripting.md", "%s is not shown", file) end
  end
  files:close()
end

local function check_variables()
  local documented = read "docs/configuration.md"
  for name in read("config.lua"):gmatch('%f[%w](%u[%u_]+)%f[^%w_]"') do
    if not documented:find("`" .. name, 1, true) then
      fault("docs/configuration.md", "%s of config.lua is missing", name)
    end
  end
end

local function check_version()
  local version = read("Makefile"):match("VERSION := (%S+)")
  local newest = read("CHANGES.md"):match("\n## (%S+)")
  if version ~= newest then
    fault("CHANGES.md", "the newest section is %s, VERSION in the Makefile is %s", newest, version)
  end
end

for _, path in ipairs(documents) do
  check_links(path)
  check_names(path)
end
check_variables()
check_recipes()
check_version()
if faults > 0 then
  io.stderr:write(("papers: %d faults\n"):format(faults))
  os.exit(1)
end
print("papers: the documents agree with the tree")
