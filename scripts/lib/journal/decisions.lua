--- The table `decisions`: the last decisions and what they were made of, for replays.
local db = require "lib.journal.db"
local decisions = { kept = 10000, seconds = 30 * 24 * 3600 }

local INSERT = [[
  INSERT INTO decisions (at, who, action, what, allowed, code, rule, site_version)
  VALUES (NOW, ?1, ?2, ?3, ?4, ?5, ?6, ?7)]]

--- The statement that adds a decision.
---@param decision { who: string, action: string, what: string, allowed: boolean,
--- code: string|nil, rule: string, site_version: integer }  who and what: JSON
function decisions.statement(decision)
  return { INSERT, decision.who, decision.action, decision.what, decision.allowed,
    db.or_null(decision.code), decision.rule, decision.site_version }
end

--- Adds a decision.
---@return boolean|nil written, string? message, string? code
function decisions.add(decision)
  local results, message, code = db.run { decisions.statement(decision) }
  return results and true, message, code
end

-- SQLite puts the documents together, so that Lua does not decode and encode them again.
local LINES = [[
  SELECT min(id) AS first, count(*) AS n, group_concat(line, char(10)) AS lines FROM (
    SELECT id, json_object('id', id, 'at', at, 'action', action, 'who', json(who),
      'what', json(what)) AS line
    FROM decisions WHERE id < ?1 ORDER BY id DESC LIMIT ?2)]]

--- The newest decisions before an id, as lines of JSON: { id, at, action, who, what }.
---@param before integer|nil
---@param limit integer
---@return { first: integer, n: integer, lines: string|nil }|nil page, string? message, string? code
function decisions.page(before, limit) return db.row(LINES, before or math.maxinteger, limit) end

local DELETE_OLD = [[
  DELETE FROM decisions WHERE at < NOW - ?1 OR id <= (SELECT max(id) - ?2 FROM decisions)]]

--- Deletes those that are older than `seconds`, and all but the last `kept`.
---@return boolean|nil done, string? message, string? code
function decisions.prune() return db.change(DELETE_OLD, decisions.seconds, decisions.kept) end

return decisions
