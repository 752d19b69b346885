--- Removes what a deploy made, by kind, from the record of what it made; each thing is read again
--- until it is gone. Used by rolling back, by deleting a workspace, and by orphans.lua. What is
--- gone already counts as removed. What cannot be removed is named.
---
--- A real Dokploy needs this order: deleting a project alone leaves its containers running, and
--- deleting an application whose deployment runs lets Dokploy start it afterwards. So: no
--- deployment runs - application - its containers gone - project - volume.
local task = require "core.task"
local timer = require "core.timer"
local attempt = require "lib.base.attempt"
local dokploy = require "lib.dokploy"
local containers = require "lib.dokploy.containers"
local journal = require "lib.journal"
local create = require "lib.operations.create"
local context = require "lib.operations.ctx"
local step_list = require "lib.operations.step_list"
local faults = require "lib.site.faults"
local remains = require "lib.workspaces.remains"

-- Seconds to wait: for deployments to end, for containers to end (those of a service that Dokploy
-- no longer knows: Docker gives a container ten), for a volume to be free, for a step's own undo.
local undo = { quiet = 90, gone = 60, unknown = 15, free = 40, own = 60 }

---@class Undo
---@field id string          the operation whose record this is
---@field tag string
---@field resources table[]  the journal's rows; their states follow
---@field op table           its row
---@field steps table[]      those in force
---@field stream_id string|nil  the operation whose stream reports it
---@field dokploy table
---@field report fun(kind: string, state: string)
---@field exact boolean|nil      what else carries the tag stays
---@field never_ran boolean|nil  no container was ever started, so there is no volume
---@field unable string|nil      set by undo.run: a volume that this Dokploy cannot remove

-- The record, as work to do

-- Which kinds go when; the others go with the application. What steps made by their own means goes
-- first: their undo may need the application.
local rank = { application = 1, project = 3, volume = 4 }
local function rank_of(row) return step_list.is_own_kind(row.kind) and 0 or rank[row.kind] or 2 end

--- The resources in the order in which they are removed. Pure.
function undo.order(resources)
  local list, index = { table.unpack(resources) }, {}
  for i, row in ipairs(list) do index[row] = i end
  table.sort(list, function(a, b)
    local first, second = rank_of(a), rank_of(b)
    if first ~= second then return first < second end
    return index[a] > index[b] -- the newest first
  end)
  return list
end

local function settle(work, row, state, reason)
  row.state, row.data.reason = state, reason
  local note = { reason = reason or "", command = row.data.command }
  create.surely(function()
    return journal.resources.settle(work.id, row.kind, row.key, state, note)
  end)
end

local function row_of(work, kind)
  for _, row in ipairs(work.resources) do
    if row.kind == kind and row.state ~= "lost" then return row end
  end
end

-- Failing: inside, code is a reason, "leftover.reason.REASON" in the locales

local reasons = {
  dokploy_unreachable = "unreachable", dokploy_refused = "refused", cancelled = "unreachable",
}

local function fail(message, reason) attempt.try(nil, message, reason) end

-- Passes on what a call to Dokploy returned, or fails.
local function need(value, message, code)
  if value == nil then fail(message, reasons[code] or "error") end
  return value
end

-- Checks each second until check() is true; fails when the time is over.
local function await(seconds, late_reason, check)
  local ends = timer.now() + seconds
  while not check() do
    if timer.now() >= ends then fail("it takes too long", late_reason) end
    if not task.sleep(1) then fail("cancelled", "unreachable") end
  end
end

-- Applications

-- No deployment of it runs, twice in a row: one that waited in Dokploy's queue may just have begun.
local function await_quiet(work, id)
  local still = 0
  await(undo.quiet, "running", function()
    need(work.dokploy:clean_queue(id))
    local runs, message, code = work.dokploy:is_deploying(id)
    if code == "not_found" then return true end
    still = need(runs, message, code) and 0 or still + 1
    return still >= 2
  end)
end

-- No container of it runs any more, on this machine or on another of the swarm.
local function await_no_containers(work, app_name)
  await(undo.gone, "containers", function()
    return not containers.any_up(need(work.dokploy:containers(app_name)))
      and not containers.any_up(need(work.dokploy:tasks(app_name)))
  end)
end

-- An application that was gone already may have left with its project, and then its service and
-- its route are still there.
local function await_no_remains(work, app_name)
  local url = work.op and work.op.url
  await(undo.unknown, "service_remains", function()
    return not need(remains.of(work.dokploy, app_name, url))
  end)
end

-- Deletes a thing, and proves that it is gone by reading it again. When it cannot be read, a second
-- delete that finds nothing proves the same. Whether it was there.
local function delete(work, kind, id)
  local client = work.dokploy
  local read = kind == "project" and client.project_one or client.application_one
  local remove = kind == "project" and client.project_remove or client.application_delete
  local was_there = need(remove(client, id)) ~= "gone"
  local value, message, code = read(client, id)
  if code == "not_found" then return was_there end
  if value then fail("it is still there", "error") end
  if remove(client, id) ~= "gone" then need(nil, message, code) end
  return was_there
end

local function remove_application(work, id, app_name)
  if row_of(work, "deployment") then await_quiet(work, id) end
  local await_end = delete(work, "application", id) and await_no_containers or await_no_remains
  if app_name then await_end(work, app_name) end
  return true
end

-- Projects

-- Everything in the project must be ours: by its tag, or by the record.
local function empty_project(work, project)
  local applications, others = dokploy.services_of(project)
  local row, is_ours = row_of(work, "application"), others == 0
  for _, application in ipairs(applications) do
    local is_recorded = row and application.applicationId == row.id
    is_ours = is_ours and (is_recorded or application.description == work.tag)
  end
  if not is_ours then fail("the project holds more than this portal made", "not_ours") end
  for _, application in ipairs(applications) do
    remove_application(work, application.applicationId, application.appName)
  end
end

local function remove_project(work, id)
  local project, message, code = work.dokploy:project_one(id)
  if code == "not_found" then return end
  empty_project(work, need(project, message, code))
  delete(work, "project", id)
end

local function remove_tagged(work)
  for _, project in ipairs(need(work.dokploy:projects_described(work.tag))) do
    remove_project(work, project.projectId)
  end
  return true
end

--- Removes every project with the tag, also those of calls whose answers were lost.
---@return boolean|nil clean, string? message, string? reason
function undo.remove_tagged(work) return attempt.catch(remove_tagged, work) end

-- Volumes

local function remove_volume(client, volume)
  local is_unable = false
  await(undo.free, "in_use", function()
    local removed, message, code = client:volume_remove(volume)
    if code == "in_use" then return false end
    is_unable = code == "no_such_call"
    return is_unable or need(removed, message, code)
  end)
  return is_unable and "unable" or "removed"
end

--- Removes a volume, once no container holds it any more.
---@param client table
---@param volume string
---@return "removed"|"unable"|nil result  unable: this Dokploy cannot
---@return string? message, string? reason
function undo.volume(client, volume) return attempt.catch(remove_volume, client, volume) end

-- All

local with_application = { application = true, domain = true, mount = true, deployment = true }
local with_project = { project = true }
for kind in pairs(with_application) do with_project[kind] = true end

-- Removes something with what goes with it, and settles the rows.
local function remove_and_settle(work, row, kinds, remove, ...)
  work.report(row.kind, "undoing")
  local good, message, reason = attempt.catch(remove, work, ...)
  if not good then
    settle(work, row, "left", reason)
    fail(message, reason)
  end
  for _, part in ipairs(work.resources) do
    local is_left = part ~= row and part.data.reason == "service_remains"
    if kinds[part.kind] and not is_left and part.state ~= "undone" and part.state ~= "lost" then
      settle(work, part, "undone")
    end
  end
  work.report(row.kind, "undone")
end

local handlers = {}

function handlers.application(work, row)
  if not row.id then return end -- never confirmed: if it exists, it is found in the project
  local app_name = row.data.ids and row.data.ids.app_name
  row.data.command = app_name and remains.command(app_name)
  local _, message, reason = attempt.catch(remove_and_settle, work, row, with_application,
    remove_application, row.id, app_name)
  if message and reason ~= "service_remains" then fail(message, reason) end
  return message, reason -- the rest goes all the same, except its files
end

function handlers.project(work, row)
  remove_and_settle(work, row, with_project, function()
    if row.id then remove_project(work, row.id) end
    return work.exact or remove_tagged(work)
  end)
end

-- The volume exists only from the first start of a container on.
function handlers.volume(work, row)
  local application = row_of(work, "application")
  if application and application.data.reason == "service_remains" then
    return settle(work, row, "left", "in_use")
  end
  if not row_of(work, "deployment") or work.never_ran then return settle(work, row, "undone") end
  local result, message, reason = undo.volume(work.dokploy, row.key)
  if result == "unable" then
    work.unable = row.key
    return settle(work, row, "kept", "unable")
  end
  settle(work, row, result and "undone" or "left", reason)
  if not result then fail(message, reason) end
end

-- What steps made by their own means

-- What the step is to remove; false when it is not there. It was never confirmed when it has no id.
local function resource_of(row, step, ctx)
  if row.id or row.kind ~= step.kind then
    return { kind = row.kind, id = row.id, data = row.data.data or row.data.ids or {} }
  end
  local found = need(step_list.call(step, "find", ctx))
  return found and { kind = row.kind, id = found.id, data = found }
end

local function run_undo(work, row, index)
  local step, ctx = work.steps[index], context.for_undo(work, index)
  local resource = resource_of(row, step, ctx)
  return not resource or need(step_list.call(step, "undo", ctx, resource))
end

local function leave(work, row, message, reason)
  settle(work, row, "left", reason)
  return message, reason
end

-- Returns a message and a reason when it could not be removed.
local function undo_own(work, row)
  local step, index = step_list.find(work.steps, row.data.step)
  if not step or not step.undo then
    local message = "step %s, which made %s %s, no longer exists, or has no undo any more"
    return leave(work, row, message:format(row.data.step, row.kind, row.id or row.key), "no_step")
  end
  work.report(step.name, "undoing")
  local seconds = math.min(step.deadline, undo.own)
  local good, message, code = task.run(seconds, attempt.catch, run_undo, work, row, index)
  if not good then
    local why, where = step_list.explain(step, message, code, seconds)
    if where then
      faults.note { kind = "step", name = step.name, message = why, where = where }
    end
    return leave(work, row, why, code == "unreachable" and code or "undo")
  end
  settle(work, row, "undone")
  work.report(step.name, "undone")
end

local is_finished = { undone = true, kept = true, lost = true }

-- One that fails does not keep the others from being removed.
local function run(work)
  local message, reason
  for _, row in ipairs(undo.order(work.resources)) do
    if not is_finished[row.state] then
      local handler = step_list.is_own_kind(row.kind) and undo_own or handlers[row.kind]
      local why, code
      if handler then why, code = handler(work, row) end
      message, reason = message or why, reason or code
    end
  end
  if message then fail(message, reason) end
  return #undo.leftovers(work) == 0
end

--- Removes what is in the record.
---@param work Undo
---@return boolean|nil clean, string? message, string? reason
function undo.run(work) return attempt.catch(run, work) end

-- Parts of an application go with it and are not listed on their own.
local parts = { domain = true, mount = true, deployment = true }

--- A row of the record as a leftover, for the texts. An application that left its service behind
--- is that service.
---@return { kind: string, id: string|nil, reason: string|nil, command: string|nil }
function undo.leftover(row)
  local data = row.data
  if data.reason ~= "service_remains" then
    return { kind = row.kind, id = row.id, reason = data.reason }
  end
  local service = data.ids and data.ids.app_name
  return { kind = "service", id = service, reason = data.reason, command = data.command }
end

--- What of the record is still there. What has no id is found by its tag.
function undo.leftovers(work)
  local list = {}
  for _, row in ipairs(undo.order(work.resources)) do
    if not is_finished[row.state] and not parts[row.kind] then
      local leftover = undo.leftover(row)
      leftover.id = leftover.id or (row.key ~= "" and row.key) or work.tag
      list[#list + 1] = leftover
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
