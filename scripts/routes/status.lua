--- An operation's progress, as a stream of events or as one document, and its cancel button.
local config = require "core.config"
local server = require "core.server"
local sse = require "core.sse"
local engine = require "lib.operations.engine"
local events = require "lib.operations.events"
local summary = require "lib.operations.summary"
local body = require "lib.http.body"
local client = require "lib.http.client"
local journal = require "lib.journal"
local i18n = require "lib.pages.i18n"
local problem = require "lib.http.problem"
local limits = require "policy.limits"
local steps = require "steps"
local door = require "routes.door"
local stack = require "routes.stack"

local planned = {}
for i, step in ipairs(steps) do planned[i] = step.name end

-- The operation that the path names, or nil and the refusal.
local function find(req)
  local operation, _, code = journal.operation(req.params.id)
  if operation then return operation end
  return nil, problem.failure(req, code or "deployment_unknown")
end

local function wants_document(req)
  local accept = (req.headers.accept or ""):lower()
  return accept:find("application/json", 1, true) ~= nil and not accept:find("text/event-stream", 1, true)
end

-- The number of the last event that the client has: a reconnecting EventSource sends the field, and repeats the first query.
local function last_seen(req)
  local text = req.headers["last-event-id"] or req.query.after
  if text == nil or text == "" then return 0 end
  return #text <= 15 and text:find("^%d+$") and math.tointeger(tonumber(text)) or nil
end

local function document(req, operation)
  local rows, _, code = journal.events(operation.id, 0)
  if not rows then return problem.failure(req, code) end
  local language = i18n.from(req)
  return {
    json = summary.of(operation, rows, language, planned),
    headers = { Vary = "Accept, Accept-Language", ["Content-Language"] = language },
  }
end

local most = limits.of(limits.streams, config.production)
local SOON = 10 -- seconds after which whoever has too many may try again

-- A stream is a connection that stays: the refusal when there are too many.
local function too_many(req, from)
  if not (most.client and sse.count(from) >= most.client) and not (most.total and sse.count() >= most.total) then return nil end
  return problem.reply(req, "rate_limited", { args = { seconds = SOON }, retry_after = SOON })
end

-- Reading the events is the last wait before subscribing: what is written later is published later, so nothing falls between.
local function stream(req, operation, after)
  local language = i18n.from(req)
  local replay, _, code = events.rendered(operation.id, after, language)
  if not replay then return problem.failure(req, code) end
  if operation.ended_at and #replay == 0 then return 204 end -- it has all of it: EventSource stops asking
  local from = client.of(req).key
  return too_many(req, from) or sse.subscribe(events.channel(operation.id, language), { last_id = after, replay = replay, client = from })
end

server.route("GET", "/api/status/:id", function(req)
  local after = last_seen(req)
  if not after then return problem.value(req, "after", { "0", "1", "2", "..." }) end
  local operation, refusal = find(req)
  if not operation then return refusal end
  if wants_document(req) then return document(req, operation) end
  return stream(req, operation, after)
end)

local function may_cancel(req)
  local who, refusal = door.who(req)
  if not who then return nil, refusal end
  if not who.id and who.kind ~= "admin" then return nil, problem.reply(req, "key_missing") end
  local operation
  operation, refusal = find(req)
  if not operation then return nil, refusal end
  who, refusal = door.allow(req, "cancel", { owner_id = operation.owner_id }, operation.name)
  if not who then return nil, refusal end
  return operation
end

-- The words for what cancelling did, or why it did nothing.
local function outcome(operation, result)
  if result.cancelled then return "cancel.asked" end
  if operation.ended_at then return "cancel.ended" end
  return operation.kind == "delete" and "cancel.delete" or "cancel.work"
end

server.route("POST", "/api/status/:id/cancel", function(req)
  local operation, refusal = may_cancel(req)
  if not operation then return refusal end
  local asked
  asked, refusal = body.read(req, {}, true)
  if not asked then return refusal end
  local result, _, code = engine.cancel(operation.id)
  if not result then return problem.failure(req, code) end
  if body.is_form(req) then return stack.accepted(req, operation) end
  local language = i18n.from(req)
  return {
    status = 202,
    json = {
      deploymentId = operation.id,
      name = operation.name,
      state = result.state,
      cancelled = result.cancelled,
      detail = i18n.text(language, outcome(operation, result)),
      statusUrl = "/api/status/" .. operation.id,
    },
    headers = { Location = "/api/status/" .. operation.id, ["Content-Language"] = language },
  }
end)
