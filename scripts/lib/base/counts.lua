--- What is counted for Prometheus when it happens. routes/metrics.lua shows it, with the states
--- that are read at that moment.
local metrics = require "core.metrics"
local shared = require "core.shared"

local counts = {}

metrics.declare("deployer_deployments_total", "counter",
  "Operations that ended, by their last event", { "result", "code" })
metrics.declare("deployer_stack_warnings_total", "counter",
  "Workspaces that became ready with something that was not proven", { "code" })
metrics.declare("deployer_step_duration_seconds", "histogram",
  "Steps of deployments that were done", { "step" })
metrics.declare("deployer_operation_duration_seconds", "histogram",
  "Work on workspaces that ended well", { "kind" })
metrics.declare("deployer_breaker_changes_total", "counter",
  "Changes of the circuit breaker in front of Dokploy", { "to" })
metrics.declare("deployer_dokploy_requests_total", "counter",
  "Calls to Dokploy; result is ok, or why it failed", { "call", "result" })
metrics.declare("deployer_dokploy_request_duration_seconds", "histogram",
  "Answered calls to Dokploy", { "call" })

-- Prometheus sees an increase only of a series that it has seen before, so every value that a label
-- can have is there from the start.
local failure_codes = {
  "certificate", "deploy_failed", "dokploy_error", "dokploy_refused", "dokploy_unexpected_answer",
  "dokploy_unreachable", "host_taken", "image_not_found", "journal", "name_taken", "not_vanished",
  "host_routed", "network_unready", "registry_denied", "registry_login", "script_error",
  "secrets_lost", "service_remains", "stack_does_not_stop", "stack_in_use", "stack_unhealthy",
  "stack_unprotected", "stack_vanished", "stack_workspace", "stack_wrong_password", "step_timeout",
  "undo_failed", "volume_in_use",
}
for _, code in ipairs(failure_codes) do
  metrics.add("deployer_deployments_total", 0, "failed", code)
  metrics.add("deployer_deployments_total", 0, "cancelled", code)
end
metrics.add("deployer_deployments_total", 0, "cancelled", "cancelled")
for _, result in ipairs { "ready", "deleted", "stopped", "asleep" } do
  metrics.add("deployer_deployments_total", 0, result, "")
end
for _, state in ipairs { "closed", "open", "half_open" } do
  metrics.add("deployer_breaker_changes_total", 0, state)
end
for _, code in ipairs { "certificate", "secrets_lost", "step_skipped" } do
  metrics.add("deployer_stack_warnings_total", 0, code)
end

local call_results = {
  "ok", "dokploy_error", "dokploy_refused", "dokploy_unexpected_answer", "dokploy_unreachable",
}
local known_calls = {}

local ends = {
  ready = true, failed = true, cancelled = true, deleted = true, stopped = true, asleep = true,
}
local LONGEST_STEP = 3600 -- seconds; a step that takes longer is not timed

local function time_step(id, data, at)
  local key = "counts." .. id .. "." .. data.step
  if data.state == "running" then shared.set(key, at, LONGEST_STEP) end
  local began = data.state == "done" and shared.get(key)
  if not began then return end
  shared.set(key, nil)
  metrics.observe("deployer_step_duration_seconds", math.max(0, at - began), data.step)
end

--- Counts an event that is in the journal.
---@param id string  the operation's
---@param row { event: string, data: table, at: number }
function counts.event(id, row)
  local data = row.data
  if row.event == "progress" and data.step then return time_step(id, data, row.at) end
  if not ends[row.event] then return end
  metrics.add("deployer_deployments_total", 1, row.event, data.code or "")
  if data.warning then metrics.add("deployer_stack_warnings_total", 1, data.warning) end
  if data.skipped then metrics.add("deployer_stack_warnings_total", 1, "step_skipped") end
end

--- Counts work on a workspace that ended well.
---@param kind string
---@param seconds number
function counts.work(kind, seconds)
  metrics.observe("deployer_operation_duration_seconds", seconds, kind)
end

--- Makes a procedure of Dokploy known.
function counts.declare_call(procedure)
  if known_calls[procedure] then return end
  known_calls[procedure] = true
  for _, result in ipairs(call_results) do
    metrics.add("deployer_dokploy_requests_total", 0, procedure, result)
  end
end

--- Counts a call to Dokploy.
---@param procedure string
---@param result string
---@param seconds number|nil  when it was answered
function counts.call(procedure, result, seconds)
  counts.declare_call(procedure)
  metrics.add("deployer_dokploy_requests_total", 1, procedure, result)
  if seconds then
    metrics.observe("deployer_dokploy_request_duration_seconds", seconds, procedure)
  end
end

--- Counts a change of the breaker.
function counts.breaker(state) metrics.add("deployer_breaker_changes_total", 1, state) end

return counts
