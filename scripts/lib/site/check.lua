--- Checks the installation's files as `deployer --check` does, and by running it: in a process of
--- its own, so that nothing in them can hold up or end the portal.
local process = require "core.process"
local check = {}

local SECONDS, MEMORY = 20, 512 << 20
local AHEAD_SECONDS = 600 -- edits come in series
local MOST = 100 -- problems
local STUCK = 70 -- the status of a process whose script does not return from a library function

---@class Problem
---@field file string      "site/policy/names.lua"; "" when it is about no file
---@field line integer     0 when unknown
---@field message string

local function problem_of(text)
  local file, line, message = text:match "^([%w_/.-]+):(%d+): (.+)$"
  if file then return { file = file, line = math.tointeger(line), message = message } end
  file, message = text:match "^([%w_/.-]+%.%a+): (.+)$"
  return { file = file or "", line = 0, message = message or text }
end

-- The lines that say what is wrong, with those indented by two spaces that belong to them. Each is
-- said once, however often it was found.
local function problems_of(errors)
  local problems, seen, last = {}, {}, nil
  for line in errors:gmatch "[^\n]+" do
    local is_other = line:find "^{" or line:find "^check: %d" or line:find "^%s" -- logs, tracebacks
    local more = line:match "^  (.+)$"
    if more and last then last.message = last.message .. "\n" .. more end
    if not is_other and #problems < MOST then
      last = not seen[line] and problem_of(line) or nil
      seen[line], problems[#problems + 1] = true, last
    end
  end
  return problems
end

--- What is wrong with these files: nothing when the list is empty. Waits.
---@param files table<string, string>
---@return Problem[]|nil problems, string? message, string? code  invalid system
function check.run(files)
  local child, message, code = process.start {
    arguments = { "--check" }, site = files, seconds = SECONDS, memory = MEMORY, prepared = true,
  }
  if not child then return nil, message, code end
  local ended = child:wait()
  -- the next edit's check then takes 80 ms of processor time instead of 148, for 4 MB meanwhile
  process.prepare {
    arguments = { "--check" }, environment = { "CHECK_AHEAD=1" }, seconds = AHEAD_SECONDS,
    memory = MEMORY,
  }
  if ended.status == 0 then return {} end
  local problems = problems_of(ended.errors)
  if ended.late or #problems == 0 then
    message = ended.late and ("checking it took more than %d seconds"):format(SECONDS)
      or ended.status == STUCK and "a library function does not return, most likely string.find "
        .. "with a pattern of many repetitions (write a simpler pattern)"
      or "the process that checks it ended without saying why"
    problems[#problems + 1] = { file = "", line = 0, message = message }
  end
  return problems
end

return check
