--- GET /metrics: numbers for Prometheus. What has a moment is counted when it happens (lib/base/counts.lua and the core); what has a state
--- is looked at here. policy/metrics.lua says who may read it.
local config = require "core.config"
local metrics = require "core.metrics"
local server = require "core.server"
local address = require "lib.base.address"
local dokploy = require "lib.dokploy"
local breaker = require "lib.dokploy.breaker"
local operations = require "lib.journal.operations"
local drift = require "lib.journal.drift"
local problem = require "lib.http.problem"
local sweeper = require "lib.workspaces.sweeper"
local policy = require "policy.metrics"
local door = require "routes.door"

local function gauge(name, help, labels) metrics.declare(name, "gauge", help, labels) end

gauge("deployer_build_info", "Always 1; says what runs", { "version", "release" })
gauge("deployer_start_time_seconds", "When the portal started, in seconds since 1970")
gauge("deployer_operations", "Operations that have not ended", { "state" })
gauge("deployer_queue_limit", "Operations that may wait")
gauge("deployer_breaker_state", "1 for the state that the circuit breaker in front of Dokploy is in", { "state" })
gauge("deployer_dokploy_up", "1 when Dokploy answered the last call, 0 when it did not")
gauge("deployer_leftovers", "Things in Dokploy that could not be taken away yet")
gauge("deployer_findings", "What the journal and Dokploy do not agree on, for the admin to decide", { "kind" })
gauge("deployer_reconcile_timestamp_seconds", "When Dokploy was last looked through to the end, in seconds since 1970")
gauge("deployer_journal_up", "1 when the last commit went well")
gauge("deployer_scripts_rejected", "1 while the newest edit of the scripts is refused")
gauge("deployer_script_generation", "How often the scripts were loaded")
gauge("deployer_script_memory_bytes", "Memory of the scripts in force")
gauge("deployer_streams", "Open status streams")
gauge("deployer_connections", "Open connections")
gauge("deployer_tasks", "Tasks that live: requests, deployments, timers")

local function bit(condition) return condition and 1 or 0 end

local function look_process()
  local info = server.info()
  metrics.clear "deployer_build_info"
  metrics.set("deployer_build_info", 1, info.version, config.release or "")
  metrics.set("deployer_start_time_seconds", info.started_at)
  metrics.set("deployer_journal_up", bit(not info.store.trouble))
  metrics.set("deployer_scripts_rejected", bit(info.rejected))
  metrics.set("deployer_script_generation", info.generation)
  metrics.set("deployer_script_memory_bytes", info.memory)
  metrics.set("deployer_streams", info.streams)
  metrics.set("deployer_connections", info.connections)
  metrics.set("deployer_tasks", info.tasks)
end

local function look_dokploy()
  local last, now = dokploy.last(), breaker.state().state
  for _, state in ipairs { "closed", "open", "half_open" } do metrics.set("deployer_breaker_state", bit(state == now), state) end
  if last.reachable ~= nil then metrics.set("deployer_dokploy_up", bit(last.reachable)) end
  metrics.set("deployer_leftovers", sweeper.count())
  metrics.set("deployer_queue_limit", config.limits.queue)
end

local function look_findings()
  local counts, at = drift.counts(), drift.looked_at()
  for _, kind in ipairs(drift.kinds) do metrics.set("deployer_findings", counts[kind], kind) end
  if at then metrics.set("deployer_reconcile_timestamp_seconds", at) end
end

local function look_operations()
  local rows = operations.open_states()
  if not rows then return end
  for _, state in ipairs { "queued", "running", "rolling_back", "deleting" } do metrics.set("deployer_operations", 0, state) end
  for _, row in ipairs(rows) do metrics.set("deployer_operations", row.n, row.state) end
end

local function is_near(req)
  local passed_on = req.headers["x-forwarded-for"] or req.headers.forwarded or req.headers["x-real-ip"] or req.headers.via
  local peer = address.parse(req.peer)
  return not passed_on and peer ~= nil and address.is_private(peer)
end

server.route("GET", "/metrics", function(req)
  if not policy.allows(door.onlooker(req), is_near(req)) then return problem.reply(req, "key_missing") end
  look_process()
  look_dokploy()
  look_findings()
  look_operations()
  return { body = metrics.text(), type = "text/plain; version=0.0.4; charset=utf-8" }
end, { log = "debug" })
