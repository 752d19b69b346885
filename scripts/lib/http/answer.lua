--- Answers that several routes give.
local media = require "lib.base.media"
local i18n = require "lib.pages.i18n"
local answer = {}

--- Sends a browser to another page of the portal.
---@param path string
---@param set_cookie string|string[]|nil
---@return Reply
function answer.see_other(path, set_cookie)
  return { status = 303, headers = { Location = path, ["Set-Cookie"] = set_cookie } }
end

--- A document in the language of the request.
---@param req Request
---@param doc table
---@param vary string|nil  other header fields that it depends on
---@return Reply
function answer.document(req, doc, vary)
  vary = vary and vary .. ", Accept-Language" or "Accept-Language"
  return { json = doc, headers = { Vary = vary, ["Content-Language"] = i18n.from(req) } }
end

--- A document that depends on the credential as well.
---@return Reply
function answer.private(req, doc) return answer.document(req, doc, "Authorization, Cookie") end

--- An operation that has begun: where to follow it. A form is sent to its page.
---@param req Request
---@param operation table  the journal's row
---@param more table|nil   of the document, instead of its state
---@param set_cookie string|nil
---@return Reply
function answer.accepted(req, operation, more, set_cookie)
  if media.is_form(req) then return answer.see_other("/deployment/" .. operation.id, set_cookie) end
  local doc, url = more or { state = operation.state }, "/api/status/" .. operation.id
  doc.deploymentId, doc.name, doc.statusUrl = operation.id, operation.name, url
  return { status = 202, json = doc, headers = { Location = url, ["Set-Cookie"] = set_cookie } }
end

return answer
