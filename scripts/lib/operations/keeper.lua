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
local policy = require("lib.policy.limits").kept

local keeper = {}

local NAME, CRON = "kept_files", "*/10 * * * *"
local AGAIN = 600 -- seconds between two rounds that withdraw announcements

--- When a volume is purged, as far as is known now: not before it was announced for that long.
---@param row table  of lib/journal/volumes.lua
---@return number|nil  nil: never
function keeper.ends(row)
  if not policy.purge_after or row.reason ~= "kept" then return nil end
  return math.max(row.at + policy.purge_after, row.purge_at or server.now() + policy.warn)
end

local function announce(row, at)
  if not journal.volumes.announce(row, at) then return end
  change_events.changed "leftovers"
  log.info("kept_files.purged_soon", { volume = row.volume, name = row.name })
end

local function purge(row)
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
  local due, now = row.at + policy.purge_after, server.now()
  local is_near = now >= due - policy.warn
  if row.state ~= "kept" or not is_near and not row.purge_at then return end
  if not is_near then -- the policy gives it more time by now
    journal.volumes.withdraw(row.volume)
  elseif not row.purge_at then
    announce(row, math.max(due, now + policy.warn))
  elseif now >= math.max(due, row.purge_at) then
    purge(row)
  end
end

local function run()
  for _, row in ipairs(assert(journal.volumes.list())) do look_at(row) end
end

--- The schedules that this needs.
---@return table[]  none when files are kept for good
function keeper.entries()
  if policy.purge_after then return { { name = NAME, cron = CRON, run = run } } end
  -- An announcement does not outlive its policy.
  timer.every("operations.keeper", AGAIN, function() journal.volumes.withdraw() end)
  return {}
end

return keeper
