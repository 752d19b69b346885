--- One call to Dokploy's API: the only place where requests to it are made, with timeout, retries
--- and breaker, and at most eight at once.
--- A failure is nil, message, code, {status, unknown}; unknown: it may have been done all the same,
--- so look before trying again. Codes: dokploy_unreachable dokploy_refused dokploy_error
--- dokploy_unexpected_answer, not_found (no such id), no_such_call (not in this version of
--- Dokploy), cancelled.
local config = require "core.config"
local http = require "lib.base.outgoing"
local json = require "core.json"
local log = require "core.log"
local shared = require "core.shared"
local task = require "core.task"
local timer = require "core.timer"
local counts = require "lib.base.counts"
local dotenv = require "lib.base.dotenv"
local breaker = require "lib.dokploy.breaker"
local retry = require "lib.dokploy.retry"
local sanitize = require "lib.dokploy.sanitize"

local call = {
  at_once = 8,
  timeout = 10,  -- seconds
  key_tries = 6, -- of running work whose key is refused: some 8 s, a new key may be on its way
}

-- Limits

-- A slot is a lock, so that all versions of the scripts share them; the least waited-for is taken.
local slots = {}
for i = 1, call.at_once do slots[i] = { name = "dokploy.slot." .. i, waiting = 0 } end
local leave = { __close = function(self) self.slot.waiting = self.slot.waiting - 1 end }

local function with_slot(fn)
  local slot = slots[1]
  for _, other in ipairs(slots) do
    if other.waiting < slot.waiting then slot = other end
  end
  slot.waiting = slot.waiting + 1
  local _ <close> = setmetatable({ slot = slot }, leave)
  return task.lock(slot.name, fn)
end

-- Retries that are on their way, and the calls of this minute and of the one before.
local budget = { under_way = 0, minute = 0, calls = 0, before = 0 }
local give_back = { __close = function(self) budget.under_way = budget.under_way - self.count end }

local function within_budget(is_retry, fn)
  local minute = os.time() // 60
  if minute ~= budget.minute then
    budget.before = minute == budget.minute + 1 and budget.calls or 0
    budget.minute, budget.calls = minute, 0
  end
  budget.calls = budget.calls + 1
  local count = is_retry and 1 or 0
  budget.under_way = budget.under_way + count
  local _ <close> = setmetatable({ count = count }, give_back)
  return fn()
end

local function is_wanted(client) return not client.wanted or client.wanted() end

-- Waits until the budget has room for a retry. False: not any more wanted, or not patient.
local function await_budget(client)
  while not retry.may_go(budget.under_way, math.max(budget.calls, budget.before)) do
    if not client.patient or not is_wanted(client) or not task.sleep(0.5) then return false end
  end
  return true
end

-- Sending

local function escaped(text)
  return (text:gsub("[^%w._~-]", function(c) return ("%%%02X"):format(c:byte()) end))
end

local function url_of(request)
  local parts = {}
  for name, value in pairs(request.query or {}) do
    parts[#parts + 1] = name .. "=" .. escaped(tostring(value))
  end
  table.sort(parts)
  local query = #parts > 0 and "?" .. table.concat(parts, "&") or ""
  return config.dokploy.url .. "/api/" .. request.procedure .. query
end

local function send(request)
  local is_post = request.body ~= nil
  local key = config.secret "DOKPLOY_API_TOKEN" or (config.rehearsal and "rehearsal" or "")
  return http.request {
    url = url_of(request),
    method = is_post and "POST" or "GET",
    headers = {
      ["x-api-key"] = key, ["Content-Type"] = is_post and "application/json" or nil,
      Accept = "application/json",
    },
    body = is_post and json.encode(request.body) or nil,
    timeout = request.timeout or call.timeout,
    max_body = request.max_body,
    fresh = is_post and not request.repeatable, -- libcurl repeats a POST on a dead connection
  }
end

-- Secrets of the workspace, which Dokploy may repeat in later answers

-- Notes the values of the client's `secret_names` in an environment text that is read or saved.
local function learn_secrets(client, row)
  local environment = type(row) == "table" and row.env
  for _, name in ipairs(type(environment) == "string" and client.secret_names or {}) do
    local secret = dotenv.get(environment, name)
    client.secrets = client.secrets or secret and {}
    if secret then client.secrets[secret] = true end
  end
end

-- Reading the answer

-- A command and a volume's name of 65 letters, twice, come before the cause in some messages.
local MESSAGE_LENGTH = 400
-- An answer to a request with a secret may repeat it.
local WITHHELD = "Dokploy refused it; its message may hold secrets and is not repeated"

local function message_of(body, secrets)
  local message = type(body) == "table" and body.message
  if type(message) == "string" and message:find "^Failed query" then return "Failed query" end
  return sanitize.text(message, MESSAGE_LENGTH, secrets)
end

local function code_of_404(body)
  if type(body) ~= "table" then return "dokploy_unexpected_answer" end
  return body.message == "Not found" and "no_such_call" or "not_found"
end

-- What to do about an answer that redirects; nil for another. None is followed: a POST would become
-- a GET.
local function redirect_message(request, response, secrets)
  local target = response.status >= 300 and response.status < 400 and response.headers.location
  if not target or target == "" then return nil end
  target = sanitize.text(target:gsub("[?#].*$", ""), MESSAGE_LENGTH, secrets)
  local path = "/api/" .. request.procedure
  if target:sub(-#path) == path and target:find "^https?://" then
    return ("it redirects to %s; set DOKPLOY_URL to that"):format(target:sub(1, -#path - 1))
  end
  return ("it redirects to %s; set DOKPLOY_URL to the address of Dokploy itself"):format(target)
end

-- The code of a refusal, and whether the authentication layer gave it (then nothing was done).
local function refusal_of(status, body)
  if status == 401 then return "dokploy_refused", type(body) == "table" and body.code == nil end
  if status == 403 then return "dokploy_refused" end
  if status == 404 then return code_of_404(body) end
  return status < 400 and "dokploy_unexpected_answer" or "dokploy_error"
end

-- The value of a success; nil for an empty body, which many calls answer.
local function value_of(body)
  if body == "" then return nil end
  local value, message = json.decode(body)
  if message then return nil, "the answer is not JSON" end
  if value == json.null then return nil end
  return value
end

local function success_of(request, response)
  local value, problem = value_of(response.body)
  if not problem and request.shape then
    value = request.shape(value)
    if not value then problem = "the answer does not have the expected form" end
  end
  if not problem then return { ok = true, status = response.status, value = value } end
  return {
    code = "dokploy_unexpected_answer", status = response.status, readable = false,
    message = problem,
  }
end

local function answer_of(request, response, secrets)
  local status = response.status
  if status >= 200 and status < 300 then return success_of(request, response) end
  local body = json.decode(response.body)
  local message = redirect_message(request, response, secrets) or message_of(body, secrets)
  if request.done and message:lower():find(request.done, 1, true) then
    return { ok = true, status = status, value = true }
  end
  local code, auth = refusal_of(status, body)
  return {
    code = code, status = status, auth = auth, readable = code ~= "dokploy_unexpected_answer",
    message = request.secret and WITHHELD or message,
    wait = retry.after(response.headers["retry-after"], os.time()),
  }
end

local function report_to_breaker(request, answer)
  local status = answer.status
  if not status then return breaker.report(false, answer.sent == false) end
  breaker.report(status < 500 and status ~= 429 or status == 500 and request.lenient == true)
end

-- Sends once. `secrets` are masked in what Dokploy reports.
local function transaction(request, secrets)
  local answer = with_slot(function()
    local response, message, code, sent = send(request)
    if not response then
      message = ("%s (%s)"):format(message, code)
      return { code = "dokploy_unreachable", message = message, sent = sent }
    end
    local result = answer_of(request, response, secrets)
    result.seconds = response.seconds
    return result
  end)
  report_to_breaker(request, answer)
  counts.call(request.procedure, answer.ok and "ok" or answer.code, answer.seconds)
  if not request.aside then
    shared.set("dokploy.reachable", answer.status ~= nil)
    shared.set("dokploy.at", os.time())
    shared.set("dokploy.message", answer.ok and nil or answer.code)
  end
  return answer
end

-- The last answer, which explains a failure

local function name_of(request) return (request.body and "POST " or "GET ") .. request.procedure end

local function note(client, request, answer, attempt)
  local is_dokploys = not answer.ok and answer.status and answer.message ~= WITHHELD
  client.pending = nil
  client.answer = {
    call = name_of(request), status = answer.status, code = answer.code,
    message = is_dokploys and answer.message or nil, at = os.time(),
  }
  local fields = { call = request.procedure, status = answer.status, attempt = attempt,
    seconds = answer.seconds, code = answer.code, message = answer.message }
  local is_usual = answer.ok or answer.code == "not_found" or answer.code == "no_such_call"
  if is_usual then return log.debug("dokploy.call", fields) end
  log.warn("dokploy.call_failed", fields)
end

--- What Dokploy answered last; or the call that it has not answered for a while.
---@param client table
---@return { call: string, status: integer|nil, code: string|nil, message: string|nil,
--- at: integer }|nil
function call.last_answer(client)
  local pending = client.pending
  if not pending or timer.now() - pending.since < call.timeout / 4 then return client.answer end
  return { call = pending.call, code = "dokploy_unreachable", at = os.time() }
end

-- Waiting

-- Reports that work waits for Dokploy, and until when; why = nil: no longer. Whether it was
-- reported.
local function report_wait(client, why, at)
  if not client.waits then return false end
  client.waits(why, at)
  return why ~= nil
end

local probe = { procedure = "settings.getDokployVersion", repeatable = true, timeout = 5 }
local HELD = "Dokploy has failed too often just now; calls to it are held back"

-- Waits until the breaker lets a call through. A client that is not patient is turned away.
---@return boolean|nil admitted, boolean|string has_reported, string? code
local function admit(client, has_reported)
  while true do
    local verdict = breaker.admit()
    if verdict == true then return true, has_reported end
    if verdict == "probe" then
      note(client, probe, transaction(probe), 1)
    elseif not client.patient then
      return nil, HELD, "dokploy_unreachable"
    else
      has_reported = report_wait(client, "held", breaker.state().retry_at) or has_reported
      if not is_wanted(client) or not task.sleep(0.5) then
        return nil, "no longer wanted", "cancelled"
      end
    end
  end
end

-- Running work waits out an outage of the whole server; anything else has a number of tries.
local function may_retry(client, request, answer, attempt)
  if answer.verdict ~= "again" or not is_wanted(client) then return false end
  if client.patient and answer.sent == false then return true end
  if client.patient and client.wanted and answer.auth then return attempt < call.key_tries end
  return attempt < (request.tries or client.tries or retry.tries)
end

local function report_pause(client, answer, attempt, seconds)
  if answer.wait and seconds >= 1 then
    return report_wait(client, "limited", os.time() + math.ceil(seconds))
  end
  if attempt == 1 then return false end -- one short pause is not worth an event
  local why = answer.auth and "refused" or answer.status and "error" or "unreachable"
  return report_wait(client, why)
end

--- Makes the call.
---@param client { patient: boolean|nil, tries: integer|nil, wanted: (fun(): boolean)|nil,
--- waits: fun(why: string|nil, at: number|nil)|nil, secret_names: string[]|nil,
--- secrets: table<string, true>|nil }
--- patient: waits for the breaker and through outages; wanted: asked before each try; waits: called
--- with why a call waits (held unreachable refused limited error) and until when, if that is known,
--- and with nil when it waits no more; secret_names:
--- variables whose values are masked in what Dokploy reports, once a call reads or saves an
--- environment text; secrets: those values
---@param request table  procedure; query (GET) or body (POST); repeatable: doing it twice does no
--- harm; shape(value): the wanted part of the answer, or nil when it is not as expected; timeout;
--- tries; max_body: of the answer, in bytes; secret: Dokploy's message is not passed on; done: a
--- refusal with this text, in lower case, means that it was done before; lenient: a 500 does not
--- count as a failure; aside: the result does not say whether Dokploy is well
---@return any value, string? message, string? code, table? info
function call.run(client, request)
  local attempt, has_reported = 0, false
  while true do
    attempt = attempt + 1
    local admitted, reported, code = admit(client, has_reported)
    if not admitted then return nil, reported, code, { unknown = false } end
    has_reported = reported
    learn_secrets(client, request.body)
    client.pending = { call = name_of(request), since = timer.now() }
    local answer = within_budget(attempt > 1, function()
      return transaction(request, client.secrets)
    end)
    note(client, request, answer, attempt)
    if has_reported and answer.status then has_reported = report_wait(client, nil) end
    learn_secrets(client, answer.value)
    if answer.ok then return answer.value end
    answer.verdict = retry.verdict(answer, request.repeatable, answer.wait ~= nil)
    local info = { status = answer.status, unknown = answer.verdict == "unknown" }
    if not may_retry(client, request, answer, attempt) then
      return nil, answer.message, answer.code, info
    end
    local pause = answer.wait or retry.delay(attempt, math.random())
    has_reported = report_pause(client, answer, attempt, pause) or has_reported
    if not task.sleep(pause) then
      return nil, "no longer wanted", "cancelled", { unknown = false }
    end
    if not await_budget(client) then return nil, answer.message, answer.code, info end
  end
end

return call
