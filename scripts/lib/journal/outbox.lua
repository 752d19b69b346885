--- The tables `outbox`, `subscriptions` and `receivers`: events that hooks and webhooks have
--- not been sent yet. A row is written in the same batch as what it reports, and deleted once it is
--- delivered; lib/site/outbox.lua delivers.
local shared = require "core.shared"
local db = require "lib.journal.db"
local outbox = {}

-- Events

-- The type of an operation's good end, by its kind; false: the workspace has no owner.
local good_ends = {
  deploy = "ready", restore = "restored", rebuild = "rebuilt", delete = "deleted",
  remove = "removed", purge = "purged", stop = "stopped", start = "started",
  restart = "restarted", rotate = "rotated", repair = "repaired", redeploy = "redeployed",
  sleep = "asleep", wake = "woken", prepare = false, retire = false,
}

--- The types of events: "created" when a deploy was accepted; "sleep_soon" before a workspace
--- falls asleep; "ends_soon" before its lifetime is over; "purge_soon" before kept files are
--- deleted; "failed" and "cancelled" for operations of every kind; one for the good end of each
--- kind.
---@return string[]
function outbox.types()
  local list = { "created", "failed", "cancelled", "sleep_soon", "ends_soon", "purge_soon" }
  for _, type in pairs(good_ends) do list[#list + 1] = type or nil end
  table.sort(list)
  return list
end

--- The type of an operation's end; false: the workspace has no owner.
---@param kind string
---@param event string  its last event
---@return string|false
function outbox.type(kind, event)
  if good_ends[kind] == false then return false end
  if event == "failed" or event == "cancelled" then return event end
  return good_ends[kind]
end

-- Writing

local NOBODY = "outbox.nobody" -- wants anything, as far as is known

--- Sets who wants which events. Kept in the journal: operations end on older scripts too, and after
--- a restart before the newest are in force.
---@param wanted { type: string, target: string }[]
---@return boolean|nil done, string? message, string? code
function outbox.subscribe(wanted)
  local batch = { { "DELETE FROM subscriptions" } }
  for _, each in ipairs(wanted) do
    batch[#batch + 1] =
      { "INSERT OR IGNORE INTO subscriptions VALUES (?1, ?2)", each.type, each.target }
  end
  shared.set(NOBODY, nil)
  local results, message, code = db.run(batch)
  if results and #wanted == 0 then shared.set(NOBODY, true) end
  return results and true, message, code
end

local INSERT = [[
  INSERT INTO outbox (target, type, name, operation_id, created_at, since, next_at)
  SELECT target, type, name, id, NOW, NOW, NOW FROM subscriptions, operations
  WHERE type = ?2 AND id = ?1 AND target NOT IN (SELECT target FROM receivers)]]

--- The statements that write an event down for everyone who wants it.
---@param operation_id string
---@param type string|false
---@return any[][]
function outbox.statements(operation_id, type)
  if not type or shared.get(NOBODY) then return {} end
  return { { INSERT, operation_id, type } }
end

local WRITTEN, IDLE = "outbox.written", "outbox.idle"

--- Says that something may have been written.
function outbox.wake() shared.incr(WRITTEN, 1) end

--- Writes an event together with the change that it announces, if that changes a row.
---@param change any[]  a statement and its values
---@param operation_id string
---@param type string
---@return boolean|nil changed, string? message, string? code
function outbox.announce(change, operation_id, type)
  change.gate = true
  local results, message, code =
    db.run { change, table.unpack(outbox.statements(operation_id, type)) }
  if not results then return nil, message, code end
  outbox.wake()
  return results[1].changes > 0
end

-- Delivering

-- The oldest that waits of each target and workspace, if it is due: the later ones wait for it.
-- Some of each target, so that a slow one does not keep the others waiting.
local DUE = [[
  SELECT * FROM (
    SELECT id, target, ROW_NUMBER() OVER (PARTITION BY target ORDER BY id) AS position FROM outbox
    WHERE next_at <= NOW AND id IN (
      SELECT MIN(id) FROM outbox WHERE failed_at IS NULL GROUP BY target, name))
  WHERE position <= ?1 ORDER BY id]]

--- What is to be delivered now, the oldest of each target first. Once nothing waited, it knows so
--- without asking until outbox.wake().
---@param limit integer  of each target
---@return { id: integer, target: string }[]|nil rows, string? message, string? code
function outbox.due(limit)
  local written = shared.get(WRITTEN) or 0
  if shared.get(IDLE) == written then return {} end
  local results, message, code =
    db.run { { DUE, limit }, { "SELECT 1 FROM outbox WHERE failed_at IS NULL LIMIT 1" } }
  if not results then return nil, message, code end
  if #results[2] == 0 then shared.set(IDLE, written) end
  return results[1]
end

local CLAIM = [[
  UPDATE outbox SET attempts = attempts + 1
  WHERE id = ?1 AND failed_at IS NULL AND next_at <= NOW RETURNING *]]

--- Counts an attempt that begins: the row; false when it was delivered or dropped meanwhile.
function outbox.claim(id) return db.row(CLAIM, id) end

-- A receiver that works again gets all that waits for it at once.
local CATCH_UP = "UPDATE outbox SET next_at = NOW WHERE target = ?1 AND failed_at IS NULL"

--- It was delivered.
---@param row table
function outbox.delivered(row)
  local batch = { { "DELETE FROM outbox WHERE id = ?1", row.id } }
  if row.attempts > 1 then batch[2] = { CATCH_UP, row.target } end
  local results, message, code = db.run(batch)
  return results and true, message, code
end

local FAILED = [[
  UPDATE outbox SET error = ?2, next_at = NOW + ?3,
    failed_at = CASE WHEN NOW + ?3 > since + ?4 THEN NOW END
  WHERE id = ?1 RETURNING failed_at]]

--- An attempt failed; it is given up when the next one would be later than `most` after the first.
---@param delay number  seconds until the next attempt
---@param most number  seconds
---@return boolean|nil gave_up, string? message, string? code
function outbox.failed(id, error, delay, most)
  local row, message, code = db.row(FAILED, id, error, delay, most)
  if row == nil then return nil, message, code end
  return row and row.failed_at ~= nil
end

--- Gives up what waits for a receiver that wants nothing any more; it gets nothing from now on.
function outbox.disable(target, error)
  local results, message, code = db.run {
    { "INSERT OR IGNORE INTO receivers (target, disabled_at) VALUES (?1, NOW)", target },
    { "UPDATE outbox SET error = ?2, failed_at = NOW WHERE target = ?1 AND failed_at IS NULL",
      target, error },
  }
  return results and true, message, code
end

-- For the admin

--- Rows, newest first, a page at a time.
---@param which { before: integer|nil, limit: integer }
---@return table[]|nil rows, integer|nil next  the id to go on before
function outbox.list(which)
  return db.page("SELECT * FROM outbox", { { "id < ?", which.before } },
    { order = "id DESC", limit = which.limit, cursor = "id" })
end

--- Receivers that nothing is sent to, because they answered 410.
---@return { target: string, disabled_at: number }[]|nil
function outbox.disabled() return db.rows "SELECT * FROM receivers ORDER BY target" end

--- How many rows wait, and how many were given up.
---@return { waiting: integer, failed: integer }|false|nil
function outbox.depth()
  return db.row [[SELECT count(*) - count(failed_at) AS waiting, count(failed_at) AS failed
    FROM outbox]]
end

local RETRY = [[
  UPDATE outbox SET since = NOW, next_at = NOW, failed_at = NULL WHERE id = ?1 RETURNING target]]
local ENABLE = "DELETE FROM receivers WHERE target = (SELECT target FROM outbox WHERE id = ?1)"

--- Delivers one now, also one that was given up, and enables its receiver. False when there is
--- none of that id.
---@return boolean|nil found, string? message, string? code
function outbox.retry(id)
  local results, message, code = db.run { { RETRY, id }, { ENABLE, id } }
  if not results then return nil, message, code end
  outbox.wake()
  return #results[1] > 0
end

--- Deletes one undelivered. False when there is none of that id.
---@return boolean|nil found, string? message, string? code
function outbox.drop(id) return db.change("DELETE FROM outbox WHERE id = ?1", id) end

local PRUNE = "DELETE FROM outbox WHERE failed_at < NOW - ?1"

--- Forgets what was given up that many seconds ago.
function outbox.prune(seconds) return db.change(PRUNE, seconds) end

return outbox
