--- The journal: everything that must outlive a crash. One module a table; all SQL is in this
--- folder. Functions wait until what they wrote is on disk. A failure is nil, message, code, where
--- code is "journal" (the disk; trying again later may help) or "conflict" (a constraint).
local journal = {
  events = require "lib.journal.events",
  idempotency = require "lib.journal.idempotency",
  operations = require "lib.journal.operations",
  resources = require "lib.journal.resources",
  stacks = require "lib.journal.stacks",
  volumes = require "lib.journal.volumes",
}

-- For callers that still use the names from before there was a module for each table.
journal.operation = journal.operations.get
journal.last = journal.operations.newest
journal.durations = journal.operations.durations
journal.stack = journal.stacks.get
journal.left = journal.resources.left
local function callable(module, fn)
  setmetatable(module, { __call = function(_, ...) return fn(...) end })
end
callable(journal.events, journal.events.list)
callable(journal.volumes, journal.volumes.list)
callable(journal.stacks, journal.stacks.list)
callable(journal.idempotency, journal.idempotency.get)

return journal
