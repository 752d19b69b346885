--- The table `resources`: what each operation made in Dokploy, written before the call that makes
--- it and confirmed after. Undoing works from these rows.
local json = require "core.json"
local db = require "lib.journal.db"
local resources = {}

local LIST = "SELECT * FROM resources WHERE operation_id = ?1 ORDER BY intended_at, kind, key"

--- What an operation made, in the order in which it meant to.
function resources.list(id)
  local rows, message, code = db.rows(LIST, id)
  return db.decode_each(rows, "data"), message, code
end

local INTEND = [[
  INSERT INTO resources (operation_id, kind, key, state, data, intended_at)
  VALUES (?1, ?2, ?3, 'intended', ?4, NOW)
  ON CONFLICT DO UPDATE SET state = 'intended' WHERE state <> 'created']]
local CONFIRM = [[
  INSERT INTO resources (operation_id, kind, key, id, state, data, intended_at, created_at)
  VALUES (?1, ?2, ?3, ?4, 'created', ?5, NOW, NOW)
  ON CONFLICT DO UPDATE SET id = ?4, state = 'created', data = ?5, created_at = NOW]]
local SETTLE = [[
  UPDATE resources SET state = ?4, data = json_patch(data, ?5), ended_at = NOW
  WHERE operation_id = ?1 AND kind = ?2 AND key = ?3]]
local UNCONFIRMED = [[
  INSERT INTO resources (operation_id, kind, key, state, intended_at)
  VALUES (?1, ?2, ?3 || ' lost ' || NOW, 'lost', NOW)]]

--- Written before a call that makes something. What is known to exist stays known.
function resources.intend(id, kind, key, data)
  return db.change(INTEND, id, kind, key, json.encode(data or {}))
end

--- Written after it.
function resources.confirm(id, kind, key, resource_id, data)
  return db.change(CONFIRM, id, kind, key, resource_id, json.encode(data or {}))
end

--- What became of it.
---@param state string  undone left kept
function resources.settle(id, kind, key, state, data)
  return db.change(SETTLE, id, kind, key, state, json.encode(data or {}))
end

--- A call got no answer and nothing was found: it may still be carried out, so it is remembered.
function resources.note_unconfirmed(id, kind, key) return db.change(UNCONFIRMED, id, kind, key) end

local KEEP_VOLUME = [[
  INSERT INTO resources (operation_id, kind, key, state, data, intended_at)
  VALUES (?1, 'volume', ?2, 'kept', json_object('files_since', (
    SELECT MAX(json_extract(data, '$.files_since')) FROM resources
    WHERE kind = 'volume' AND key = ?2)), NOW)]]

--- The statement that records a volume which an operation uses and must never remove.
function resources.kept_volume_statement(id, volume) return { KEEP_VOLUME, id, volume } end

local FILES_SINCE = [[
  SELECT json_extract(data, '$.files_since') AS since FROM resources
  WHERE operation_id = ?1 AND kind = 'volume']]
local NOTE_FILES_SINCE = [[
  UPDATE resources SET data = json_set(data, '$.files_since', ?2)
  WHERE operation_id = ?1 AND kind = 'volume']]

--- When the files on an operation's volume began, in milliseconds since 1970; nil: it is not known.
---@return integer|nil
function resources.files_since(id)
  local row = db.row(FILES_SINCE, id)
  return row and row.since or nil
end

function resources.note_files_since(id, since) return db.change(NOTE_FILES_SINCE, id, since) end

local ADOPT = [[
  INSERT INTO resources (operation_id, kind, key, id, state, data, intended_at, created_at)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, NOW, NOW)
  ON CONFLICT DO UPDATE SET id = ?4, state = ?5, data = ?6, created_at = NOW, ended_at = NULL]]

--- The statement that records something of ours that was found in Dokploy.
---@param row { kind: string, key: string, id: string|nil, state: string, ids: table|nil }
function resources.adopt_statement(operation_id, row)
  local data = json.encode { step = row.kind, ids = row.ids }
  return { ADOPT, operation_id, row.kind, row.key, db.or_null(row.id), row.state, data }
end

-- In the journal, state 'left' is what could not be removed, 'lost' what is unconfirmed.
local LEFTOVERS = [[
  SELECT o.id, o.name, NOW - MAX(r.intended_at) AS age, MAX(r.state = 'left') AS known
  FROM resources r JOIN operations o ON o.id = r.operation_id
  WHERE r.state IN ('left', 'lost') AND o.ended_at IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM stacks WHERE operation_id = o.id AND state = 'deleting')
  GROUP BY o.id]]
local LEFT = [[
  SELECT r.operation_id, o.name, r.kind, COALESCE(r.id, r.key) AS id, r.data, r.ended_at AS at
  FROM resources r JOIN operations o ON o.id = r.operation_id
  WHERE r.state = 'left' ORDER BY r.ended_at]]

--- Ended operations of which something may be left: {id, name, age, known}. age: seconds since the
--- newest unconfirmed call; known = 1: something is certainly left.
function resources.leftovers() return db.rows(LEFTOVERS) end

--- The resources that are left, for people: {operation_id, name, kind, id, data, at}.
function resources.left()
  local rows, message, code = db.rows(LEFT)
  return db.decode_each(rows, "data"), message, code
end

local BELONGS = [[
  SELECT 1 FROM resources r JOIN stacks s ON s.operation_id = r.operation_id
  WHERE r.kind = 'volume' AND r.key = ?1 LIMIT 1]]

--- Whether a workspace that exists has this volume.
---@return boolean|nil belongs, string? message, string? code
function resources.has_owner(volume)
  local row, message, code = db.row(BELONGS, volume)
  if row == nil then return nil, message, code end
  return row ~= false
end

return resources
