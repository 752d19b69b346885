--- Compares Dokploy with the journal, on start and every few minutes: lists what carries our tag
--- there and compares it with the record (lib/workspaces/diff.lua). Differences are written down
--- for the admin (lib/journal/drift.lua); nothing is changed here.
---
--- It goes slowly and never twice at a time. Each difference is confirmed by a second look. While
--- Dokploy is away nothing is known, so the drift found before stays.
local log = require "core.log"
local shared = require "core.shared"
local task = require "core.task"
local attempt = require "lib.base.attempt"
local workspace = require "lib.base.workspace"
local dokploy = require "lib.dokploy"
local tag = require "lib.dokploy.tag"
local journal = require "lib.journal"
local drift = require "lib.journal.drift"
local diff = require "lib.workspaces.diff"
local remains = require "lib.workspaces.remains"

local reconcile = {
  tick = 5,        -- seconds between two checks whether a run is due
  round = 300,     -- seconds between two runs
  again = 30,      -- the same after a run that failed
  pause = 0.02,    -- seconds between two calls
  deadline = 1800, -- seconds for a whole run
}
local client = dokploy.client { tries = 2 }
local try, catch = attempt.try, attempt.catch

-- Reading Dokploy; failures are raised, and caught by the public functions

local function seen_application(row)
  local tagged = tag.read(row.description)
  return {
    id = row.applicationId, status = row.applicationStatus, operation_id = tagged and tagged.id,
  }
end

-- A project as the comparison wants it; false when it is not there.
local function see(id)
  local project, message, code = client:project_one(id)
  if code == "not_found" then return false end
  try(project, message, code)
  local tagged, applications = tag.read(project.description) or {}, {}
  local rows = dokploy.services_of(project)
  for i, row in ipairs(rows) do applications[i] = seen_application(row) end
  return {
    id = id, name = tagged.name, operation_id = tagged.id, owner_id = tagged.owner_id,
    applications = applications, project = project,
  }
end

local function pause() try(task.sleep(reconcile.pause)) end

-- Failures that may be those of one project alone.
local of_one_project = { dokploy_error = true, dokploy_unexpected_answer = true }

-- Everything that is ours; and the projects that could not be read: id -> code.
local function see_all()
  local seen, unread = {}, {}
  for _, row in ipairs(try(client:projects_containing(tag.prefix))) do
    if tag.read(row.description) then
      local project, message, code = catch(see, row.projectId)
      if project == nil and not of_one_project[code] then try(nil, message, code) end
      if project == nil then unread[row.projectId] = code end
      seen[#seen + 1] = project or nil
      pause()
    end
  end
  return seen, unread
end

-- A difference as it is now, and its project; false when it is gone.
local function look_again(one)
  local project = one.project_id and see(one.project_id)
  local stacks, busy = try(drift.known(one))
  if busy[one.operation_id] then try(nil, "it is being worked on", "stack_busy") end
  for _, now in ipairs(diff.between(project and { project } or {}, stacks, busy)) do
    if now.kind == one.kind and now.thing == one.thing then return now, project end
  end
  return false
end

-- Facts: what is needed to adopt or remove a thing later, from the journal alone

local function text(value) return type(value) == "string" and value ~= "" and value or nil end

local function add_application(facts, application)
  facts.application = { id = application.applicationId, app_name = text(application.appName) }
  facts.status, facts.image = text(application.applicationStatus), text(application.dockerImage)
  facts.memory_bytes = tonumber(text(application.memoryLimit))
  facts.cpu_nanos = tonumber(text(application.cpuLimit))
  for _, mount in ipairs(type(application.mounts) == "table" and application.mounts or {}) do
    if not facts.volume and text(mount.volumeName) and mount.mountPath == workspace.directory then
      facts.volume, facts.mount = mount.volumeName, text(mount.mountId)
    end
  end
  local domain = type(application.domains) == "table" and application.domains[1]
  if domain then facts.domain = { id = text(domain.domainId), host = text(domain.host) } end
end

-- The application that an unknown thing is, or has.
local function application_of(one, seen)
  if one.application_id then return one.application_id end
  for _, application in ipairs(seen.applications) do
    if application.operation_id == one.operation_id then return application.id end
  end
end

local function facts_of_unknown(one, seen)
  local facts = {
    part = one.part,
    mark = tag.of { name = one.name, id = one.operation_id, owner_id = one.owner_id },
    created_at = text(seen.project.createdAt),
    project = { id = one.project_id, environment = dokploy.environment_of(seen.project) },
  }
  local id = application_of(one, seen)
  if not id then return facts end
  local application, message, code = client:application_one(id)
  if code ~= "not_found" then add_application(facts, try(application, message, code)) end
  return facts
end

local function app_name_of(operation_id)
  for _, row in ipairs(journal.resources.list(operation_id) or {}) do
    local ids = row.kind == "application" and row.data.ids
    if ids then return ids.app_name end
  end
end

-- Whether the container of a vanished workspace, or the route to it, is still there.
local function is_left(facts, stack)
  if not facts.service then return nil end
  return try(remains.of(client, facts.service, stack and stack.url)) or nil
end

local function facts_of(one, seen)
  if one.kind == "unknown" then return facts_of_unknown(one, seen) end
  local stack = journal.stacks.get(one.name)
  local facts = {
    part = one.part, volume = stack and stack.volume or nil,
    project = one.project_id and { id = one.project_id },
    application = one.application_id and { id = one.application_id },
  }
  if one.kind == "vanished" then
    facts.service = app_name_of(one.operation_id)
    facts.is_left = is_left(facts, stack)
  end
  return facts
end

-- Comparing

local function key(one) return one.kind .. " " .. one.thing end

local function by_key(list)
  local map = {}
  for _, one in ipairs(list) do map[key(one)] = one end
  return map
end

-- Of the candidates, those that are not known and still hold, with their facts.
local function confirmed(candidates, known)
  local found = {}
  for _, one in ipairs(candidates) do
    if not known[key(one)] then
      local now, seen, code = catch(look_again, one)
      if now == nil and code ~= "stack_busy" then try(nil, seen, code) end
      if now then
        now.facts = facts_of(now, seen)
        found[#found + 1] = now
      end
      pause()
    end
  end
  return found
end

-- A row of drift as a difference.
local function of_row(row)
  local facts = row.facts
  return {
    kind = row.kind, thing = row.thing, name = row.name, operation_id = row.operation_id,
    project_id = facts.project and facts.project.id,
    application_id = facts.application and facts.application.id,
  }
end

-- Rows whose remains came or went, with the facts of now.
local function changed(rows, candidates)
  local list = {}
  for _, row in ipairs(rows) do
    if row.kind == "vanished" and candidates[key(row)] then
      local now = is_left(row.facts, journal.stacks.get(row.name))
      if now ~= row.facts.is_left then
        row.facts.is_left = now
        list[#list + 1] = row
      end
      pause()
    end
  end
  return list
end

-- Ids of rows that no longer hold.
local function gone(rows, candidates)
  local ids = {}
  for _, row in ipairs(rows) do
    if not candidates[key(row)] and catch(look_again, of_row(row)) == false then
      ids[#ids + 1] = row.id
    end
  end
  return ids
end

local function run()
  local seen, unread = see_all()
  local stacks, busy = try(drift.known())
  for _, stack in ipairs(stacks) do
    if unread[stack.project_id] then busy[stack.operation_id] = true end
  end
  local candidates, rows = diff.between(seen, stacks, busy), try(drift.open())
  local found, resolved = confirmed(candidates, by_key(rows)), gone(rows, by_key(candidates))
  try(drift.set_facts(changed(rows, by_key(candidates))))
  local unread_id, unread_code = next(unread)
  try(drift.record(found, resolved, not unread_id and #seen or nil))
  log.info("reconcile.done", { projects = #seen, found = #found, resolved = #resolved })
  if unread_id then try(nil, "the project " .. unread_id .. " cannot be read", unread_code) end
  return true
end

-- When

local function run_once()
  local good, message, code = task.run(reconcile.deadline, catch, run)
  local trouble = not good and (code or "failed") or nil
  if trouble and shared.get "reconcile.error" ~= trouble then
    log.warn("reconcile.failed", { code = trouble, message = message })
  end
  shared.set("reconcile.error", trouble)
  shared.set("reconcile.rest", true, good and reconcile.round or reconcile.again)
end

--- Compares now, in a task of its own, unless that is going on already.
function reconcile.start() return task.spawn("reconcile", run_once) end

--- Whether a comparison is going on.
---@return boolean
function reconcile.is_running() return task.alive "reconcile" end

--- Compares when it is time. Called every few seconds, and on start.
function reconcile.run_if_due()
  drift.refresh()
  if not shared.get "reconcile.rest" then reconcile.start() end
end

--- Why the last run failed, as a code; nil when it came to its end.
---@return string|nil
function reconcile.last_error() return shared.get "reconcile.error" end

--- Whether a row of drift still holds: looks at Dokploy now.
---@param row table  of lib/journal/drift.lua
---@return boolean|nil holds, string? message, string? code  stack_busy journal dokploy_...
function reconcile.holds(row)
  local now, message, code = catch(look_again, of_row(row))
  if now == nil then return nil, message, code end
  return now ~= false
end

-- Names

local function check_name(ctx)
  local is_held, has_run = try(drift.holds(ctx.name))
  if is_held then try(nil, "Dokploy has something of that name", "name_taken") end
  if has_run then return true end
  local prefix = tag.prefix .. ctx.name .. " "
  for _, row in ipairs(try(ctx.dokploy:projects_containing(prefix))) do
    local tagged = tag.read(row.description)
    local is_other = tagged and tagged.name == ctx.name and tagged.id ~= ctx.id
    if is_other and journal.operations.get(tagged.id) == false then
      try(nil, "Dokploy has a workspace of that name", "name_taken")
    end
  end
  return true
end

--- Whether nothing unknown in Dokploy has a name, before a deploy makes anything. The journal knows
--- that; Dokploy itself is asked as long as it was never compared, as after the loss of the
--- journal.
---@param ctx table
---@return boolean|nil free, string? message, string? code  name_taken journal dokploy_...
function reconcile.is_name_free(ctx) return catch(check_name, ctx) end

return reconcile
