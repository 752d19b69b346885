--- The tables `owners` (whose key was changed how often) and `links` (one-time links that take an
--- owner to another browser). Of a secret only the hash is kept.
local db = require "lib.journal.db"
local owners = {}

--- All owners whose key was changed: { {id, generation}, ... }.
function owners.list() return db.rows "SELECT id, generation FROM owners" end

local GENERATION = "(SELECT COALESCE(max(generation), 0) FROM owners WHERE id = ?1)"

--- The condition that a key of that generation is still valid, for db.run: the statements after it
--- are skipped when it is not.
---@return any[] statement
function owners.key_gate(owner_id, generation)
  return { "SELECT 1 WHERE " .. GENERATION .. " = ?2", owner_id, generation, gate = true }
end

local NEXT_GENERATION = [[
  INSERT INTO owners (id, generation) VALUES (?1, 1)
  ON CONFLICT DO UPDATE SET generation = generation + 1 RETURNING generation]]

--- Begins the next generation of an owner's key; their links are void.
---@param gate any[]  the sender's credential is still valid
---@return integer|false|nil generation, string? message, string? code  false: it is not
function owners.next_generation(owner_id, gate)
  local results, message, code = db.run {
    gate, { "DELETE FROM links WHERE owner_id = ?1", owner_id }, { NEXT_GENERATION, owner_id },
  }
  if not results then return nil, message, code end
  local row = results[3] and results[3][1]
  return row and row.generation or false
end

local INSERT_LINK = "INSERT INTO links (hash, owner_id, expires_at) VALUES (?1, ?2, NOW + ?3)"

--- Adds a link that expires after `seconds`, and deletes those that have expired.
---@param gate any[]  the sender's credential is still valid
---@return boolean|nil added, string? message, string? code  false: it is not
function owners.add_link(hash, owner_id, seconds, gate)
  local results, message, code = db.run {
    gate, { "DELETE FROM links WHERE expires_at < NOW" },
    { INSERT_LINK, hash, owner_id, seconds },
  }
  if not results then return nil, message, code end
  return results[3] ~= nil and results[3].changes == 1
end

local USE_LINK = [[
  DELETE FROM links WHERE hash = ?1 RETURNING owner_id, expires_at > NOW AS good,
    (SELECT COALESCE(max(generation), 0) FROM owners WHERE id = links.owner_id) AS generation]]

--- Uses a link up: {owner_id, generation, good}, generation: of the key that it stands for; false
--- when there is none.
function owners.use_link(hash)
  return db.row(USE_LINK, hash)
end

return owners
