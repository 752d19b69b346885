--- The kinds of operations, a row each: all that is particular to a kind. Pure.
---   state       its state while it runs; lib/operations/states.lua has the deadline of each
---   from        the states of the workspace in which it may begin; nil: it is not about a
---               workspace that exists
---   begins      what its beginning changes in the workspace, as in lib/journal/stacks.lua
---   flow        the module of lib/operations/ that runs it
---   parts       of flow "work": what is done, in order (the functions of work.lua)
---   done        its good end: event and state of the operation, and what becomes of the workspace
---   from_stopped  what differs when the workspace is stopped
---   is_queued   it makes a workspace, and waits for its turn like every deploy
---   holds_name  nobody else may have its name while it runs
---   is_cancellable  it can be called back before its end
local exists = { "ready", "stopped", "unhealthy" }
local ready = { event = "ready", state = "ready", change = "started" }
local stopped = { event = "stopped", state = "stopped", change = "stopped" }
local asleep = { event = "asleep", state = "asleep", change = "asleep" }
local deleted = { event = "deleted", state = "deleted", change = "gone" }

return {
  deploy = {
    state = "running", flow = "deploy", is_queued = true, holds_name = true, is_cancellable = true,
    done = { event = "ready", state = "ready", change = "ready" },
  },
  -- deploys a workspace on files that a deleted one left
  restore = {
    state = "restoring", flow = "deploy", is_queued = true, holds_name = true,
    is_cancellable = true, done = { event = "ready", state = "ready", change = "ready" },
  },
  -- makes a workspace ahead, for a deploy that comes later (lib/operations/pool.lua); removes one
  prepare = {
    state = "running", flow = "deploy",
    done = { event = "ready", state = "ready", change = "warm" },
  },
  retire = { state = "deleting", flow = "removal", done = deleted },
  -- deploys a workspace that vanished from Dokploy again, on the files that it had
  rebuild = {
    state = "running", from = exists, flow = "deploy", holds_name = true,
    done = { event = "ready", state = "ready", change = "rebuilt" },
  },
  delete = {
    state = "deleting", from = { "ready", "stopped", "unhealthy", "leftover" }, begins = "deleting",
    flow = "removal", holds_name = true, done = deleted,
  },
  -- removes something of ours in Dokploy that the journal does not know
  remove = { state = "deleting", flow = "removal", done = deleted },
  -- removes data that outlived its workspace
  purge = { state = "deleting", flow = "purge", done = { event = "deleted", state = "deleted" } },
  stop = {
    state = "stopping", from = exists, flow = "work", parts = { "stop" }, holds_name = true,
    done = stopped,
  },
  start = {
    state = "starting", from = exists, flow = "work", parts = { "start", "health" },
    holds_name = true, done = ready,
  },
  restart = {
    state = "restarting", from = exists, flow = "work", parts = { "start", "health" },
    holds_name = true, done = ready,
  },
  -- stops a workspace that nobody uses, until somebody wakes it
  sleep = {
    state = "falling_asleep", from = { "ready" }, flow = "work", parts = { "idle", "stop" },
    holds_name = true, is_cancellable = true, done = asleep,
  },
  wake = {
    state = "waking", from = { "stopped" }, flow = "work", parts = { "start", "health" },
    holds_name = true, done = ready,
  },
  -- a new password; a stopped workspace gets it with its next start
  rotate = {
    state = "rotating", from = exists, flow = "work", parts = { "password", "start", "health" },
    holds_name = true, done = ready,
    from_stopped = { parts = { "password" }, done = { event = "stopped", state = "stopped" } },
  },
  -- deploys what Dokploy could not start once more
  repair = {
    state = "restarting", from = exists, flow = "work", parts = { "deploy", "health" },
    holds_name = true, done = ready,
  },
  -- the same because the admin wants it: the image is pulled again
  redeploy = {
    state = "redeploying", from = exists, flow = "work", parts = { "deploy", "health" },
    holds_name = true, done = ready,
  },
}
