--- Waits until Dokploy says how the deployment went, and passes its log on as it grows.
--- Dokploy's "done" means that the swarm took it, not that it runs: the next step decides that.
local timer = require "core.timer"
local clock = require "lib.base.clock"
local estimate = require "lib.operations.estimate"
local submission = require "lib.operations.submission"

local PAUSE = 1    -- seconds between two looks
local PATIENCE = 5 -- looks without a trace of it, where Dokploy shows its queue, before it is sent once more
local BLIND = 60   -- seconds since it was sent, where Dokploy does not

-- Lost on the way, or thrown away by a restart of Dokploy: once more, but only once.
local function again(ctx)
  if submission.attempts(ctx) > 1 then return nil, "Dokploy dropped the deployment twice", "deploy_failed" end
  ctx:progress("again")
  return submission.send(ctx, 2)
end

-- There is no row of it yet: it waits in Dokploy's queue, or it is lost.
local function unseen(ctx, watch)
  local place = submission.place(ctx)
  if place then
    watch.unseen = 0
    if place ~= watch.place then ctx:waiting("waiting", { position = place }) end
    watch.place = place
    return true
  end
  watch.unseen = watch.unseen + 1
  if place == false and watch.unseen < PATIENCE then return true end
  if place == nil and submission.age(ctx) < BLIND then return true end
  watch.unseen = 0
  return again(ctx)
end

-- One look. True: it is done; false: not yet.
local function look(ctx, watch)
  local row, message, code = submission.row(ctx)
  if row == nil then return nil, message, code end
  if not row then
    local good, why, word = unseen(ctx, watch)
    if not good then return nil, why, word end
    return false
  end
  if watch.place then
    watch.place = nil
    ctx:progress()
  end
  submission.pass_log(ctx, row, watch)
  if row.status == "running" then watch.began = watch.began or timer.now() end
  if row.status == "done" then
    estimate.took(clock.between(row.startedAt, row.finishedAt) or timer.now() - (watch.began or timer.now()))
    return true
  end
  if row.status == "error" then return submission.failure(ctx, row, watch) end
  if row.status == "cancelled" then
    local good, why, word = again(ctx)
    if not good then return nil, why, word end
  end
  return false
end

return {
  name = "outcome",
  deadline = 600,
  expect = 20,
  run = function(ctx)
    local watch = { unseen = 0, lines = ctx:logged() }
    while true do
      local done, message, code, args = look(ctx, watch)
      if done ~= false then return done, message, code, args end
      if not ctx:sleep(PAUSE) then return nil, "cancelled", "cancelled" end
    end
  end,
}
