--- Events not yet delivered to hooks and webhooks, for the admin: the list, retry and drop; what is
--- scheduled; and the mistakes of scripts.
local json = require "core.json"
local clock = require "lib.base.clock"
local refusal = require "lib.base.refusal"
local answer = require "lib.http.answer"
local routes = require "lib.http.routes"
local document = require("lib.http.schemas").document
local outbox = require "lib.journal.outbox"
local change_events = require "lib.journal.change_events"
local faults = require "lib.site.faults"
local schedule = require "lib.site.schedule"

local function view(row)
  return document("OutboxEntry", row, { state = row.failed_at and "failed" or "waiting" })
end

local function list(req, values)
  local rows, next_before = refusal.check(outbox.list(values))
  local disabled = refusal.check(outbox.disabled())
  for i, row in ipairs(rows) do rows[i] = view(row) end
  for i, row in ipairs(disabled) do disabled[i] = row.target end
  disabled.changes = nil
  return answer.private(req, {
    entries = json.array(rows), next = next_before or json.null, disabled = json.array(disabled),
  })
end

local function acting(act, done)
  return function(req)
    local id = math.tointeger(tonumber(req.params.id))
    if not id or not refusal.check(act(id)) then
      refusal.raise("outbox_unknown", { args = { id = req.params.id } })
    end
    change_events.changed "outbox"
    return { json = { id = id, done = done } }
  end
end

local function list_schedules(req)
  local rows = refusal.check(schedule.list())
  for i, row in ipairs(rows) do
    rows[i] = document("Schedule", row, { lastAt = clock.iso(row.began_at) })
  end
  return answer.private(req, { schedules = json.array(rows) })
end

local function list_faults(req)
  local found = faults.list()
  for i, fault in ipairs(found) do
    found[i] = document("Fault", fault, {
      first = clock.iso(fault.first), last = clock.iso(fault.last),
    })
  end
  return answer.private(req, { faults = json.array(found) })
end

routes.add("Administration", {
  { "GET", "/api/admin/outbox", list,
    summary = "Events not yet delivered to hooks and webhooks",
    text = "Newest first. An event is delivered at least once, in order for each workspace; while "
      .. "it fails, again with growing pauses for 24 hours, then it is given up (`failed`) and the "
      .. "next one goes out. `disabled` are webhooks that answered 410.",
    access = "admin", allow = "oversee", query = { "limit", "before" },
    answers = { [200] = "Outbox" } },

  { "POST", "/api/admin/outbox/:id/retry", acting(outbox.retry, "retried"),
    summary = "Deliver an event now",
    text = "Also one that was given up. Enables a webhook that answered 410.",
    access = "admin", allow = "retry_outbox", answers = { [200] = "OutboxChanged" },
    problems = { "outbox_unknown" } },

  { "POST", "/api/admin/outbox/:id/drop", acting(outbox.drop, "dropped"),
    summary = "Delete an event undelivered",
    access = "admin", allow = "drop_outbox", answers = { [200] = "OutboxChanged" },
    problems = { "outbox_unknown" } },

  { "GET", "/api/admin/schedules", list_schedules,
    summary = "What is done at certain times",
    access = "admin", allow = "oversee", answers = { [200] = "Schedules" } },

  { "GET", "/api/admin/faults", list_faults,
    summary = "Errors of scripts in the last hour",
    text = "Grouped by the line that raised them, the latest first. `/health` counts them.",
    access = "admin", allow = "oversee", answers = { [200] = "Faults" } },
})
