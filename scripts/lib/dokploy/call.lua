--- One call to Dokploy's API: the only place where requests to it are made. Timeout, retries, breaker, and at most eight at once.
--- A failure is nil, message, code, {status, unknown}; unknown: it may have been done all the same, look before trying again.
--- Codes: dokploy_unreachable dokploy_refused dokploy_error dokploy_unexpected_answer, not_found (no such id),
--- no_such_call (not in this version of Dokploy), cancelled.
local config = require "core.config"
local http = require "core.http"
local json = require "core.json"
local log = require "core.log"
local shared = require "core.shared"
local task = require "core.task"
local timer = require "core.timer"
local counts = require "lib.base.counts"
local breaker = require "lib.dokploy.breaker"
local retry = require "lib.dokploy.retry"
local sanitize = require "lib.dokploy.sanitize"

local call = { at_once = 8, timeout = 10, key_tries = 6 } -- key_tries: of work that runs, when its key is refused: some 8 s

-- Lanes: a lock each, so that no more calls run than there are lanes, in all generations of the scripts; the shortest queue is taken.
local lanes = {}
for i = 1, call.at_once do lanes[i] = { name = "dokploy.lane." .. i, waiting = 0 } end
local leave = { __close = function(entry) entry.lane.waiting = entry.lane.waiting - 1 end }

local function in_lane(fn)
  local lane = lanes[1]
  for _, other in ipairs(lanes) do
    if other.waiting < lane.waiting then lane = other end
  end
  lane.waiting = lane.waiting + 1
  local _ <close> = setmetatable({ lane = lane }, leave)
  return task.lock(lane.name, fn)
end

-- The budget for retries: how many are on their way, and how many calls there were in this minute and in the one before.
local budget = { under_way = 0, minute = 0, calls = 0, before = 0 }
local back = { __close = function(taken) budget.under_way = budget.under_way - (taken.retry and 1 or 0) end }

local function count_call()
  local minute = os.time() // 60
  if minute ~= budget.minute then
    budget.minute, budget.before, budget.calls = minute, minute == budget.minute + 1 and budget.calls or 0, 0
  end
  budget.calls = budget.calls + 1
end

-- Calls fn as part of the budget; a first try always is.
local function within_budget(is_retry, fn)
  count_call()
  if is_retry then budget.under_way = budget.under_way + 1 end
  local _ <close> = setmetatable({ retry = is_retry }, back)
  return fn()
end

-- A retry waits until the budget has room for it. False when nobody wants it any more; what is not patient does not wait.
local function await_budget(client)
  while not retry.may_go(budget.under_way, math.max(budget.calls, budget.before)) do
    if not client.patient or client.wanted and not client.wanted() or not task.sleep(0.5) then return false end
  end
  return true
end

local function escaped(text)
  return (text:gsub("[^%w._~-]", function(c) return ("%%%02X"):format(c:byte()) end))
end

local function url_of(request)
  local parts = {}
  for name, value in pairs(request.query or {}) do parts[#parts + 1] = name .. "=" .. escaped(tostring(value)) end
  table.sort(parts)
  return config.dokploy.url .. "/api/" .. request.procedure .. (#parts > 0 and "?" .. table.concat(parts, "&") or "")
end

local function token() return config.secret "DOKPLOY_API_TOKEN" or (config.rehearsal and "rehearsal" or "") end

local function send(request)
  return http.request {
    url = url_of(request), method = request.body and "POST" or "GET",
    headers = { ["x-api-key"] = token(), ["Content-Type"] = request.body and "application/json" or nil, Accept = "application/json" },
    body = request.body and json.encode(request.body), timeout = request.timeout or call.timeout, max_body = request.max_body,
    fresh = request.body ~= nil and not request.repeatable,
  }
end

-- What Dokploy says of itself, fit for a log: its words may quote SQL with all values, and more than a line. What is wrong
-- stands at the end of some: behind a command and a volume's name of 65 letters, twice.
local TOLD = 400

local function told(body)
  local message = type(body) == "table" and type(body.message) == "string" and body.message or ""
  if message:find("^Failed query") then return "Failed query" end
  return sanitize.safely(message, TOLD)
end

-- An answer to what held a secret may repeat it: in its words, or in those of the database.
local HELD_BACK = "Dokploy refused it; its words may hold secrets and are not repeated"

local function of_404(body)
  if type(body) ~= "table" then return "dokploy_unexpected_answer" end
  return body.message == "Not found" and "no_such_call" or "not_found"
end

-- The code of an answer that is no success, and whether the authentication layer gave it (then nothing was done).
local function refusal(status, body)
  if status == 401 then return "dokploy_refused", type(body) == "table" and body.code == nil end
  if status == 403 then return "dokploy_refused" end
  if status == 404 then return of_404(body) end
  if status < 400 then return "dokploy_unexpected_answer" end
  return "dokploy_error"
end

-- The value of a success. An empty body is nil: many calls answer so.
local function value_of(body)
  if body == "" then return nil end
  local value, message = json.decode(body)
  if message then return nil, "the answer is no JSON" end
  if value == json.null then return nil end
  return value
end

local function success(request, response)
  local value, problem = value_of(response.body)
  if not problem and request.shape then
    value = request.shape(value)
    if not value then problem = "the answer has not the expected form" end
  end
  if not problem then return { ok = true, status = response.status, value = value } end
  return { code = "dokploy_unexpected_answer", status = response.status, readable = false, message = problem }
end

local function judged(request, response)
  if response.status >= 200 and response.status < 300 then return success(request, response) end
  local body = json.decode(response.body)
  local words = told(body)
  if request.done and words:lower():find(request.done, 1, true) then return { ok = true, status = response.status, value = true } end
  local code, auth = refusal(response.status, body)
  return { code = code, status = response.status, auth = auth, readable = code ~= "dokploy_unexpected_answer",
    message = request.secret and HELD_BACK or words, wait = retry.after(response.headers["retry-after"], os.time()) }
end

local function tell_breaker(request, answer)
  local status = answer.status
  if not status then return breaker.report(false, answer.sent == false) end
  breaker.report(status < 500 and status ~= 429 or (status == 500 and request.lenient == true))
end

local function remember(answer)
  shared.set("dokploy.reachable", answer.status ~= nil)
  shared.set("dokploy.at", os.time())
  shared.set("dokploy.message", answer.ok and nil or answer.code)
end

-- Sends once and says what came of it.
local function exchange(request)
  local answer = in_lane(function()
    local response, message, code, sent = send(request)
    if not response then return { code = "dokploy_unreachable", message = ("%s (%s)"):format(message, code), sent = sent } end
    local result = judged(request, response)
    result.seconds = response.seconds
    return result
  end)
  tell_breaker(request, answer)
  counts.call(request.procedure, answer.ok and "ok" or answer.code, answer.seconds)
  if not request.aside then remember(answer) end
  return answer
end

local function named(request) return (request.body and "POST " or "GET ") .. request.procedure end

-- What came of it, for whoever has to explain a failure. Words of ours are not Dokploy's.
local function keep(client, request, answer)
  local words = not answer.ok and answer.status and answer.message ~= HELD_BACK and answer.message or nil
  client.asking = nil
  client.answer = { call = named(request), status = answer.status, code = answer.code, message = words, at = os.time() }
end

--- What Dokploy answered last; or the call that it has not answered yet.
---@param client table
---@return { call: string, status: integer|nil, code: string|nil, message: string|nil, at: integer }|nil
function call.last_answer(client)
  local asking = client.asking
  if not asking or timer.now() - asking.since < call.timeout / 4 then return client.answer end
  return { call = asking.call, code = "dokploy_unreachable", at = os.time() }
end

local function note(client, request, answer, attempt)
  keep(client, request, answer)
  local fields = { call = request.procedure, status = answer.status, attempt = attempt, seconds = answer.seconds }
  if answer.ok then return log.debug("dokploy.call", fields) end
  fields.code, fields.message = answer.code, answer.message
  if answer.code == "not_found" or answer.code == "no_such_call" then return log.debug("dokploy.call", fields) end
  log.warn("dokploy.call_failed", fields)
end

local probe = { procedure = "settings.getDokployVersion", repeatable = true, timeout = 5 }

-- Tells whoever wants to know that work waits for Dokploy, and from when it will not: lib/operations/ctx.lua makes an event of it.
local function tell_wait(client, why, at)
  if not client.waits then return end
  client.waits(why, at)
  return true
end

-- Waits until the breaker lets a call through. Work that runs waits as long as it is allowed to; a question from outside is turned away.
local function admitted(client, waited)
  while true do
    local admit = breaker.admit()
    if admit == true then return true, waited end
    if admit == "probe" then
      note(client, probe, exchange(probe), 1)
    elseif not client.patient then
      return nil, "Dokploy has failed too often just now; calls to it are held back", "dokploy_unreachable"
    else
      waited = tell_wait(client, "held", breaker.state().retry_at) or waited
      if client.wanted and not client.wanted() or not task.sleep(0.5) then return nil, "no longer wanted", "cancelled" end
    end
  end
end

-- An outage of the whole server is waited out by work that runs; anything else is tried so many times.
local function may_go_on(client, request, answer, attempt)
  if answer.verdict ~= "again" then return false end
  if client.wanted and not client.wanted() then return false end
  if client.patient and answer.sent == false then return true end
  if client.patient and client.wanted and answer.auth then return attempt < call.key_tries end -- a new key may be on its way
  return attempt < (request.tries or client.tries or retry.tries)
end

local LONG = 1 -- seconds that are worth a word

-- Why it waits before the next try; one short pause is no news.
local function tell_pause(client, answer, attempt, seconds)
  if answer.wait and seconds >= LONG then return tell_wait(client, "limited", os.time() + math.ceil(seconds)) end
  if attempt == 1 then return false end
  return tell_wait(client, answer.auth and "refused" or answer.status and "error" or "unreachable")
end

--- Makes the call.
---@param client { patient: boolean|nil, tries: integer|nil, wanted: (fun(): boolean)|nil, waits: fun(why: string|nil, at: number|nil)|nil }
--- patient: waits for the breaker and through outages; wanted: asked before each try; waits: told why a call waits (held unreachable
--- refused limited error) and till when, if that is known, and nil when it waits no more
---@param request table  procedure; query (GET) or body (POST); repeatable: doing it twice does no harm;
--- shape(value): the wanted part of the answer, or nil when it is not as expected; timeout; tries; max_body: of the answer, in bytes;
--- secret: Dokploy's words about it go nowhere; done: a refusal with these words, in lower case, says that it was done before;
--- lenient: a 500 is an answer like others; aside: what comes of it is not how Dokploy is, for /health
---@return any value, string? message, string? code, table? info
function call.run(client, request)
  local attempt, waited = 0, false
  while true do
    attempt = attempt + 1
    local admit, why, held = admitted(client, waited)
    if not admit then return nil, why, held, { unknown = false } end
    waited = why
    client.asking = { call = named(request), since = timer.now() }
    local answer = within_budget(attempt > 1, function() return exchange(request) end)
    note(client, request, answer, attempt)
    if waited and answer.status then waited = tell_wait(client, nil) and false end
    if answer.ok then return answer.value end
    answer.verdict = retry.verdict(answer, request.repeatable, answer.wait ~= nil)
    if not may_go_on(client, request, answer, attempt) then
      return nil, answer.message, answer.code, { status = answer.status, unknown = answer.verdict == "unknown" }
    end
    local pause = answer.wait or retry.delay(attempt, math.random())
    waited = tell_pause(client, answer, attempt, pause) or waited
    if not task.sleep(pause) then return nil, "no longer wanted", "cancelled", { unknown = false } end
    if not await_budget(client) then
      return nil, answer.message, answer.code, { status = answer.status, unknown = answer.verdict == "unknown" }
    end
  end
end

return call
