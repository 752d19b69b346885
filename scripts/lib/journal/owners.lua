--- The tables `owners` (whose key was changed how often) and `links` (one-time links that take an
--- owner to another browser). Of a secret only the hash is kept.
local db = require "lib.journal.db"
local owners = {}

--- All owners whose key was changed: { {id, generation}, ... }.
function owners.list() return db.rows "SELECT id, generation FROM owners" end

local NEXT_GENERATION = [[
  INSERT INTO owners (id, generation) VALUES (?1, 1)
  ON CONFLICT DO UPDATE SET generation = generation + 1 RETURNING generation]]

--- Begins the next generation of an owner's key; their links are void.
---@return integer|nil generation, string? message, string? code
function owners.next_generation(owner_id)
  local results, message, code = db.run {
    { "DELETE FROM links WHERE owner_id = ?1", owner_id },
    { NEXT_GENERATION, owner_id },
  }
  if not results then return nil, message, code end
  return results[2][1].generation
end

local INSERT_LINK = "INSERT INTO links (hash, owner_id, expires_at) VALUES (?1, ?2, NOW + ?3)"

--- Adds a link that expires after `seconds`, and deletes those that have expired.
---@return boolean|nil added, string? message, string? code
function owners.add_link(hash, owner_id, seconds)
  local results, message, code = db.run {
    { "DELETE FROM links WHERE expires_at < NOW" },
    { INSERT_LINK, hash, owner_id, seconds },
  }
  return results and true, message, code
end

local USE_LINK = "DELETE FROM links WHERE hash = ?1 RETURNING owner_id, expires_at > NOW AS good"

--- Uses a link up: {owner_id, good}; false when there is none.
function owners.use_link(hash)
  return db.row(USE_LINK, hash)
end

return owners
