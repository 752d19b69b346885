--- The table `volumes`: data that outlived its workspace.
local db = require "lib.journal.db"
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

--- Volumes that outlived their workspaces: of one owner, or all; newest first.
function volumes.list(owner_id)
  return db.rows("SELECT * FROM volumes WHERE ?1 IS NULL OR owner_id = ?1 ORDER BY at DESC",
    db.or_null(owner_id))
end

local KEPT = [[
  SELECT * FROM volumes WHERE name = ?1 AND owner_id = ?2 AND NOT EXISTS (
    SELECT 1 FROM resources r JOIN stacks s ON s.operation_id = r.operation_id
    WHERE r.kind = 'volume' AND r.key = volumes.volume)
  ORDER BY at]]

--- The volumes of that name and owner that no workspace has.
function volumes.kept(name, owner_id) return db.rows(KEPT, name, owner_id) end

return volumes
