-- Checks the architecture: an #include or require may only point to a lower floor. Run from the top
-- of the tree, after building the core in BUILD: lua5.4 tools/floors.lua [BUILD]

-- core/: a .c file and its header are one unit. A unit belongs to the family that its name begins
-- with and may use its own family and lower floors; units of floor 0 may use one another. Cycles
-- are faults everywhere.
local core_floors = {
  mem = 0, random = 0, clock = 0, settings = 0, value = 0, bytes = 0, hash = 0, file = 0, log = 0,
  http = 0, bundle = 0,
  loop = 1, metrics = 1, store = 1, shared = 1, limiter = 1, router = 1, guard = 1, secret = 1,
  env = 1, json = 1, gzip = 1,
  httpd = 2, fetch = 2, vm = 2, watch = 2, child = 2,
  sse = 3, www = 3, task = 3,
  api = 4,
  main = 5,
}
-- scripts/: folder -> floor. Files of one folder may use one another.
local script_floors = { lib = 0, steps = 2, routes = 3, commands = 3, init = 4 }
-- scripts/lib/: the same for its folders, called rooms; "room.file" for single files.
local room_floors = {
  base = 0,
  schema = 1,
  settings = 2, policy = 2, journal = 2, dokploy = 2, pages = 2,
  auth = 3, workspaces = 3, release = 3, doctor = 3,
  operations = 4,
  http = 5,
  site = 6,
  admin = 7,
  -- a file that lies lower than its room
  ["site.faults"] = 1,
}
-- Folders outside the floors: which other folders they may use, and which may use them.
local apart = {
  rehearsal = { uses = { lib = true }, used_by = {} },
  -- Rules that an admin edits.
  policy = {
    uses = { lib = true },
    used_by = { lib = true, steps = true, routes = true, commands = true, init = true },
  },
}
-- Folders that may not use core modules, so that plain Lua can test them.
local pure = { policy = true }

-- Core modules -> the folders that may use them. The rehearsal has its own database.
local core_fences = { ["core.store"] = { "lib.journal", "rehearsal" } }

-- Headers of libraries, and the units that may include them.
local fences = {
  {
    "^lua%.h$", "^lauxlib%.h$", "^lualib%.h$", "^lua5%.4/",
    units = { vm = true, task = true, api = true, main = true },
  },
  { "^event2/", "^event%.h$", units = { loop = true, httpd = true } },
  { "^curl/", units = { fetch = true } },
  { "^sqlite3%.h$", units = { store = true } },
  { "^zlib%.h$", units = { gzip = true } },
  { "^unicase%.h$", "^unictype%.h$", "^uninorm%.h$", "^unistr%.h$", units = { api = true } },
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

-- Calls visit(line, number) for each line; returns the number of lines.
local function each_line(path, visit)
  local number = 0
  for line in io.lines(path) do
    number = number + 1
    visit(line, number)
  end
  return number
end

local function sorted_keys(map)
  local names = {}
  for name in pairs(map) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function index_of(list, value)
  for i, each in ipairs(list) do
    if each == value then return i end
  end
end

-- Reports each cycle in `edges` (name -> {other name -> where}).
local function check_cycles(edges)
  local state = {}
  local function walk(name, path)
    state[name] = "open"
    path[#path + 1] = name
    for _, other in ipairs(sorted_keys(edges[name] or {})) do
      if state[other] == "open" then
        local cycle = table.concat(path, " -> ", index_of(path, other))
        fault(edges[name][other], "cycle: %s -> %s", cycle, other)
      elseif not state[other] then
        walk(other, path)
      end
    end
    path[#path] = nil
    state[name] = "done"
  end
  for _, name in ipairs(sorted_keys(edges)) do
    if not state[name] then walk(name, {}) end
  end
end

local function unit_of(path) return path:match("([^/]+)%.[cho]$") end

-- The longest name in core_floors that is the unit's name or a prefix of it that ends before a "_".
local function family_of(unit)
  local name = unit
  while name and not core_floors[name] do name = name:match("^(.*)_[^_]*$") end
  return name
end

local function check_fences(where, unit, header)
  for _, fence in ipairs(fences) do
    for _, pattern in ipairs(fence) do
      if header:find(pattern) and not fence.units[family_of(unit)] then
        fault(where, "%s may not include <%s>", unit, header)
      end
    end
  end
end

local function add_edge(where, unit, other, edges)
  if other == unit then return end
  edges[unit] = edges[unit] or {}
  if edges[unit][other] then return end
  edges[unit][other] = where
  local from, to = family_of(unit), family_of(other)
  if not to then
    fault(where, "%s has no floor: add it to the table in tools/floors.lua", other)
  elseif from and from ~= to and core_floors[to] >= core_floors[from] and core_floors[from] > 0 then
    fault(where, "%s (floor %d) may not use %s (floor %d): only lower floors", unit,
      core_floors[from], other, core_floors[to])
  end
end

local function add_includes(path, edges)
  local unit = unit_of(path)
  if not family_of(unit) then
    fault(path, "%s has no floor: add it to the table in tools/floors.lua", unit)
  end
  each_line(path, function(line, number)
    local where = path .. ":" .. number
    local quoted = line:match('^%s*#%s*include%s*"([^"]+)"')
    local angled = line:match("^%s*#%s*include%s*<([^>]+)>")
    if quoted then add_edge(where, unit, unit_of(quoted), edges) end
    if angled or quoted then check_fences(where, unit, angled or quoted) end
  end)
end

-- The includes miss a function that one unit's header declares and another's .c defines; the object
-- files show it.
local function add_symbols(objects, edges)
  local defined, used = {}, {}
  for _, object in ipairs(objects) do
    local file = io.open(object)
    if not file then return fault(object, "is missing: build the core first") end
    file:close()
  end
  for _, line in ipairs(files("nm -A " .. table.concat(objects, " "))) do
    local unit, kind, symbol = line:match("([^/]+)%.o:%x*%s+(%u)%s+(%S+)$")
    if kind == "U" then
      used[#used + 1] = { unit = unit, symbol = symbol }
    elseif kind and kind:find("[TDBRC]") then
      defined[symbol] = unit
    end
  end
  for _, use in ipairs(used) do
    local other = defined[use.symbol]
    if other then add_edge(("core/%s.c"):format(use.unit), use.unit, other, edges) end
  end
end

local function check_core(build)
  local edges, objects = {}, {}
  for _, path in ipairs(files("find core -name '*.[ch]'")) do
    add_includes(path, edges)
    local unit = path:match("([^/]+)%.c$")
    if unit then objects[#objects + 1] = ("%s/core/%s.o"):format(build, unit) end
  end
  add_symbols(objects, edges)
  check_cycles(edges)
end

local function folder_of(module) return module:match("^([^.]+)") end

-- The room of a module in lib/, or the file, where that has a floor of its own.
local function room_of(module)
  local path = module:match("^lib%.(.+)$")
  if not path then return nil end
  local file = path:find(".", 1, true) and path or path .. ".init"
  return room_floors[file] and file or path:match("^[^.]+")
end

local function check_room(where, room, module)
  local other = room_of(module)
  if not other or other == room then return end
  if not room_floors[other] then
    fault(where, "%s has no floor: add its folder to the rooms in tools/floors.lua", module)
  elseif room_floors[room] and room_floors[other] >= room_floors[room] then
    fault(where, "lib/%s (floor %d) may not require %s (floor %d): only lower floors", room,
      room_floors[room], module, room_floors[other])
  end
end

local function check_core_fence(where, from, module)
  local allowed = not core_fences[module]
  for _, room in ipairs(core_fences[module] or {}) do
    allowed = allowed or (from .. "."):sub(1, #room + 1) == room .. "."
  end
  if not allowed then fault(where, "%s may not require %s", from, module) end
end

local function check_require(where, from, module)
  local folder = folder_of(from)
  local other = folder_of(module)
  if other == "core" then
    if pure[folder] and module ~= "core.log" then
      fault(where, "%s/ may not require the core's %s", folder, module)
    end
    check_core_fence(where, from, module)
    return
  end
  if other == folder then return end
  if other == "meta" then
    fault(where, "meta/ is for editors; it is never loaded")
  elseif apart[folder] then
    if not apart[folder].uses[other] then
      fault(where, "%s/ may not require %s", folder, module)
    end
  elseif apart[other] then
    if not apart[other].used_by[folder] then
      fault(where, "%s/ may not require %s", folder, module)
    end
  elseif not script_floors[other] then
    fault(where, "%s has no floor: add its folder to the table in tools/floors.lua", module)
  elseif script_floors[folder] and script_floors[other] >= script_floors[folder] then
    fault(where, "%s (floor %d) may not require %s (floor %d): only lower floors", folder,
      script_floors[folder], module, script_floors[other])
  end
end

local function script_paths()
  return files("find scripts -name '*.lua' -not -path 'scripts/meta/*'")
end

local function module_of(path)
  return (path:match("^scripts/(.*)%.lua$"):gsub("/", "."):gsub("%.init$", ""))
end

local function check_scripts()
  local edges = {}
  for _, path in ipairs(script_paths()) do
    local module = module_of(path)
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
        check_require(where, module, required)
        if folder == "lib" then check_room(where, room_of(module), required) end
      end
    end)
  end
  check_cycles(edges)
end

-- A file that nothing requires is never loaded, so its faults would not be found.
local function check_loaded()
  local required = { init = true }
  for _, path in ipairs(script_paths()) do
    each_line(path, function(line)
      local code = line:gsub("^%s*%-%-.*$", "")
      for module in code:gmatch("[\"']([%w_.]+)[\"']") do required[module] = true end
    end)
  end
  for _, path in ipairs(script_paths()) do
    local module = module_of(path)
    local is_entry = module:find("^commands%.") or module == "rehearsal" or module == "lib.settings"
    if not required[module] and not is_entry then fault(path, "is not required by any script") end
  end
end

local function check_lengths()
  local kinds = {}
  for kind in ("*.[ch] *.lua *.js *.mjs *.css *.html *.sh *.mk Makefile"):gmatch("%S+") do
    kinds[#kinds + 1] = "-name '" .. kind .. "'"
  end
  local find = "find core scripts www tests tools config.lua Makefile -type f \\( %s \\)"
    .. " -not -path '*/node_modules/*' 2>/dev/null"
  for _, path in ipairs(files(find:format(table.concat(kinds, " -o ")))) do
    local lines = each_line(path, function() end)
    if lines > longest_file then
      fault(path, "%d lines; %d is the limit: split it", lines, longest_file)
    end
  end
end

-- Each family of core/ and each room of scripts/lib/ is on the map.
local function check_map()
  local map = "docs/architecture.md"
  local text = assert(io.open(map)):read "a"
  for name in pairs(core_floors) do
    if not text:find("`" .. name, 1, true) then fault(map, "core/%s is missing", name) end
  end
  for room in pairs(room_floors) do
    if not room:find(".", 1, true) and not text:find("`" .. room .. "`", 1, true) then
      fault(map, "lib/%s is missing", room)
    end
  end
end

check_core(arg[1] or "build")
check_map()
check_scripts()
check_loaded()
check_lengths()
for _, text in ipairs(faults) do io.stderr:write(text, "\n") end
if #faults > 0 then
  io.stderr:write(("floors: %d broken\n"):format(#faults))
  os.exit(1)
end
print("floors: every edge points down")
