--- An operation's progress, as a stream of events or as one document, and cancelling it.
local sse = require "core.sse"
local auth = require "lib.auth"
local client = require "lib.auth.client"
local media = require "lib.base.media"
local refusal = require "lib.base.refusal"
local answer = require "lib.http.answer"
local input = require "lib.http.input"
local routes = require "lib.http.routes"
local journal = require "lib.journal"
local accept = require "lib.operations.accept"
local events = require "lib.operations.events"
local summary = require "lib.operations.summary"
local i18n = require "lib.pages.i18n"
local limits = require "lib.policy.limits"
local steps = require "steps"

local most = limits.streams
local RETRY_SECONDS = 10 -- for a client with too many streams

local planned = {}
for i, step in ipairs(steps) do planned[i] = step.name end

local function find(req)
  local operation = refusal.check(journal.operations.get(req.params.id))
  return operation or refusal.raise "deployment_unknown"
end

local function document(req, operation)
  local rows = refusal.check(journal.events.list(operation.id, 0))
  return answer.document(req, summary.of(operation, rows, i18n.from(req), planned), "Accept")
end

-- Each stream keeps a connection. Streams are counted under an IPv6 client's /48 and its key.
local function refuse_too_many(from, key)
  local times = from.is_shared and limits.shared or 1
  local is_over = most.client and sse.count(key) >= most.client * times
    or from.site and most.site and sse.count(from.site) >= most.site
    or most.total and sse.count() >= most.total
  if is_over then
    local args = { seconds = RETRY_SECONDS }
    refusal.raise("rate_limited", { args = args, retry_after = RETRY_SECONDS })
  end
end

-- Reading the events is the last wait before subscribing: what is written later is published
-- later, so no event is missed.
local function stream(req, operation, after)
  local language = i18n.from(req)
  local replay = refusal.check(events.rendered(operation.id, after, language))
  if operation.ended_at and #replay == 0 then return 204 end -- EventSource stops asking
  local from = client.of(req)
  local key = from.site and from.site .. " " .. from.key or from.key
  refuse_too_many(from, key)
  local channel = events.channel(operation.id, language)
  return sse.subscribe(channel, { last_id = after, replay = replay, client = key })
end

local function status(req, values)
  local after = input.last_event_id(req, values) or 0
  local operation = find(req)
  local wanted = media.preferred(req, "application/json", "text/event-stream")
  if not wanted then refusal.raise "not_acceptable" end
  return wanted == "application/json" and document(req, operation) or stream(req, operation, after)
end

-- The key of the text that says what cancelling did, or why it did nothing.
local function outcome(operation, result)
  if result.cancelled then return "cancel.asked" end
  if operation.ended_at then return "cancel.ended" end
  return operation.kind == "delete" and "cancel.delete" or "cancel.work"
end

local function cancel(req)
  local who = auth.who(req)
  if not who.id and who.kind ~= "admin" then refusal.raise "key_missing" end
  local operation = find(req)
  auth.allow(req, "cancel", auth.what(operation), operation.name)
  local result = refusal.check(accept.cancel(operation.id))
  local language = i18n.from(req)
  local reply = answer.accepted(req, operation, {
    state = result.state, cancelled = result.cancelled,
    detail = i18n.text(language, outcome(operation, result)),
  })
  if reply.json then reply.headers["Content-Language"] = language end
  return reply
end

routes.add("Operations", {
  { "GET", "/api/status/:id", status,
    summary = "Follow an operation",
    text = "One document or, with Accept: text/event-stream, the same as a stream of server-sent "
      .. "events. Events are kept: a stream resumes exactly where it was left, also days later. "
      .. "The last event is ready, failed, cancelled, deleted or stopped; a client that has it "
      .. "gets 204.",
    query = { "after_event", "last_event" }, headers = { "last_event_id" },
    answers = {
      [200] = { "The document, or the stream", schema = "Status", events = "StatusStream" },
      [204] = { "It has ended and there is nothing more" },
    },
    problems = { "deployment_unknown", "not_acceptable" } },

  { "POST", "/api/status/:id/cancel", cancel,
    summary = "Cancel an operation",
    text = "Removes what was made. An operation that has ended, and a deletion, stay as they are: "
      .. "`cancelled` is false and `detail` says why.",
    access = "owner", identify = true, scope = "create", form = true,
    answers = {
      [202] = { "Asked to stop, or nothing to stop", schema = "Cancelled", location = true },
    },
    problems = { "deployment_unknown", "not_owner" } },
})
