---@meta core.log
--- Writes one JSON line per event. Values of fields such as password, token or api_key are masked.
--- The files of policy/ may use it too.
local log = {}

---@param event string  what happened; the product's own are dotted names: "deployment.started"
---@param fields? table<string, string|number|boolean>
function log.debug(event, fields) end
function log.info(event, fields) end
function log.warn(event, fields) end
function log.error(event, fields) end

return log
