--- What the doctor's last round (lib/doctor/schedule.lua) found, in short. Reading it waits for nothing.
local json = require "core.json"
local shared = require "core.shared"

local checks = {}

---@param found table  { status, ok, warn, fail, findings, checkedAt }
function checks.keep(found) shared.set("checkup", json.encode(found)) end

--- As it was kept; nil before the first round.
---@return table|nil
function checks.last()
  local text = shared.get "checkup"
  return text and json.decode(text) or nil
end

return checks
