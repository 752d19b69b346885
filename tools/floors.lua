-- The house's rules about who may know whom, held against the #include and require edges that are really there.
-- An edge may only lead to a lower floor. Run from the top of the tree: lua5.4 tools/floors.lua

-- core/: unit -> floor. A file belongs to the unit of its name's first word ("httpd_guard.c" to httpd).
local core_floors = {
  clock = 0, log = 0, mem = 0, random = 0, settings = 0, bytes = 0, hash = 0, file = 0,
  loop = 1, metrics = 1, store = 1, shared = 1, limiter = 1, router = 1, guard = 1, secret = 1, env = 1, json = 1, gzip = 1,
  httpd = 2, fetch = 2, vm = 2, watch = 2,
  sse = 3, www = 3, task = 3,
  api = 4,
  main = 5,
}
-- scripts/: folder -> floor. Inside a folder files may use one another, but not in a circle.
local script_floors = { lib = 0, policy = 1, steps = 2, routes = 3, commands = 3, init = 4 }
-- The same for the rooms of scripts/lib/.
local room_floors = {
  base = 0,
  schema = 1,
  settings = 2, journal = 2, dokploy = 2, pages = 2,
  http = 3, operations = 3, release = 3, doctor = 3,
  auth = 4, admin = 4, workspaces = 4,
}
-- Folders that stand beside the floors: what else of scripts/ they may use, and who may use them.
local apart = { rehearsal = { uses = { lib = true }, used_by = {} } }
-- Pure decisions: no core modules in these, so that plain Lua can test them.
local pure = { policy = true }

-- Headers of a library -> the units that may include them.
local fences = {
  { "^lua%.h$", "^lauxlib%.h$", "^lualib%.h$", "^lua5%.4/", units = { vm = true, task = true, api = true, main = true } },
  { "^event2/", "^event%.h$", units = { loop = true, httpd = true } },
  { "^curl/", units = { fetch = true } },
  { "^sqlite3%.h$", units = { store = true } },
  { "^zlib%.h$", units = { gzip = true } },
}
local longest_file = 500

local faults = {}
local function fault(where, text, ...) faults[#faults + 1] = where .. ": " .. text:format(...) end

local function files(command)
  local list = {}
  local pipe = assert(io.popen(command))
  for name in pipe:lines() do list[#list + 1] = name end
  pipe:close()
  table.sort(list)
  return list
end

-- Calls visit(line, number) for each line; returns how many there are.
local function each_line(path, visit)
  local number = 0
  for line in io.lines(path) do
    number = number + 1
    visit(line, number)
  end
  return number
end

-- Fails when following `edges` (name -> {other name -> where}) leads back to where one came from.
local function refuse_circles(edges)
  local state = {}
  local function walk(name, path)
    state[name] = "open"
    path[#path + 1] = name
    for other, where in pairs(edges[name] or {}) do
      if state[other] == "open" then
        fault(where, "circle: %s -> %s", table.concat(path, " -> "), other)
      elseif not state[other] then
        walk(other, path)
      end
    end
    path[#path] = nil
    state[name] = "done"
  end
  local names = {}
  for name in pairs(edges) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    if not state[name] then walk(name, {}) end
  end
end

local function unit_of(path) return path:match("([^/]+)%.[ch]$"):match("^[^_]+") end

local function check_fences(where, unit, header)
  for _, fence in ipairs(fences) do
    for _, pattern in ipairs(fence) do
      if header:find(pattern) and not fence.units[unit] then fault(where, "%s may not include <%s>", unit, header) end
    end
  end
end

local function check_include(where, unit, header, edges)
  local other = unit_of(header)
  if other == unit then return end
  edges[unit] = edges[unit] or {}
  edges[unit][other] = where
  local from, to = core_floors[unit], core_floors[other]
  if not to then
    fault(where, "%s has no floor: add it to the table in tools/floors.lua", header)
  elseif from and to >= from then
    fault(where, "%s (floor %d) may not include %s (floor %d): an edge leads to a lower floor", unit, from, header, to)
  end
end

local function check_core()
  local edges = {}
  for _, path in ipairs(files("find core -name '*.[ch]'")) do
    local unit = unit_of(path)
    if not core_floors[unit] then fault(path, "%s has no floor: add it to the table in tools/floors.lua", unit) end
    each_line(path, function(line, number)
      local where = path .. ":" .. number
      local quoted = line:match('^%s*#%s*include%s*"([^"]+)"')
      local angled = line:match("^%s*#%s*include%s*<([^>]+)>")
      if quoted then check_include(where, unit, quoted, edges) end
      if angled or quoted then check_fences(where, unit, angled or quoted) end
    end)
  end
  refuse_circles(edges)
end

local function folder_of(module) return module:match("^([^.]+)") end

local function room_of(module) return module:match("^lib%.([^.]+)") end

local function check_room(where, room, module)
  local other = room_of(module)
  if not other or other == room then return end
  if not room_floors[other] then
    fault(where, "%s has no floor: add its folder to the rooms in tools/floors.lua", module)
  elseif room_floors[room] and room_floors[other] >= room_floors[room] then
    fault(where, "lib/%s (floor %d) may not require %s (floor %d): an edge leads to a lower floor",
      room, room_floors[room], module, room_floors[other])
  end
end

local function check_require(where, folder, module)
  local other = folder_of(module)
  if other == "core" then
    if pure[folder] then fault(where, "%s/ decides and does nothing: it may not require %s", folder, module) end
    return
  end
  if other == folder then return end
  if other == "meta" then
    fault(where, "meta/ is for editors; it is never loaded")
  elseif apart[folder] then
    if not apart[folder].uses[other] then fault(where, "%s/ may not require %s", folder, module) end
  elseif apart[other] then
    if not apart[other].used_by[folder] then fault(where, "%s may not require %s", folder, module) end
  elseif not script_floors[other] then
    fault(where, "%s has no floor: add its folder to the table in tools/floors.lua", module)
  elseif script_floors[folder] and script_floors[other] >= script_floors[folder] then
    fault(where, "%s (floor %d) may not require %s (floor %d): an edge leads to a lower floor",
      folder, script_floors[folder], module, script_floors[other])
  end
end

local function check_scripts()
  local edges = {}
  for _, path in ipairs(files("find scripts -name '*.lua' -not -path 'scripts/meta/*'")) do
    local module = path:match("^scripts/(.*)%.lua$"):gsub("/", "."):gsub("%.init$", "")
    local folder = folder_of(module)
    if not script_floors[folder] and not apart[folder] then
      fault(path, "%s has no floor: add it to the table in tools/floors.lua", folder)
    end
    edges[module] = edges[module] or {}
    each_line(path, function(line, number)
      local code = line:gsub("%-%-.*$", "")
      for required in code:gmatch("require%s*%(?%s*[\"']([^\"']+)[\"']") do
        local where = path .. ":" .. number
        edges[module][required] = where
        check_require(where, folder, required)
        if folder == "lib" then check_room(where, room_of(module), required) end
      end
    end)
  end
  refuse_circles(edges)
end

local function check_lengths()
  local kinds = {}
  for kind in ("*.[ch] *.lua *.js *.mjs *.css *.html *.sh *.mk Makefile"):gmatch("%S+") do kinds[#kinds + 1] = "-name '" .. kind .. "'" end
  local listing = ("find core scripts www tests tools config.lua Makefile -type f \\( %s \\) -not -path '*/node_modules/*' 2>/dev/null")
    :format(table.concat(kinds, " -o "))
  for _, path in ipairs(files(listing)) do
    local lines = each_line(path, function() end)
    if lines > longest_file then fault(path, "%d lines; %d is the most: give a part of it a file of its own", lines, longest_file) end
  end
end

check_core()
check_scripts()
check_lengths()
for _, text in ipairs(faults) do io.stderr:write(text, "\n") end
if #faults > 0 then
  io.stderr:write(("floors: %d broken\n"):format(#faults))
  os.exit(1)
end
print("floors: every edge leads down")
