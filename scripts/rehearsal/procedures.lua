--- The list of what can be called. A router file registers its procedures here; rehearsal.api finds them by name.
local procedures = {}

local registered = {}

local function register(method, name, input, run, options)
  options = options or {}
  registered[name] = { method = method, name = name, input = input, run = run, new = options.new }
end

--- Called with GET and query parameters. run(input, who) returns the answer; nothing at all is an empty body.
---@param options? { new?: boolean }  new: only the newer version has it
function procedures.query(name, input, run, options)
  register("GET", name, input, run, options)
end

--- Called with POST and a JSON object.
function procedures.mutation(name, input, run, options)
  register("POST", name, input, run, options)
end

function procedures.get(name)
  return registered[name]
end

--- The names, sorted.
function procedures.names()
  local names = {}
  for name in pairs(registered) do names[#names + 1] = name end
  table.sort(names)
  return names
end

return procedures
