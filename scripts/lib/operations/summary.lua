--- An operation's state as one document, made of its row and its events: what a reader of the stream would know by now.
local json = require "core.json"
local clock = require "lib.base.clock"
local events = require "lib.operations.events"
local wording = require "lib.pages.wording"
local summary = {}

local ended = { done = true, undone = true }
local busy = { running = true, waiting = true, undoing = true }

local function new_step(language, name)
  return { step = name, title = wording.step(language, name), state = "pending" }
end

local function apply(step, raw)
  step.state = raw.state
  if not step.startedAt then step.startedAt = clock.iso(raw.at) end
  step.endedAt = ended[raw.state] and clock.iso(raw.at) or nil
end

-- Once all has ended, nothing is busy any more; before that, while all is taken back, no step goes forward (taking back may wait, too).
local function stop(list, operation, taken_back)
  for _, step in ipairs(list) do
    local over = operation.ended_at or operation.state == "rolling_back" and not taken_back[step.step]
    if over and busy[step.state] then step.state = "stopped" end
  end
end

-- The steps in order: those planned, then those that came beyond the plan.
local function steps_of(operation, rows, language, planned)
  local list, by_name, taken_back = {}, {}, {}
  local function step_of(name)
    if not by_name[name] then
      by_name[name] = new_step(language, name)
      list[#list + 1] = by_name[name]
    end
    return by_name[name]
  end
  for _, name in ipairs(planned) do step_of(name) end
  for _, row in ipairs(rows) do
    if row.event == "progress" then
      apply(step_of(row.data.step), row.data)
      if row.data.state == "undoing" then taken_back[row.data.step] = true end
    end
  end
  stop(list, operation, taken_back)
  return json.array(list)
end

local function percent_of(operation, rows)
  if operation.state == "ready" or operation.state == "deleted" or operation.state == "stopped" then return 100 end
  for i = #rows, 1, -1 do
    if rows[i].event == "progress" and rows[i].data.percent then return rows[i].data.percent end
  end
  return 0
end

local function told(row, language)
  return row and wording.event(language, row.event, row.data) or nil
end

local function last_of(rows, test)
  for i = #rows, 1, -1 do
    if test(rows[i].event) then return rows[i] end
  end
end

--- The document.
---@param operation table   the journal's row
---@param rows table[]      the journal's events, from the first
---@param language string
---@param planned string[]  the names of the steps that a deployment has
---@return table
function summary.of(operation, rows, language, planned)
  for _, row in ipairs(rows) do row.data.at = row.at end
  local result = told(last_of(rows, events.is_last), language)
  local queued = operation.state == "queued" and told(last_of(rows, function(event) return event == "queued" end), language)
  return {
    deploymentId = operation.id,
    kind = operation.kind,
    name = operation.name,
    url = operation.url,
    state = operation.state,
    step = operation.step,
    percent = percent_of(operation, rows),
    position = queued and queued.position or nil,
    etaSeconds = queued and queued.etaSeconds or nil,
    createdAt = clock.iso(operation.created_at),
    startedAt = clock.iso(operation.started_at),
    endedAt = clock.iso(operation.ended_at),
    lastEventId = #rows > 0 and rows[#rows].seq or 0,
    steps = steps_of(operation, rows, language, operation.kind == "deploy" and operation.pruned ~= 1 and planned or {}),
    result = result or json.null,
  }
end

return summary
