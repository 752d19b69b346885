--- One deployment in Dokploy, as it was sent: found again by its title, among the rows and in the queue.
--- For scripts/steps/deploy.lua and outcome.lua.
local timer = require "core.timer"
local sanitize = require "lib.dokploy.sanitize"
local submission = {}

local function title_of(ctx, attempt) return attempt == 1 and ctx.title or ctx.title .. " " .. attempt end

local function row_titled(rows, title)
  for _, row in ipairs(rows) do
    if row.title == title then return row end
  end
end

local function sent_at(job) return type(job.timestamp) == "number" and job.timestamp or 0 end

-- Whether Dokploy's queue has it; its place from 1. False: it is not there; nil: this Dokploy does not show its queue.
local function place_of(ctx, title)
  local jobs = ctx.dokploy:queue()
  if not jobs then return nil end
  table.sort(jobs, function(a, b) return sent_at(a) < sent_at(b) end)
  for place, job in ipairs(jobs) do
    if type(job.data) == "table" and job.data.titleLog == title then return place end
  end
  return false
end

local BLIND = 10 -- seconds after which one without a row is taken for lost, where the queue is not shown

-- No answer came: is it there?
local function find(ctx, title, attempt)
  local meant = ctx:known("deployment", tostring(attempt))
  while true do
    local rows, message, code = ctx.dokploy:deployments(ctx.ids.application)
    if not rows then return nil, message, code end
    if row_titled(rows, title) then return { id = title } end
    local place = place_of(ctx, title)
    if place ~= nil then return place and { id = title } end
    if not meant or timer.now() - meant.since >= BLIND then return false end
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

--- Its row, of the newest attempt that has one; false when there is none; nil, message, code when that cannot be known.
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

--- Its place in Dokploy's queue; false when it is not there; nil when this Dokploy does not show its queue.
function submission.place(ctx) return place_of(ctx, title_of(ctx, submission.attempts(ctx))) end

local function lines_of(text, finished)
  local lines = {}
  for line in text:gmatch("([^\n]*)\n") do lines[#lines + 1] = line end
  local rest = text:match("([^\n]+)$")
  if finished and rest then lines[#lines + 1] = rest end
  return lines
end

--- Passes on the lines of its log that are new. Older versions of Dokploy do not show it: that is said once.
---@param watch { lines: integer, no_log: boolean|nil }
function submission.pass_log(ctx, row, watch)
  if watch.no_log then return end
  local text, _, code = ctx.dokploy:deployment_log(row.deploymentId)
  if code == "no_such_call" then
    watch.no_log = true
    return ctx:log_note "unavailable"
  end
  if not text then return end
  local lines = lines_of(text, row.status ~= "running")
  watch.tail = lines
  ctx:log { table.unpack(lines, watch.lines + 1) }
  watch.lines = math.max(watch.lines, #lines)
end

-- What in a log names the cause, in lower case.
local causes = {
  { "login failed", "registry_login" }, { "incorrect username or password", "registry_login" }, { "unauthorized", "registry_login" },
  { "manifest unknown", "image_not_found" }, { "manifest for", "image_not_found" }, { "repository does not exist", "image_not_found" },
  { "not found: ", "image_not_found" }, { "invalid reference format", "image_not_found" },
}

--- The cause of a failed deployment, by its log: a code. Pure.
---@param text string
function submission.cause(text)
  text = text:lower()
  for _, cause in ipairs(causes) do
    if text:find(cause[1], 1, true) then return cause[2] end
  end
  return "deploy_failed"
end

-- For the log: what the admin has to see to.
local function told(code, image, words)
  local what = "Dokploy reports that the deployment failed"
  if code == "image_not_found" then what = ("Dokploy cannot find the image %s (see to STACK_IMAGE)"):format(image) end
  return words ~= "" and what .. ": " .. words or what
end

--- What to report of a row that failed: nil, message, code, args. never_ran: of the first deployment that failed no container is there.
function submission.failure(ctx, row, watch)
  local text = table.concat(watch.tail or {}, "\n")
  local words = sanitize.safely(row.errorMessage, 200, ctx.password)
  local code = submission.cause(text .. "\n" .. words)
  return nil, told(code, tostring(ctx.params.image), words), code, { image = ctx.params.image, never_ran = submission.attempts(ctx) == 1 }
end

return submission
