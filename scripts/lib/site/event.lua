--- The event that a hook gets, made from the journal when it is delivered.
local journal = require "lib.journal"
local context = require "lib.operations.ctx"
local wording = require "lib.pages.wording"

local event = {}

---@class HookEvent
---@field id string    the same each time it is delivered
---@field type string  created ready restored failed cancelled deleted stopped started restarted
--- rotated redeployed repaired rebuilt removed purged sleep_soon asleep woken ends_soon
--- purge_soon; of *_soon the operation is the one that made the workspace
---@field at number    seconds since 1970
---@field workspace EventWorkspace
---@field operation EventOperation
---@field files? { volume: string, until: number|nil }  of purge_soon: purged then

---@class EventWorkspace
---@field name string
---@field url? string
---@field owner StepOwner
---@field template? string
---@field parameters table<string, any>  what was chosen when it was deployed

---@class EventOperation
---@field id string
---@field kind string  deploy restore delete stop start restart rotate sleep wake redeploy repair
--- rebuild remove purge
---@field state string
---@field code? string  why it failed
---@field reason? string  of a failure: why, as its page says it in English; else why a script
--- began it
---@field seconds? number  how long it took

-- Warnings; there may be several of one operation.
local is_repeated = { sleep_soon = true, ends_soon = true, purge_soon = true }

local function files_of(row)
  local volume = row.type == "purge_soon" and journal.volumes.of_deploy(row.operation_id)
  return volume and { volume = volume.volume, ["until"] = volume.purge_at } or nil
end

-- The deploy that made the workspace which an operation is about.
local function deploy_of(op)
  local target = op.params.target
  return target and journal.operations.get(target) or op
end

local function seconds_of(op)
  return op.ended_at and op.ended_at - (op.started_at or op.created_at) or nil
end

local function reason_of(op)
  if op.state ~= "failed" then return op.params.reason end
  local rows, message, code = journal.events.list(op.id, 0)
  if not rows then return nil, message, code end
  local last = rows[#rows]
  if not last or last.event ~= "failed" then return nil end
  last.data.at = last.at
  return wording.event("en", "failed", last.data).detail
end

--- The event of a row of the outbox.
---@param row table
---@return HookEvent|nil, string? message, string? code
function event.of(row)
  local op, message, code = journal.operations.get(row.operation_id)
  if not op then return nil, message or "its operation is gone", code end
  local reason
  reason, message, code = reason_of(op)
  if message then return nil, message, code end
  local deploy = deploy_of(op)
  local id = ("%s.%s"):format(op.id, row.type)
  if is_repeated[row.type] then id = ("%s.%d"):format(id, row.created_at // 1) end -- each time
  return {
    id = id, type = row.type, at = row.created_at,
    workspace = {
      name = op.name, url = deploy.url, template = deploy.template,
      owner = context.owner_of(deploy),
      parameters = deploy.params.parameters or {},
    },
    files = files_of(row),
    operation = {
      id = op.id, kind = op.kind, state = op.state, code = op.code, reason = reason,
      seconds = seconds_of(op),
    },
  }
end

return event
