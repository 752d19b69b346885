--- The states of an operation and where each leads. No state waits for something that may never come: each that is not an end has a
--- deadline (seconds, and the state that follows when they are over) and says what a cancel does. Pure.
return {
  -- waits for its turn
  queued = { next = "running", deadline = 3600, late = "failed", cancel = "cancelled" },
  -- goes through the steps; each has a deadline of its own, and steps/init.lua one for all
  running = { next = "ready", deadline = "steps", late = "rolling_back", cancel = "rolling_back" },
  -- takes away what was made; what is still there when the time is over is named, and the sweeper goes on with it
  rolling_back = { next = "failed", deadline = 240, late = "failed", cancel = "cancelled" },
  -- the same for a stack that its owner deletes; it cannot be called back, and says so
  deleting = { next = "deleted", deadline = 240, late = "failed", cancel = "deleting" },
  -- something is done with a stack that stands (lib/operations/operate.lua); it is not called back halfway
  stopping = { next = "stopped", deadline = 420, late = "failed", cancel = "stopping" },
  starting = { next = "ready", deadline = 420, late = "failed", cancel = "starting" },
  restarting = { next = "ready", deadline = 420, late = "failed", cancel = "restarting" },
  rotating = { next = "ready", deadline = 420, late = "failed", cancel = "rotating" },
  redeploying = { next = "ready", deadline = 420, late = "failed", cancel = "redeploying" },
  -- the ends
  ready = { ended = true },
  failed = { ended = true },
  cancelled = { ended = true },
  deleted = { ended = true },
  stopped = { ended = true },
}
