-- Holds the images and actions that the files name against tools/pins.txt; see there. Run from the
-- top of the tree: lua5.4 tools/pins.lua [write|update]

local LIST = "tools/pins.txt"
-- Where images and actions are named, and how: the pattern's first capture is the reference.
local image_line, action_line = "^%s*image: ([%w./_-]+:?[%w.:@_-]*)", "uses: ([%w./_-]+@%S+)"
local places = {
  { file = "Dockerfile", "^ARG BASE_IMAGE=(%S+)", "^FROM ([^$%s]+)" },
  { file = "stack/Dockerfile", "^ARG BASE_IMAGE=(%S+)", "^FROM ([^$%s]+)" },
  { file = "compose.yaml", image_line },
  { file = ".github/workflows/pipeline.yml", "container: (%S+)", action_line },
  { file = ".gitea/workflows/pipeline.yml", "container: (%S+)", action_line },
}
local ours = { ["ai-stack-deployer"] = true } -- images that are built here

local faults = 0
local function fault(where, text, ...)
  faults = faults + 1
  io.stderr:write(where .. ": " .. text:format(...) .. "\n")
end

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "a"
  file:close()
  return text
end

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

local function is_pin(kind, text)
  if kind == "image" then return text:find("^sha256:" .. ("%x"):rep(64) .. "$") ~= nil end
  return text:find("^" .. ("%x"):rep(40) .. "$") ~= nil
end

-- "image debian bookworm-slim" -> { kind, name, tag, pin (nil: excepted) }
local function read_list()
  local pins, number = {}, 0
  for line in io.lines(LIST) do
    number = number + 1
    local kind, name, tag, pin, reason = line:match "^(%a+)%s+(%S+)%s+(%S+)%s+(%S+)%s*(.*)$"
    if kind and not line:find "^#" then
      local where = ("%s:%d"):format(LIST, number)
      if pin == "-" and #reason < 10 then fault(where, "an unpinned %s needs a reason", kind) end
      if pin ~= "-" and not is_pin(kind, pin) then fault(where, "%s is no pin", pin) end
      pins[#pins + 1] = { kind = kind, name = name, tag = tag, pin = pin ~= "-" and pin or nil }
    end
  end
  return pins
end

-- As the files should name it.
local function reference(pin)
  if pin.kind == "action" then return ("%s@%s"):format(pin.name, pin.pin or pin.tag) end
  return ("%s:%s%s"):format(pin.name, pin.tag, pin.pin and "@" .. pin.pin or "")
end

-- The pin that a reference of a file is about: of the same name, and for an image of the same tag.
local function find(pins, found)
  local name = found:match "^([^@:]+)"
  for _, pin in ipairs(pins) do
    local is_same_tag = pin.kind == "action" or found:match "^[^@:]+:([^@]+)" == pin.tag
    if pin.name == name and is_same_tag then return pin end
  end
end

-- Calls visit(line, reference, number) for each line that names one, and returns the text made of
-- the lines that it returned.
local function each_reference(place, visit)
  local lines, number = {}, 0
  for line in read(place.file):gmatch "([^\n]*)\n" do
    number = number + 1
    for _, pattern in ipairs(place) do
      local found = line:match(pattern)
      if found and not ours[found] then line = visit(line, found, number) or line end
    end
    lines[#lines + 1] = line
  end
  return table.concat(lines, "\n") .. "\n"
end

local function check(pins)
  local used = {}
  for _, place in ipairs(places) do
    each_reference(place, function(_, found, number)
      local where, pin = ("%s:%d"):format(place.file, number), find(pins, found)
      if not pin then
        fault(where, "%s is not in %s", found, LIST)
      elseif found ~= reference(pin) then
        fault(where, "%s is %s in %s (lua5.4 tools/pins.lua write)", found, reference(pin), LIST)
      end
      if pin then used[pin] = true end
    end)
  end
  for _, pin in ipairs(pins) do
    if not used[pin] then fault(LIST, "nothing uses %s:%s", pin.name, pin.tag) end
  end
end

local function literal(text) return (text:gsub("%p", "%%%0")) end

local function write_all(pins)
  for _, place in ipairs(places) do
    local text = each_reference(place, function(line, found)
      local pin = find(pins, found)
      if not pin or found == reference(pin) then return line end
      local renamed = line:gsub(literal(found), (reference(pin):gsub("%%", "%%%%")))
      return pin.kind == "action" and renamed:gsub("%s*#.*$", "") .. " # " .. pin.tag or renamed
    end)
    if text ~= read(place.file) then write(place.file, text) end
  end
end

local function output(command, ...)
  local pipe = assert(io.popen(command:format(...)))
  local text = pipe:read "a"
  pipe:close()
  return text
end

-- The newest digest of the tag, or the commit of the tag; nil when it cannot be found out.
local function newest(pin)
  if pin.kind == "image" then
    return output("docker buildx imagetools inspect '%s:%s'", pin.name, pin.tag)
      :match "Digest:%s+(sha256:%x+)"
  end
  local list = output("git ls-remote --tags 'https://github.com/%s' 'refs/tags/%s*'", pin.name,
    pin.tag)
  return list:match("(%x+)%s+refs/tags/" .. literal(pin.tag) .. "%^{}")
    or list:match("(%x+)%s+refs/tags/" .. literal(pin.tag) .. "\n")
end

local function update(pins)
  local text = read(LIST)
  for _, pin in ipairs(pins) do
    local found = newest(pin)
    if not found then
      fault(LIST, "%s:%s was not found out", pin.name, pin.tag)
    else
      local line = ("(%s%%s+%s%%s+%s%%s+)[^\n]+"):format(pin.kind, literal(pin.name),
        literal(pin.tag))
      text = text:gsub(line, "%1" .. found)
      pin.pin = found
    end
  end
  write(LIST, text)
end

local pins = read_list()
if arg[1] == "update" then update(pins) end
if arg[1] == "write" or arg[1] == "update" then write_all(pins) end
check(pins)
if faults > 0 then
  io.stderr:write(("pins: %d faults\n"):format(faults))
  os.exit(1)
end
print "pins: every image and action is the one of tools/pins.txt"
