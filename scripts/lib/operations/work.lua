--- Work on a workspace that exists: stop, start, restart, sleep, wake, a new password, deploying it
--- once more. One that was interrupted is done again from the beginning, or from the part in the
--- journal: each call to Dokploy may be made twice.
---
--- Dokploy's own start hangs when the container does not come up, and its stop takes five seconds
--- longer than the container; "reload" applies what is stored, at once, also from stopped, and
--- replaces the container that runs.
local crypto = require "core.crypto"
local task = require "core.task"
local timer = require "core.timer"
local attempt = require "lib.base.attempt"
local counts = require "lib.base.counts"
local dotenv = require "lib.base.dotenv"
local workspace = require "lib.base.workspace"
local containers = require "lib.dokploy.containers"
local isolation = require "lib.dokploy.isolation"
local tag = require "lib.dokploy.tag"
local journal = require "lib.journal"
local context = require "lib.operations.ctx"
local create = require "lib.operations.create"
local ending = require "lib.operations.ending"
local events = require "lib.operations.events"
local failure = require "lib.operations.failure"
local kinds = require "lib.operations.kinds"
local states = require "lib.operations.states"
local submission = require "lib.operations.submission"
local address = require "lib.workspaces.address"
local files = require "lib.workspaces.files"
local health = require "lib.workspaces.health"
local idle = require "lib.workspaces.idle"
local reconcile = require "lib.workspaces.reconcile"

local work = {
  stopping = 60, healthy = 180, -- seconds for its containers to end, to be healthy
  pause = 0.5,                  -- seconds between two looks at its containers
  idle = 60,                    -- seconds without use before a person may put it to sleep
}
local surely, try = create.surely, attempt.try

-- The parts; each raises its failure

local parts = {}

local function until_ended(has_ended)
  local ends = timer.now() + work.stopping
  while not has_ended() do
    if timer.now() >= ends then try(nil, "its container does not end", "stack_does_not_stop") end
    try(task.sleep(work.pause))
  end
end

-- Dokploy says that it stopped a workspace also when it did not: what counts is that no container
-- runs.
function parts.stop(ctx)
  try(ctx.dokploy:application_stop(ctx.ids.application))
  until_ended(function()
    return not containers.any_up(try(ctx.dokploy:containers(ctx.ids.app_name)))
  end)
end

-- The containers that it has now, as a set of ids.
local function running(ctx) return containers.up(try(ctx.dokploy:instances(ctx.ids.app_name))) end

-- Waits until none of these runs: one that is being replaced still answers the probes.
local function until_replaced(ctx, before)
  if not next(before) then return end
  until_ended(function()
    for id in pairs(running(ctx)) do
      if before[id] then return false end
    end
    return true
  end)
end

-- The last look before a workspace is stopped: people may have come back meanwhile.
function parts.idle(ctx)
  local op, target = ctx.op, try(address.target(ctx))
  local seconds, message = idle.seconds(target.public, target.password)
  local visited_at = try(journal.stacks.get(op.name)).visited_at
  local is_visited = visited_at and visited_at > op.created_at
  local least = op.params.idle_seconds or timer.to_real(work.idle)
  if not seconds or seconds < least or is_visited then
    try(nil, message or "it was used a moment ago", "stack_in_use")
  end
end

function parts.start(ctx)
  local before = running(ctx)
  try(ctx.dokploy:application_reload(ctx.ids.application, ctx.ids.app_name))
  until_replaced(ctx, before)
end

function parts.health(ctx)
  local target = try(address.target(ctx))
  local _, warning = try(health.wait(target, { seconds = work.healthy }))
  local is_empty = files.are_gone(ctx.op.params.target, target.public, target.password)
  ctx.warning = is_empty and "files_gone" or warning
end

-- The new password takes the old one's place; all other lines stay as they are.
function parts.password(ctx)
  local text = try(address.environment(ctx.dokploy, ctx.ids.application))
  local password, lines = crypto.token(32), {}
  for line in (text .. "\n"):gmatch("(.-)\r?\n") do
    local is_old = line:find("^%s*" .. address.password_variable .. "%s*=")
    if not is_old and line ~= "" then lines[#lines + 1] = line end
  end
  lines[#lines + 1] = assert(dotenv.line(address.password_variable, password))
  try(ctx.dokploy:save_environment(ctx.ids.application, table.concat(lines, "\n")))
  ctx.password, ctx.old_environment = password, text
end

-- Deploys what Dokploy holds of it once more, in the network and with the limits of today, and
-- follows that to its end.
function parts.deploy(ctx)
  local watch, is_sent, before = { lines = 0 }, false, running(ctx)
  local fields = try(isolation.fields(ctx.dokploy))
  if next(fields) then try(ctx.dokploy:application_update(ctx.ids.application, fields)) end
  while true do
    local row = try(submission.row(ctx))
    if row then submission.pass_log(ctx, row, watch) end
    if row and row.status == "done" then break end
    if row and row.status ~= "running" then try(submission.failure(ctx, row, watch)) end
    if not row and not is_sent and not submission.position(ctx) then
      is_sent = try(ctx.dokploy:deploy(ctx.ids.application, ctx.title))
    end
    try(task.sleep(1))
  end
  if is_sent then until_replaced(ctx, before) end -- else it was sent before a restart of the portal
end

-- The flow

local function report(ctx, part, state, key, args)
  local data = { step = part, state = state, key = key, args = args }
  events.emit(ctx.op.id, { { event = "progress", data = data } })
end

-- The parts that are still to be done. Only work that can be called back keeps its part in the
-- journal: what is behind the last look must not look again.
local function remaining(op, names)
  for i, name in ipairs(names) do
    if op.step == name then return { table.unpack(names, i) } end
  end
  return names
end

local function run_parts(ctx, names)
  local op = ctx.op
  for _, name in ipairs(remaining(op, names)) do
    ctx.part = name
    if kinds[op.kind].is_cancellable and try(journal.operations.enter_step(op.id, name)) then
      try(nil, "it was called back", "cancelled")
    end
    report(ctx, name, "running")
    parts[name](ctx)
    report(ctx, name, "done")
  end
  return true
end

-- Puts the old password back when the workspace does not come up with the new one. True when it
-- answers to the old one again.
local function restore_password(ctx)
  report(ctx, "password", "undoing")
  try(ctx.dokploy:save_environment(ctx.ids.application, ctx.old_environment))
  ctx.password = nil
  if ctx.op.params.from ~= "stopped" then
    parts.start(ctx)
    parts.health(ctx)
  end
  report(ctx, "password", "undone")
  return true
end

-- Whether nothing was changed. A stop or a restart that failed may have been done all the same:
-- whether it answers shows that.
local function is_as_before(ctx, op)
  if op.kind == "rotate" then return not ctx.old_environment end
  if ctx.part == "idle" then return true end
  if ctx.part == "deploy" or ctx.part == "health" then return ctx.part == "deploy" end
  if op.params.from == "stopped" then return ctx.part == "stop" end
  return health.lock(address.public(op.url)) == "locked"
end

local is_called_back = { cancelled = true, stack_in_use = true }

local function end_badly(ctx, op, message, code, args)
  local seconds = math.floor(timer.now() - ctx.began)
  local at = { name = op.name, step = ctx.part, seconds = seconds, client = ctx.dokploy }
  if code == "not_found" then -- somebody removed it in Dokploy: the admin has to know
    code = "stack_vanished"
    reconcile.start()
  end
  local why = failure.new(at, message, code, args) -- before anything is put back
  local is_restored = ctx.old_environment ~= nil
    and task.run(work.healthy, attempt.catch, restore_password, ctx) == true
  local is_same = is_restored or is_called_back[code] or is_as_before(ctx, op)
  ending.fail(op, why, {
    state = is_called_back[code] and "cancelled" or nil, rolledBack = is_restored,
    target = op.params.target, receipt = {},
    change = not is_same and "unhealthy" or nil,
  })
end

local function context_of(op)
  local target = surely(function() return journal.operations.get(op.params.target) end)
  local resources = surely(function() return journal.resources.list(target.id) end)
  local ctx = context.new(target, resources, {})
  ctx.op, ctx.began = op, timer.now()
  ctx.dokploy.waits = context.waits(function(key, args)
    report(ctx, ctx.part, key and "waiting" or "running", key, args)
  end)
  if kinds[op.kind].parts[1] == "deploy" then -- a deployment of its own
    ctx.id, ctx.stream_id, ctx.title = op.id, op.id, tag.title(op.id)
    ctx.resources["deployment 2"] = nil
  end
  return ctx
end

--- Runs it to its end.
---@param op table  the journal's row
function work.run(op)
  task.shield() -- it is not called back halfway; it ends within its deadline
  local ctx, kind = context_of(op), kinds[op.kind]
  local plan = op.params.from == "stopped" and kind.from_stopped or kind
  local deadline = states[kind.state].deadline
  local good, message, code, args = task.run(deadline, attempt.catch, run_parts, ctx, plan.parts)
  if not good then return end_badly(ctx, op, message, code, args) end
  local done = plan.done or kind.done
  counts.work(op.kind, timer.now() - ctx.began)
  local data = { name = op.name }
  if done.event == "ready" then
    data.url, data.openUrl, data.warning = op.url, workspace.open(op.url), ctx.warning
  end
  ending.finish(op, done.event, data, {
    state = done.state, change = done.change, target = op.params.target, receipt = {},
  })
end

return work
