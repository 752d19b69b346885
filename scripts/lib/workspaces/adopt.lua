--- Adopts an unknown workspace: writes its deploy, its owner, its name and its resources into the
--- journal, from what lib/workspaces/reconcile.lua saw of it. Dokploy is not asked. The owner's key
--- is derived from the owner's id in the tag, so it is valid again.
local config = require "core.config"
local log = require "core.log"
local server = require "core.server"
local clock = require "lib.base.clock"
local workspace = require "lib.base.workspace"
local journal = require "lib.journal"
local drift = require "lib.journal.drift"
local reservations = require "lib.journal.reservations"
local adopt = {}

--- Whether there is enough of it to be a workspace: an application that was started, with its
--- files.
---@param facts table
function adopt.is_whole(facts)
  local application = facts.application
  return facts.part == "project" and application ~= nil and application.app_name ~= nil
    and facts.volume ~= nil and facts.domain ~= nil and facts.status ~= nil
end

--- The statements that record the resources of an unknown thing as those of an operation.
---@param volume_state string|nil  of its volume; nil: the volume is not recorded
---@return any[][]
function adopt.resource_statements(operation_id, facts, volume_state)
  local batch, application = {}, facts.application
  local function add(kind, key, id, ids)
    local row = { kind = kind, key = key, id = id, state = "created", ids = ids }
    if kind == "volume" then row.state = volume_state end
    batch[#batch + 1] = journal.resources.adopt_statement(operation_id, row)
  end
  if facts.part == "project" then add("project", "", facts.project.id, facts.project) end
  if not application then return batch end
  add("application", "", application.id, application)
  add("deployment", "1", "1") -- it may run; undoing waits for its end
  if facts.domain then add("domain", "", facts.domain.id) end
  if facts.volume then add("mount", "", facts.mount) end
  if facts.volume and volume_state then add("volume", facts.volume) end
  return batch
end

local states = { done = "ready", running = "ready", idle = "stopped", error = "unhealthy" }

local function statements(row)
  local facts, url = row.facts, workspace.address(row.name, config.stack)
  local created_at = clock.read_iso(facts.created_at)
  local op = {
    id = row.operation_id, name = row.name, owner_id = row.owner_id, url = url,
    params = {
      image = facts.image, memory_bytes = facts.memory_bytes or config.stack.memory_bytes,
      cpu_nanos = facts.cpu_nanos,
    },
  }
  local ready = { name = row.name, url = url, openUrl = workspace.open(url) }
  local batch = journal.operations.adopt_statements(op, created_at, ready)
  batch[#batch + 1] = journal.stacks.insert_statement(op, {
    state = states[facts.status] or "unhealthy", image = facts.image,
    created_at = created_at, since = server.now(),
  })
  batch[#batch + 1] = journal.volumes.forget_statement(facts.volume)
  local resources = adopt.resource_statements(op.id, facts, "created")
  return table.move(resources, 1, #resources, #batch + 1, batch)
end

--- Adopts what a row of drift is about.
---@param row table  of lib/journal/drift.lua
---@return boolean|nil, string? message, string? code  name_taken journal
function adopt.run(row)
  local adopted, message, code = drift.adopt(row.id, statements(row))
  if code == "conflict" then return nil, "there is a workspace of that name", "name_taken" end
  if not adopted then return nil, message, code end
  reservations.set(row.name, row.operation_id)
  log.info("drift.adopted", {
    drift = row.id, name = row.name, owner = row.owner_id, operation = row.operation_id,
  })
  return true
end

return adopt
