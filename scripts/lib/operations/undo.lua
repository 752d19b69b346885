--- Taking away what a deploy made, by kind, from the record of what it made; each thing is re-read until it is gone.
--- Used by rolling back, by deleting a stack, and by the sweeper. What is gone already is done. What cannot be taken away is named.
---
--- The order is the one that a real Dokploy needs: deleting a project alone leaves its containers running, and deleting an application
--- whose deployment runs lets Dokploy start it afterwards. So: no deployment runs - application - its containers gone - project - volume.
local task = require "core.task"
local timer = require "core.timer"
local create = require "lib.operations.create"
local dokploy = require "lib.dokploy"
local containers = require "lib.dokploy.containers"
local journal = require "lib.journal"

local undo = { quiet = 90, gone = 60, free = 40 } -- seconds to wait: for deployments, for containers, for a volume

-- The record, as work to do ----------------------------------------------------------------------------------------------

-- Which kinds go when; what is not named here goes with the application.
local rank = { application = 1, project = 3, volume = 4 }

--- The resources in the order in which they are taken away. Pure.
function undo.order(resources)
  local list = { table.unpack(resources) }
  local place = {}
  for i, row in ipairs(list) do place[row] = i end
  table.sort(list, function(a, b)
    local first, second = rank[a.kind] or 2, rank[b.kind] or 2
    if first ~= second then return first < second end
    return place[a] > place[b] -- the newest first
  end)
  return list
end

local function settle(work, row, state, reason)
  row.state, row.data.reason = state, reason
  create.surely(function()
    return journal.resources.settle(work.id, row.kind, row.key, state, { reason = reason or "" })
  end, function() return true end)
end

local function settle_kinds(work, kinds, state)
  for _, row in ipairs(work.resources) do
    if kinds[row.kind] and row.state ~= "undone" and row.state ~= "lost" then settle(work, row, state) end
  end
end

local function row_of(work, kind)
  for _, row in ipairs(work.resources) do
    if row.kind == kind and row.state ~= "lost" then return row end
  end
end

-- Why something could not be taken away, as a word for people and programs.
local reasons = { dokploy_unreachable = "unreachable", dokploy_refused = "refused", cancelled = "unreachable" }
local function reason_of(code) return reasons[code] or "error" end

-- Asks again each second until check() says true; nil, nil, code when the time is over, or what check() failed with.
local function await(seconds, late, check)
  local ends = timer.now() + seconds
  while true do
    local good, message, code = check()
    if good == nil then return nil, message, reason_of(code) end
    if good then return true end
    if timer.now() >= ends then return nil, "it takes too long", late end
    if not task.sleep(1) then return nil, "cancelled", "unreachable" end
  end
end

-- Applications -----------------------------------------------------------------------------------------------------------

-- No deployment of it runs, twice in a row: one that was waiting in Dokploy's queue may just have begun.
local function quiet(work, id)
  local still = 0
  return await(undo.quiet, "running", function()
    local cleaned, message, code = work.dokploy:clean_queue(id)
    if not cleaned then return nil, message, code end
    local runs
    runs, message, code = work.dokploy:is_deploying(id)
    if code == "not_found" then return true end
    if runs == nil then return nil, message, code end
    still = runs and 0 or still + 1
    return still >= 2
  end)
end

-- No container of it runs any more, on this machine or on another of the swarm.
local function containers_gone(work, app_name)
  return await(undo.gone, "containers", function()
    local here, message, code = work.dokploy:containers(app_name)
    if not here then return nil, message, code end
    if containers.any_up(here) then return false end
    local tasks
    tasks, message, code = work.dokploy:tasks(app_name)
    if not tasks then return nil, message, code end
    return not containers.any_up(tasks)
  end)
end

-- Read again: it is not there. When it cannot be read, a second delete that finds nothing proves the same.
local function gone(read, delete, id)
  local value, message, code = read(id)
  if code == "not_found" then return true end
  if value then return nil, "it is still there", "error" end
  local again = delete(id)
  if again == "gone" then return true end
  return nil, message, reason_of(code)
end

local function application_gone(work, id)
  return gone(function(it) return work.dokploy:application_one(it) end, function(it) return work.dokploy:application_delete(it) end, id)
end

-- Deletes one application; true when it and its containers are proved gone.
local function remove_application(work, id, app_name)
  local good, message, reason = true, nil, nil
  if row_of(work, "deployment") then good, message, reason = quiet(work, id) end
  if not good then return nil, message, reason end
  local deleted, why, code = work.dokploy:application_delete(id)
  if not deleted then return nil, why, reason_of(code) end
  good, message, reason = application_gone(work, id)
  if not good then return nil, message, reason end
  if not app_name then return true end
  return containers_gone(work, app_name)
end

-- Projects ---------------------------------------------------------------------------------------------------------------

-- Everything in the project must be ours: by its mark, or by the record.
local function is_ours(work, application, recorded) return application.applicationId == recorded or application.description == work.mark end

local function empty_project(work, project)
  local applications, others = dokploy.services_of(project)
  if others > 0 then return nil, "there is more in the project than this portal made", "not_ours" end
  local row = row_of(work, "application")
  for _, application in ipairs(applications) do
    if not is_ours(work, application, row and row.id) then return nil, "an application in the project is not of this portal", "not_ours" end
  end
  for _, application in ipairs(applications) do
    local good, message, reason = remove_application(work, application.applicationId, application.appName)
    if not good then return nil, message, reason end
  end
  return true
end

local function remove_project(work, id)
  local project, message, code = work.dokploy:project_one(id)
  if code == "not_found" then return true end
  if not project then return nil, message, reason_of(code) end
  local good, reason
  good, message, reason = empty_project(work, project)
  if not good then return nil, message, reason end
  good, message, code = work.dokploy:project_remove(id)
  if not good then return nil, message, reason_of(code) end
  return gone(function(it) return work.dokploy:project_one(it) end, function(it) return work.dokploy:project_remove(it) end, id)
end

--- Removes every project with the deploy's mark, also those of calls whose answers were lost. True when there is none left.
function undo.strays(work)
  local projects, message, code = work.dokploy:projects_described(work.mark)
  if not projects then return nil, message, reason_of(code) end
  for _, project in ipairs(projects) do
    local good, why, reason = remove_project(work, project.projectId)
    if not good then return nil, why, reason end
  end
  return true
end

-- Volumes ----------------------------------------------------------------------------------------------------------------

--- Removes a volume, once no container holds it any more. `unable`: this Dokploy cannot.
---@param client table
---@param volume string
---@return boolean|nil good, string? message, string? reason, boolean unable
function undo.volume(client, volume)
  local unable = false
  local good, message, reason = await(undo.free, "in_use", function()
    local removed, why, code = client:volume_remove(volume)
    if code == "in_use" then return false end
    unable = code == "no_such_call"
    if unable then return true end
    return removed, why, code
  end)
  return good, message, reason, unable
end

-- The volume exists only from the first start of a container on. One that is kept is nobody's here to touch.
local function undo_volume(work, row)
  if not row_of(work, "deployment") or work.never_ran then
    settle(work, row, "undone")
    return true
  end
  local good, message, reason, unable = undo.volume(work.dokploy, row.key)
  if unable then
    work.unable = row.key
    settle(work, row, "kept", "unable")
    return true
  end
  settle(work, row, good and "undone" or "left", reason)
  return good, message, reason
end

-- The whole --------------------------------------------------------------------------------------------------------------

local with_application = { application = true, domain = true, mount = true, deployment = true }
local with_project = { project = true, application = true, domain = true, mount = true, deployment = true }

-- Tells, takes away, writes down.
local function take_away(work, row, remove, kinds)
  work.tell(row.kind, "undoing")
  local good, message, reason = remove()
  if good then
    settle_kinds(work, kinds, "undone")
    work.tell(row.kind, "undone")
    return true
  end
  settle(work, row, "left", reason)
  return nil, message, reason
end

local handlers = { volume = undo_volume }

function handlers.application(work, row)
  if not row.id then return true end -- never confirmed: if it was made, it is in the project, which is looked into next
  return take_away(work, row, function()
    return remove_application(work, row.id, row.data.ids and row.data.ids.app_name)
  end, with_application)
end

function handlers.project(work, row)
  return take_away(work, row, function()
    if row.id then
      local good, message, reason = remove_project(work, row.id)
      if not good then return nil, message, reason end
    end
    if work.exact then return true end
    return undo.strays(work)
  end, with_project)
end

local finished = { undone = true, kept = true, lost = true }

--- Takes away what is in the record.
---@param work table  { id: string, mark: string, resources: table[], dokploy: table, tell: fun(kind: string, state: string),
--- exact: boolean|nil }
--- resources: the journal's rows; their states follow. exact: what else has the mark stays. never_ran: no container was ever started, so
--- there is no volume. Afterwards work.unable is a volume that this Dokploy cannot remove.
---@return boolean|nil clean, string? message, string? reason
function undo.run(work)
  for _, row in ipairs(undo.order(work.resources)) do
    local handler = handlers[row.kind]
    if handler and not finished[row.state] then
      local good, message, reason = handler(work, row)
      if not good then return nil, message, reason end
    end
  end
  return #undo.left(work) == 0
end

-- These are part of an application and go with it: not worth a line of their own.
local parts = { domain = true, mount = true, deployment = true }

--- What of the record is still there: { {kind, id, reason}, ... }.
function undo.left(work)
  local left = {}
  for _, row in ipairs(undo.order(work.resources)) do
    if not finished[row.state] and not parts[row.kind] then
      local id = row.id or (row.key ~= "" and row.key) or work.mark -- without an id it can be found by its mark
      left[#left + 1] = { kind = row.kind, id = id, reason = row.data.reason }
    end
  end
  return left
end

--- Gives up for now: what is still there is written down as left, for the sweeper.
function undo.leave(work, reason)
  for _, row in ipairs(work.resources) do
    if not finished[row.state] and row.state ~= "left" then settle(work, row, "left", reason) end
  end
end

return undo
