--- Who may create a workspace, as one sentence for the log, /health, the page and the doctor.
local config = require "core.config"
local i18n = require "lib.pages.i18n"
local access = {}

--- Whether nobody can get in until the operator acts: there is no administrator to invite anyone.
---@return boolean
function access.is_unopened()
  return config.access == "invite" and config.secret "ADMIN_TOKEN" == nil
end

---@param language string
---@return string
function access.sentence(language)
  return i18n.text(language, "health.access_" .. (access.is_unopened() and "unopened"
    or config.access))
end

return access
