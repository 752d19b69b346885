--- One deployment in Dokploy, as it was sent: found again by its title, among the rows and in the
--- queue. For scripts/steps/deploy.lua and outcome.lua.
local timer = require "core.timer"
local sanitize = require "lib.dokploy.sanitize"

local submission = {}

local function title_of(ctx, attempt)
  return attempt == 1 and ctx.title or ctx.title .. " " .. attempt
end

local function row_titled(rows, title)
  for _, row in ipairs(rows) do
    if row.title == title then return row end
  end
end

local function sent_at(job) return type(job.timestamp) == "number" and job.timestamp or 0 end

-- Its position in Dokploy's queue, from 1; false: it is not there; nil: this Dokploy does not show
-- its queue.
local function position_of(ctx, title)
  local jobs = ctx.dokploy:queue()
  if not jobs then return nil end
  table.sort(jobs, function(a, b) return sent_at(a) < sent_at(b) end)
  for position, job in ipairs(jobs) do
    if type(job.data) == "table" and job.data.titleLog == title then return position end
  end
  return false
end

local BLIND = 10 -- seconds after which one without a row counts as lost, where no queue is shown

local function find(ctx, title, attempt)
  local intended = ctx:known("deployment", tostring(attempt))
  while true do
    local rows, message, code = ctx.dokploy:deployments(ctx.ids.application)
    if not rows then return nil, message, code end
    if row_titled(rows, title) then return { id = title } end
    local position = position_of(ctx, title)
    if position ~= nil then return position and { id = title } end
    if not intended or timer.now() - intended.since >= BLIND then return false end
    ctx:sleep(1)
  end
end

--- Sends it, once an attempt.
---@param attempt integer
function submission.send(ctx, attempt)
  local title = title_of(ctx, attempt)
  return ctx:create("deployment", { key = tostring(attempt) }, function()
    local sent, message, code, info = ctx.dokploy:deploy(ctx.ids.application, title)
    if not sent then return nil, message, code, info end
    return { id = title }
  end, function() return find(ctx, title, attempt) end)
end

--- How many times it was sent.
function submission.attempts(ctx) return ctx:known("deployment", "2") and 2 or 1 end

--- Seconds since it was sent last, also before a restart of the portal.
function submission.age(ctx)
  local sent = ctx:known("deployment", tostring(submission.attempts(ctx)))
  return sent and timer.now() - sent.since or 0
end

--- Its row, of the newest attempt that has one; false when there is none; nil, message, code when
--- that cannot be known.
function submission.row(ctx)
  local rows, message, code = ctx.dokploy:deployments(ctx.ids.application)
  if not rows then return nil, message, code end
  local attempts = submission.attempts(ctx)
  for attempt = attempts, 1, -1 do
    local row = row_titled(rows, title_of(ctx, attempt))
    if row and (attempt == attempts or row.status ~= "cancelled") then return row end
  end
  return false
end

--- Its position in Dokploy's queue; false when it is not there; nil when no queue is shown.
function submission.position(ctx)
  return position_of(ctx, title_of(ctx, submission.attempts(ctx)))
end

local function lines_of(text, is_finished)
  local lines = {}
  for line in text:gmatch("([^\n]*)\n") do lines[#lines + 1] = line end
  local rest = text:match("([^\n]+)$")
  if is_finished and rest then lines[#lines + 1] = rest end
  return lines
end

--- Passes on the new lines of its log. Older versions of Dokploy do not show it: that is said once.
---@param watch { lines: integer, has_no_log: boolean|nil }
function submission.pass_log(ctx, row, watch)
  if watch.has_no_log then return end
  local text, _, code = ctx.dokploy:deployment_log(row.deploymentId)
  if code == "no_such_call" then
    watch.has_no_log = true
    return ctx:log_note "unavailable"
  end
  if not text then return end
  local lines = lines_of(text, row.status ~= "running")
  watch.tail = lines
  ctx:log { table.unpack(lines, watch.lines + 1) }
  watch.lines = math.max(watch.lines, #lines)
end

-- Text in a log -> the code that it means, tried in order. Docker Hub says of an image that it does
-- not exist or needs a login.
local log_codes = {
  { "login failed", "registry_login" }, { "incorrect username or password", "registry_login" },
  { "no basic auth credentials", "registry_denied" }, { "access denied", "registry_denied" },
  { "denied: ", "registry_denied" }, { ": denied", "registry_denied" },
  { "unauthorized", "registry_denied" }, { "manifest unknown", "image_not_found" },
  { "manifest for", "image_not_found" }, { "repository does not exist", "image_not_found" },
  { "not found: ", "image_not_found" }, { "invalid reference format", "image_not_found" },
}

--- Why a deployment failed, by its log: a code. Pure.
---@param text string
function submission.code_of(text)
  text = text:lower()
  for _, entry in ipairs(log_codes) do
    if text:find(entry[1], 1, true) then return entry[2] end
  end
  return "deploy_failed"
end

local messages = {
  image_not_found = "Dokploy cannot find the image %s (check STACK_IMAGE)",
  registry_denied = "the registry does not let Dokploy read the image %s (check STACK_IMAGE, and "
    .. "whether STACK_REGISTRY_USERNAME may read it)",
}

--- What to report of a row that failed: nil, message, code, args. never_ran: of the first
--- deployment, which failed, there is no container.
function submission.failure(ctx, row, watch)
  local reported = sanitize.text(row.errorMessage, 200, ctx:secrets())
  local code = submission.code_of(table.concat(watch.tail or {}, "\n") .. "\n" .. reported)
  local message = messages[code] or "Dokploy reports that the deployment failed"
  message = message:format(tostring(ctx.params.image))
  if reported ~= "" then message = message .. ": " .. reported end
  local never_ran = submission.attempts(ctx) == 1
  return nil, message, code, { image = ctx.params.image, never_ran = never_ran }
end

return submission
