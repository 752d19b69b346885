--- Comes back to what could not be removed, until it is gone; and looks for what calls without an
--- answer may have made after all.
local log = require "core.log"
local shared = require "core.shared"
local task = require "core.task"
local timer = require "core.timer"
local attempt = require "lib.base.attempt"
local dokploy = require "lib.dokploy"
local tag = require "lib.dokploy.tag"
local journal = require "lib.journal"
local change_events = require "lib.journal.change_events"
local reservations = require "lib.journal.reservations"
local step_list = require "lib.operations.step_list"
local undo = require "lib.operations.undo"

local orphans = {
  round = 60,        -- seconds between two sweeps
  deadline = 120,    -- seconds for the leftovers of one deploy
  unconfirmed = 600, -- seconds for which a call without an answer may still be carried out
}

local try = attempt.try
local steps

-- Duplicates

-- A workspace exists, and a call of its deploy got no answer: what that call made after all is
-- there twice. It is removed only if it certainly is that: our tag, not in the record, never used.
-- Anything else with our tag is for the admin to decide.

local function remove_duplicate(work, kind, id, remove)
  try(remove(work.dokploy, id))
  log.warn("orphans.duplicate_removed", { operation = work.id, kind = kind, id = id })
end

local function recorded(work, kind)
  for _, row in ipairs(work.resources) do
    if row.kind == kind and row.state == "created" then return row.id end
  end
end

local function remove_empty_project(work, id)
  local project, message, code = work.dokploy:project_one(id)
  if code == "not_found" then return end
  local applications, others = dokploy.services_of(try(project, message, code))
  if #applications + others > 0 then return end
  remove_duplicate(work, "project", id, work.dokploy.project_remove)
end

local function remove_unused_application(work, id)
  if #try(work.dokploy:deployments(id)) > 0 then return end
  remove_duplicate(work, "application", id, work.dokploy.application_delete)
end

-- Removes those of the list that carry the tag and are not the one in the record.
local function remove_others(work, list, key, known_id, remove)
  for _, found in ipairs(list) do
    if found.description == work.tag and found[key] ~= known_id then remove(work, found[key]) end
  end
end

-- What an application can have twice: the same address, the same files in the same place.
local parts = {
  {
    kind = "domain", list = "domains", key = "domainId", remove = "domain_delete",
    same = { "host", "path", "port" },
  },
  {
    kind = "mount", list = "mounts", key = "mountId", remove = "mount_remove",
    same = { "volumeName", "mountPath" },
  },
}

local function is_same(a, b, fields)
  for _, field in ipairs(fields) do
    if a[field] ~= b[field] then return false end
  end
  return true
end

-- The one in the record, which stays. Older versions of Dokploy give a mount no id: then the first
-- one with our volume.
local function ours_among(rows, part, work)
  local id, volume = recorded(work, part.kind), nil
  for _, row in ipairs(work.resources) do
    if row.kind == "volume" then volume = row.key end
  end
  for _, row in ipairs(rows) do
    if row[part.key] == id or id == "" and row.volumeName == volume then return row end
  end
end

local function remove_duplicate_parts(work, application_id)
  local application = try(work.dokploy:application_one(application_id))
  for _, part in ipairs(parts) do
    local rows = type(application[part.list]) == "table" and application[part.list] or {}
    local ours = ours_among(rows, part, work)
    for _, row in ipairs(rows) do
      if ours and row ~= ours and is_same(row, ours, part.same) then
        remove_duplicate(work, part.kind, row[part.key], work.dokploy[part.remove])
      end
    end
  end
end

local function remove_duplicates(work)
  local client = work.dokploy
  local project_id, application_id = recorded(work, "project"), recorded(work, "application")
  local projects = try(client:projects_described(work.tag))
  remove_others(work, projects, "projectId", project_id, remove_empty_project)
  if not project_id then return true end
  local applications = dokploy.services_of(try(client:project_one(project_id)))
  remove_others(work, applications, "applicationId", application_id, remove_unused_application)
  if application_id then remove_duplicate_parts(work, application_id) end
  return true
end

-- Sweeping

-- Nothing is left that keeps the name; a volume that this Dokploy cannot remove is remembered.
local function free_name(op, work)
  if work.unable then
    journal.volumes.keep {
      volume = work.unable, name = op.name, owner_id = op.owner_id, operation_id = op.id,
      reason = "left",
    }
  end
  if journal.stacks.free_name(op.id) then
    reservations.drop(op.name, op.id)
    change_events.changed "stacks"
    log.info("orphans.name_freed", { operation = op.id, name = op.name })
  end
end

local function forget_unconfirmed(op, resources)
  for _, row in ipairs(resources) do
    if row.state == "lost" then
      journal.resources.settle(op.id, row.kind, row.key, "undone")
    end
  end
end

local function sweep_one(found)
  local op, stack = journal.operations.get(found.id), journal.stacks.get(found.name)
  local resources = journal.resources.list(found.id)
  if not op or stack == nil or not resources then return end
  local work = {
    id = op.id, tag = tag.of(op), exact = op.kind == "remove", resources = resources,
    dokploy = dokploy.client { tries = 2 }, report = function() end, op = op, steps = steps,
  }
  local exists = stack and stack.operation_id == op.id and stack.state ~= "leftover"
  local remove = exists and remove_duplicates or found.known == 1 and undo.run
    or undo.remove_tagged
  local good, message = task.run(orphans.deadline, attempt.catch, remove, work)
  if good and not exists and found.known == 1 then free_name(op, work) end
  if good and found.age > orphans.unconfirmed then forget_unconfirmed(op, resources) end
  shared.set("orphans.tried:" .. op.id, os.time(), 86400)
  change_events.changed "leftovers"
  if not good then
    log.warn("orphans.not_removed", { operation = op.id, name = op.name, message = message })
  end
end

local function set_count(list)
  local known = 0
  for _, found in ipairs(list) do known = known + found.known end
  shared.set("orphans.count", known)
end

--- One sweep over all that may be left.
function orphans.run()
  local list = journal.resources.leftovers()
  if not list then return end
  set_count(list)
  for _, found in ipairs(list) do task.lock("orphans:" .. found.id, sweep_one, found) end
  if #list > 0 then set_count(journal.resources.leftovers() or {}) end
end

--- Tries to remove the leftovers of one deploy now. Waits. False when it has none.
---@param id string
---@return boolean|nil tried, string? message, string? code
function orphans.try(id)
  local list, message, code = journal.resources.leftovers()
  if not list then return nil, message, code end
  for _, found in ipairs(list) do
    if found.id == id then
      task.lock("orphans:" .. id, sweep_one, found)
      set_count(journal.resources.leftovers() or {})
      return true
    end
  end
  return false
end

--- When that deploy's leftovers were last tried; nil: not since the portal was started.
---@return number|nil
function orphans.tried_at(id) return shared.get("orphans.tried:" .. id) end

--- How many deploys have something left, without waiting.
function orphans.count() return shared.get "orphans.count" or 0 end

--- Gives up what only a step can remove: the admin has removed it by hand. The rest is tried once
--- more. Waits. False when that deploy has left nothing of the kind.
---@param id string
---@return boolean|nil forgotten, string? message, string? code
function orphans.forget(id)
  local rows, message, code = journal.resources.list(id)
  if not rows then return nil, message, code end
  local has_any = false
  for _, row in ipairs(rows) do
    if row.state == "left" and step_list.is_own_kind(row.kind) then
      has_any = journal.resources.settle(id, row.kind, row.key, "undone", { reason = "by_hand" })
      if has_any == nil then return nil, "it could not be written down", "journal" end
    end
  end
  if not has_any then return false end
  local op = journal.operations.get(id)
  local found = op and { id = id, name = op.name, known = 1, age = 0 }
  if found then task.lock("orphans:" .. id, sweep_one, found) end
  set_count(journal.resources.leftovers() or {})
  return true
end

--- Called once while the scripts load.
---@param list table[]  the steps
function orphans.register(list)
  steps = list
  timer.every("operations.orphans", orphans.round, orphans.run)
end

return orphans
