--- Comes back to what could not be taken away, until it is gone; and looks for what calls without an answer may have made after all.
local log = require "core.log"
local shared = require "core.shared"
local task = require "core.task"
local change_events = require "lib.journal.change_events"
local context = require "lib.operations.ctx"
local undo = require "lib.operations.undo"
local dokploy = require "lib.dokploy"
local journal = require "lib.journal"
local reservations = require "lib.journal.reservations"

local sweeper = { deadline = 120, doubt = 600 } -- seconds for one deploy's leftovers; how long a lost call may still come to light

local function silent() end

local function work_of(op, resources)
  return { id = op.id, mark = context.mark(op), exact = op.kind == "remove", resources = resources, dokploy = dokploy.client { tries = 2 },
    tell = silent }
end

-- The stack stands, and a call of its deploy got no answer: what that call made after all is there twice. It goes only if it is certainly
-- that: our mark, not the one in the record, and never used. Anything else with our mark is for people to decide.
local function remove_duplicate(work, kind, id, remove)
  local good, message = remove(work.dokploy, id)
  if not good then return nil, message end
  log.warn("sweeper.duplicate_removed", { operation = work.id, kind = kind, id = id })
  return true
end

local function spare_project(work, id)
  local project, message, code = work.dokploy:project_one(id)
  if code == "not_found" then return true end
  if not project then return nil, message end
  local applications, others = dokploy.services_of(project)
  if #applications + others > 0 then return true end
  return remove_duplicate(work, "project", id, work.dokploy.project_remove)
end

local function spare_application(work, id)
  local deployments, message = work.dokploy:deployments(id)
  if not deployments then return nil, message end
  if #deployments > 0 then return true end
  return remove_duplicate(work, "application", id, work.dokploy.application_delete)
end

local function recorded(work, kind)
  for _, row in ipairs(work.resources) do
    if row.kind == kind and row.state == "created" then return row.id end
  end
end

-- What an application has twice, of what its deploy made there: the same address, the same files in the same place.
local parts = {
  { kind = "domain", list = "domains", key = "domainId", same = { "host", "path", "port" }, remove = "domain_delete" },
  { kind = "mount", list = "mounts", key = "mountId", same = { "volumeName", "mountPath" }, remove = "mount_remove" },
}

local function is_same(a, b, fields)
  for _, field in ipairs(fields) do
    if a[field] ~= b[field] then return false end
  end
  return true
end

-- The one in the record, which stays. Older versions of Dokploy tell no id of a mount: then the first one with our volume.
local function ours_among(rows, part, work)
  local id, volume = recorded(work, part.kind), nil
  for _, row in ipairs(work.resources) do
    if row.kind == "volume" then volume = row.key end
  end
  for _, row in ipairs(rows) do
    if row[part.key] == id or id == "" and row.volumeName == volume then return row end
  end
end

local function spare_parts(work, application)
  local whole, message = work.dokploy:application_one(application)
  if not whole then return nil, message end
  for _, part in ipairs(parts) do
    local rows = type(whole[part.list]) == "table" and whole[part.list] or {}
    local ours = ours_among(rows, part, work)
    for _, row in ipairs(rows) do
      if ours and row ~= ours and is_same(row, ours, part.same) then
        local good, why = remove_duplicate(work, part.kind, row[part.key], work.dokploy[part.remove])
        if not good then return nil, why end
      end
    end
  end
  return true
end

local function each(list, key, known, remove, work)
  for _, found in ipairs(list) do
    if found.description == work.mark and found[key] ~= known then
      local good, message = remove(work, found[key])
      if not good then return nil, message end
    end
  end
  return true
end

local function spare(work)
  local known = recorded(work, "project")
  local projects, message = work.dokploy:projects_described(work.mark)
  if not projects then return nil, message end
  local good
  good, message = each(projects, "projectId", known, spare_project, work)
  if not good or not known then return good, message end
  local project
  project, message = work.dokploy:project_one(known)
  if not project then return nil, message end
  local application = recorded(work, "application")
  good, message = each((dokploy.services_of(project)), "applicationId", application, spare_application, work)
  if not good or not application then return good, message end
  return spare_parts(work, application)
end

local function end_doubt(op, resources)
  for _, row in ipairs(resources) do
    if row.state == "lost" then journal.resources.settle(op.id, row.kind, row.key, "undone") end
  end
end

-- Nothing is left that keeps the name; a volume that this Dokploy cannot remove is remembered.
local function release(op, work)
  if work.unable then
    journal.volumes.keep { volume = work.unable, name = op.name, owner_id = op.owner_id, operation_id = op.id, reason = "left" }
  end
  if journal.stacks.free_name(op.id) then
    reservations.drop(op.name, op.id)
    change_events.changed("stacks")
    log.info("sweeper.name_free", { operation = op.id, name = op.name })
  end
end

local function sweep(found)
  local op, stack = journal.operations.get(found.id), journal.stacks.get(found.name)
  local resources = journal.resources.list(found.id)
  if not op or stack == nil or not resources then return end
  local stands = stack and stack.operation_id == op.id and stack.state ~= "leftover"
  local work = work_of(op, resources)
  local good, message
  if stands then
    good, message = task.run(sweeper.deadline, spare, work)
  elseif found.known == 1 then
    good, message = task.run(sweeper.deadline, undo.run, work)
    if good then release(op, work) end
  else
    good, message = task.run(sweeper.deadline, undo.strays, work)
  end
  if good and found.age > sweeper.doubt then end_doubt(op, resources) end
  shared.set("sweep.tried:" .. op.id, os.time(), 86400)
  change_events.changed("leftovers")
  if not good then log.warn("sweeper.not_yet", { operation = op.id, name = op.name, message = message }) end
end

local function count(list)
  local known = 0
  for _, found in ipairs(list) do known = known + found.known end
  shared.set("leftovers", known)
end

--- One look at all that may be left.
function sweeper.run()
  local list = journal.resources.leftovers()
  if not list then return end
  count(list)
  for _, found in ipairs(list) do task.lock("sweep:" .. found.id, sweep, found) end
  if #list > 0 then count(journal.resources.leftovers() or {}) end
end

--- When that deploy's leftovers were last tried; nil: not since the portal was started.
---@return number|nil
function sweeper.tried(id) return shared.get("sweep.tried:" .. id) end

--- One try at the leftovers of one deploy, now; waits for its end. False when it has none.
---@param id string
---@return boolean|nil tried, string? message, string? code
function sweeper.try(id)
  local list, message = journal.resources.leftovers()
  if not list then return nil, message, "journal" end
  for _, found in ipairs(list) do
    if found.id == id then
      task.lock("sweep:" .. id, sweep, found)
      count(journal.resources.leftovers() or {})
      return true
    end
  end
  return false
end

--- How many deploys have something left, without waiting.
function sweeper.count() return shared.get("leftovers") or 0 end

return sweeper
