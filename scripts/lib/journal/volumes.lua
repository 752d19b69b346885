--- The table `volumes`: data that outlived its workspace.
local db = require "lib.journal.db"
local outbox = require "lib.journal.outbox"
local volumes = {}

local KEEP = [[
  INSERT INTO volumes (volume, name, owner_id, operation_id, reason, at)
  VALUES (?1, ?2, ?3, ?4, ?5, NOW) ON CONFLICT DO UPDATE SET reason = ?5]]

--- The statement that remembers a volume.
---@param row { volume: string, name: string, owner_id: string, operation_id: string,
--- reason: string }  reason: kept (nobody asked to remove it), left (Dokploy could not)
function volumes.keep_statement(row)
  return { KEEP, row.volume, row.name, row.owner_id, row.operation_id, row.reason }
end

--- Remembers a volume that outlives its workspace.
function volumes.keep(row) return db.change(table.unpack(volumes.keep_statement(row))) end

local DELETE = "DELETE FROM volumes WHERE volume = ?1"

--- The statement that forgets a volume.
function volumes.forget_statement(volume) return { DELETE, volume } end

--- Forgets a volume that is gone.
function volumes.forget(volume) return db.change(DELETE, volume) end

-- `state`: restoring (a workspace is being made on it); held (by a workspace that could not be
-- removed); purging; else the reason.
local LISTED = [[(
  SELECT volumes.*, COALESCE((
    SELECT iif(s.state = 'deploying', 'restoring', 'held')
    FROM resources r JOIN operations o ON o.id = r.operation_id
    JOIN stacks s ON s.name = o.name AND s.operation_id = o.id
    WHERE r.kind = 'volume' AND r.key = volumes.volume
  ), (
    SELECT 'purging' FROM operations o
    WHERE o.kind = 'purge' AND o.ended_at IS NULL AND o.name = volumes.name
      AND o.owner_id = volumes.owner_id
      AND COALESCE(json_extract(o.params, '$.volume'), volume) = volume
  ), reason) AS state
  FROM volumes)]]

--- Volumes that outlived their workspaces: of one owner, or all; newest first.
function volumes.list(owner_id)
  local sql = " WHERE ?1 IS NULL OR owner_id = ?1 ORDER BY at DESC"
  return db.rows("SELECT * FROM " .. LISTED .. sql, db.or_null(owner_id))
end

--- One of them; false when there is none of that name.
function volumes.get(volume)
  return db.row("SELECT * FROM " .. LISTED .. " WHERE volume = ?1", volume)
end

--- How many there are in each state: { {state, count}, ... }.
function volumes.states()
  return db.rows("SELECT state, count(*) AS count FROM " .. LISTED .. " GROUP BY state")
end

--- The condition that nothing is done with an owner's volume, of accept() in
--- lib/journal/operations.lua.
---@return table gate
function volumes.free_gate(volume, owner_id)
  local sql = "SELECT 1 FROM " .. LISTED
    .. " WHERE volume = ?1 AND owner_id = ?2 AND state = 'kept'"
  return { statement = { sql, volume, owner_id, gate = true }, code = "stack_busy" }
end

local PURGED = "SELECT * FROM " .. LISTED .. [[
  WHERE name = ?1 AND owner_id = ?2 AND state = 'purging' ORDER BY at]]

--- The volumes that the purge of a name and owner is about: those that no workspace has.
function volumes.purged(name, owner_id) return db.rows(PURGED, name, owner_id) end

--- Whether any volume of that name and owner is left that no workspace has.
---@return boolean|nil left, string? message, string? code
function volumes.are_left(name, owner_id)
  local sql = "SELECT 1 FROM " .. LISTED
    .. " WHERE name = ?1 AND owner_id = ?2 AND state IN ('kept', 'left', 'purging') LIMIT 1"
  local row, message, code = db.row(sql, name, owner_id)
  if row == nil then return nil, message, code end
  return row ~= false
end

local ANNOUNCE = "UPDATE volumes SET purge_at = ?2 WHERE volume = ?1 AND purge_at IS NULL"

--- Notes when a volume will be purged, and writes the event of that.
---@param row { volume: string, operation_id: string }
---@param at number
---@return boolean|nil announced, string? message, string? code
function volumes.announce(row, at)
  return outbox.announce({ ANNOUNCE, row.volume, at }, row.operation_id, "purge_soon")
end

--- Withdraws the announcement of one volume, or of all.
---@param volume string|nil
function volumes.withdraw(volume)
  return db.change("UPDATE volumes SET purge_at = NULL WHERE purge_at IS NOT NULL"
    .. " AND (?1 IS NULL OR volume = ?1)", db.or_null(volume))
end

--- The volume that the workspace of a deploy left; false: it left no volume.
function volumes.of_deploy(operation_id)
  return db.row("SELECT * FROM volumes WHERE operation_id = ?1 ORDER BY at DESC", operation_id)
end

return volumes
