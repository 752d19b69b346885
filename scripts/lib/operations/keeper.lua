--- Purges files that deleted workspaces left, as `kept` of policy/limits.lua says. That is
--- announced before, in the owner's list and by an event, which the journal has; what was not
--- announced is never purged.
local log = require "core.log"
local server = require "core.server"
local timer = require "core.timer"
local audit = require "lib.auth.audit"
local journal = require "lib.journal"
local change_events = require "lib.journal.change_events"
local accept = require "lib.operations.accept"
local policy = require "lib.policy.kept"

local keeper = {}

local NAME, CRON = "kept_files", "*/10 * * * *"
local AGAIN = 600 -- seconds between two rounds that withdraw announcements

local function announce(row, at)
  if not journal.volumes.announce(row, at) then return end
  change_events.changed "leftovers"
  log.info("kept_files.purged_soon", { volume = row.volume, name = row.name })
end

-- Unless they have just been used again.
local function purge(listed)
  local row = journal.volumes.get(listed.volume)
  if not row or row.state ~= "kept" or row.purge_at ~= listed.purge_at then return end
  local entry = {
    who = { kind = "script", name = NAME }, network = "", action = "purge", name = row.name,
    allowed = true, rule = "its time is over", request_id = "",
  }
  local op, message = accept.purge(row.name, row.owner_id, {
    params = { volume = row.volume }, logged = { by = NAME },
    also = function(id) return { audit.statement(entry, id) } end,
  })
  if op then return change_events.changed "audit" end
  log.warn("kept_files.not_purged", { volume = row.volume, message = message })
end

local function look_at(row)
  local ends_at, is_near = policy.ends(row)
  if row.state ~= "kept" then return end
  if not is_near then -- by now the policy gives it more time
    if row.purge_at then journal.volumes.withdraw(row.volume) end
  elseif not row.purge_at then
    announce(row, ends_at)
  elseif server.now() >= ends_at then
    purge(row)
  end
end

local function run()
  for _, row in ipairs(assert(journal.volumes.list())) do look_at(row) end
end

--- The schedules that this needs.
---@return table[]  none when files are kept for good
function keeper.entries()
  if policy.is_limited() then return { { name = NAME, cron = CRON, run = run } } end
  -- An announcement does not outlive its policy.
  timer.every("operations.keeper", AGAIN, function() journal.volumes.withdraw() end)
  return {}
end

return keeper
