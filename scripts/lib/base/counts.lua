--- What is counted for Prometheus, beside the requests and the loop, which the core counts itself. routes/metrics.lua shows all of it.
local metrics = require "core.metrics"
local shared = require "core.shared"

local counts = {}

metrics.declare("deployer_deployments_total", "counter", "Operations that ended, by their last event", { "result", "code" })
metrics.declare("deployer_stack_warnings_total", "counter", "Stacks that became ready with something that was not proven", { "code" })
metrics.declare("deployer_step_duration_seconds", "histogram", "Steps of deployments that were done", { "step" })
metrics.declare("deployer_breaker_changes_total", "counter", "Changes of the circuit breaker in front of Dokploy", { "to" })
metrics.declare("deployer_dokploy_requests_total", "counter", "Calls to Dokploy; result is ok, or why it failed", { "call", "result" })
metrics.declare("deployer_dokploy_request_duration_seconds", "histogram", "Answered calls to Dokploy", { "call" })

-- An increase is seen only of what was told before.
for _, result in ipairs { "ready", "failed", "cancelled", "deleted" } do metrics.add("deployer_deployments_total", 0, result, "") end
for _, state in ipairs { "closed", "open", "half_open" } do metrics.add("deployer_breaker_changes_total", 0, state) end
metrics.add("deployer_stack_warnings_total", 0, "certificate")

local longest = 3600 -- seconds; a step that takes longer is not timed

local steps = {}

function steps.running(id, data, at) shared.set("counts." .. id .. "." .. data.step, at, longest) end

function steps.done(id, data, at)
  local key = "counts." .. id .. "." .. data.step
  local began = shared.get(key)
  if not began then return end
  shared.set(key, nil)
  metrics.observe("deployer_step_duration_seconds", math.max(0, at - began), data.step)
end

local function ended(event, data)
  metrics.add("deployer_deployments_total", 1, event, data.code or "")
  if data.warning then metrics.add("deployer_stack_warnings_total", 1, data.warning) end
end

local ends = { ready = true, failed = true, cancelled = true, deleted = true }

--- An event that is in the journal.
---@param id string
---@param row { event: string, data: table, at: number }
function counts.event(id, row)
  local data = row.data
  if ends[row.event] then
    ended(row.event, data)
  elseif row.event == "progress" and data.step and steps[data.state] then
    steps[data.state](id, data, row.at)
  end
end

--- A call to Dokploy.
---@param procedure string
---@param result string
---@param seconds number|nil  when it was answered
function counts.call(procedure, result, seconds)
  metrics.add("deployer_dokploy_requests_total", 1, procedure, result)
  if seconds then metrics.observe("deployer_dokploy_request_duration_seconds", seconds, procedure) end
end

function counts.breaker(to) metrics.add("deployer_breaker_changes_total", 1, to) end

return counts
