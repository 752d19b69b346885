--- The doctor's rounds: every few minutes all examinations, for /ready and /metrics, which nobody makes wait. What is new is logged.
local json = require "core.json"
local log = require "core.log"
local metrics = require "core.metrics"
local shared = require "core.shared"
local task = require "core.task"
local timer = require "core.timer"
local clock = require "lib.base.clock"
local doctor = require "lib.doctor"
local checks = require "lib.doctor.checks"
local report = require "lib.doctor.report"

local schedule = {
  every = 300,   -- seconds from one round to the next
  first = 60,    -- seconds from the start to the first
  patience = 120 -- the longest that a round may take
}

metrics.declare("deployer_doctor_findings", "gauge", "What the doctor's last round found", { "level" })
metrics.declare("deployer_certificate_end_time_seconds", "gauge", "When the stacks' wildcard certificate ends, in seconds since 1970")

local function level_of(counts) return counts.fail > 0 and "fail" or counts.warn > 0 and "warn" or "ok" end

-- What each finding is about, and no more: anybody may read /ready.
local function in_short(lines)
  local findings = {}
  for i, one in ipairs(lines.found) do findings[i] = { level = one.level, what = one.what } end
  return { status = level_of(lines.counts), ok = lines.counts.ok, warn = lines.counts.warn, fail = lines.counts.fail,
    findings = json.array(findings), checkedAt = clock.iso(os.time()) }
end

-- The whole of it, once: when it is new or has changed its level.
local function tell(lines)
  local before, now = shared.get "checkup.told" or "", {}
  for _, one in ipairs(lines.found) do
    local word = ("[%s %s]"):format(one.level, one.what)
    now[#now + 1] = word
    if not before:find(word, 1, true) then log.warn("doctor." .. one.level, { what = one.what, found = one.found }) end
  end
  shared.set("checkup.told", table.concat(now))
end

local function measure(lines)
  for level, count in pairs(lines.counts) do metrics.set("deployer_doctor_findings", count, level) end
  if lines.certificate_ends then metrics.set("deployer_certificate_end_time_seconds", lines.certificate_ends) end
end

--- One round.
function schedule.make()
  local lines = report.new(true)
  local _, message, code = task.run(schedule.patience, doctor, lines)
  if code then return log.warn("doctor.not_done", { message = message, code = code }) end
  checks.keep(in_short(lines))
  measure(lines)
  tell(lines)
end

-- A reload begins no new round before its time: core.shared outlives it.
local function when_due()
  if shared.add("checkup.fresh", true, schedule.every) then schedule.make() end
end

function schedule.register() timer.every("checkup", schedule.first, when_due) end

return schedule
