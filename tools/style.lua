-- Checks the style of what people write: at most 100 columns, no banned phrase, no old name, one
-- statement a line in Lua. Run from the top of the tree: lua5.4 tools/style.lua

local WIDEST = 100

-- Files that are checked, by the end of their names.
local checked = {
  ".c", ".h", ".lua", ".js", ".mjs", ".css", ".sh", ".mk", ".md", "Makefile", "Dockerfile",
}

-- Phrases that no native reader would write: Lua patterns, tried on lower-case text with a blank on
-- both ends. The second value is what to write instead.
local phrases = {
  { "%f[%w]is none%f[%W]", "is missing, is not a ..." },
  { "%f[%w]as none%f[%W]", "as missing" },
  { "%f[%w]is nobody's%f[%W]", "is unknown" },
  { "%f[%w]anew%f[%W]", "again" },
  { "%f[%w]whoever%f[%W]", "anyone who, the client" },
  { "%f[%w]who asks%f[%W]", "the client" },
  { "%f[%w]what is asked%f[%W]", "the request" },
  { "%f[%w]takes? away%f[%W]", "remove" },
  { "%f[%w]taken away%f[%W]", "removed" },
  { "%f[%w]mends?%f[%W]", "fix" },
  { "%f[%w]mended%f[%W]", "fixed" },
  { "%f[%w]leads? to%f[%W]", "resolves to, redirects to" },
  { "%f[%w]he%f[%W]", "they" },
  { "%f[%w]his%f[%W]", "their" },
  { "%f[%w]him%f[%W]", "them" },
  { "%f[%w]nobody has%f[%W]", "unused" },
}

-- Names that were replaced; a reader who searches for the new one must find every use.
local names = {
  "palimpsest", "hostage", "impatient", "hindrances", "likeness", "postmortem", "checkup",
  "read_mark", "in_lane", "stack_place", "look_around", "httpd_request_gone", "generation_take",
  "generation_retire", "generation_drop", "lib%.door", "lib%.deploy%f[%W]", "lib%.watch%f[%W]",
  "lib%.page%f[%W]",
}

-- Files that quote such text on purpose.
local exempt = {
  ["tools/style.lua"] = true, ["CHANGES.md"] = true,
  ["scripts/lib/journal/schema.lua"] = true, -- names in existing journals stay
}

local faults = 0

local function fault(path, number, text, ...)
  faults = faults + 1
  io.stderr:write(("%s:%d: %s\n"):format(path, number, text:format(...)))
end

local function is_checked(path)
  if path == "www/lean-qr.js" then return false end -- vendored
  for _, suffix in ipairs(checked) do
    if path:sub(-#suffix) == suffix then return true end
  end
  return false
end

-- A table row, a link, an image and a digest cannot be wrapped.
local function may_be_wide(path, line)
  if line:find("@sha256:", 1, true) then return true end
  return path:find("%.md$") and (line:find("^%s*|") or line:find("^%s*!?%[[^%]]*%]%S+$")) or false
end

-- The prose of a line: its comment, or in Markdown all of it.
local function prose_of(path, line)
  if path:find("%.md$") then return line end
  if path:find("%.lua$") then return line:match("%-%-(.*)$") end
  if path:find("%.sh$") or path:find("%.mk$") or path:find("file$") then
    return line:match("^%s*#(.*)$")
  end
  return line:match("^%s*/?%*(.*)$") or line:match("%s//(.*)$") or line:match("/%*(.*)$")
end

local function check_line(path, number, line)
  local width = utf8.len(line) or #line
  if width > WIDEST and not may_be_wide(path, line) then
    fault(path, number, "%d columns; %d is the limit", width, WIDEST)
  end
  if exempt[path] then return end
  local prose = prose_of(path, line)
  local text = prose and " " .. prose:lower() .. " "
  for _, phrase in ipairs(text and phrases or {}) do
    local found = text:gsub("there is none", ""):match(phrase[1])
    if found then fault(path, number, "%q: write %s", found, phrase[2]) end
  end
  for _, name in ipairs(names) do
    local found = line:match(name)
    if found then fault(path, number, "%s is an old name", found) end
  end
end

-- Vendored and minified.
local foreign = { ["www/lean-qr.js"] = true }

local listing = assert(io.popen("git ls-files --cached --others --exclude-standard"))
for path in listing:lines() do
  local file = is_checked(path) and not foreign[path] and io.open(path)
  if file then
    local number = 0
    for line in file:lines() do
      number = number + 1
      check_line(path, number, line)
    end
    file:close()
  end
end
listing:close()
if faults > 0 then
  io.stderr:write(("style: %d faults\n"):format(faults))
  os.exit(1)
end
print("style: good")
