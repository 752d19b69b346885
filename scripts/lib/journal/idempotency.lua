--- The table `idempotency`: which deploy an Idempotency-Key began, for a day.
local db = require "lib.journal.db"
local idempotency = {}
local KEPT_SECONDS = 24 * 3600

--- What this key began: {operation_id, body_hash}; false when it is new.
function idempotency.get(key)
  return db.row("SELECT * FROM idempotency WHERE key = ?1 AND at >= NOW - ?2", key, KEPT_SECONDS)
end

local INSERT = "INSERT INTO idempotency (key, body_hash, operation_id, at) VALUES (?1, ?2, ?3, NOW)"

--- The statements that note a key, and forget those that are too old.
---@param key { key: string, body_hash: string }
---@return any[][]
function idempotency.statements(key, operation_id)
  return {
    { "DELETE FROM idempotency WHERE at < NOW - ?1", KEPT_SECONDS },
    { INSERT, key.key, key.body_hash, operation_id },
  }
end

return idempotency
