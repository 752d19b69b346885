--- Runs what policy/schedule.lua lists, the product's and the site's, at its times. When each was
--- last run is in the journal: a run is never made twice, and one that was missed while the portal
--- was down is made up for once.
local log = require "core.log"
local server = require "core.server"
local shared = require "core.shared"
local task = require "core.task"
local timer = require "core.timer"
local cron = require "lib.base.cron"
local zones = require "lib.base.zone"
local change_events = require "lib.journal.change_events"
local rows = require "lib.journal.schedules"
local keeper = require "lib.operations.keeper"
local schema = require "lib.schema"
local kinds = require "lib.schema.kinds"
local hooks = require "lib.site.hooks"
local lifetimes = require "lib.site.lifetimes"
local portal = require "lib.site.portal"

local schedule = {}

local shape = schema.list {
  name = { kinds.text, required = true }, cron = { kinds.text, required = true },
  zone = { kinds.text, default = "UTC" }, run = { kinds.func, required = true },
  deadline = { kinds.number(1, 86400), default = 600 },
}

local list = {}

local function zone_of(name)
  if name == "UTC" then return zones.utc end
  local bytes, message, code = timer.zone(name)
  local zone = bytes and zones.read(bytes)
  if zone then return zone end
  return nil, code == "invalid" and message
    or ("the machine has no zone %q (such as Europe/Amsterdam; the package tzdata has them)")
      :format(name)
end

-- Adds the entries of one file; names are unique among all files.
local function add_file(file, value, names)
  for i, entry in ipairs(schema.check(value, shape, file)) do
    local path = ("[%d]"):format(i)
    if names[entry.name] then
      schema.refuse(file, path .. ".name", "%q is in %s already", entry.name, names[entry.name])
    end
    names[entry.name] = file
    local plan, why_no_plan = cron.read(entry.cron)
    if not plan then schema.refuse(file, path .. ".cron", "%s", why_no_plan) end
    local times, why_no_zone = zone_of(entry.zone)
    if not times then schema.refuse(file, path .. ".zone", "%s", why_no_zone) end
    if not cron.next(plan, server.now(), times) then
      schema.refuse(file, path .. ".cron", "%q is a date that never comes", entry.cron)
    end
    entry.plan, entry.times, entry.file = plan, times, file
    entry.key = ("%s %s"):format(entry.cron, entry.zone)
    list[#list + 1] = entry
  end
end

-- The newest time that is due and was not run; nil when there is none. What was missed counts once.
local function due_time(entry, since, now)
  local due
  local at = cron.next(entry.plan, since, entry.times)
  -- far behind, only the last day matters
  if at and at < now - 2 * 86400 then
    due, at = at, cron.next(entry.plan, now - 86400, entry.times)
  end
  while at and at <= now do due, at = at, cron.next(entry.plan, at, entry.times) end
  return due
end

local function run(entry, due_at)
  if not rows.begin(entry.name, due_at) then return end
  log.info("schedule.began", { name = entry.name, due_at = due_at })
  local script = {
    kind = "schedule", name = "schedule/" .. entry.name, file = entry.file,
    deadline = entry.deadline,
  }
  local done, message = hooks.call(script, entry.run, portal.of(script.name))
  rows.finish(entry.name, not done and message:sub(1, 2000) or nil)
  if not done then log.warn("schedule.failed", { name = entry.name, message = message }) end
  change_events.changed "outbox"
end

local function task_name(entry) return "schedule." .. entry.name end

local function look(entry)
  local key = "schedule.next." .. entry.name .. " " .. entry.key
  local now, known = server.now(), shared.get(key)
  if known and now < known or task.alive(task_name(entry)) then return end
  local row, message = rows.take_up(entry.name, entry.key)
  if not row then return log.warn("schedule.unreadable", { message = message }) end
  local due_at = due_time(entry, row.due_at, now)
  if due_at then task.spawn(task_name(entry), run, entry, due_at) end
  local next_at = cron.next(entry.plan, now, entry.times)
  -- Looked at again within an hour: the machine's clock may be set.
  shared.set(key, math.min(next_at or math.huge, now + 3600), timer.to_real(3600))
end

local function tick()
  for _, entry in ipairs(list) do look(entry) end
end

--- What is scheduled: when it was last run, how that ended, and when it is next.
---@return { name: string, cron: string, zone: string, began_at: number|nil, ended_at: number|nil,
--- error: string|nil, next_at: number|nil }[]|nil
---@return string? message, string? code
function schedule.list()
  local known, message, code = rows.list()
  if not known then return nil, message, code end
  local by_name, shown, now = {}, {}, server.now()
  for _, row in ipairs(known) do by_name[row.name] = row end
  for i, entry in ipairs(list) do
    local row = by_name[entry.name] or {}
    shown[i] = {
      name = entry.name, cron = entry.cron, zone = entry.zone, began_at = row.began_at,
      ended_at = row.ended_at, error = row.error,
      next_at = cron.next(entry.plan, now, entry.times),
    }
  end
  return shown
end

--- Checks the schedules and starts running them. Called once while the scripts load.
---@param own table|nil  what site/policy/schedule.lua returns
function schedule.register(own)
  local names = {}
  add_file("scripts/policy/schedule.lua", require "policy.schedule", names)
  add_file("scripts/lib/site/lifetimes.lua", lifetimes.entries(), names)
  add_file("scripts/lib/operations/keeper.lua", keeper.entries(), names)
  if own then add_file("site/policy/schedule.lua", own, names) end
  timer.every("site.schedule", 1, tick)
end

return schedule
