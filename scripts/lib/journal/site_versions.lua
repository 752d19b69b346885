--- The table `site_versions`: the installation's own files, as they were put into force. The last
--- ones are kept, to go back to.
local db = require "lib.journal.db"
local site_versions = {}

local COLUMNS = "number, hash, at, author, source, note, product, state, written"

--- Adds a version and removes the oldest.
---@param version { hash: string, author: string|nil, source: string, note: string|nil,
--- product: string, files: string, kept: integer }
---@param audit any[]|nil  the statement of lib/journal/audit.lua that goes with it
---@return integer|nil number, string? message, string? code
function site_versions.add(version, audit)
  local results, message, code = db.run {
    { [[INSERT INTO site_versions (hash, at, author, source, note, product, files)
        VALUES (?1, NOW, ?2, ?3, ?4, ?5, ?6) RETURNING number]],
      version.hash, db.or_null(version.author), version.source, db.or_null(version.note),
      version.product, version.files },
    { [[DELETE FROM site_versions WHERE number <= (SELECT number FROM site_versions
        ORDER BY number DESC LIMIT 1 OFFSET ?1)]], version.kept },
    audit,
  }
  if not results then return nil, message, code end
  return results[1][1].number
end

--- Notes what became of a version.
---@param state string  good refused faulty
function site_versions.mark(number, state)
  return db.change("UPDATE site_versions SET state = ?2 WHERE number = ?1", number, state)
end

--- Notes that the versions with these files fail while they run.
---@return integer|nil count, string? message, string? code
function site_versions.mark_faulty(hash)
  return db.change([[UPDATE site_versions SET state = 'faulty'
    WHERE hash = ?1 AND state <> 'refused']], hash)
end

--- Notes that the folder on the disk holds a version.
function site_versions.mark_written(number)
  return db.change("UPDATE site_versions SET written = 1 WHERE number = ?1", number)
end

--- The newest version that was in force or was to be; with `files`. False when there is none.
---@param before integer|nil  only older ones
function site_versions.newest(before)
  return db.row([[SELECT * FROM site_versions WHERE state IN ('pending', 'good')
    AND (?1 IS NULL OR number < ?1) ORDER BY number DESC LIMIT 1]], db.or_null(before))
end

--- The last version with these files: its number and state; false when there is none.
function site_versions.of_hash(hash)
  return db.row([[SELECT number, state FROM site_versions WHERE hash = ?1
    ORDER BY number DESC LIMIT 1]], hash)
end

--- A version with its `files`; false when it is not kept.
function site_versions.get(number)
  return db.row("SELECT * FROM site_versions WHERE number = ?1", number)
end

--- All that are kept, newest first, without their files.
function site_versions.list()
  return db.rows("SELECT " .. COLUMNS .. " FROM site_versions ORDER BY number DESC")
end

return site_versions
