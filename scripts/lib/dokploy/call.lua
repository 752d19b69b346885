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
local server = require "lib.dokploy.status"

local call = {
  at_once = 8,
  timeout = 10,    -- seconds
  key_tries = 6,   -- of running work whose key is refused: some 8 s, a new key may be on its way
  blind_tries = 14, -- the same, some 70 s, when Dokploy's database may be the reason
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

-- Creates answer a missing right with 400.
local rights = { "unauthorized to access", "permission denied", "don't have access" }

local function lacks_right(body)
  local message = type(body) == "table" and tostring(body.message):lower() or ""
  for _, text in ipairs(rights) do
    if message:find(text, 1, true) then return true end
  end
  return false
end

-- A 400 that does not say what is wrong with the input: Dokploy answers it to a create that failed
-- for any reason, even after the work was done.
local function is_vague(status, body, code)
  return status == 400 and code == "dokploy_error" and type(body) == "table" and not body.issues
end

-- The code of a refusal, and whether the authentication layer gave it (then nothing was done).
local function refusal_of(status, body)
  if status == 401 then return "dokploy_refused", type(body) == "table" and body.code == nil end
  if status == 403 or status == 400 and lacks_right(body) then return "dokploy_refused" end
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
    vague = is_vague(status, body, code),
    message = request.secret and WITHHELD or message,
    wait = retry.after(response.headers["retry-after"], os.time()),
  }
end

-- While its database is down, Dokploy answers 401 to any key, with a code at first; 400 to a
-- create; or 500. That is an outage, and no refusal.
local function find_outage(answer)
  local status = answer.status
  if answer.ok or status ~= 401 and status ~= 500 and not answer.vague then return end
  local state = server.ask()
  answer.blind = state == "unknown"
  if state ~= "down" then return end
  answer.outage, answer.code = true, "dokploy_unreachable"
  answer.message = "Dokploy's database does not answer: " .. answer.message
end

-- A call that a valid key may not make: for /health, until it succeeds.
local function note_right(request, answer)
  local is_denied = answer.code == "dokploy_refused" and not answer.auth
  if is_denied then shared.set("dokploy.denied", request.procedure) end
  if answer.ok and shared.get "dokploy.denied" == request.procedure then
    shared.set("dokploy.denied", nil)
  end
  return is_denied
end

--- The portal's key turned out to have every right: what it was denied, another key was.
function call.forget_denied() shared.set("dokploy.denied", nil) end

local function report_to_breaker(request, answer)
  local status = answer.status
  if not status then return breaker.report(false, answer.sent == false) end
  if answer.outage then return breaker.report(false) end
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
  find_outage(answer)
  report_to_breaker(request, answer)
  counts.call(request.procedure, answer.ok and "ok" or answer.code, answer.seconds)
  if not request.aside then
    local is_denied = note_right(request, answer)
    shared.set("dokploy.reachable", answer.status ~= nil and not answer.outage)
    shared.set("dokploy.at", os.time())
    shared.set("dokploy.message", answer.outage and "dokploy_database"
      or is_denied and "dokploy_denied" or answer.code)
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

local version = { procedure = "settings.getDokployVersion", repeatable = true, timeout = 5 }

-- Looks whether the server is back: first without a key, which costs it next to nothing.
local function probe(client)
  if server.ask() == "down" then return breaker.still_away() end
  breaker.half_open()
  note(client, version, transaction(version), 1)
end

--- Looks at the server if the breaker is open and it is time to. Waits.
function call.probe_if_due()
  if breaker.admit() == "probe" then probe {} end
end

-- Reports that the breaker holds the call back; the time is known only for a server that is there.
local function report_hold(client)
  local now = breaker.state()
  if shared.get "dokploy.message" == "dokploy_database" then
    return report_wait(client, "database")
  end
  if now.is_away then return report_wait(client, "unreachable") end
  return report_wait(client, "held", now.retry_at)
end

local HELD = "Dokploy has failed too often just now; calls to it are held back"

-- Waits until the breaker lets a call through. A client that is not patient is turned away.
---@return boolean|nil admitted, boolean|string has_reported, string? code
local function admit(client, has_reported)
  while true do
    local verdict = breaker.admit()
    if verdict == true then return true, has_reported end
    if verdict == "probe" then
      probe(client)
    elseif not client.patient then
      return nil, HELD, "dokploy_unreachable"
    else
      has_reported = report_hold(client) or has_reported
      if not is_wanted(client) or not task.sleep(0.5) then
        return nil, "no longer wanted", "cancelled"
      end
    end
  end
end

local gateway = { [502] = true, [503] = true, [504] = true }

local function is_away(answer)
  return not answer.status or answer.outage or gateway[answer.status]
end

-- Running work waits out an outage of the whole server, until its deadline ends it; anything else
-- has a number of tries.
local function may_retry(client, request, answer, attempt)
  if answer.verdict ~= "again" or not is_wanted(client) then return false end
  if client.patient and is_away(answer) then return true end
  if client.patient and client.wanted and answer.auth then
    return attempt < (answer.blind and call.blind_tries or call.key_tries)
  end
  return attempt < (request.tries or client.tries or retry.tries)
end

local function report_pause(client, answer, attempt, seconds)
  if answer.wait and seconds >= 1 then
    return report_wait(client, "limited", os.time() + math.ceil(seconds))
  end
  if attempt == 1 then return false end -- one short pause is not worth an event
  if answer.outage then return report_wait(client, "database") end
  local why = answer.auth and "refused" or answer.status and "error" or "unreachable"
  return report_wait(client, why)
end

--- Makes the call.
---@param client { patient: boolean|nil, tries: integer|nil, wanted: (fun(): boolean)|nil,
--- waits: fun(why: string|nil, at: number|nil)|nil, secret_names: string[]|nil,
--- secrets: table<string, true>|nil }
--- patient: waits for the breaker and through outages; wanted: asked before each try; waits: called
--- with why a call waits (held unreachable database refused limited error) and until when, if that
--- is known, and with nil when it waits no more; secret_names: variables whose values are masked in
--- what Dokploy reports, once a call reads or saves an environment text; secrets: those values
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
    if has_reported and not is_away(answer) then has_reported = report_wait(client, nil) end
    learn_secrets(client, answer.value)
    if answer.ok then return answer.value end
    answer.verdict = retry.verdict(answer, request.repeatable, answer.wait ~= nil)
    local info = {
      status = answer.status, unknown = answer.verdict == "unknown", outage = answer.outage,
    }
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
