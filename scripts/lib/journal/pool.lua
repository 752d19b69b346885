--- The table `pool`: workspaces that were made ahead. Each is given to one deploy, or removed.
local db = require "lib.journal.db"
local pool = {}

local LIST = [[
  SELECT pool.*, o.name, o.owner_id, o.state AS made, o.ended_at, NOW - pool.since AS age,
    (SELECT id FROM resources r WHERE r.operation_id = pool.operation_id
      AND kind = 'application' AND r.state = 'created') AS application_id,
    (SELECT json_extract(data, '$.ids.app_name') FROM resources r
      WHERE r.operation_id = pool.operation_id AND kind = 'application') AS app_name,
    EXISTS (SELECT 1 FROM operations w WHERE w.name = o.name AND w.kind = 'retire'
      AND w.ended_at IS NULL) AS is_retiring
  FROM pool JOIN operations o ON o.id = pool.operation_id ORDER BY pool.since]]

--- All of them, oldest first; `made`: the state of the operation that made it.
function pool.list() return db.rows(LIST) end

--- How many there are: { {template, state, count}, ... }.
function pool.counts()
  return db.rows "SELECT template, state, count(*) AS count FROM pool GROUP BY template, state"
end

--- The statement that adds one which is being made.
function pool.insert_statement(id, template, fingerprint)
  return { "INSERT INTO pool VALUES (?1, ?2, ?3, 'preparing', NULL, NOW)", id, template,
    fingerprint }
end

local CLAIM = [[
  UPDATE pool SET state = 'claimed', deploy_id = ?1, since = NOW
  WHERE operation_id = (SELECT operation_id FROM pool
      WHERE template = ?2 AND fingerprint = ?3 AND state = 'warm' ORDER BY since LIMIT 1)
    AND EXISTS (SELECT 1 FROM operations WHERE id = ?1 AND ended_at IS NULL AND cancel = 0)
  RETURNING operation_id]]
local TAKE = "UPDATE resources SET operation_id = ?1 WHERE operation_id = ("
  .. "SELECT operation_id FROM pool WHERE deploy_id = ?1)"
local NOTE_CLAIM = [[
  UPDATE operations SET params = json_set(params, '$.warm', (
    SELECT operation_id FROM pool WHERE deploy_id = ?1)) WHERE id = ?1]]

--- Gives a warm workspace to a deploy that has made nothing yet: what it consists of is in that
--- deploy's record from here on. False when there is none.
---@return boolean|nil claimed, string? message, string? code
function pool.claim(deploy_id, template, fingerprint)
  local results, message, code = db.run {
    { CLAIM, deploy_id, template, fingerprint, gate = true }, { TAKE, deploy_id },
    { NOTE_CLAIM, deploy_id },
  }
  if not results then return nil, message, code end
  return #results[1] == 1
end

local GIVE_BACK = [[
  UPDATE resources SET operation_id = (SELECT operation_id FROM pool WHERE deploy_id = ?1)
  WHERE operation_id = ?1 AND state <> 'lost'
    AND kind IN ('project', 'application', 'deployment', 'volume', 'mount', 'domain')]]
local START_OVER = [[
  UPDATE operations SET step = NULL, params = json_set(json_remove(params, '$.warm'), '$.cold', 1)
  WHERE id = ?1]]
local RELEASE = "UPDATE pool SET state = 'retiring', deploy_id = NULL WHERE deploy_id = ?1"

--- A deploy gives back what it claimed, for removal, and starts over without it.
---@return boolean|nil done, string? message, string? code
function pool.give_back(deploy_id)
  local results, message, code = db.run {
    { GIVE_BACK, deploy_id }, { START_OVER, deploy_id }, { RELEASE, deploy_id },
  }
  return results and true, message, code
end

--- Marks one for removal. False when it was claimed meanwhile.
---@return boolean|nil marked, string? message, string? code
function pool.retire(id)
  return db.change("UPDATE pool SET state = 'retiring' WHERE operation_id = ?1"
    .. " AND (state = 'warm' OR state = 'retiring')", id)
end

--- The statement that forgets one.
function pool.forget_statement(id) return { "DELETE FROM pool WHERE operation_id = ?1", id } end

-- While something of a claimed one is left, Dokploy may still have it under its old tag.
local TIDY = [[
  DELETE FROM pool WHERE state = 'preparing' AND EXISTS (SELECT 1 FROM operations
      WHERE id = operation_id AND ended_at IS NOT NULL)
    OR state = 'claimed' AND EXISTS (SELECT 1 FROM operations
      WHERE id = deploy_id AND ended_at IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM resources
      WHERE operation_id = deploy_id AND state IN ('left', 'lost'))]]

--- Forgets those that were not made, and those whose deploy has ended.
function pool.tidy() return db.change(TIDY) end

return pool
