--- Tries files of the installation before they are in force: on past decisions, and by deploying on
--- a simulated Dokploy. The work is done in processes of their own: neither its duration nor a
--- mistake in the files holds up the portal.
local json = require "core.json"
local process = require "core.process"
local site = require "core.site"
local decisions = require "lib.journal.decisions"
local stacks = require "lib.journal.stacks"
local attempt = require "lib.base.attempt"
local rehearse = require "lib.site.rehearse"
local try = {}

local PAGE = 500        -- decisions that are read at a time
local SECONDS, MEMORY = 60, 512 << 20

-- Lines of JSON: the workspaces, then a decision each.
local function read_past()
  local rows, workspaces = attempt.try(stacks.list {}), json.array {}
  for i, row in ipairs(rows) do
    workspaces[i] = { name = row.name, owner_id = row.owner_id, template = row.template }
  end
  local parts, before = { json.encode(workspaces) }, nil
  repeat
    local page = attempt.try(decisions.page(before, PAGE))
    parts[#parts + 1], before = page.lines, page.first
  until page.n < PAGE
  return table.concat(parts, "\n")
end

-- The line that the replay prints.
local function replay(files, before, past)
  local child = attempt.try(process.start {
    arguments = { "replay" }, site = files, input = before .. "\n" .. past .. "\n",
    seconds = SECONDS, memory = MEMORY,
  })
  local line, ended = child:read(), child:wait()
  if line and ended.status == 0 then return line end
  local why = ended.late and ("it took more than %d seconds"):format(SECONDS)
    or ended.errors:match "[^\n]+" or "it ended without a result"
  return attempt.try(nil, why, "site_invalid")
end

local function run(files)
  local past = read_past()
  local before = replay(site.files(), "null", past)
  return attempt.try(json.decode(replay(files, before, past)))
end

--- Replays past decisions with these files: what they change. Waits, for seconds where there are
--- thousands.
---@param files table<string, string>  checked before
---@return Replayed|nil result, string? message
---@return string? code  site_invalid journal invalid system
function try.replay(files) return attempt.catch(run, files) end

--- Does all that was asked for.
---@param files table<string, string>  checked before
---@param options { deploy: integer|nil, faults: number|nil }  as rehearse.run takes them; without
--- `deploy` nothing is rehearsed
---@return { replay: Replayed, rehearsal: Rehearsed|nil }|nil result, string? message, string? code
function try.run(files, options)
  local replayed, message, code = try.replay(files)
  if not replayed then return nil, message, code end
  if not options.deploy then return { replay = replayed } end
  local rehearsed
  rehearsed, message, code = rehearse.run(files, options)
  if not rehearsed then return nil, message, code end
  return { replay = replayed, rehearsal = rehearsed }
end

return try
