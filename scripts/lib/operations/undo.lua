--- Removes what a deploy made, by kind, from the record of what it made; each thing is read again
--- until it is gone. Used by rolling back, by deleting a workspace, and by orphans.lua. What is
--- gone already counts as removed. What cannot be removed is named.
---
--- A real Dokploy needs this order: deleting a project alone leaves its containers running, and
--- deleting an application whose deployment runs lets Dokploy start it afterwards. So: no
--- deployment runs - application - its containers gone - project - volume.
local task = require "core.task"
local timer = require "core.timer"
local dokploy = require "lib.dokploy"
local containers = require "lib.dokploy.containers"
local journal = require "lib.journal"
local create = require "lib.operations.create"

-- Seconds to wait: for deployments to end, for containers to end, for a volume to be free.
local undo = { quiet = 90, gone = 60, free = 40 }

---@class Undo
---@field id string          the operation whose record this is
---@field tag string
---@field resources table[]  the journal's rows; their states follow
---@field dokploy table
---@field report fun(kind: string, state: string)
---@field exact boolean|nil      what else carries the tag stays
---@field never_ran boolean|nil  no container was ever started, so there is no volume
---@field unable string|nil      set by undo.run: a volume that this Dokploy cannot remove

-- The record, as work to do --

-- Which kinds go when; the others go with the application.
local rank = { application = 1, project = 3, volume = 4 }

--- The resources in the order in which they are removed. Pure.
function undo.order(resources)
  local list, index = { table.unpack(resources) }, {}
  for i, row in ipairs(list) do index[row] = i end
  table.sort(list, function(a, b)
    local first, second = rank[a.kind] or 2, rank[b.kind] or 2
    if first ~= second then return first < second end
    return index[a] > index[b] -- the newest first
  end)
  return list
end

local function settle(work, row, state, reason)
  row.state, row.data.reason = state, reason
  create.surely(function()
    return journal.resources.settle(work.id, row.kind, row.key, state, { reason = reason or "" })
  end)
end

local function settle_kinds(work, kinds, state)
  for _, row in ipairs(work.resources) do
    if kinds[row.kind] and row.state ~= "undone" and row.state ~= "lost" then
      settle(work, row, state)
    end
  end
end

local function row_of(work, kind)
  for _, row in ipairs(work.resources) do
    if row.kind == kind and row.state ~= "lost" then return row end
  end
end

-- Why something could not be removed: "leftover.reason.REASON" in the locales.
local reasons = {
  dokploy_unreachable = "unreachable", dokploy_refused = "refused", cancelled = "unreachable",
}
local function reason_of(code) return reasons[code] or "error" end

-- Checks each second until check() is true; nil, message, reason when the time is over, or when
-- check() is nil.
local function await(seconds, late_reason, check)
  local ends = timer.now() + seconds
  while true do
    local good, message, code = check()
    if good == nil then return nil, message, reason_of(code) end
    if good then return true end
    if timer.now() >= ends then return nil, "it takes too long", late_reason end
    if not task.sleep(1) then return nil, "cancelled", "unreachable" end
  end
end

-- Applications --

-- No deployment of it runs, twice in a row: one that waited in Dokploy's queue may just have begun.
local function await_quiet(work, id)
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
local function await_no_containers(work, app_name)
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

-- Deletes a thing, and proves that it is gone by reading it again. When it cannot be read, a second
-- delete that finds nothing proves the same.
local function delete(work, kind, id)
  local client = work.dokploy
  local read = kind == "project" and client.project_one or client.application_one
  local remove = kind == "project" and client.project_remove or client.application_delete
  local deleted, message, code = remove(client, id)
  if not deleted then return nil, message, reason_of(code) end
  local value
  value, message, code = read(client, id)
  if code == "not_found" then return true end
  if value then return nil, "it is still there", "error" end
  if remove(client, id) == "gone" then return true end
  return nil, message, reason_of(code)
end

local function remove_application(work, id, app_name)
  local good, message, reason = true, nil, nil
  if row_of(work, "deployment") then good, message, reason = await_quiet(work, id) end
  if not good then return nil, message, reason end
  good, message, reason = delete(work, "application", id)
  if not good then return nil, message, reason end
  if not app_name then return true end
  return await_no_containers(work, app_name)
end

-- Projects --

-- Everything in the project must be ours: by its tag, or by the record.
local function empty_project(work, project)
  local applications, others = dokploy.services_of(project)
  if others > 0 then return nil, "the project holds more than this portal made", "not_ours" end
  local row = row_of(work, "application")
  for _, application in ipairs(applications) do
    if application.applicationId ~= (row and row.id) and application.description ~= work.tag then
      return nil, "an application in the project is not of this portal", "not_ours"
    end
  end
  for _, application in ipairs(applications) do
    local id, app_name = application.applicationId, application.appName
    local good, message, reason = remove_application(work, id, app_name)
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
  return delete(work, "project", id)
end

--- Removes every project with the tag, also those of calls whose answers were lost.
---@return boolean|nil clean, string? message, string? reason
function undo.remove_tagged(work)
  local projects, message, code = work.dokploy:projects_described(work.tag)
  if not projects then return nil, message, reason_of(code) end
  for _, project in ipairs(projects) do
    local good, why, reason = remove_project(work, project.projectId)
    if not good then return nil, why, reason end
  end
  return true
end

-- Volumes --

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

-- All --

local with_application = { application = true, domain = true, mount = true, deployment = true }
local with_project = { project = true }
for kind in pairs(with_application) do with_project[kind] = true end

local function remove_and_settle(work, row, remove, kinds)
  work.report(row.kind, "undoing")
  local good, message, reason = remove()
  if good then
    settle_kinds(work, kinds, "undone")
    work.report(row.kind, "undone")
    return true
  end
  settle(work, row, "left", reason)
  return nil, message, reason
end

local handlers = {}

function handlers.application(work, row)
  if not row.id then return true end -- never confirmed: if it exists, it is found in the project
  return remove_and_settle(work, row, function()
    return remove_application(work, row.id, row.data.ids and row.data.ids.app_name)
  end, with_application)
end

function handlers.project(work, row)
  return remove_and_settle(work, row, function()
    if row.id then
      local good, message, reason = remove_project(work, row.id)
      if not good then return nil, message, reason end
    end
    if work.exact then return true end
    return undo.remove_tagged(work)
  end, with_project)
end

-- The volume exists only from the first start of a container on.
function handlers.volume(work, row)
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

local is_finished = { undone = true, kept = true, lost = true }

--- Removes what is in the record.
---@param work Undo
---@return boolean|nil clean, string? message, string? reason
function undo.run(work)
  for _, row in ipairs(undo.order(work.resources)) do
    local handler = handlers[row.kind]
    if handler and not is_finished[row.state] then
      local good, message, reason = handler(work, row)
      if not good then return nil, message, reason end
    end
  end
  return #undo.leftovers(work) == 0
end

-- Parts of an application go with it and are not listed on their own.
local parts = { domain = true, mount = true, deployment = true }

--- What of the record is still there: { {kind, id, reason}, ... }. What has no id is found by its
--- tag.
function undo.leftovers(work)
  local list = {}
  for _, row in ipairs(undo.order(work.resources)) do
    if not is_finished[row.state] and not parts[row.kind] then
      local id = row.id or (row.key ~= "" and row.key) or work.tag
      list[#list + 1] = { kind = row.kind, id = id, reason = row.data.reason }
    end
  end
  return list
end

--- Gives up for now: what is still there is written down as left, for orphans.lua.
function undo.give_up(work, reason)
  for _, row in ipairs(work.resources) do
    if not is_finished[row.state] and row.state ~= "left" then settle(work, row, "left", reason) end
  end
end

return undo
