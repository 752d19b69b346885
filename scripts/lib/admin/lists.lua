--- What the admin oversees, as JSON documents: workspaces, operations, the queue, leftovers,
--- invites, tokens, the audit log. The API answers with them and the admin pages show them. Each
--- function raises the journal's failures.
local config = require "core.config"
local json = require "core.json"
local server = require "core.server"
local task = require "core.task"
local health = require "lib.admin.health"
local clock = require "lib.base.clock"
local refusal = require "lib.base.refusal"
local document = require("lib.http.schemas").document
local dokploy = require "lib.dokploy"
local breaker = require "lib.dokploy.breaker"
local journal = require "lib.journal"
local access = require "lib.journal.access"
local drift = require "lib.journal.drift"
local audit = require "lib.journal.audit"
local sleep = require "lib.journal.sleep"
local pool = require "lib.operations.pool"
local scheduler = require "lib.operations.scheduler"
local step_list = require "lib.operations.step_list"
local undo = require "lib.operations.undo"
local i18n = require "lib.pages.i18n"
local wording = require "lib.pages.wording"
local kept = require "lib.policy.kept"
local monitor = require "lib.workspaces.monitor"
local orphans = require "lib.operations.orphans"

local lists = {}

local function each(rows, view, ...)
  local list = {}
  for i, row in ipairs(rows) do list[i] = view(row, ...) end
  return json.array(list)
end

-- A list from what a search of the journal returned.
local function page(name, view, language, ...)
  local rows, next_cursor = refusal.check(...)
  return { [name] = each(rows, view, language), next = next_cursor or json.null }
end

-- Workspaces

local function trouble_of(row, language)
  if row.shown ~= "unhealthy" and row.vanished == 0 then return nil end
  local code = row.vanished == 1 and "stack_vanished" or row.reason or "stack_silent"
  return { code = code, detail = i18n.text(language, "watch." .. code) }
end

local function stack_view(row, language)
  return document("AdminStack", row, {
    state = row.shown, since = clock.iso(row.since or row.created_at),
    memoryBytes = (json.decode(row.params) or {}).memory_bytes,
    lastSeen = clock.iso(monitor.seen(row.operation_id)), trouble = trouble_of(row, language),
  })
end

--- Workspaces in the order of their names, and how many of all that match are in each state.
---@param filter table  what routes declare as query parameters; the same for all lists
---@param language string
---@return table document
function lists.stacks(filter, language)
  local doc = page("stacks", stack_view, language, journal.stacks.search(filter))
  doc.states = json.array(refusal.check(journal.stacks.states(filter)))
  return doc
end

--- One workspace, or false.
---@return table|false
function lists.stack(name, language)
  local row = refusal.check(journal.stacks.shown(name))
  return row and stack_view(row, language)
end

-- Operations

-- Why it failed as a sentence, unless the sentence needs an argument that is not known.
local function failure_of(row, language)
  local key = row.code and "failure." .. row.code .. ".detail"
  if not key or not i18n.has(key) then return nil end
  local args = { name = row.name, step = row.step, image = row.params.image }
  for name, value in pairs((row.failure or {}).args or {}) do args[name] = value end
  local text = i18n.text(language, key, args)
  return not text:find("{%l+}") and text or nil
end

local function operation_view(row, language)
  return document("OperationRow", row, {
    deploymentId = row.id, detail = failure_of(row, language), statusUrl = "/api/status/" .. row.id,
  })
end

--- Operations, newest first.
---@return table document
function lists.operations(filter, language)
  return page("operations", operation_view, language, journal.operations.search(filter))
end

--- Deployments that wait, in the order of their turns, and those that run.
---@return table document
function lists.queue(language)
  local waiting, running, etas = scheduler.snapshot()
  if not waiting then refusal.raise "journal" end
  local list = each(waiting, operation_view, language)
  for position, row in ipairs(list) do
    row.position, row.etaSeconds = position, etas[position]
  end
  return {
    places = config.limits.running_deployments,
    running = each(running, operation_view, language),
    waiting = list,
  }
end

-- Leftovers

-- Removed together with their application, so not listed.
local is_part = { domain = true, mount = true, deployment = true }

local function volume_view(row)
  local times = { since = clock.iso(row.at), ["until"] = clock.iso((kept.ends(row))) }
  return document("Volume", row, times)
end

-- Resources that could not be removed, one entry for each deployment.
local function by_deployment(rows, language)
  local list, by_id = {}, {}
  for _, row in ipairs(rows) do
    local entry = by_id[row.operation_id]
    if not entry then
      entry = {
        deploymentId = row.operation_id, name = row.name, since = clock.iso(row.at),
        triedAt = clock.iso(orphans.tried_at(row.operation_id)), things = json.array {},
        byHand = false,
      }
      by_id[row.operation_id], list[#list + 1] = entry, entry
    end
    entry.byHand = entry.byHand or step_list.is_own_kind(row.kind)
    if not is_part[row.kind] then
      entry.things[#entry.things + 1] = wording.leftover(language, undo.leftover(row))
    end
  end
  return json.array(list)
end

--- Resources that could not be removed, and volumes that outlived their workspace.
---@return table document
function lists.leftovers(language)
  return {
    leftovers = by_deployment(refusal.check(journal.resources.left()), language),
    keptData = each(refusal.check(journal.volumes.list()), volume_view),
  }
end

local TRY_SECONDS = 15 -- that a request waits; the attempt goes on

-- What came of an attempt at the leftovers of a deployment: whether nothing is left.
local function is_gone(id, tried, code)
  if tried == false then refusal.raise "deployment_unknown" end
  if not tried and code ~= "timeout" then refusal.raise(code) end
  for _, row in ipairs(refusal.check(journal.resources.left())) do
    if row.operation_id == id then return false end
  end
  return true
end

--- Tries again to remove what a deployment left; raises deployment_unknown when it left nothing.
---@param id string
---@return boolean is_gone
function lists.try_leftovers(id)
  local tried, _, code = task.spawn(nil, orphans.try, id):wait(TRY_SECONDS)
  return is_gone(id, tried, code)
end

--- Forgets what only a step could have removed, once the admin has removed it by hand; raises
--- deployment_unknown when there is nothing of the kind.
---@param id string
---@return boolean is_gone
function lists.forget_leftovers(id)
  local forgotten, _, code = task.spawn(nil, orphans.forget, id):wait(TRY_SECONDS)
  return is_gone(id, forgotten, code)
end
-- Invites and tokens

--- An invite as a document; `code` only when it was just created.
function lists.invite_view(row)
  return document("Invite", row, { state = row.state or "good" })
end

--- Invites, newest first.
---@return table document
function lists.invites(filter)
  return page("invites", lists.invite_view, nil, access.invites(filter))
end

--- A token as a document; `token`, its secret, only when it was just created.
function lists.token_view(row)
  local scopes = {}
  for scope in row.scopes:gmatch("%S+") do scopes[#scopes + 1] = scope end
  return document("Token", row, { state = row.state or "good", scopes = json.array(scopes) })
end

--- Tokens, newest first.
---@return table document
function lists.tokens(filter)
  return page("tokens", lists.token_view, nil, access.tokens(filter))
end

-- Audit log

local function entry_view(row)
  return document("Entry", row, { ownerId = row.who_id, allowed = row.allowed == 1 })
end

--- Entries of the audit log, newest first.
---@return table document
function lists.audit(filter) return page("entries", entry_view, nil, audit.search(filter)) end

-- The portal

local function dokploy_view()
  local last, now = dokploy.last(), breaker.state()
  return document("Dokploy", last, {
    url = config.dokploy.url, rehearsal = config.rehearsal, trouble = last.message,
    checkedAt = clock.iso(last.at), breaker = document("BreakerState", now),
  })
end

--- Everything at a glance, for the admin. Raises the journal's failures.
---@param language string
---@return table
function lists.summary(language)
  local info, queue = server.info(), lists.queue(language)
  local doc = health.outline(language, true)
  doc.policy = document("Scripts", info, {
    rejected = info.rejected and document("Rejected", info.rejected),
  })
  doc.dokploy = dokploy_view()
  doc.stacks = json.array(refusal.check(journal.stacks.states {}))
  doc.pool = json.array(refusal.check(pool.summary()))
  doc.memorySavedBytes = sleep.saved_memory() or 0
  doc.running, doc.waiting, doc.places = #queue.running, #queue.waiting, queue.places
  doc.leftovers, doc.findings = orphans.count(), drift.counts().all
  return document("Summary", info, doc)
end

return lists
