--- The tables `findings` and `looks`: what the journal and Dokploy disagree on (the drift).
--- lib/workspaces/reconcile.lua finds it, lib/operations/drift_actions.lua acts on it.
local json = require "core.json"
local shared = require "core.shared"
local change_events = require "lib.journal.change_events"
local db = require "lib.journal.db"
local reservations = require "lib.journal.reservations"

local drift = { kinds = { "vanished", "unknown", "in_error" } }

-- Reading

local function decode_each(rows, message, code)
  return db.decode_each(rows, "facts"), message, code
end

-- `taken`: a workspace in the journal has the name.
local SELECT = [[
  SELECT findings.*,
    EXISTS (SELECT 1 FROM stacks WHERE stacks.name = findings.name) AS taken FROM findings ]]
local OPEN = SELECT .. [[
  WHERE resolved_at IS NULL AND (?1 IS NULL OR kind = ?1) ORDER BY id]]

--- The row of that id; false when there is none.
function drift.get(id)
  local row, message, code = db.row(SELECT .. "WHERE id = ?1", id)
  return db.decode(row, "facts"), message, code
end

--- All that are not resolved, oldest first; of one kind, or all.
---@param kind string|nil
function drift.open(kind) return decode_each(db.rows(OPEN, db.or_null(kind))) end

--- A page of them, newest first: those before the id `before`; resolved ones only with `all`.
---@param which { limit: integer, before: integer|nil, all: boolean|nil }
---@return table[]|nil rows, integer|nil next  the id to go on before
---@return string? code
function drift.page(which)
  return decode_each(db.page(SELECT, {
    { "resolved_at IS NULL", not which.all or nil }, { "id < ?", which.before },
  }, { order = "id DESC", limit = which.limit, cursor = "id" }))
end

local HOLDS = [[
  SELECT EXISTS (SELECT 1 FROM findings
      WHERE name = ?1 AND kind = 'unknown' AND resolved_at IS NULL) AS held,
    EXISTS (SELECT 1 FROM looks) AS has_run]]

--- Whether something unknown in Dokploy has that name, as far as is known; and whether Dokploy was
--- ever compared with the journal.
---@return boolean|nil held, boolean|string has_run
function drift.holds(name)
  local row, message, code = db.row(HOLDS, name)
  if not row then return nil, message, code end
  return row.held == 1, row.has_run == 1
end

local KNOWN_STACKS = [[
  SELECT name, owner_id, operation_id, state,
    (SELECT id FROM resources r WHERE r.operation_id = stacks.operation_id AND kind = 'project'
      AND r.state = 'created') AS project_id,
    (SELECT id FROM resources r WHERE r.operation_id = stacks.operation_id
      AND kind = 'application' AND r.state = 'created') AS application_id
  FROM stacks WHERE state IN ('ready', 'stopped', 'unhealthy')
    AND (?1 IS NULL OR operation_id = ?1 OR name = ?2)]]

-- Deploys that are being worked on, or that the sweep of orphans comes back to; and what was made
-- ahead, which nobody owns.
local BUSY = [[
  SELECT id FROM operations WHERE ended_at IS NULL
  UNION SELECT json_extract(params, '$.target') FROM operations
    WHERE ended_at IS NULL AND kind <> 'deploy'
  UNION SELECT operation_id FROM stacks WHERE state NOT IN ('ready', 'stopped', 'unhealthy')
  UNION SELECT operation_id FROM pool
  UNION SELECT operation_id FROM resources WHERE state IN ('left', 'lost')]]

--- The workspaces that exist, and the deploys that are being worked on; all, or those that concern
--- one row of drift.
---@param of { operation_id: string, name: string }|nil
---@return KnownStack[]|nil stacks, table<string, boolean>|string busy, string? code
function drift.known(of)
  local results, message, code = db.run {
    { KNOWN_STACKS, db.or_null(of and of.operation_id), of and of.name or "" },
    { BUSY },
  }
  if not results then return nil, message, code end
  local busy = {}
  for _, row in ipairs(results[2]) do
    if row.id then busy[row.id] = true end
  end
  return results[1], busy
end

-- Writing

local INSERT = [[
  INSERT INTO findings (kind, thing, name, owner_id, operation_id, facts, found_at)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, NOW) ON CONFLICT DO NOTHING]]
local NOTE_RUN = [[
  INSERT INTO looks (id, at, projects) VALUES (1, NOW, ?1)
  ON CONFLICT DO UPDATE SET at = NOW, projects = ?1]]
local RESOLVE = [[
  UPDATE findings SET resolved_at = NOW, resolution = ?2 WHERE id = ?1 AND resolved_at IS NULL]]

--- The statement that resolves a row.
---@param resolution string  gone adopted repaired removed
function drift.resolved(id, resolution) return { RESOLVE, id, resolution } end

--- The statement that notes which operation works on a row.
function drift.worked_on(id, operation_id)
  return { "UPDATE findings SET work_id = ?2 WHERE id = ?1", id, operation_id }
end

--- Writes the result of one comparison.
---@param found Difference[]    new ones, with their `facts`
---@param gone integer[]        ids of rows that no longer hold
---@param projects integer|nil  how many are ours; nil: not all could be read
function drift.record(found, gone, projects)
  local batch = { projects and { NOTE_RUN, projects } }
  for _, new in ipairs(found) do
    batch[#batch + 1] = { INSERT, new.kind, new.thing, new.name, new.owner_id, new.operation_id,
      json.encode(new.facts) }
  end
  for _, id in ipairs(gone) do batch[#batch + 1] = drift.resolved(id, "gone") end
  if #batch == 0 then return true end
  local results, message, code = db.run(batch)
  if not results then return nil, message, code end
  return drift.refresh()
end

--- Writes the facts of rows as they are now.
---@param rows table[]
function drift.set_facts(rows)
  if #rows == 0 then return true end
  local batch = {}
  for i, row in ipairs(rows) do
    batch[i] = { "UPDATE findings SET facts = ?2 WHERE id = ?1", row.id, json.encode(row.facts) }
  end
  local results, message, code = db.run(batch)
  if results then change_events.changed "findings" end
  return results and true, message, code
end

--- Resolves a row as adopted, together with the statements that adopt what it is about.
---@return boolean|nil adopted, string? message, string? code  conflict journal
function drift.adopt(id, statements)
  table.insert(statements, 1, drift.resolved(id, "adopted"))
  local results, message, code = db.run(statements)
  return results and true, message, code
end

--- Resolves one.
function drift.resolve(id, resolution)
  local results, message, code = db.run { drift.resolved(id, resolution) }
  if not results then return nil, message, code end
  return drift.refresh()
end

-- Counts and names in core.shared, for answers that do not wait

local HELD = "drift.holds:"

-- A name that something unknown has is taken; that of a resolved row is free again.
local function hold_names(rows)
  local held = {}
  for _, row in ipairs(rows) do
    if row.kind == "unknown" then
      reservations.take(row.name, "drift:" .. row.thing)
      shared.set(HELD .. row.thing, row.name)
      held[HELD .. row.thing] = true
    end
  end
  for _, key in ipairs(shared.keys(HELD)) do
    if not held[key] then
      reservations.drop(shared.get(key), "drift:" .. key:sub(#HELD + 1))
      shared.set(key, nil)
    end
  end
end

-- Notifies open admin pages when the rows or the time of the last run have changed.
local function notify(rows, run_at)
  local ids = { run_at or 0 }
  for i, row in ipairs(rows) do ids[i + 1] = row.id end
  local fingerprint = table.concat(ids, " ")
  if shared.get "drift.fingerprint" ~= fingerprint then change_events.changed("findings") end
  shared.set("drift.fingerprint", fingerprint)
end

--- Counts the open rows, and reserves their names. True.
function drift.refresh()
  local rows, message, code = drift.open()
  if not rows then return nil, message, code end
  local counts = {}
  for _, row in ipairs(rows) do counts[row.kind] = (counts[row.kind] or 0) + 1 end
  for _, kind in ipairs(drift.kinds) do shared.set("drift.count." .. kind, counts[kind] or 0) end
  hold_names(rows)
  local run = db.row "SELECT at FROM looks"
  shared.set("drift.run_at", run and run.at or nil)
  notify(rows, run and run.at)
  return true
end

--- How many there are of each kind, and in all, without waiting.
---@return table<string, integer>
function drift.counts()
  local counts = { all = 0 }
  for _, kind in ipairs(drift.kinds) do
    counts[kind] = shared.get("drift.count." .. kind) or 0
    counts.all = counts.all + counts[kind]
  end
  return counts
end

--- When Dokploy was last compared to the end, in seconds since 1970; nil: never.
---@return number|nil
function drift.last_run_at() return shared.get "drift.run_at" end

return drift
