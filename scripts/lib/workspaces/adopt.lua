--- An unknown stack becomes one of the journal's again: its deploy, its owner, its name, and what it consists of, out of what
--- lib/workspaces/reconcile.lua saw of it. The journal alone is written; Dokploy is not asked. The owner's key is derived from the owner's id,
--- which stands in the mark: it is good again.
local config = require "core.config"
local json = require "core.json"
local log = require "core.log"
local store = require "core.store"
local query = require "lib.journal.query"
local workspace = require "lib.base.workspace"
local reservations = require "lib.journal.reservations"
local drift = require "lib.journal.drift"

local adopt = {}
local or_null = query.or_null
local NOW = "((julianday('now') - 2440587.5) * 86400.0)"
local function timed(sql) return (sql:gsub("NOW", NOW)) end

-- Its deploy ended long ago; `started_at` stays empty, so that nobody takes its length for that of a deployment.
local INSERT_OPERATION = timed [[
  INSERT INTO operations (id, kind, name, owner_id, url, params, state, created_at, ended_at)
  VALUES (?1, 'adopt', ?2, ?3, ?4, ?5, 'ready', COALESCE((julianday(?6) - 2440587.5) * 86400.0, NOW), NOW) ON CONFLICT DO NOTHING]]
local INSERT_EVENT = timed [[
  INSERT INTO events (operation_id, seq, event, data, at)
  SELECT ?1, 1, 'ready', ?2, NOW WHERE NOT EXISTS (SELECT 1 FROM events WHERE operation_id = ?1)]]
local INSERT_STACK = timed [[
  INSERT INTO stacks (name, owner_id, state, operation_id, url, image, created_at, since)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, COALESCE((julianday(?7) - 2440587.5) * 86400.0, NOW), NOW)]]
local INSERT_RESOURCE = timed [[
  INSERT INTO resources (operation_id, kind, key, id, state, data, intended_at, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, NOW, NOW)
  ON CONFLICT DO UPDATE SET id = ?4, state = ?5, data = ?6, created_at = NOW, ended_at = NULL]]

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
    batch[#batch + 1] = { INSERT_RESOURCE, id, kind, key, or_null(of), state, json.encode { step = kind, ids = ids } }
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
  local created_at = or_null(facts.created_at)
  local batch = {
    drift.resolved(row.id, "adopted"),
    { INSERT_OPERATION, id, row.name, row.owner_id, url, json.encode(params), created_at },
    { INSERT_EVENT, id, json.encode { name = row.name, url = url, openUrl = workspace.open(url) } },
    { INSERT_STACK, row.name, row.owner_id, states[facts.status] or "unhealthy", id, url, or_null(facts.image), created_at },
    { "DELETE FROM volumes WHERE volume = ?1", facts.volume },
  }
  table.move(adopt.resources(id, facts, "created"), 1, 99, #batch + 1, batch)
  return batch
end

--- Adopts what a finding is about.
---@param row table  of lib/journal/drift.lua
---@return boolean|nil, string? message, string? code  finding_unfit name_taken journal
function adopt.one(row)
  if row.kind ~= "unknown" or not adopt.is_whole(row.facts) then return nil, "there is too little of it to adopt", "finding_unfit" end
  local results, message, code = store.run(statements(row))
  if code == "conflict" then return nil, "there is a stack of that name", "name_taken" end
  if not results then return nil, message, "journal" end
  reservations.set(row.name, row.operation_id)
  log.info("finding.adopted", { finding = row.id, name = row.name, owner = row.owner_id, operation = row.operation_id })
  return true
end

return adopt
