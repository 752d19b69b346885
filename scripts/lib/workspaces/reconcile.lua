--- Holds the journal against Dokploy, on start and every few minutes: what has our mark there is listed, and compared with what is in the
--- record (lib/workspaces/diff.lua). What does not agree is written down (lib/journal/drift.lua), for the admin to decide; nothing is
--- changed here.
---
--- It goes slowly, beside everything else, and never twice at a time. Each difference is looked at again before it is believed. While
--- Dokploy is away nothing is known, so what was found before stays.
local log = require "core.log"
local shared = require "core.shared"
local task = require "core.task"
local workspace = require "lib.base.workspace"
local context = require "lib.operations.ctx"
local dokploy = require "lib.dokploy"
local journal = require "lib.journal"
local drift = require "lib.journal.drift"
local diff = require "lib.workspaces.diff"

local reconcile = {
  tick = 5,      -- seconds between two looks at the clock
  round = 300,   -- seconds between two looks through Dokploy
  again = 30,    -- the same after one that failed
  pause = 0.02,  -- seconds between two questions
  deadline = 1800, -- seconds for a whole look
}
local client = dokploy.client { tries = 2 }

-- Seeing -----------------------------------------------------------------------------------------------------------------

local function seen_application(row)
  local mark = context.read_mark(row.description)
  return { id = row.applicationId, status = row.applicationStatus, operation_id = mark and mark.id }
end

-- A project as the comparison wants it; false when it is not there.
local function see(id)
  local project, message, code = client:project_one(id)
  if code == "not_found" then return false end
  if not project then return nil, message, code end
  local mark, applications = context.read_mark(project.description) or {}, {}
  for i, row in ipairs((dokploy.services_of(project))) do applications[i] = seen_application(row) end
  return { id = id, name = mark.name, operation_id = mark.id, owner_id = mark.owner_id, applications = applications, project = project }
end

local alone = { dokploy_error = true, dokploy_unexpected_answer = true } -- failures that may be one project's alone

-- Everything with our mark; and the ids of projects that could not be read, of which nothing can be said.
local function see_all()
  local listed, message, code = client:projects_holding(context.marked)
  if not listed then return nil, message, code end
  local seen, unread = {}, {}
  for _, row in ipairs(listed) do
    if context.read_mark(row.description) then
      local project, why, trouble = see(row.projectId)
      if project == nil and not alone[trouble] then return nil, why, trouble end
      if project == nil then unread[row.projectId] = trouble end
      seen[#seen + 1] = project or nil
      if not task.sleep(reconcile.pause) then return nil, "cancelled", "cancelled" end
    end
  end
  return seen, unread
end

-- The same thing, looked at alone: the difference as it is now, false when there is none any more, nil when it cannot be told.
local function look_again(one)
  local project, message, code = false, nil, nil
  if one.project_id then project, message, code = see(one.project_id) end
  if project == nil then return nil, message, code end
  local stacks, busy = drift.known(one)
  if not stacks then return nil, busy, "journal" end
  if busy[one.operation_id] then return nil, "somebody works on it", "stack_busy" end
  for _, now in ipairs(diff.between(project and { project } or {}, stacks, busy)) do
    if now.kind == one.kind and now.thing == one.thing then return now, project end
  end
  return false
end

-- Facts ------------------------------------------------------------------------------------------------------------------

local function text(value) return type(value) == "string" and value ~= "" and value or nil end

local function mounted(application)
  for _, mount in ipairs(type(application.mounts) == "table" and application.mounts or {}) do
    if text(mount.volumeName) and mount.mountPath == workspace.directory then return mount.volumeName, text(mount.mountId) end
  end
end

local function add_application(facts, application)
  facts.application = { id = application.applicationId, app_name = text(application.appName) }
  facts.status, facts.image = text(application.applicationStatus), text(application.dockerImage)
  facts.memory_bytes, facts.cpu_nanos = tonumber(text(application.memoryLimit)), tonumber(text(application.cpuLimit))
  facts.volume, facts.mount = mounted(application)
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

-- All that is needed to adopt it or to take it away, so that both can be done by the journal alone. nil when it cannot be read now.
local function facts_of_unknown(one, seen)
  local project, facts = seen.project, { part = one.part }
  facts.mark = context.mark { name = one.name, id = one.operation_id, owner_id = one.owner_id }
  facts.created_at = text(project.createdAt)
  facts.project = { id = one.project_id, environment = dokploy.environment_of(project) }
  local id = application_of(one, seen)
  if not id then return facts end
  local application, message, code = client:application_one(id)
  if not application then return code == "not_found" and facts or nil, message, code end
  add_application(facts, application)
  return facts
end

local function facts_of(one, seen)
  if one.kind == "unknown" then return facts_of_unknown(one, seen) end
  local stack = journal.stacks.get(one.name)
  return { part = one.part, project = one.project_id and { id = one.project_id }, volume = stack and stack.volume or nil,
    application = one.application_id and { id = one.application_id } }
end

-- Comparing --------------------------------------------------------------------------------------------------------------

local function key(one) return one.kind .. " " .. one.thing end

local function by_key(list)
  local map = {}
  for _, one in ipairs(list) do map[key(one)] = one end
  return map
end

-- Adds what is new to `found`, each looked at twice, with its facts. Nothing, or why it was given up.
local function confirm(candidates, open, found)
  for _, one in ipairs(candidates) do
    if not open[key(one)] then
      local now, seen, code = look_again(one)
      if now == nil and code ~= "stack_busy" then return seen, code end
      if now then
        local facts, message, trouble = facts_of(now, seen)
        if not facts then return message, trouble end
        now.facts = facts
        found[#found + 1] = now
      end
      task.sleep(reconcile.pause)
    end
  end
end

--- A finding as the comparison knows it.
local function of_row(row)
  local facts = row.facts
  return { kind = row.kind, thing = row.thing, name = row.name, operation_id = row.operation_id,
    project_id = facts.project and facts.project.id, application_id = facts.application and facts.application.id }
end

-- Ids of findings that are none any more.
local function gone(rows, candidates)
  local ids = {}
  for _, row in ipairs(rows) do
    if not candidates[key(row)] and look_again(of_row(row)) == false then ids[#ids + 1] = row.id end
  end
  return ids
end

local function compare(seen, unread)
  local stacks, busy = drift.known()
  if not stacks then return nil, busy, "journal" end
  for _, stack in ipairs(stacks) do
    if unread[stack.project_id] then busy[stack.operation_id] = true end
  end
  return diff.between(seen, stacks, busy)
end

local function look()
  local seen, unread, code = see_all()
  if not seen then return nil, unread, code end
  local candidates, message, trouble = compare(seen, unread)
  if not candidates then return nil, message, trouble end
  local rows, why, word = drift.open()
  if not rows then return nil, why, word end
  local found = {}
  message, trouble = confirm(candidates, by_key(rows), found)
  if message then return nil, message, trouble end
  local ended = gone(rows, by_key(candidates))
  local id, problem = next(unread)
  local written
  written, message, trouble = drift.record(found, ended, not id and #seen or nil)
  if not written then return nil, message, trouble end
  log.info("reconcile.looked", { projects = #seen, found = #found, gone = #ended })
  if id then return nil, "the project " .. id .. " cannot be read", problem end
  return true
end

-- When -------------------------------------------------------------------------------------------------------------------

local function tell_trouble(code, message)
  if shared.get "reconcile.trouble" ~= code then log.warn("reconcile.skipped", { code = code, message = message }) end
  shared.set("reconcile.trouble", code)
end

local function look_once()
  local good, message, code = task.run(reconcile.deadline, look)
  tell_trouble(not good and (code or "failed") or nil, message)
  shared.set("reconcile.rested", true, good and reconcile.round or reconcile.again)
end

--- Looks through Dokploy now, unless that goes on already: in a task of its own, one in all generations of the scripts.
function reconcile.start() return task.spawn("reconcile", look_once) end

--- Whether it is being looked through just now.
---@return boolean
function reconcile.is_looking() return task.alive "reconcile" end

--- Called every few seconds, and on start: looks when it is time.
function reconcile.look_if_due()
  drift.refresh()
  if not shared.get "reconcile.rested" then reconcile.start() end
end

--- Why the last look came to nothing, as a code; nil when it came to its end.
---@return string|nil
function reconcile.trouble() return shared.get "reconcile.trouble" end

--- Whether a finding still holds: looks at Dokploy now. False when it does not; nil, message, code when that cannot be told.
---@param row table  of lib/journal/drift.lua
---@return boolean|nil, string? message, string? code  stack_busy journal, or those of lib/dokploy/call.lua
function reconcile.holds(row)
  local now, message, code = look_again(of_row(row))
  if now == nil then return nil, message, code end
  return now ~= false
end

-- Names ------------------------------------------------------------------------------------------------------------------

local function is_anothers(ctx, row)
  local mark = context.read_mark(row.description)
  return mark and mark.name == ctx.name and mark.id ~= ctx.id and journal.operations.get(mark.id) == false
end

--- Before a deploy makes anything: whether nothing unknown in Dokploy has its name. Asked of the journal; and of Dokploy itself as long as
--- it was never looked through, as after the loss of the journal.
---@param ctx table
---@return boolean|nil free, string? message, string? code  name_taken, or those of lib/dokploy/call.lua
function reconcile.name_is_free(ctx)
  if ctx.ids.project or ctx.params.target then return true end -- it has the name: it went on before, or is made again
  local held, looked = drift.holds(ctx.name)
  if held == nil then return nil, looked, "journal" end
  if held then return nil, "Dokploy has something of that name", "name_taken" end
  if looked then return true end
  local rows, message, code = ctx.dokploy:projects_holding(context.marked .. ctx.name .. " ")
  if not rows then return nil, message, code end
  for _, row in ipairs(rows) do
    if is_anothers(ctx, row) then return nil, "Dokploy has a stack of that name", "name_taken" end
  end
  return true
end

return reconcile
