--- For callers that still search here: the searches are in the modules of their tables.
local audit = require "lib.journal.audit"
local operations = require "lib.journal.operations"
local stacks = require "lib.journal.stacks"

return {
  stacks = stacks.search, stack = stacks.shown, states = stacks.states,
  operations = operations.search, audit = audit.search,
}
