--- Comes back to what could not be taken away, until it is gone; and looks for what calls without an answer may have made after all.
local log = require "core.log"
local shared = require "core.shared"
local task = require "core.task"
local claims = require "lib.claims"
local context = require "lib.ctx"
local dokploy = require "lib.dokploy"
local journal = require "lib.journal"
local undo = require "lib.undo"

local sweeper = { deadline = 120, doubt = 600 } -- seconds for one deploy's leftovers; how long a lost call may still come to light

local function silent() end

local function work_of(op, resources)
  return { id = op.id, mark = context.mark(op), resources = resources, dokploy = dokploy.client { tries = 2 }, tell = silent }
end

-- A second application in a project that stands: made by a call whose answer was lost. It was never deployed.
local function spare_applications(work)
  local ids = {}
  for _, row in ipairs(work.resources) do
    if row.state == "created" then ids[row.kind] = row.id end
  end
  if not ids.project or not ids.application then return true end
  local project, message = work.dokploy:project_one(ids.project)
  if not project then return nil, message end
  for _, application in ipairs((dokploy.services_of(project))) do
    if application.description == work.mark and application.applicationId ~= ids.application then
      local good, why = work.dokploy:application_delete(application.applicationId)
      if not good then return nil, why end
      log.warn("sweeper.duplicate_removed", { operation = work.id, application = application.applicationId })
    end
  end
  return true
end

-- The stack stands: only what is there twice may go.
local function spare(work)
  work.spare = true
  local good, message = undo.strays(work)
  if not good then return nil, message end
  return spare_applications(work)
end

local function end_doubt(op, resources)
  for _, row in ipairs(resources) do
    if row.state == "lost" then journal.mark(op.id, row.kind, row.key, "undone") end
  end
end

-- Nothing is left that keeps the name; a volume that this Dokploy cannot remove is remembered.
local function release(op, work)
  if work.unable then
    journal.keep_volume { volume = work.unable, name = op.name, owner_id = op.owner_id, operation_id = op.id, reason = "left" }
  end
  if journal.release(op.id) then
    claims.drop(op.name, op.id)
    log.info("sweeper.name_free", { operation = op.id, name = op.name })
  end
end

local function sweep(found)
  local op, stack = journal.operation(found.id), journal.stack(found.name)
  local resources = journal.resources(found.id)
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
  if not good then log.warn("sweeper.not_yet", { operation = op.id, name = op.name, message = message }) end
end

local function count(list)
  local known = 0
  for _, found in ipairs(list) do known = known + found.known end
  shared.set("leftovers", known)
end

--- One look at all that may be left.
function sweeper.look()
  local list = journal.leftovers()
  if not list then return end
  count(list)
  for _, found in ipairs(list) do task.lock("sweep:" .. found.id, sweep, found) end
  if #list > 0 then count(journal.leftovers() or {}) end
end

--- How many deploys have something left, without waiting.
function sweeper.count() return shared.get("leftovers") or 0 end

return sweeper
