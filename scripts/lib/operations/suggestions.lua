--- Names to offer in place of one that cannot be had: neither taken nor resting.
local json = require "core.json"
local operations = require "lib.journal.operations"
local reservations = require "lib.journal.reservations"
local limits = require "lib.policy.limits"
local names = require "lib.policy.names"

-- While the journal cannot be read, a resting name may be offered; it is refused later.
local function is_offered(name)
  return reservations.is_free(name)
    and (limits.rest == 0 or not operations.rests(name, nil, limits.rest))
end

--- May wait for the journal.
---@param name string  folded
---@param who Who
---@return string[] names  an array of JSON
---@param code string|nil  why the name is refused
return function(name, who, code)
  if code == "policy_failed" then return json.array {} end
  return json.array(names.suggest(name, is_offered, who))
end
