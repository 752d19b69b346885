--- Answers that several routes give.
local media = require "lib.base.media"
local i18n = require "lib.pages.i18n"
local answer = {}

--- Sends a browser to another page of the portal.
---@param path string
---@param set_cookie string|nil
---@return Reply
function answer.see_other(path, set_cookie)
  return { status = 303, headers = { Location = path, ["Set-Cookie"] = set_cookie } }
end

--- A document that depends on the credential and the language.
---@param req Request
---@param doc table
---@return Reply
function answer.private(req, doc)
  return {
    json = doc,
    headers = {
      Vary = "Authorization, Cookie, Accept-Language", ["Content-Language"] = i18n.from(req),
    },
  }
end

--- An operation that has begun: where to follow it. A form is sent to its page.
---@param req Request
---@param operation table  the journal's row
---@return Reply
function answer.accepted(req, operation)
  if media.is_form(req) then return answer.see_other("/deployment/" .. operation.id) end
  local url = "/api/status/" .. operation.id
  return {
    status = 202,
    json = {
      deploymentId = operation.id, name = operation.name, state = operation.state, statusUrl = url,
    },
    headers = { Location = url },
  }
end

return answer
