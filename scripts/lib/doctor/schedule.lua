--- Runs the doctor's checks every few minutes for /ready and /metrics, and logs new results.
local json = require "core.json"
local log = require "core.log"
local metrics = require "core.metrics"
local shared = require "core.shared"
local task = require "core.task"
local timer = require "core.timer"
local clock = require "lib.base.clock"
local doctor = require "lib.doctor"
local report = require "lib.doctor.report"

local schedule = {
  interval = 300, -- seconds between two runs
  first = 60,     -- seconds from the start to the first run
  deadline = 120, -- seconds that one run may take
}

metrics.declare("deployer_doctor_findings", "gauge", "Results of the doctor's last run, by level",
  { "level" })
metrics.declare("deployer_certificate_end_time_seconds", "gauge",
  "When the wildcard certificate of the workspaces expires, in seconds since 1970")

local function level_of(counts)
  if counts.fail > 0 then return "fail" end
  return counts.warn > 0 and "warn" or "ok"
end

-- Topics without details, because /ready is public.
local function summary(results)
  local counts, findings = results.counts, {}
  for i, result in ipairs(results.results) do
    findings[i] = { level = result.level, what = result.what }
  end
  return {
    status = level_of(counts), ok = counts.ok, warn = counts.warn, fail = counts.fail,
    findings = json.array(findings), checkedAt = clock.iso(os.time()),
  }
end

-- Logs a result once: when it is new or its level has changed.
local function log_new(results)
  local before, now = shared.get "doctor.logged" or "", {}
  for i, result in ipairs(results) do
    now[i] = ("[%s %s]"):format(result.level, result.what)
    if not before:find(now[i], 1, true) then
      log.warn("doctor." .. result.level, { what = result.what, found = result.found })
    end
  end
  shared.set("doctor.logged", table.concat(now))
end

local function set_metrics(results)
  for level, count in pairs(results.counts) do
    metrics.set("deployer_doctor_findings", count, level)
  end
  if results.certificate_ends then
    metrics.set("deployer_certificate_end_time_seconds", results.certificate_ends)
  end
end

local function run()
  local results = report.new(true)
  local _, message, code = task.run(schedule.deadline, doctor, results)
  if code then return log.warn("doctor.not_done", { message = message, code = code }) end
  shared.set("doctor.report", json.encode(summary(results)))
  set_metrics(results)
  log_new(results.results)
end

-- core.shared outlives a reload, so a reload does not start a run before its time.
local function run_if_due()
  if shared.add("doctor.recent", true, schedule.interval) then run() end
end

--- What the last run found: { status, ok, warn, fail, findings, checkedAt }; nil before the first
--- run. Does not wait.
---@return table|nil
function schedule.last_report()
  local text = shared.get "doctor.report"
  return text and json.decode(text) or nil
end

--- Starts the timer.
function schedule.register() timer.every("doctor", schedule.first, run_if_due) end

return schedule
