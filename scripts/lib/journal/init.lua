--- The journal: everything that must outlive a crash. What deployments need of it is here, the tables are in schema.lua; one function an
--- act.
--- Each act is one batch: all of it is on the disk when the function returns, or none. Failures are nil, message, code.
local json = require "core.json"
local store = require "core.store"
local query = require "lib.journal.query"

local journal = {}
local KEPT_KEYS = 24 * 3600 -- seconds that an Idempotency-Key is remembered

-- Words of our own in the SQL below. OPEN: the operation has not come to its end.
local words = { NOW = "((julianday('now') - 2440587.5) * 86400.0)", OPEN = "ended_at IS NULL" }
local function full(text) return (text:gsub("%u+", words)) end

local rows_of, or_null = query.rows, query.or_null
local function row_of(...) return query.first(rows_of(...)) end

local function decoded(row, ...)
  if not row then return row end
  for _, column in ipairs { ... } do row[column] = row[column] and json.decode(row[column]) end
  return row
end

local function each_decoded(rows, ...)
  for _, row in ipairs(rows or {}) do decoded(row, ...) end
  return rows
end

-- Operations ---------------------------------------------------------------------------------------------------------

local function operation_of(row) return decoded(row, "params", "failure", "receipt") end

--- The operation of that id; false when there is none.
function journal.operation(id)
  local row, message, code = row_of("SELECT * FROM operations WHERE id = ?1", id)
  return operation_of(row), message, code
end

--- The newest operation of a kind on a name, of one owner or of all; false when there is none.
function journal.last(name, kind, owner_id)
  local row, message, code = row_of([[
    SELECT * FROM operations WHERE name = ?1 AND kind = ?2 AND (?3 IS NULL OR owner_id = ?3) ORDER BY created_at DESC LIMIT 1]],
    name, kind, or_null(owner_id))
  return operation_of(row), message, code
end

local function operations_where(condition)
  local rows, message, code = rows_of("SELECT * FROM operations WHERE " .. condition .. " ORDER BY created_at, rowid")
  return each_decoded(rows, "params", "failure", "receipt"), message, code
end

--- Operations that somebody works on; oldest first.
function journal.running() return operations_where("state <> 'queued' AND ended_at IS NULL") end

--- At most `most` of those that wait for their turn, oldest first; without params and the like.
function journal.waiting(most)
  return rows_of([[SELECT id, kind, name, owner_id, template, state, cancel, created_at FROM operations
    WHERE state = 'queued' AND ended_at IS NULL ORDER BY created_at, rowid LIMIT ?1]], most)
end

local IS_ROOM = "SELECT 1 FROM tally WHERE what = 'open deploys' AND n < ?1"
local INSERT_DEPLOY = full [[
  INSERT INTO operations (id, kind, name, owner_id, template, url, params, state, created_at)
  VALUES (?1, 'deploy', ?2, ?3, ?4, ?5, ?6, 'queued', NOW)]]
local INSERT_STACK = full [[
  INSERT INTO stacks (name, owner_id, state, operation_id, url, image, template, created_at)
  VALUES (?1, ?2, 'deploying', ?3, ?4, ?5, ?6, NOW)]]
local INSERT_KEY = full "INSERT INTO idempotency (key, body_hash, operation_id, at) VALUES (?1, ?2, ?3, NOW)"

--- Accepts a deploy: the operation, the claim of its name, and its Idempotency-Key.
--- nil, message, "queue_full" when `most` are open; "conflict" when the name or the key is taken.
---@param op { id: string, name: string, owner_id: string, template: string, url: string, params: table }
---@param key { key: string, body_hash: string }|nil
---@param most integer
---@param also any[][]|nil  more statements, written with it if it is accepted
function journal.accept(op, key, most, also)
  local template = or_null(op.template)
  local batch = {
    { IS_ROOM, most, gate = true },
    { INSERT_DEPLOY, op.id, op.name, op.owner_id, template, op.url, json.encode(op.params) },
    { INSERT_STACK, op.name, op.owner_id, op.id, op.url, or_null(op.params.image), template },
  }
  if key then
    batch[#batch + 1] = { full "DELETE FROM idempotency WHERE at < NOW - ?1", KEPT_KEYS }
    batch[#batch + 1] = { INSERT_KEY, key.key, key.body_hash, op.id }
  end
  for _, statement in ipairs(also or {}) do batch[#batch + 1] = statement end
  local results, message, code = store.run(batch)
  if not results then return nil, message, code end
  if #results[1] == 0 then return nil, "as many deployments as may are running and waiting", "queue_full" end
  return true
end

--- What this Idempotency-Key began: {operation_id, body_hash}; false when it is new.
function journal.idempotency(key)
  return row_of(full "SELECT * FROM idempotency WHERE key = ?1 AND at >= NOW - ?2", key, KEPT_KEYS)
end

words.STANDS = [[name = ?1 AND operation_id = ?2 AND state IN ('ready', 'stopped', 'unhealthy', 'leftover') AND NOT EXISTS
  (SELECT 1 FROM operations o WHERE o.name = stacks.name AND o.ended_at IS NULL
    AND o.kind IN ('stop', 'start', 'restart', 'rotate', 'redeploy', 'repair', 'rebuild'))]]
local INSERT_DELETE = full [[
  INSERT INTO operations (id, kind, name, owner_id, template, url, params, state, created_at, started_at)
  SELECT ?3, 'delete', name, owner_id, template, url, ?4, 'deleting', NOW, NOW FROM stacks WHERE STANDS]]
local DELETING_STACK = full "UPDATE stacks SET state = 'deleting', delete_id = ?3 WHERE STANDS"

--- Begins the delete of a stack that stands. True; false when there is nothing to begin (it is being deleted, or gone).
---@param op { id: string, name: string, params: { data: string, target: string } }
---@param also any[][]|nil  more statements, written with it
function journal.begin_delete(op, also)
  local results, message, code = store.run {
    { INSERT_DELETE, op.name, op.params.target, op.id, json.encode(op.params), gate = true },
    { DELETING_STACK, op.name, op.params.target, op.id },
    table.unpack(also or {}),
  }
  if not results then return nil, message, code end
  return results[1].changes == 1
end

local function changed(sql, ...)
  local rows, message, code = rows_of(sql, ...)
  if not rows then return nil, message, code end
  return rows.changes > 0
end

--- Takes a waiting deploy out of the queue to run it: the operation. False when it was cancelled meanwhile.
function journal.start(id)
  local row, message, code = row_of(full [[
    UPDATE operations SET state = 'running', started_at = NOW WHERE id = ?1 AND state = 'queued' AND cancel = 0 RETURNING *]], id)
  return operation_of(row), message, code
end

--- A running deploy turns back; why is kept for the end, which may come after a crash.
function journal.turn_back(id, failure)
  return changed("UPDATE operations SET state = 'rolling_back', code = ?2, failure = ?3 WHERE id = ?1 AND state IN ('running', 'queued')",
    id, failure.code, json.encode(failure))
end

--- A step begins. Returns whether somebody asked to stop.
function journal.step(id, step)
  local row, message, code = row_of("UPDATE operations SET step = ?2 WHERE id = ?1 RETURNING cancel", id, step)
  if not row then return nil, message or "no such operation", code or "failed" end
  return row.cancel == 1
end

--- Asks an open deploy to stop. False when it has ended.
function journal.request_cancel(id)
  return changed(full "UPDATE operations SET cancel = 1 WHERE id = ?1 AND kind = 'deploy' AND OPEN", id)
end

--- How long the newest good deploys took, in seconds.
function journal.durations()
  local rows = rows_of [[
    SELECT ended_at - started_at AS seconds FROM operations WHERE state = 'ready' AND kind = 'deploy' ORDER BY ended_at DESC LIMIT 20]]
  local list = {}
  for i, row in ipairs(rows or {}) do list[i] = row.seconds end
  return list
end

-- Events -------------------------------------------------------------------------------------------------------------

-- One more event of an operation that has not ended (and, with ?4 = 1, was not cancelled).
local INSERT_EVENT = full [[
  INSERT INTO events (operation_id, seq, event, data, at)
  SELECT id, (SELECT COALESCE(MAX(seq), 0) + 1 FROM events WHERE operation_id = operations.id), ?2, ?3, NOW
  FROM operations WHERE id = ?1 AND OPEN AND cancel <= 1 - ?4 RETURNING seq, event, data, at]]

local function event_statement(id, event, data, unless_cancelled)
  return { INSERT_EVENT, id, event, json.encode(data), unless_cancelled and 1 or 0 }
end

local function written_events(results, count)
  local rows = {}
  for i = 1, count do rows[#rows + 1] = decoded(results[i][1], "data") end
  return rows
end

--- Appends events; returns them as written (none after the operation's end).
---@param list { event: string, data: table }[]
function journal.append(id, list)
  local batch = {}
  for i, item in ipairs(list) do batch[i] = event_statement(id, item.event, item.data) end
  local results, message, code = store.run(batch)
  if not results then return nil, message, code end
  return written_events(results, #batch)
end

--- The events of an operation after number `after`, in order.
function journal.events(id, after)
  local rows, message, code = rows_of(
    "SELECT seq, event, data, at FROM events WHERE operation_id = ?1 AND seq > ?2 ORDER BY seq", id, after or 0)
  return each_decoded(rows, "data"), message, code
end

--- The last lines of its log that came from Dokploy, oldest first.
---@return string[]
function journal.last_log(id, count)
  local rows = rows_of("SELECT data FROM events WHERE operation_id = ?1 AND event = 'log' ORDER BY seq DESC LIMIT ?2", id, count)
  local lines = {}
  for _, row in ipairs(each_decoded(rows, "data") or {}) do
    if row.data.line then table.insert(lines, 1, row.data.line) end
  end
  return lines
end

-- What an operation's end means for the stack. ?1 the deploy that made it, ?2 the operation that ends, ?3 as ?4 above.
words.ENDING = full "operation_id = ?1 AND EXISTS (SELECT 1 FROM operations WHERE id = ?2 AND OPEN AND cancel <= 1 - ?3)"
words.WORKABLE = "state IN ('ready', 'stopped', 'unhealthy')"
local stack_ends = {
  ready = full "UPDATE stacks SET state = 'ready' WHERE ENDING",
  leftover = full "UPDATE stacks SET state = 'leftover' WHERE ENDING",
  gone = full "DELETE FROM stacks WHERE ENDING",
  -- of an operation on a stack that stands: if it was deleted meanwhile, that goes before
  started = full "UPDATE stacks SET state = 'ready', reason = NULL, since = NOW WHERE WORKABLE AND ENDING",
  stopped = full "UPDATE stacks SET state = 'stopped', reason = NULL, since = NOW WHERE WORKABLE AND ENDING",
  unhealthy = full "UPDATE stacks SET state = 'unhealthy', reason = 'stack_silent', since = NOW WHERE WORKABLE AND ENDING",
  same = full "UPDATE stacks SET state = state WHERE ENDING",
  -- of a stack that was made again: what it consists of is another deploy's now
  rebuilt = full "UPDATE stacks SET operation_id = ?2, state = 'ready', reason = NULL, since = NOW WHERE ENDING",
}
local END_OPERATION = full [[
  UPDATE operations SET state = ?2, code = ?3, receipt = ?4, ended_at = NOW WHERE id = ?1 AND OPEN AND cancel <= 1 - ?5]]

--- Ends an operation: its last event, its state, what becomes of the stack, data that is kept. Happens once; later ends write nothing.
---@param id string
---@param last { event: string, data: table }
---@param how table  state; code; receipt; stack: what becomes of it (ready leftover gone); target: the deploy that made it;
--- volume: data that is kept; unless_cancelled: only if nobody asked to stop
---@return table[]|nil rows  the event as written; none when it had ended already, or was cancelled and `unless_cancelled` is set
function journal.finish(id, last, how)
  local strict = how.unless_cancelled and 1 or 0
  local batch = {
    event_statement(id, last.event, last.data, how.unless_cancelled),
    { stack_ends[how.stack], how.target, id, strict },
  }
  if how.volume then batch[#batch + 1] = journal.volume_statement(how.volume) end
  batch[#batch + 1] = { END_OPERATION, id, how.state, or_null(how.code), json.encode(how.receipt), strict }
  local results, message, code = store.run(batch)
  if not results then return nil, message, code end
  return written_events(results, 1)
end

-- Stacks -------------------------------------------------------------------------------------------------------------

local STACK = [[
  SELECT stacks.*, (SELECT key FROM resources WHERE resources.operation_id = stacks.operation_id AND kind = 'volume') AS volume
  FROM stacks ]]

--- The stack of that name; false when there is none.
function journal.stack(name) return row_of(STACK .. "WHERE name = ?1", name) end

--- Stacks in the order of their names: of one owner, or all; `limit` of them after the name `after`.
---@param which { owner_id: string|nil, limit: integer|nil, after: string|nil }
function journal.stacks(which)
  return rows_of(STACK .. "WHERE name > ?1 AND (?2 IS NULL OR owner_id = ?2) ORDER BY name LIMIT ?3",
    which.after or "", or_null(which.owner_id), which.limit or 1000000)
end

--- Frees the name of a deploy of which nothing is left.
function journal.release(operation_id)
  return changed("DELETE FROM stacks WHERE operation_id = ?1 AND state = 'leftover'", operation_id)
end

-- Resources ----------------------------------------------------------------------------------------------------------

--- What a deploy made, in the order in which it meant to.
function journal.resources(id)
  local rows, message, code = rows_of("SELECT * FROM resources WHERE operation_id = ?1 ORDER BY intended_at, kind, key", id)
  return each_decoded(rows, "data"), message, code
end

local INTEND = full [[
  INSERT INTO resources (operation_id, kind, key, state, data, intended_at) VALUES (?1, ?2, ?3, 'intended', ?4, NOW)
  ON CONFLICT DO UPDATE SET state = 'intended' WHERE state <> 'created']]
local CONFIRM = full [[
  INSERT INTO resources (operation_id, kind, key, id, state, data, intended_at, created_at) VALUES (?1, ?2, ?3, ?4, 'created', ?5, NOW, NOW)
  ON CONFLICT DO UPDATE SET id = ?4, state = 'created', data = ?5, created_at = NOW]]
local MARK = full [[
  UPDATE resources SET state = ?4, data = json_patch(data, ?5), ended_at = NOW WHERE operation_id = ?1 AND kind = ?2 AND key = ?3]]
local LOST = full [[
  INSERT INTO resources (operation_id, kind, key, state, intended_at) VALUES (?1, ?2, ?3 || ' lost ' || NOW, 'lost', NOW)]]

--- Written before a call that makes something. What is known to exist stays known.
function journal.intend(id, kind, key, data) return changed(INTEND, id, kind, key, json.encode(data or {})) end
--- Written after it.
function journal.confirm(id, kind, key, resource_id, data) return changed(CONFIRM, id, kind, key, resource_id, json.encode(data or {})) end
--- What became of it: undone, left, lost (a call whose work may still come to light), kept.
function journal.mark(id, kind, key, state, data) return changed(MARK, id, kind, key, state, json.encode(data or {})) end
--- A call got no answer and nothing was found: it may still be carried out. Remembered, to look again later.
function journal.lost(id, kind, key) return changed(LOST, id, kind, key) end

local LEFTOVERS = full [[
  SELECT o.id, o.name, NOW - MAX(r.intended_at) AS age, MAX(r.state = 'left') AS known
  FROM resources r JOIN operations o ON o.id = r.operation_id
  WHERE r.state IN ('left', 'lost') AND o.ended_at IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM stacks WHERE operation_id = o.id AND state = 'deleting')
  GROUP BY o.id]]
local LEFT = [[
  SELECT r.operation_id, o.name, r.kind, COALESCE(r.id, r.key) AS id, r.data, r.ended_at AS at
  FROM resources r JOIN operations o ON o.id = r.operation_id WHERE r.state = 'left' ORDER BY r.ended_at]]

--- Deploys of which something may be left, and which nobody works on: {id, name, age, known}; age = seconds since the newest doubt arose;
--- known = 1: something is known to be left.
function journal.leftovers() return rows_of(LEFTOVERS) end

--- The resources that are left, for people: {operation_id, name, kind, id, data, at}.
function journal.left()
  local rows, message, code = rows_of(LEFT)
  return each_decoded(rows, "data"), message, code
end

-- Kept data ----------------------------------------------------------------------------------------------------------

local KEEP_VOLUME = full [[
  INSERT INTO volumes (volume, name, owner_id, operation_id, reason, at) VALUES (?1, ?2, ?3, ?4, ?5, NOW)
  ON CONFLICT DO UPDATE SET reason = ?5]]

function journal.volume_statement(volume)
  return { KEEP_VOLUME, volume.volume, volume.name, volume.owner_id, volume.operation_id, volume.reason }
end

--- Remembers a volume that outlives its stack.
function journal.keep_volume(volume) return changed(table.unpack(journal.volume_statement(volume))) end
--- Volumes that outlived their stack: of one owner, or all.
function journal.volumes(owner_id)
  return rows_of("SELECT * FROM volumes WHERE ?1 IS NULL OR owner_id = ?1 ORDER BY at DESC", or_null(owner_id))
end
--- A volume is known to be gone.
function journal.forget_volume(volume) return changed("DELETE FROM volumes WHERE volume = ?1", volume) end

return journal
