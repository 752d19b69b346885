--- The table `stacks`: the workspaces. A row reserves a name, from the acceptance of a deploy
--- until nothing of the workspace is left.
local db = require "lib.journal.db"
local stacks = {}

-- Whether Dokploy no longer has it, as far as was seen.
local VANISHED = [[EXISTS (SELECT 1 FROM findings WHERE findings.kind = 'vanished'
    AND findings.operation_id = %s.operation_id AND resolved_at IS NULL) AS vanished]]

local STACK = [[
  SELECT stacks.*, (SELECT key FROM resources
    WHERE resources.operation_id = stacks.operation_id AND kind = 'volume') AS volume, ]]
  .. VANISHED:format "stacks" .. " FROM stacks "

--- The workspace of that name; false when there is none.
function stacks.get(name) return db.row(STACK .. "WHERE name = ?1", name) end

--- Workspaces by name: of one owner, or all; `limit` of them after the name `after`.
---@param which { owner_id: string|nil, limit: integer|nil, after: string|nil }
---@return table[]|nil rows, string|nil next  the name to go on after
function stacks.list(which)
  return db.page(STACK, { { "owner_id = ?", which.owner_id }, { "name > ?", which.after } },
    { order = "name", limit = which.limit or 1000000, cursor = "name" })
end

local COUNTS = [[
  SELECT count(*) AS total, count(CASE WHEN owner_id = ?1 THEN 1 END) AS owner,
    count(CASE WHEN network = ?2 THEN 1 END) AS network,
    count(CASE WHEN substr(network, 1, length(?3)) = ?3 THEN 1 END) AS site
  FROM stacks LEFT JOIN origins ON origins.operation_id = stacks.operation_id]]

--- How many there are: of the owner, from the network, from the IPv6 /48 of a prefix such as
--- "2001:db8:1:", in all.
---@return { owner: integer, network: integer, site: integer, total: integer }|nil
function stacks.count(owner_id, network, site_prefix)
  return db.row(COUNTS, owner_id or "", network or "", site_prefix or "none")
end

-- Writing: every change of `stacks.state` is one of the statements below

local INSERT = [[
  INSERT INTO stacks (name, owner_id, state, operation_id, url, image, template, created_at, since)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, COALESCE(?8, NOW), ?9)]]

--- The statement that reserves a name for a deploy.
---@param op { id: string, name: string, owner_id: string, url: string, template: string|nil }
---@param more { state: string, image: string|nil, created_at: number|nil, since: number|nil }
--- created_at: seconds since 1970; nil: now
function stacks.insert_statement(op, more)
  return { INSERT, op.name, op.owner_id, more.state, op.id, op.url, db.or_null(more.image),
    db.or_null(op.template), db.or_null(more.created_at), db.or_null(more.since) }
end

local WORKABLE = " AND state IN ('ready', 'stopped', 'unhealthy')"
local SET = "UPDATE stacks SET state = '%s', reason = %s, since = NOW, asleep = 0,"
  .. " sleeps_at = NULL WHERE operation_id = ?1"

-- ?1: the deploy that made the workspace, ?2: the operation that is written with it.
local changes = {
  deleting = "UPDATE stacks SET state = 'deleting', delete_id = ?2 WHERE operation_id = ?1",
  -- the end of a deploy or a delete
  ready = "UPDATE stacks SET state = 'ready' WHERE operation_id = ?1",
  leftover = "UPDATE stacks SET state = 'leftover' WHERE operation_id = ?1",
  gone = "DELETE FROM stacks WHERE operation_id = ?1",
  -- the end of an operation on a workspace that exists; a delete that came meanwhile wins
  started = SET:format("ready", "NULL") .. WORKABLE,
  stopped = SET:format("stopped", "NULL") .. WORKABLE,
  asleep = SET:format("stopped", "NULL"):gsub("asleep = 0", "asleep = 1") .. WORKABLE,
  unhealthy = SET:format("unhealthy", "'stack_silent'") .. WORKABLE,
  -- what it consists of is another deploy's from here on
  rebuilt = "UPDATE stacks SET operation_id = ?2, state = 'ready', reason = NULL, since = NOW,"
    .. " asleep = 0 WHERE operation_id = ?1",
  -- one that was made ahead is in another table until somebody has it
  warm = "UPDATE pool SET state = 'warm', since = NOW WHERE operation_id = ?1",
}
local takes_operation = { deleting = true, rebuilt = true }

--- The statement for a change of state that is written together with an operation.
---@param change string        a key of the table above
---@param target_id string     the deploy that made the workspace
---@param operation_id string
function stacks.change_statement(change, target_id, operation_id)
  return { changes[change], target_id, takes_operation[change] and operation_id or nil }
end

local SET_UNHEALTHY = [[
  UPDATE stacks SET state = 'unhealthy', reason = ?3, since = NOW WHERE name = ?1
    AND operation_id = ?2 AND (state = 'ready' OR state = 'unhealthy' AND reason IS NOT ?3)]]
local SET_HEALTHY = [[
  UPDATE stacks SET state = 'ready', reason = NULL, since = NOW
  WHERE name = ?1 AND operation_id = ?2 AND state = 'unhealthy']]

--- Notes what the monitor saw; a stopped workspace stays as it is.
---@param reason string|nil  why it is unhealthy; nil: it is healthy
---@return boolean|nil changed, string? message, string? code
function stacks.set_health(stack, reason)
  if reason then return db.change(SET_UNHEALTHY, stack.name, stack.operation_id, reason) end
  return db.change(SET_HEALTHY, stack.name, stack.operation_id)
end

-- A workspace's clock may be ahead of ours.
local NOTE_USE = [[
  UPDATE stacks SET used_at = MIN(?3, NOW)
  WHERE name = ?1 AND operation_id = ?2 AND (used_at IS NULL OR used_at < ?3)]]

--- Notes when it was last worked in.
---@param used_at number  seconds since 1970
function stacks.note_use(stack, used_at)
  return db.change(NOTE_USE, stack.name, stack.operation_id, used_at)
end

--- Frees the name of a deploy of which nothing is left.
---@return boolean|nil freed, string? message, string? code
function stacks.free_name(operation_id)
  local sql = "DELETE FROM stacks WHERE operation_id = ?1 AND state = 'leftover'"
  return db.change(sql, operation_id)
end

local SET_NOTE = [[
  UPDATE stacks SET note = ?3
  WHERE name = ?1 AND operation_id = ?2 AND state <> 'deploying' RETURNING name]]

--- Sets the note that its owner is shown; nil removes it. `entry`: the statement that is written
--- with it.
---@param stack { name: string, operation_id: string }
---@param note string|nil  JSON
---@param entry any[]
---@return boolean|nil found, string? message, string? code
function stacks.set_note(stack, note, entry)
  local set = { SET_NOTE, stack.name, stack.operation_id, db.or_null(note), gate = true }
  local results, message, code = db.run { set, entry }
  if not results then return nil, message, code end
  return #results[1] > 0
end

-- Searching, for the admin

-- `shown`: what is being done with it, else its state. A purge or a removal is about a workspace
-- that had the name before.
local SHOWN = [[(
  SELECT s.*, d.params, w.id AS work_id, w.kind AS work_kind,
    (SELECT key FROM resources r
      WHERE r.operation_id = s.operation_id AND r.kind = 'volume') AS volume,
    ]] .. VANISHED:format "s" .. [[,
    COALESCE(w.state, CASE s.state WHEN 'leftover' THEN 'failed' WHEN 'deploying' THEN 'running'
      WHEN 'stopped' THEN iif(s.asleep = 1, 'asleep', 'stopped') ELSE s.state END) AS shown
  FROM stacks s JOIN operations d ON d.id = s.operation_id
  LEFT JOIN operations w ON w.rowid = (SELECT MAX(rowid) FROM operations o
    WHERE o.name = s.name AND o.ended_at IS NULL AND o.kind NOT IN ('purge', 'remove')))]]
local MATCHES = [[instr(lower(name || ' ' || owner_id || ' ' || COALESCE(image, '') || ' '
  || COALESCE(template, '')), lower(?)) > 0]]

--- Workspaces by name, of one state, owner or search, a page at a time.
---@param which { search: string|nil, state: string|nil, owner: string|nil, after: string|nil,
--- limit: integer }
---@return table[]|nil rows, string|nil next  the name to go on after
function stacks.search(which)
  return db.page("SELECT * FROM " .. SHOWN, {
    { MATCHES, which.search }, { "shown = ?", which.state }, { "owner_id = ?", which.owner },
    { "name > ?", which.after },
  }, { order = "name", limit = which.limit, cursor = "name" })
end

--- One workspace as the search shows it; false when there is none.
function stacks.shown(name) return db.row("SELECT * FROM " .. SHOWN .. " WHERE name = ?", name) end

--- How many workspaces of each state a search and an owner have: { {state, count}, ... }.
function stacks.states(which)
  local sql, values = db.where { { MATCHES, which.search }, { "owner_id = ?", which.owner } }
  sql = "SELECT shown AS state, count(*) AS count FROM " .. SHOWN .. sql
    .. " GROUP BY shown ORDER BY shown"
  local rows, message, code = db.rows(sql, table.unpack(values))
  if rows then rows.changes = nil end
  return rows, message, code
end

return stacks
