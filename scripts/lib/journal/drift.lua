--- What the journal and Dokploy do not agree on, as the journal keeps it: found, worked on, resolved. lib/workspaces/reconcile.lua finds,
--- lib/workspaces/drift_actions.lua mends. Functions return nil, message, "journal" when the journal cannot be read or written.
local json = require "core.json"
local shared = require "core.shared"
local store = require "core.store"
local change_events = require "lib.journal.change_events"
local query = require "lib.journal.query"
local reservations = require "lib.journal.reservations"

local drift = { kinds = { "vanished", "unknown", "in_error" } }
local NOW = "((julianday('now') - 2440587.5) * 86400.0)"

local function rows_of(sql, ...)
  local rows, message = query.rows((sql:gsub("NOW", NOW)), ...)
  if not rows then return nil, message, "journal" end
  for _, row in ipairs(rows) do row.facts = row.facts and json.decode(row.facts) end
  return rows
end

-- Reading ----------------------------------------------------------------------------------------------------------------

-- `taken`: a stack in the journal has the name.
local FINDING = "SELECT findings.*, EXISTS (SELECT 1 FROM stacks WHERE stacks.name = findings.name) AS taken FROM findings "

--- The finding of that id; false when there is none.
function drift.get(id) return query.first(rows_of(FINDING .. "WHERE id = ?1", id)) end

--- All that are not resolved, oldest first; of one kind, or all.
---@param kind string|nil
function drift.open(kind)
  return rows_of(FINDING .. "WHERE resolved_at IS NULL AND (?1 IS NULL OR kind = ?1) ORDER BY id", query.or_null(kind))
end

--- A page of them, newest first: those before the id `before`; resolved ones only with `all`.
---@param which { limit: integer, before: integer|nil, all: boolean }
function drift.page(which)
  return rows_of(FINDING .. "WHERE (?1 OR resolved_at IS NULL) AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3",
    which.all, query.or_null(which.before), which.limit)
end

local HELD = [[SELECT EXISTS (SELECT 1 FROM findings WHERE name = ?1 AND kind = 'unknown' AND resolved_at IS NULL) AS held,
  EXISTS (SELECT 1 FROM looks) AS looked]]

--- Whether something unknown in Dokploy has that name, as far as is known; and whether Dokploy was ever looked through.
---@return boolean|nil held, boolean|string looked
function drift.holds(name)
  local row, message, code = query.first(rows_of(HELD, name))
  if not row then return nil, message, code end
  return row.held == 1, row.looked == 1
end

-- What the journal has, for the comparison ---------------------------------------------------------------------------------

local STACKS = [[
  SELECT name, owner_id, operation_id, state,
    (SELECT id FROM resources r WHERE r.operation_id = stacks.operation_id AND kind = 'project' AND r.state = 'created') AS project_id,
    (SELECT id FROM resources r WHERE r.operation_id = stacks.operation_id AND kind = 'application' AND r.state = 'created')
      AS application_id
  FROM stacks WHERE state IN ('ready', 'stopped', 'unhealthy') AND (?1 IS NULL OR operation_id = ?1 OR name = ?2)]]

-- Deploys that somebody works on, or the sweeper comes back to.
local BUSY = [[
  SELECT id FROM operations WHERE ended_at IS NULL
  UNION SELECT json_extract(params, '$.target') FROM operations WHERE ended_at IS NULL AND kind <> 'deploy'
  UNION SELECT operation_id FROM stacks WHERE state NOT IN ('ready', 'stopped', 'unhealthy')
  UNION SELECT operation_id FROM resources WHERE state IN ('left', 'lost')]]

--- The stacks that stand, and the deploys that are being worked on; all, or what has to do with one finding.
---@param of { operation_id: string, name: string }|nil
---@return KnownStack[]|nil stacks, table<string, boolean>|string busy
function drift.known(of)
  local results, message = store.run { { STACKS, query.or_null(of and of.operation_id), of and of.name or "" }, { BUSY } }
  if not results then return nil, message, "journal" end
  local busy = {}
  for _, row in ipairs(results[2]) do
    if row.id then busy[row.id] = true end
  end
  return results[1], busy
end

-- Writing ----------------------------------------------------------------------------------------------------------------

local FOUND = [[
  INSERT INTO findings (kind, thing, name, owner_id, operation_id, facts, found_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, NOW)
  ON CONFLICT DO NOTHING]]
local LOOKED = [[
  INSERT INTO looks (id, at, projects) VALUES (1, NOW, ?1) ON CONFLICT DO UPDATE SET at = NOW, projects = ?1]]
local RESOLVE = "UPDATE findings SET resolved_at = NOW, resolution = ?2 WHERE id = ?1 AND resolved_at IS NULL"

local function timed(sql) return (sql:gsub("NOW", NOW)) end

--- The statement that resolves a finding, to be written with what it tells of.
function drift.resolved(id, resolution) return { timed(RESOLVE), id, resolution } end

--- Writes what one look through Dokploy came to.
---@param found Difference[]  new ones, with their `facts`
---@param gone integer[]      ids of findings that are none any more
---@param projects integer|nil  how many had our mark; nil: not all could be read
function drift.record(found, gone, projects)
  local batch = { projects and { timed(LOOKED), projects } }
  for _, new in ipairs(found) do
    batch[#batch + 1] = { timed(FOUND), new.kind, new.thing, new.name, new.owner_id, new.operation_id, json.encode(new.facts) }
  end
  for _, id in ipairs(gone) do batch[#batch + 1] = drift.resolved(id, "gone") end
  if #batch == 0 then return true end
  local results, message = store.run(batch)
  if not results then return nil, message, "journal" end
  return drift.refresh()
end

--- Resolves one.
function drift.resolve(id, resolution)
  local results, message = store.run { drift.resolved(id, resolution) }
  if not results then return nil, message, "journal" end
  return drift.refresh()
end

--- The statement that notes which operation works on it, to be run together with what begins that.
function drift.worked_on(id, operation_id) return { "UPDATE findings SET work_id = ?2 WHERE id = ?1", id, operation_id } end

-- Their shadow in core.shared, for answers that do not wait ------------------------------------------------------------------

local function shadow(kind) return "findings." .. kind end
local HOLDS = "findings.holds:"

-- Names of unknown things are taken; those of resolved ones are free again.
local function hold_names(rows)
  local held = {}
  for _, row in ipairs(rows) do
    if row.kind == "unknown" then
      reservations.take(row.name, "finding:" .. row.thing)
      shared.set(HOLDS .. row.thing, row.name)
      held[HOLDS .. row.thing] = true
    end
  end
  for _, key in ipairs(shared.keys(HOLDS)) do
    if not held[key] then
      reservations.drop(shared.get(key), "finding:" .. key:sub(#HOLDS + 1))
      shared.set(key, nil)
    end
  end
end

-- Tells the admin's pages, if this is another picture than the one before.
local function tell(rows, look)
  local ids = { look and look.at or 0 }
  for i, row in ipairs(rows) do ids[i + 1] = row.id end
  local picture = table.concat(ids, " ")
  if shared.get "findings.picture" ~= picture then change_events.changed("findings") end
  shared.set("findings.picture", picture)
end

--- Counts them anew, and takes their names. True.
function drift.refresh()
  local rows, message, code = drift.open()
  if not rows then return nil, message, code end
  local counted = {}
  for _, row in ipairs(rows) do counted[row.kind] = (counted[row.kind] or 0) + 1 end
  for _, kind in ipairs(drift.kinds) do shared.set(shadow(kind), counted[kind] or 0) end
  hold_names(rows)
  local look = query.first(rows_of "SELECT at FROM looks")
  shared.set("findings.looked_at", look and look.at or nil)
  tell(rows, look)
  return true
end

--- How many there are of each kind, and in all, without waiting.
---@return table<string, integer>
function drift.counts()
  local counts = { all = 0 }
  for _, kind in ipairs(drift.kinds) do
    counts[kind] = shared.get(shadow(kind)) or 0
    counts.all = counts.all + counts[kind]
  end
  return counts
end

--- When Dokploy was last looked through to the end; nil: never.
---@return number|nil
function drift.looked_at() return shared.get "findings.looked_at" end

return drift
