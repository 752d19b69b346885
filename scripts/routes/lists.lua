--- What the admin oversees, as documents: stacks, operations, the queue, what is left over, how the portal is. For programs at
--- /api/admin/...; the admin's page shows the same documents.
local config = require "core.config"
local json = require "core.json"
local server = require "core.server"
local task = require "core.task"
local clock = require "lib.base.clock"
local scheduler = require "lib.operations.scheduler"
local dokploy = require "lib.dokploy"
local breaker = require "lib.dokploy.breaker"
local body = require "lib.http.body"
local journal = require "lib.journal"
local drift = require "lib.journal.drift"
local ledger = require "lib.journal.ledger"
local i18n = require "lib.pages.i18n"
local problem = require "lib.http.problem"
local sweeper = require "lib.workspaces.sweeper"
local monitor = require "lib.workspaces.monitor"
local bulk = require "routes.bulk"
local door = require "routes.door"
local filter = require "routes.filter"
local health = require "routes.health"

local lists = {}

local function each(rows, view, ...)
  local list = {}
  for i, row in ipairs(rows) do list[i] = view(row, ...) end
  return json.array(list)
end

local function or_null(value)
  if value == nil then return json.null end
  return value
end

-- Stacks -----------------------------------------------------------------------------------------------------------------

local function trouble_of(row, language)
  if row.shown ~= "unhealthy" then return nil end
  local code = row.reason or "stack_silent"
  return { code = code, detail = i18n.text(language, "watch." .. code) }
end

local function stack_view(row, language)
  local params = json.decode(row.params) or {}
  return {
    name = row.name, state = row.shown, ownerId = row.owner_id, url = row.url, image = row.image, template = row.template,
    createdAt = clock.iso(row.created_at), since = clock.iso(row.since or row.created_at), memoryBytes = params.memory_bytes,
    volume = row.volume, lastSeen = clock.iso(monitor.seen(row.operation_id)), lastUsedAt = clock.iso(row.used_at),
    deploymentId = row.operation_id, workId = row.work_id, trouble = trouble_of(row, language),
  }
end

lists.stack_filters = { "search", "state", "owner", "after" }

--- Documents. Each gets what is asked for and the language; nil when the journal cannot be read.
function lists.stacks(which, language)
  local rows, next_after = ledger.stacks(which)
  local states = rows and ledger.states(which)
  if not states then return nil end
  return { stacks = each(rows, stack_view, language), next = or_null(next_after), states = json.array(states) }
end

--- One stack; false when there is none.
function lists.stack(name, language)
  local row = ledger.stack(name)
  return row and stack_view(row, language) or row
end

-- Operations -------------------------------------------------------------------------------------------------------------

-- What went wrong, where all of it is known.
local function failure_of(row, language)
  local key = row.code and "failure." .. row.code .. ".detail"
  if not key or not i18n.has(key) then return nil end
  local failure, params = row.failure or {}, row.params
  local args = { name = row.name, step = row.step, image = params.image }
  for name, value in pairs(failure.args or {}) do args[name] = value end
  local text = i18n.text(language, key, args)
  return not text:find("{%l+}") and text or nil
end

local function operation_view(row, language)
  return {
    deploymentId = row.id, kind = row.kind, name = row.name, ownerId = row.owner_id, template = row.template, state = row.state,
    step = row.step, code = row.code, detail = failure_of(row, language),
    createdAt = clock.iso(row.created_at), startedAt = clock.iso(row.started_at),
    endedAt = clock.iso(row.ended_at), statusUrl = "/api/status/" .. row.id,
  }
end

lists.operation_filters = { "search", "state", "kind", "name", "before" }

function lists.operations(which, language)
  local rows, next_before = ledger.operations(which)
  return rows and { operations = each(rows, operation_view, language), next = or_null(next_before) }
end

--- Who waits, in the order in which he will be served, and who is being served.
function lists.queue(language)
  local waiting, running, etas = scheduler.snapshot()
  if not waiting then return nil end
  local told = each(waiting, operation_view, language)
  for position, op in ipairs(told) do op.position, op.etaSeconds = position, etas[position] end
  return { places = config.limits.running_deployments, running = each(running, operation_view, language), waiting = told }
end

-- Leftovers --------------------------------------------------------------------------------------------------------------

-- These go with their application: not worth a line of their own.
local parts = { domain = true, mount = true, deployment = true }

local function thing_view(row, language)
  return i18n.leftover(language, { kind = row.kind, id = row.id, reason = row.data.reason })
end

local function volume_view(row)
  return { volume = row.volume, name = row.name, ownerId = row.owner_id, reason = row.reason, since = clock.iso(row.at) }
end

function lists.leftovers(language)
  local left, volumes = journal.left(), journal.volumes()
  if not left or not volumes then return nil end
  local list, by_id = {}, {}
  for _, row in ipairs(left) do
    local entry = by_id[row.operation_id]
    if not entry then
      entry = { deploymentId = row.operation_id, name = row.name, since = clock.iso(row.at),
        triedAt = clock.iso(sweeper.tried(row.operation_id)), things = json.array {} }
      by_id[row.operation_id], list[#list + 1] = entry, entry
    end
    if not parts[row.kind] then entry.things[#entry.things + 1] = thing_view(row, language) end
  end
  return { leftovers = json.array(list), keptData = each(volumes, volume_view) }
end

local PATIENCE = 15 -- seconds that somebody waits for a try; it goes on

--- Tries once more to take away what is left of a deploy. Whether nothing is left now; nil, message, code.
---@return boolean|nil gone, string? message, string? code  deployment_unknown journal
function lists.try(id)
  local tried, message, code = task.spawn(nil, sweeper.try, id):wait(PATIENCE)
  if tried == false then return nil, "it left nothing", "deployment_unknown" end
  if not tried and code ~= "timeout" then return nil, message, code end
  local left, why = journal.left()
  if not left then return nil, why, "journal" end
  for _, row in ipairs(left) do
    if row.operation_id == id then return false end
  end
  return true
end

-- The portal -------------------------------------------------------------------------------------------------------------

local function rejected_view(edit)
  return edit and { file = edit.file, line = edit.line, message = edit.message, at = clock.iso(edit.at) } or nil
end

local function dokploy_view()
  local last, state = dokploy.last(), breaker.state()
  return {
    url = config.dokploy.url, rehearsal = config.rehearsal, reachable = last.reachable, version = last.version, trouble = last.message,
    checkedAt = clock.iso(last.at),
    breaker = { state = state.state, since = clock.iso(state.since), failures = state.failures, retryAt = clock.iso(state.retry_at) },
  }
end

--- How everything is, in one document.
function lists.summary(language)
  local info, states, line, left = server.info(), ledger.states {}, lists.queue(language), journal.left()
  if not states or not line or not left then return nil end
  local degraded = health.degraded(language)
  return {
    status = #degraded == 0 and "healthy" or "degraded", degraded = degraded,
    version = info.version, release = config.release, startedAt = clock.iso(info.started_at),
    access = { mode = config.access, detail = i18n.text(language, "health.access_" .. config.access) },
    policy = { generation = info.generation, loadedAt = clock.iso(info.loaded_at), rejected = rejected_view(info.rejected) },
    dokploy = dokploy_view(), stacks = json.array(states), running = #line.running, waiting = #line.waiting, places = line.places,
    leftovers = sweeper.count(), findings = drift.counts().all,
    streams = info.streams, connections = info.connections, memory = info.memory,
  }
end

-- For programs -----------------------------------------------------------------------------------------------------------

local function answered(req, doc)
  if doc == nil then return problem.failure(req, "journal") end
  return { json = doc, headers = { Vary = "Authorization, Cookie, Accept-Language" } }
end

local function overseen(path, names, document)
  server.route("GET", path, function(req)
    local who, refusal = door.allow(req, "oversee", {})
    if not who then return refusal end
    local which
    which, refusal = filter.which(req, names)
    if not which then return refusal end
    return answered(req, document(which, i18n.from(req)))
  end)
end

overseen("/api/admin/summary", {}, function(_, language) return lists.summary(language) end)
overseen("/api/admin/stacks", lists.stack_filters, lists.stacks)
overseen("/api/admin/operations", lists.operation_filters, lists.operations)
overseen("/api/admin/queue", {}, function(_, language) return lists.queue(language) end)
overseen("/api/admin/leftovers", {}, function(_, language) return lists.leftovers(language) end)

local act_fields = {
  action = { type = "string", required = true }, names = { type = "string", required = true }, data = { type = "string" },
}

server.route("POST", "/api/admin/stacks", function(req)
  local who, refusal = door.allow(req, "oversee", {})
  if not who then return refusal end
  local asked
  asked, refusal = body.read(req, act_fields)
  if not asked then return refusal end
  if not bulk.knows(asked.action) then return problem.value(req, "action", bulk.acts) end
  local data, wanted = asked.data or "keep", bulk.names(asked.names)
  if data ~= "keep" and data ~= "delete" then return problem.value(req, "data", { "keep", "delete" }) end
  if not wanted or #wanted == 0 then return problem.value(req, "names", { "1", "...", tostring(bulk.most) }) end
  return { json = { results = json.array(bulk.run(req, who, asked.action, wanted, data)) } }
end)

server.route("POST", "/api/admin/leftovers/:id/try", function(req)
  local id = req.params.id
  local who, refusal = door.allow(req, "try_leftovers", {}, id)
  if not who then return refusal end
  local gone, _, code = lists.try(id)
  if gone == nil then return problem.failure(req, code) end
  return { json = { deploymentId = id, gone = gone } }
end)

return lists
