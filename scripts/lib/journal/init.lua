--- The journal: everything that must outlive a crash. One module a table; all SQL is in this
--- folder. Functions wait until what they wrote is on disk. A failure is nil, message, code, where
--- code is "journal" (the disk; trying again later may help) or "conflict" (a constraint).
return {
  events = require "lib.journal.events",
  idempotency = require "lib.journal.idempotency",
  operations = require "lib.journal.operations",
  pool = require "lib.journal.pool",
  resources = require "lib.journal.resources",
  stacks = require "lib.journal.stacks",
  volumes = require "lib.journal.volumes",
}
