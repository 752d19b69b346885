--- Waits until Dokploy reports how the deployment went, and passes its log on as it grows.
--- Dokploy's "done" means that the swarm took it, not that it runs: the next step decides that.
local timer = require "core.timer"
local try = require("lib.base.attempt").try
local clock = require "lib.base.clock"
local estimate = require "lib.operations.estimate"
local submission = require "lib.operations.submission"

local PAUSE = 1    -- seconds between two looks
local PATIENCE = 5 -- looks in Dokploy's queue without a trace of it, before it is resent
local BLIND = 60   -- seconds since it was sent, where Dokploy does not

-- It was lost, or dropped by a restart of Dokploy: it is sent once more, but only once.
local function resend(ctx)
  if submission.attempts(ctx) > 1 then
    return nil, "Dokploy dropped the deployment twice", "deploy_failed"
  end
  ctx:progress "again"
  return submission.send(ctx, 2)
end

-- There is no row of it yet: it waits in Dokploy's queue, or it is lost.
local function look_in_queue(ctx, watch)
  local position = submission.position(ctx)
  if position then
    watch.unseen = 0
    if position ~= watch.position then ctx:waiting("waiting", { position = position }) end
    watch.position = position
    return true
  end
  watch.unseen = watch.unseen + 1
  if position == false and watch.unseen < PATIENCE then return true end
  if position == nil and submission.age(ctx) < BLIND then return true end
  watch.unseen = 0
  return resend(ctx)
end

local function note_duration(row, watch)
  local now = timer.now()
  estimate.note(clock.between(row.startedAt, row.finishedAt) or now - (watch.began or now))
end

-- One look. True: it is done; false: not yet.
local function look(ctx, watch)
  local row = try(submission.row(ctx))
  if not row then
    try(look_in_queue(ctx, watch))
    return false
  end
  if watch.position then
    watch.position = nil
    ctx:progress()
  end
  submission.pass_log(ctx, row, watch)
  if row.status == "running" then watch.began = watch.began or timer.now() end
  if row.status == "error" then try(submission.failure(ctx, row, watch)) end
  if row.status == "cancelled" then try(resend(ctx)) end
  if row.status ~= "done" then return false end
  note_duration(row, watch)
  return true
end

return {
  name = "outcome",
  deadline = 600,
  expect = 20,
  ahead = true,
  run = function(ctx)
    local watch = { unseen = 0, lines = ctx:logged() }
    while not look(ctx, watch) do try(ctx:sleep(PAUSE)) end
    return true
  end,
}
