--- Why did it probably fail? The rules are tried from the top; the first that fits names the cause.
--- To add one, add a line here and its two texts, "cause.NAME.detail" and "cause.NAME.advice", in
--- locales/*.json; `deployer --check` tries the examples at the end. Pure.
---
--- A rule's conditions must all hold:
---   code    the failure's code (failure.CODE in the locales), or a list of them
---   step    the step in which it happened; "queued": while it waited for its turn
---   status  the lowest status of Dokploy's last answer, and `below` the first that is too high;
---           false: there was no answer
---   says    texts, in lower case, of which one is in the last lines of the log, in what Dokploy
---           said or in the reason
---   silent  true: the log has no line
---   reason  true: it is known why the container ended
local check = require "lib.base.check"
local cause = {}

local late = { "step_timeout", "dokploy_unreachable" }

cause.rules = {
  { "queue_long", step = "queued" },

  -- in the log
  { "disk_full", says = { "no space left on device", "disk quota exceeded" } },
  { "no_room", says = { "insufficient resources", "no suitable node" } },
  { "memory",
    says = { "out of memory", "oom-kill", "oomkilled", "exit (137)", "exited (137)" } },
  { "registry_busy", says = { "toomanyrequests", "pull rate limit" } },
  { "registry_down", step = "outcome",
    says = { "i/o timeout", "connection refused", "no such host", "handshake timeout",
      "network is unreachable" } },

  -- in Dokploy's answers
  { "dokploy_right", code = "dokploy_refused",
    says = { "unauthorized to access", "permission denied", "don't have access",
      "not allowed to access" } },
  { "dokploy_key", code = "dokploy_refused" },
  { "dokploy_busy", status = 429, below = 430,
    code = { "step_timeout", "dokploy_error", "dokploy_unreachable" } },
  { "dokploy_ill", code = { "step_timeout", "dokploy_error" }, status = 500 },
  { "dokploy_database", code = "dokploy_unreachable", status = 400 }, -- it answered all the same
  { "dokploy_down", code = late, status = false },
  { "dokploy_down", code = "dokploy_unreachable" },
  { "other_server", code = "dokploy_unexpected_answer" },

  -- by the step
  { "dokploy_queue", code = "step_timeout", step = "outcome", silent = true },
  { "slow_pull", code = "step_timeout", step = "outcome", says = { "pulling" } },
  { "crash", code = "stack_unhealthy", reason = true },
  { "no_route", code = { "stack_unhealthy", "step_timeout" }, step = "health" },
  { "dokploy_slow", code = "step_timeout" },
}

local function is_one_of(value, wanted)
  if type(wanted) ~= "table" then return value == wanted end
  for _, item in ipairs(wanted) do
    if item == value then return true end
  end
  return false
end

local function contains_any(text, parts)
  for _, part in ipairs(parts) do
    if text:find(part, 1, true) then return true end
  end
  return false
end

local function is_status(answer, rule)
  if not answer then return false end
  if rule.status == false then return answer.status == nil end
  if answer.status == nil then return false end
  return answer.status >= rule.status and answer.status < (rule.below or 600)
end

local function fits(rule, facts, text)
  if rule.code and not is_one_of(facts.code, rule.code) then return false end
  if rule.step and rule.step ~= facts.step then return false end
  if rule.status ~= nil and not is_status(facts.answer, rule) then return false end
  if rule.says and not contains_any(text, rule.says) then return false end
  if rule.silent and #(facts.lines or {}) > 0 then return false end
  return not rule.reason or (facts.reason or "") ~= ""
end

--- The name of the likely cause; nil when no rule fits.
---@param facts { code: string, step: string|nil, lines: string[]|nil, reason: string|nil,
--- answer: { status: integer|nil, message: string|nil }|nil }  answer: Dokploy's last; lines: the
--- last of its log; reason: why the container ended
---@return string|nil
function cause.of(facts)
  local lines = table.concat(facts.lines or {}, "\n")
  local message = facts.answer and facts.answer.message or ""
  local text = (lines .. "\n" .. message .. "\n" .. (facts.reason or "")):lower()
  for _, rule in ipairs(cause.rules) do
    if fits(rule, facts, text) then return rule[1] end
  end
end

check.examples("scripts/lib/operations/cause.lua", cause.of, {
  { "queue_long", { code = "step_timeout", step = "queued" } },
  { "slow_pull", { code = "step_timeout", step = "outcome", lines = { "Pulling big/image:1" },
    answer = { status = 200 } } },
  { "dokploy_slow", { code = "step_timeout", step = "outcome", lines = { "Initializing" },
    answer = { status = 200 } } },
  { "dokploy_queue", { code = "step_timeout", step = "outcome", lines = {},
    answer = { status = 200 } } },
  { "dokploy_down", { code = "step_timeout", step = "project", answer = {} } },
  { "dokploy_down", { code = "dokploy_unreachable", step = "project" } },
  { "dokploy_right", { code = "dokploy_refused", step = "project", answer = { status = 400,
    message = 'Error creating the project: unauthorized to access resource "project"' } } },
  { "dokploy_key", { code = "dokploy_refused", step = "project", answer = { status = 401,
    message = "Unauthorized" } } },
  { "dokploy_database", { code = "dokploy_unreachable", step = "outcome",
    answer = { status = 401 } } },
  { "dokploy_ill", { code = "dokploy_error", step = "domain", answer = { status = 503 } } },
  { "dokploy_busy", { code = "dokploy_error", step = "domain", answer = { status = 429 } } },
  { "registry_busy", { code = "deploy_failed", step = "outcome",
    lines = { "toomanyrequests: You have reached your pull rate limit" } } },
  { "registry_down", { code = "deploy_failed", step = "outcome",
    lines = { "dial tcp: lookup ghcr.io: no such host" } } },
  { "disk_full", { code = "deploy_failed", step = "outcome",
    lines = { "write /layer: no space left on device" } } },
  { "memory", { code = "stack_unhealthy", step = "health",
    reason = "task: non-zero exit (137)" } },
  { "crash", { code = "stack_unhealthy", step = "health", reason = "task: non-zero exit (3)" } },
  { "no_route", { code = "stack_unhealthy", step = "health", reason = "" } },
  { nil, { code = "script_error", step = "health" } },
})

return cause
