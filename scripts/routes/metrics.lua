--- GET /metrics: numbers for Prometheus. Events are counted when they happen (lib/base/counts.lua,
--- the core); states are read here. policy/access.lua says who may read them.
local config = require "core.config"
local metrics = require "core.metrics"
local server = require "core.server"
local auth = require "lib.auth"
local client = require "lib.auth.client"
local address = require "lib.base.address"
local refusal = require "lib.base.refusal"
local dokploy = require "lib.dokploy"
local breaker = require "lib.dokploy.breaker"
local routes = require "lib.http.routes"
local drift = require "lib.journal.drift"
local operations = require "lib.journal.operations"
local outbox = require "lib.journal.outbox"
local pool = require "lib.journal.pool"
local sleep = require "lib.journal.sleep"
local stacks = require "lib.journal.stacks"
local volumes = require "lib.journal.volumes"
local states = require "lib.operations.states"
local orphans = require "lib.operations.orphans"

local gauges = {
  { "deployer_build_info", "Always 1; says what runs", { "version", "release" } },
  { "deployer_start_time_seconds", "When the portal started, in seconds since 1970" },
  { "deployer_operations", "Operations that have not ended", { "state" } },
  { "deployer_workspaces", "Workspaces", { "state" } },
  { "deployer_memory_saved_bytes", "Memory limits of the workspaces that are asleep" },
  { "deployer_kept_files", "Volumes that deleted workspaces left", { "state" } },
  { "deployer_pool", "Workspaces that were made ahead", { "template", "state" } },
  { "deployer_queue_limit", "Operations that may wait" },
  { "deployer_breaker_state", "1 for the circuit breaker's present state", { "state" } },
  { "deployer_dokploy_up", "1 when Dokploy answered the last call, else 0" },
  { "deployer_leftovers", "Resources in Dokploy that could not be removed yet" },
  { "deployer_findings", "Drift between the journal and Dokploy that waits for the admin",
    { "kind" } },
  { "deployer_outbox", "Events not yet delivered to hooks and webhooks, or given up",
    { "state" } },
  { "deployer_reconcile_timestamp_seconds",
    "When the journal was last compared with Dokploy, in seconds since 1970" },
  { "deployer_journal_up", "1 when the last commit succeeded" },
  { "deployer_scripts_rejected", "1 while the newest edit of the scripts is rejected" },
  { "deployer_script_generation", "How often the scripts were loaded" },
  { "deployer_script_memory_bytes", "Memory of the scripts in force" },
  { "deployer_streams", "Open status streams" },
  { "deployer_connections", "Open connections" },
  { "deployer_tasks", "Running tasks: requests, deployments, timers" },
}
for _, gauge in ipairs(gauges) do metrics.declare(gauge[1], "gauge", gauge[2], gauge[3]) end

local function bit(condition) return condition and 1 or 0 end

local function read_process()
  local info = server.info()
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

local function read_dokploy()
  local last, now = dokploy.last(), breaker.state().state
  for _, state in ipairs { "closed", "open", "half_open" } do
    metrics.set("deployer_breaker_state", bit(state == now), state)
  end
  if last.reachable ~= nil then metrics.set("deployer_dokploy_up", bit(last.reachable)) end
  metrics.set("deployer_leftovers", orphans.count())
  metrics.set("deployer_queue_limit", config.limits.queue)
end

local function read_drift()
  local counts, at = drift.counts(), drift.last_run_at()
  for _, kind in ipairs(drift.kinds) do metrics.set("deployer_findings", counts[kind], kind) end
  if at then metrics.set("deployer_reconcile_timestamp_seconds", at) end
end

-- Every state is shown, with 0 where no operation is in it.
local function read_operations(rows)
  for state, definition in pairs(states) do
    if not definition.ended then metrics.set("deployer_operations", 0, state) end
  end
  for _, row in ipairs(rows) do metrics.set("deployer_operations", row.n, row.state) end
end

local function read_workspaces(rows, saved_bytes)
  for _, state in ipairs { "ready", "unhealthy", "stopped", "asleep", "failed" } do
    metrics.set("deployer_workspaces", 0, state)
  end
  for _, row in ipairs(rows) do metrics.set("deployer_workspaces", row.count, row.state) end
  metrics.set("deployer_memory_saved_bytes", saved_bytes)
end

local function read_kept_files(rows)
  for _, state in ipairs { "kept", "left", "restoring", "held", "purging" } do
    metrics.set("deployer_kept_files", 0, state)
  end
  for _, row in ipairs(rows) do metrics.set("deployer_kept_files", row.count, row.state) end
end

-- Directly, not through a proxy, from this machine or a private network.
local proxy_fields = {
  "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded", "x-real-ip", "via",
}
local function is_near(req)
  if config.secret "PROXY_SECRET" and client.of(req).is_trusted then return false end
  for _, field in ipairs(proxy_fields) do
    if req.headers[field] then return false end
  end
  local peer = address.parse(req.peer)
  return peer ~= nil and address.is_private(peer)
end

local function show(req)
  local what = { is_near = is_near(req) }
  if not auth.decide(req, auth.reader(req), "read_metrics", what).allowed then
    refusal.raise "key_missing"
  end
  -- these wait, so before the gauges are cleared
  local rows, depth = operations.open_states(), outbox.depth()
  local warm = pool.counts()
  local workspaces, saved_bytes = stacks.states {}, sleep.saved_memory()
  local kept_files = volumes.states()
  for _, gauge in ipairs(gauges) do metrics.clear(gauge[1]) end
  read_process()
  read_dokploy()
  read_drift()
  if rows then read_operations(rows) end
  if workspaces and saved_bytes then read_workspaces(workspaces, saved_bytes) end
  if kept_files then read_kept_files(kept_files) end
  for _, row in ipairs(warm or {}) do
    metrics.set("deployer_pool", row.count, row.template, row.state)
  end
  for _, state in ipairs { "waiting", "failed" } do
    if depth then metrics.set("deployer_outbox", depth[state], state) end
  end
  return { body = metrics.text(), type = "text/plain; version=0.0.4; charset=utf-8" }
end

routes.add("Monitoring", {
  { "GET", "/metrics", show,
    summary = "Numbers for Prometheus",
    text = "For the admin, and for clients that ask directly, not through a proxy, from a private "
      .. "network; scripts/policy/access.lua decides.",
    access = "optional",
    answers = { [200] = { "The text format of Prometheus, 0.0.4", type = "text/plain" } },
    problems = { "key_missing" }, log = "debug" },
})
