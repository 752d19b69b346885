--- An unknown stack becomes one of the journal's again: its deploy, its owner, its name, and what it consists of, out of what
--- lib/workspaces/reconcile.lua saw of it. The journal alone is written; Dokploy is not asked. The owner's key is derived from the owner's id,
--- which stands in the mark: it is good again.
local config = require "core.config"
local log = require "core.log"
local server = require "core.server"
local journal = require "lib.journal"
local db = require "lib.journal.db"
local workspace = require "lib.base.workspace"
local reservations = require "lib.journal.reservations"
local drift = require "lib.journal.drift"

local adopt = {}
--- Whether there is enough of it to be a stack again: an application that was started, with its files.
---@param facts table
function adopt.is_whole(facts)
  return facts.part == "project" and facts.application ~= nil and facts.application.app_name ~= nil and facts.volume ~= nil
    and facts.domain ~= nil and facts.status ~= nil
end

--- The statements that write down what a finding's facts tell: the resources of operation `id`. `volume`: in which state its volume is.
---@return any[][]
function adopt.resources(id, facts, volume)
  local batch = {}
  local function add(kind, key, of, state, ids)
    batch[#batch + 1] = journal.resources.adopt_statement(id, { kind = kind, key = key, id = of, state = state, ids = ids })
  end
  if facts.part == "project" then add("project", "", facts.project.id, "created", facts.project) end
  local application = facts.application
  if not application then return batch end
  add("application", "", application.id, "created", application)
  add("deployment", "1", "1", "created") -- it may have been started: its end is waited for before it is taken away
  if facts.domain then add("domain", "", facts.domain.id, "created") end
  if facts.volume then add("mount", "", facts.mount, "created") end
  if facts.volume and volume then add("volume", facts.volume, nil, volume) end
  return batch
end

local states = { done = "ready", running = "ready", idle = "stopped", error = "unhealthy" }

local function statements(row)
  local facts, id = row.facts, row.operation_id
  local url = workspace.address(row.name, config.stack)
  local params = { image = facts.image, memory_bytes = facts.memory_bytes or config.stack.memory_bytes, cpu_nanos = facts.cpu_nanos }
  local op = { id = id, name = row.name, owner_id = row.owner_id, url = url, params = params }
  local batch = journal.operations.adopt_statements(op, facts.created_at, { name = row.name, url = url, openUrl = workspace.open(url) })
  batch[#batch + 1] = drift.resolved(row.id, "adopted")
  batch[#batch + 1] = journal.stacks.insert_statement(op, {
    state = states[facts.status] or "unhealthy", image = facts.image, created_at = facts.created_at, since = server.now() })
  batch[#batch + 1] = journal.volumes.forget_statement(facts.volume)
  table.move(adopt.resources(id, facts, "created"), 1, 99, #batch + 1, batch)
  return batch
end

--- Adopts what a finding is about.
---@param row table  of lib/journal/drift.lua
---@return boolean|nil, string? message, string? code  finding_unfit name_taken journal
function adopt.one(row)
  if row.kind ~= "unknown" or not adopt.is_whole(row.facts) then return nil, "there is too little of it to adopt", "finding_unfit" end
  local results, message, code = db.run(statements(row))
  if code == "conflict" then return nil, "there is a stack of that name", "name_taken" end
  if not results then return nil, message, "journal" end
  reservations.set(row.name, row.operation_id)
  log.info("finding.adopted", { finding = row.id, name = row.name, owner = row.owner_id, operation = row.operation_id })
  return true
end

return adopt
