--- The states of an operation and what follows each. No state waits for something that may never
--- come: each that is not an end has a deadline, the state that follows when it has passed
--- (`late`), and the state after a cancel. Deadlines are in seconds. Pure.
return {
  -- waits for its turn
  queued = { next = "running", deadline = 3600, late = "failed", cancel = "cancelled" },
  -- goes through the steps; each has its own deadline, and steps/init.lua one for all
  running = {
    next = "ready", deadline = "steps", late = "rolling_back", cancel = "rolling_back",
  },
  -- the same, on files that a deleted workspace left
  restoring = {
    next = "ready", deadline = "steps", late = "rolling_back", cancel = "rolling_back",
  },
  -- undoes what was made; what is left at the deadline is named, and orphans.lua goes on with it
  rolling_back = { next = "failed", deadline = 240, late = "failed", cancel = "cancelled" },
  -- the same for a workspace that is deleted, or data that is purged
  deleting = { next = "deleted", deadline = 240, late = "failed", cancel = "deleting" },
  -- work on a workspace that exists; it is not called back halfway
  stopping = { next = "stopped", deadline = 420, late = "failed", cancel = "stopping" },
  starting = { next = "ready", deadline = 420, late = "failed", cancel = "starting" },
  restarting = { next = "ready", deadline = 420, late = "failed", cancel = "restarting" },
  rotating = { next = "ready", deadline = 420, late = "failed", cancel = "rotating" },
  waking = { next = "ready", deadline = 420, late = "failed", cancel = "waking" },
  redeploying = { next = "ready", deadline = 420, late = "failed", cancel = "redeploying" },
  -- looks once more whether it is idle, then stops it; until then it can be called back
  falling_asleep = { next = "asleep", deadline = 180, late = "failed", cancel = "cancelled" },
  -- ends
  ready = { ended = true },
  failed = { ended = true },
  cancelled = { ended = true },
  deleted = { ended = true },
  stopped = { ended = true },
  asleep = { ended = true },
}
