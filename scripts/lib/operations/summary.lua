--- An operation's state as one document, made of its row and its events: what a reader of the
--- stream would know by now.
local json = require "core.json"
local clock = require "lib.base.clock"
local events = require "lib.operations.events"
local kinds = require "lib.operations.kinds"
local wording = require "lib.pages.wording"
local summary = {}

local ended = { done = true, skipped = true, undone = true }
local busy = { running = true, waiting = true, undoing = true }

local function new_step(language, name)
  return { step = name, title = wording.step(language, name), state = "pending" }
end

local function apply(step, raw)
  step.state = raw.state
  if not step.startedAt then step.startedAt = clock.iso(raw.at) end
  step.endedAt = ended[raw.state] and clock.iso(raw.at) or nil
end

-- After the end no step is busy; while the operation rolls back, only those that are being undone.
local function stop(list, operation, undone)
  for _, step in ipairs(list) do
    local is_rolling_back = operation.state == "rolling_back" and not undone[step.step]
    local is_over = operation.ended_at or is_rolling_back
    if is_over and busy[step.state] then step.state = "stopped" end
  end
end

-- The steps in order: those planned, then those beyond the plan.
local function steps_of(operation, rows, language, planned)
  local list, by_name, undone = {}, {}, {}
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
      if row.data.state == "undoing" then undone[row.data.step] = true end
    end
  end
  stop(list, operation, undone)
  return json.array(list)
end

local all_done = { ready = true, deleted = true, stopped = true, asleep = true }

local function percent_of(operation, rows)
  if all_done[operation.state] then return 100 end
  for i = #rows, 1, -1 do
    if rows[i].event == "progress" and rows[i].data.percent then return rows[i].data.percent end
  end
  return 0
end

local function rendered(row, language)
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
  local result = rendered(last_of(rows, events.is_last), language)
  local queued = operation.state == "queued"
    and rendered(last_of(rows, function(event) return event == "queued" end), language)
  local has_plan = (kinds[operation.kind] or {}).is_queued and operation.pruned ~= 1
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
    steps = steps_of(operation, rows, language, has_plan and planned or {}),
    result = result or json.null,
  }
end

return summary
