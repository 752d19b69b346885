--- Writes what happens to an operation: first into the journal, then to each language's stream.
---
--- The journal keeps events in raw form, so that a stream can be repeated in any language;
--- lib/pages/wording.lua adds the text. Raw fields, beside `at` (seconds since 1970, given by the
--- journal):
---   queued    {position, etaSeconds}
---   progress  {step, state, percent, key?, args?}  state: running done waiting skipped undoing
---             undone; key: the text "step.STEP.KEY" with args
---   log       {line} or {key, args}  a line of Dokploy's log as it is, or the text "log.KEY"
---   ready     {name, url, openUrl, warning?, skipped?}  warning: a code, "warning.CODE" is its
---             text; skipped: the optional steps that failed
---   failed    {code, step, args, rolledBack, leftovers = {{kind, id, reason}, ...}, answer?,
---             lines?, cause?}  texts: "failure.CODE.detail", "failure.CODE.advice",
---             "leftover.reason.REASON"; answer: Dokploy's last {call, status, message, at}; lines:
---             the last of its log; cause: texts "cause.CAUSE.detail" and "cause.CAUSE.advice"
---   cancelled {step, code?, rolledBack, leftovers}
---   deleted   {name, data, volume}  data: kept deleted left
---   stopped   {name}
---   asleep    {name}
local json = require "core.json"
local log = require "core.log"
local sse = require "core.sse"
local task = require "core.task"
local counts = require "lib.base.counts"
local journal = require "lib.journal"
local change_events = require "lib.journal.change_events"
local i18n = require "lib.pages.i18n"
local wording = require "lib.pages.wording"

local events = {}
local ends = { ready = true, failed = true, cancelled = true, deleted = true, stopped = true,
  asleep = true }

--- The channel of an operation's stream in one language.
function events.channel(id, language) return id .. ":" .. language end

--- Whether an event of that name ends the stream.
function events.is_last(event) return ends[event] == true end

-- A row of the journal as an event of a stream.
local function render(row, language)
  row.data.at = row.at
  local data = json.encode(wording.event(language, row.event, row.data))
  return { id = row.seq, event = row.event, data = data, last = ends[row.event] }
end

local function publish(id, rows)
  for _, language in ipairs(i18n.languages()) do
    local channel = events.channel(id, language.code)
    if sse.has(channel) then
      for _, row in ipairs(rows) do sse.publish(channel, render(row, language.code)) end
    end
  end
end

-- What the disk refused waits here and is written before the operation's next event, so that a full
-- disk leaves no gap in a story.
local unwritten, MOST = {}, 200

local function joined(first, second)
  local list = table.move(second, 1, #second, #first + 1, { table.unpack(first) })
  return { table.unpack(list, math.max(1, #list - MOST + 1)) }
end

local function append(id, list)
  local before = unwritten[id]
  if before then list, unwritten[id] = joined(before, list), nil end
  local rows, message, code = journal.events.append(id, list)
  if rows then return rows end
  if code == "conflict" then
    log.error("journal.event_lost", { operation = id, event = list[1].event, message = message })
  else
    if not before then log.warn("journal.events_wait", { operation = id, message = message }) end
    unwritten[id] = joined(list, unwritten[id] or {})
  end
  return nil, message, code
end

-- The last event, after those that wait.
local function append_last(id, list, finish)
  local rows, message, code = {}, nil, nil
  if unwritten[id] then rows, message, code = append(id, {}) end
  if not rows then return nil, message, code end
  local last_rows
  last_rows, message, code = finish(list)
  if not last_rows then return nil, message, code end
  return joined(rows, last_rows), #last_rows > 0
end

-- Runs in a task of its own: the caller may be ended at its deadline, and what is in the journal
-- must still reach the streams.
local function write(id, list, finish)
  local rows, second, code
  if finish then rows, second, code = append_last(id, list, finish) end
  if not finish then rows, second, code = append(id, list) end
  if not rows then return nil, second, code end
  for _, row in ipairs(rows) do counts.event(id, row) end
  if list[1].event ~= "log" and #rows > 0 then change_events.changed "operations" end
  publish(id, rows)
  if finish then return second end
  return #rows > 0
end

--- Writes and publishes events, in order. After the operation's end nothing is written; what the
--- disk refuses is written later. Waits.
---@param id string
---@param list { event: string, data: table }[]
---@return boolean|nil written, string? message, string? code
function events.emit(id, list) return task.spawn(nil, write, id, list):wait() end

--- Writes and publishes one event each of several operations, with one commit.
---@param list { id: string, event: string, data: table }[]
function events.emit_each(list)
  local handles = {}
  for i, item in ipairs(list) do
    handles[i] = task.spawn(nil, write, item.id, { { event = item.event, data = item.data } })
  end
  for _, handle in ipairs(handles) do handle:wait() end
end

--- Writes and publishes the last event, which `finish(list)` writes together with what it means:
--- the operation's end. finish returns the rows written (none when the operation had ended
--- already), or nil, message, code.
---@return boolean|nil ended, string? message, string? code
function events.finish(id, event, data, finish)
  return task.spawn(nil, write, id, { { event = event, data = data } }, finish):wait()
end

--- What happened after event number `after`, for a stream's replay.
---@param id string
---@param after integer
---@param language string
---@return Event[]|nil, string? message, string? code
function events.rendered(id, after, language)
  local rows, message, code = journal.events.list(id, after)
  if not rows then return nil, message, code end
  local list = {}
  for i, row in ipairs(rows) do list[i] = render(row, language) end
  return list
end

return events
