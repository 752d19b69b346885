--- Who has which name, known without waiting. The truth is the UNIQUE row in the journal; this is its shadow in core.shared, which makes
--- the claim of a name one indivisible act. After a start, lib/operations/engine.lua fills it from the journal.
local shared = require "core.shared"
local reservations = {}

local function key(name) return "claim:" .. name end

--- Takes a name for an operation. False when it is taken.
---@return boolean
function reservations.take(name, operation_id) return shared.add(key(name), operation_id) end

--- Notes a claim that is in the journal.
function reservations.set(name, operation_id) shared.set(key(name), operation_id) end

--- Frees a name, if that operation has it.
function reservations.drop(name, operation_id)
  if shared.get(key(name)) == operation_id then shared.set(key(name), nil) end
end

---@return string|nil "claimed", or nil when nobody has it
function reservations.get(name) return shared.get(key(name)) ~= nil and "claimed" or nil end

return reservations
