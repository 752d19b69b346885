--- Deletes workspaces whose lifetime is over (`lifetimes` of policy/limits.lua), and warns their
--- owners before; that is in the journal. One that was not warned of is never deleted.
local log = require "core.log"
local server = require "core.server"
local timer = require "core.timer"
local journal = require "lib.journal"
local change_events = require "lib.journal.change_events"
local rows = require "lib.journal.lifetimes"
local policy = require "lib.policy.lifetimes"

local lifetimes = {}

local NAME, CRON = "lifetimes", "*/10 * * * *"
local AGAIN = 600 -- seconds between two rounds that withdraw warnings

-- Another operation on it ends first.
local at_rest = { ready = true, unhealthy = true, stopped = true }

local function warn(stack, ends_at)
  if not rows.warn(stack, ends_at) then return end
  change_events.changed "stacks"
  log.info("workspace.ends_soon", { name = stack.name, operation = stack.operation_id })
end

-- Unless its owner has just extended it: the list may be some deletions old.
local function delete(portal, stack)
  local now = journal.stacks.get(stack.name)
  local is_same = now and now.operation_id == stack.operation_id and now.ends_at == stack.ends_at
  if is_same then portal.delete(stack.name, "its lifetime is over", { data = "keep" }) end
end

local function look_at(portal, stack)
  if not at_rest[stack.state] then return end
  local ends_at, is_near = policy.ends(stack)
  if not is_near then -- by now the policy gives it more time
    if stack.ends_at then rows.withdraw(stack.name) end
  elseif not stack.ends_at then
    warn(stack, ends_at)
  elseif server.now() >= ends_at then
    delete(portal, stack)
  end
end

local function run(portal)
  for _, stack in ipairs(assert(journal.stacks.list {})) do look_at(portal, stack) end
end

--- The schedules that this needs.
---@return table[]  none when every workspace stays
function lifetimes.entries()
  if policy.exist() then return { { name = NAME, cron = CRON, run = run } } end
  -- A warning does not outlive its policy.
  timer.every("site.lifetimes", AGAIN, function() rows.withdraw() end)
  return {}
end

return lifetimes
