--- The table `operations`: each deploy, delete, stop... from its acceptance to its one end.
local json = require "core.json"
local db = require "lib.journal.db"
local events = require "lib.journal.events"
local idempotency = require "lib.journal.idempotency"
local outbox = require "lib.journal.outbox"
local stacks = require "lib.journal.stacks"
local volumes = require "lib.journal.volumes"
local operations = {}

-- Reading

local function decode(row, message, code)
  return db.decode(row, "params", "failure", "receipt"), message, code
end

local function decode_each(rows, message, code)
  return db.decode_each(rows, "params", "failure", "receipt"), message, code
end

--- The operation of that id; false when there is none.
function operations.get(id) return decode(db.row("SELECT * FROM operations WHERE id = ?1", id)) end

local NEWEST = [[
  SELECT * FROM operations WHERE name = ?1 AND kind = ?2 AND (?3 IS NULL OR owner_id = ?3)
  ORDER BY created_at DESC LIMIT 1]]

--- The newest operation of a kind on a name, of one owner or of all; false when there is none.
function operations.newest(name, kind, owner_id)
  return decode(db.row(NEWEST, name, kind, db.or_null(owner_id)))
end

local RUNNING = [[
  SELECT * FROM operations WHERE state <> 'queued' AND ended_at IS NULL
  ORDER BY created_at, rowid]]

--- Operations that have begun and not ended, oldest first.
function operations.running() return decode_each(db.rows(RUNNING)) end

local WAITING = [[
  SELECT id, kind, name, owner_id, template, state, cancel, created_at FROM operations
  WHERE state = 'queued' AND ended_at IS NULL ORDER BY created_at, rowid LIMIT ?1]]

--- At most `limit` of those that wait for their turn, oldest first; without params.
function operations.waiting(limit) return db.rows(WAITING, limit) end

local DURATIONS = [[
  SELECT ended_at - started_at AS seconds FROM operations
  WHERE state = 'ready' AND kind = 'deploy' AND json_extract(params, '$.warm') IS NULL
  ORDER BY ended_at DESC LIMIT 20]]

--- How many seconds the newest successful deploys took, without those of warm workspaces.
---@return number[]
function operations.durations()
  local list = {}
  for i, row in ipairs(db.rows(DURATIONS) or {}) do list[i] = row.seconds end
  return list
end

--- How many that have not ended are in each state: { {state, n}, ... }.
function operations.open_states()
  return db.rows "SELECT state, count(*) AS n FROM operations WHERE ended_at IS NULL GROUP BY state"
end

local MATCHES = "instr(lower(name || ' ' || id || ' ' || owner_id), lower(?)) > 0"

--- Operations, newest first, a page at a time; state "open": those that have not ended.
---@param which { search: string|nil, state: string|nil, kind: string|nil, name: string|nil,
--- before: integer|nil, limit: integer }
---@return table[]|nil rows, integer|nil next  the number to go on before
function operations.search(which)
  local is_open = which.state == "open"
  local rows, next_before, code = db.page("SELECT rowid AS number, * FROM operations", {
    { "ended_at IS NULL", is_open or nil }, { "state = ?", not is_open and which.state or nil },
    { "kind = ?", which.kind }, { "name = ?", which.name }, { MATCHES, which.search },
    { "rowid < ?", which.before },
  }, { order = "rowid DESC", limit = which.limit, cursor = "number" })
  return db.decode_each(rows, "params", "failure"), next_before, code
end

-- Beginning

-- A name rests after its workspace was deleted, for everyone but the last owner.
local DOES_NOT_REST = [[
  SELECT 1 WHERE COALESCE((SELECT owner_id = ?2 OR ended_at <= NOW - ?3 FROM operations
    WHERE name = ?1 AND state = 'deleted' AND (kind = 'delete' OR kind = 'remove')
    ORDER BY created_at DESC LIMIT 1), 1)]]

--- The condition of accept() that a name does not rest.
---@param seconds number  for which it does after a deletion
---@return table gate
function operations.rest_gate(name, owner_id, seconds)
  local statement = { DOES_NOT_REST, name, owner_id or "", seconds, gate = true }
  return { statement = statement, code = "name_resting" }
end

--- Whether a name rests for that owner; owner_id nil: for everyone.
---@return boolean|nil rests, string? message, string? code
function operations.rests(name, owner_id, seconds)
  local row, message, code = db.row(DOES_NOT_REST, name, owner_id or "", seconds)
  if row == nil then return nil, message, code end
  return not row
end

local HAS_ROOM = "SELECT 1 FROM tally WHERE what = 'open deploys' AND n < ?1"
-- The version of the installation's own files that is in force.
local SITE = "(SELECT max(number) FROM site_versions WHERE state = 'good')"

local INSERT = [[
  INSERT INTO operations
    (id, kind, name, owner_id, template, url, params, state, created_at, started_at, site)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, NOW, CASE WHEN ?8 = 'queued' THEN NULL ELSE NOW END,
]] .. SITE .. ")"
-- A workspace that is being worked on cannot be deleted, and one that is worked on already is
-- refused by a unique index.
local INSERT_ON_STACK = [[
  INSERT INTO operations
    (id, kind, name, owner_id, template, url, params, state, created_at, started_at, site)
  SELECT ?1, ?2, name, owner_id, template, url,
    json_set(?5, '$.target', operation_id, '$.from', state), ?6, NOW, NOW, ]] .. SITE .. [[

  FROM stacks WHERE name = ?3 AND owner_id = ?4 AND (?7 IS NULL OR operation_id = ?7)
    AND state IN (SELECT value FROM json_each(?8)) AND NOT EXISTS (SELECT 1 FROM operations o
      WHERE o.name = stacks.name AND o.ended_at IS NULL AND o.kind NOT IN ('purge', 'remove'))
  RETURNING id]]

local function add_all(batch, statements)
  for _, statement in ipairs(statements or {}) do batch[#batch + 1] = statement end
  return batch
end

local function insert_statement(op)
  return { INSERT, op.id, op.kind, op.name, op.owner_id, db.or_null(op.template),
    db.or_null(op.url), json.encode(op.params), op.state }
end

--- Accepts a deploy: the operation, the reservation of its name, and its Idempotency-Key.
---@param op { id: string, kind: string, name: string, owner_id: string, template: string|nil,
--- url: string, params: table, state: string }
---@param key { key: string, body_hash: string }|nil
---@param limit integer  how many deploys may be open
---@param also any[][]|nil  more statements, written with it if it is accepted; `gates`: conditions,
--- each with the code of its refusal
---@return boolean|nil accepted, string? message
---@return string? code  queue_full; one of a gate; conflict: the name or the key is taken; journal
function operations.accept(op, key, limit, also)
  local batch, gates = {}, { table.unpack(also and also.gates or {}) }
  gates[#gates + 1] = { statement = { HAS_ROOM, limit, gate = true }, code = "queue_full" }
  for i, gate in ipairs(gates) do batch[i] = gate.statement end
  add_all(batch, {
    insert_statement(op),
    stacks.insert_statement(op, { state = "deploying", image = op.params.image }),
  })
  if key then add_all(batch, idempotency.statements(key, op.id)) end
  add_all(batch, outbox.statements(op.id, "created"))
  local results, message, code = db.run(add_all(batch, also))
  if not results then return nil, message, code end
  for i, gate in ipairs(gates) do
    if #results[i] == 0 then return nil, "refused when it was written down", gate.code end
  end
  outbox.wake()
  return true
end

--- Begins an operation that is not tied to a workspace.
---@param also any[][]|nil  more statements, written with it
---@return boolean|nil begun, string? message, string? code  conflict journal
function operations.begin(op, also)
  local results, message, code = db.run(add_all({ insert_statement(op) }, also))
  return results and true, message, code
end

--- Begins an operation on a workspace, if it is in one of these states and nothing else is done
--- with it. `target` and `from` (its deploy and its state) are added to the params.
---@param op { id: string, kind: string, name: string, owner_id: string, params: table,
--- state: string }
---@param on { states: string[], operation_id: string|nil, change: string|nil }
--- operation_id: only if that deploy made it; change: of the workspace, as in
--- lib/journal/stacks.lua
---@param also any[][]|nil  more statements, written with it if it is begun
---@return boolean|nil begun  false: there is no such workspace, or it is busy
---@return string? message, string? code  conflict journal
function operations.begin_on_stack(op, on, also)
  local batch = { { INSERT_ON_STACK, op.id, op.kind, op.name, op.owner_id, json.encode(op.params),
    op.state, db.or_null(on.operation_id), json.encode(json.array(on.states)), gate = true } }
  if on.change then
    batch[2] = stacks.change_statement(on.change, on.operation_id, op.id)
  end
  local results, message, code = db.run(add_all(batch, also))
  if not results then return nil, message, code end
  return #results[1] == 1
end

local INSERT_ADOPTED = [[
  INSERT INTO operations (id, kind, name, owner_id, url, params, state, created_at, ended_at)
  VALUES (?1, 'adopt', ?2, ?3, ?4, ?5, 'ready', COALESCE(?6, NOW), NOW) ON CONFLICT DO NOTHING]]
local INSERT_READY = [[
  INSERT INTO events (operation_id, seq, event, data, at)
  SELECT ?1, 1, 'ready', ?2, NOW
  WHERE NOT EXISTS (SELECT 1 FROM events WHERE operation_id = ?1)]]

--- The statements that record a deploy of which only the result is known. `started_at` stays empty,
--- so that its duration is not taken for that of a deploy.
---@param op { id: string, name: string, owner_id: string, url: string, params: table }
---@param created_at number|nil  seconds since 1970; nil: now
---@param ready table  the data of its event
function operations.adopt_statements(op, created_at, ready)
  return {
    { INSERT_ADOPTED, op.id, op.name, op.owner_id, op.url, json.encode(op.params),
      db.or_null(created_at) },
    { INSERT_READY, op.id, json.encode(ready) },
  }
end

-- On the way

local START = [[
  UPDATE operations SET state = ?2, started_at = NOW
  WHERE id = ?1 AND state = 'queued' AND cancel = 0 RETURNING *]]
local TURN_BACK = [[
  UPDATE operations SET state = 'rolling_back', code = ?2, failure = ?3
  WHERE id = ?1 AND state IN ('running', 'restoring', 'queued')]]

--- Takes a waiting deploy out of the queue: the operation. False when it was cancelled meanwhile.
---@param state string  from here on
function operations.start(id, state) return decode(db.row(START, id, state)) end

--- A running deploy starts to roll back; why is kept for its end, which may come after a crash.
function operations.turn_back(id, failure)
  return db.change(TURN_BACK, id, failure.code, json.encode(failure))
end

--- A step begins. Returns whether it was cancelled.
function operations.enter_step(id, step)
  local sql = "UPDATE operations SET step = ?2 WHERE id = ?1 RETURNING cancel"
  local row, message, code = db.row(sql, id, step)
  if not row then return nil, message or "no such operation", code or "journal" end
  return row.cancel == 1
end

local CANCEL = [[
  UPDATE operations SET cancel = 1 WHERE id = ?1 AND ended_at IS NULL
    AND (kind = 'deploy' OR kind = 'restore' OR kind = 'sleep' AND step IS NOT 'stop')]]

--- Requests an open deploy, or a workspace that is falling asleep, to stop. False when it has
--- ended, or cannot be called back any more.
function operations.request_cancel(id) return db.change(CANCEL, id) end

-- Ending

local END = [[
  UPDATE operations SET state = ?2, code = ?3, receipt = ?4, ended_at = NOW WHERE id = ?1]]

--- Ends an operation: its last event, its state, what becomes of the workspace, data that is kept.
--- Happens once; later ends write nothing.
---@param last { event: string, data: table }
---@param how { kind: string, state: string, code: string|nil, receipt: table, change: string|nil,
--- target: string|nil, volume: table|nil, used_volume: string|nil, unless_cancelled: boolean|nil }
--- kind: the operation's;
--- change: of the workspace that the deploy `target` made, as in lib/journal/stacks.lua; volume:
--- data that is kept; used_volume: kept data that a workspace has from here on;
--- unless_cancelled: not if it was cancelled
---@return table[]|nil rows  the event as written; none when it had ended, or was cancelled
---@return string? message, string? code
function operations.finish(id, last, how)
  local event = events.statement(id, last.event, last.data, how.unless_cancelled)
  event.gate = true
  local batch = { event }
  if how.change then batch[2] = stacks.change_statement(how.change, how.target, id) end
  if how.volume then batch[#batch + 1] = volumes.keep_statement(how.volume) end
  if how.used_volume then batch[#batch + 1] = volumes.forget_statement(how.used_volume) end
  batch[#batch + 1] = { END, id, how.state, db.or_null(how.code), json.encode(how.receipt) }
  add_all(batch, outbox.statements(id, outbox.type(how.kind, last.event)))
  local results, message, code = db.run(batch)
  if not results then return nil, message, code end
  outbox.wake()
  return db.decode_each({ results[1][1] }, "data")
end

return operations
