--- Calls the functions of policies: rules and name checks. One that raises, runs too long or
--- answers wrongly refuses, is noted as a fault, and never grants.
local log = require "core.log"
local shared = require "core.shared"
local task = require "core.task"
local check = require "lib.base.check"
local verdict = require "lib.policy.verdict"
local faults = require "lib.site.faults"
local guarded = {}

local LOG_SECONDS = 60 -- between two lines about the same place

---@class Guarded
---@field kind "rule"|"name_check"
---@field name string
---@field source string  names it in messages: 'site/policy/access.lua: rule "opening_hours"'
---@field fn function
---@field streak Streak|nil  of a site's own

--- Prepares a function of a policy.
---@param definition { kind: string, name: string, source: string, fn: function, is_own: boolean }
---@return Guarded
function guarded.new(definition)
  definition.streak = definition.is_own and faults.streak() or nil
  return definition
end

-- The function that is being called. None of them waits, so when it is still set afterwards, that
-- one never returned: it ran too long and was stopped.
local running

-- One that was stopped, { item, message }, and is not yet in its streak: the third in a row begins
-- a task, which only a task may.
local stopped

local function add_to_streak(item, message)
  if not item.streak then return end
  item.streak:add(("%s failed several times in a row: %s"):format(item.source,
    message:match "^[^\n]*"))
end

-- A message without a place, such as "not enough memory", gets the policy's own.
local function note(item, message, request)
  running = nil
  local is_answer = message:sub(1, #item.source) == item.source
  local has_place = not is_answer and message:find "%.lua:%d"
  local where = faults.note {
    kind = item.kind, name = item.name, message = message, request = request,
    where = not has_place and item.source or nil,
  }
  if shared.add("logged " .. where, true, LOG_SECONDS) then
    log.error("policy.failed", {
      kind = item.kind, name = item.name, place = where, message = message,
      consequence = "the request is refused",
    })
  end
end

local function fail(item, message)
  note(item, message)
  add_to_streak(item, message)
  return false, "policy_failed"
end

--- Whether what just ended by an error was stopped in a policy, which then failed.
---@param message string  of the error
---@param request string|nil  its id
---@return boolean
function guarded.was_stopped(message, request)
  if not running then return false end
  stopped = { running, message }
  note(running, message, request)
  return true
end

--- Calls it and checks its answer; raises when it fails.
---@param item Guarded
---@return boolean|nil is_allowed, string? code, table? more  see verdict.read
function guarded.try(item, ...) return verdict.read(item.source, item.fn(...)) end

local function checked(item, is_allowed, code, more)
  check.texts(item.source, "text", more and more.texts)
  return is_allowed, code, more
end

--- The same for an example: a refusal's text must be there in every language, too.
function guarded.probe(item, ...) return checked(item, guarded.try(item, ...)) end

local STOPPED = "%s: it ran too long and was stopped (a loop that does not end?)"

local function described(err) return task.traceback(err) end

local function answered(item, is_good, is_allowed, code, more)
  if not is_good then return fail(item, is_allowed) end
  running = nil
  if item.streak then item.streak:reset() end
  return is_allowed, code, more
end

--- The same, but a failure is the refusal policy_failed.
function guarded.call(item, ...)
  if running then fail(running, STOPPED:format(running.source)) end -- in a task, not a request
  if stopped then add_to_streak(table.unpack(stopped)) end
  stopped = nil
  running = item
  return answered(item, xpcall(guarded.try, described, item, ...))
end

return guarded
