---@meta core.log
--- Writes one JSON line per event. Values of fields such as password, token or api_key are masked.
--- The files of policy/ may use it too.
local log = {}

---   log.debug("My step looked", { name = ctx.name })
---@param event string  what happened; the product's own are dotted names: "deployment.started"
---@param fields? table<string, string|number|boolean>
function log.debug(event, fields) end
---   log.info("My hook ran", { name = event.workspace.name })
function log.info(event, fields) end
---   log.warn("The chat is down", { message = message })
function log.warn(event, fields) end
---   log.error("The report failed", { message = message })
function log.error(event, fields) end

return log
