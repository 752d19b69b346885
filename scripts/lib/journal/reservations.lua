--- Who has which name, known without waiting. The truth is the row in `stacks`; this mirrors it in
--- core.shared, where reserving a name is one indivisible act. Filled from the journal at the
--- start.
local shared = require "core.shared"
local reservations = {}

local function key(name) return "reservation:" .. name end

--- Reserves a name for an operation. False when it is taken.
---@return boolean
function reservations.take(name, operation_id) return shared.add(key(name), operation_id) end

--- Notes a reservation that is in the journal.
function reservations.set(name, operation_id) shared.set(key(name), operation_id) end

--- Frees a name, if that operation has it.
function reservations.drop(name, operation_id)
  if shared.get(key(name)) == operation_id then shared.set(key(name), nil) end
end

--- Whether a name is free.
---@return boolean
function reservations.is_free(name) return shared.get(key(name)) == nil end

return reservations
