--- What a request says of its body, and of the answers that it takes.
local weight = require("core.text").weight
local media = {}

--- The media type, in lower case and without parameters.
---@param req Request
---@return string|nil
function media.of(req)
  local text = req.headers["content-type"]
  return text and text:lower():match("^%s*([^;%s]+)")
end

--- Whether a person is to read the answer: a browser, which wants HTML more than JSON and sends no
--- Authorization. Programs never get HTML, whatever they send.
---@param req Request
---@return boolean
function media.wants_page(req)
  local accept = req.headers.accept
  if not accept or req.headers.authorization then return false end
  local json = math.max(weight(accept, "application/json"),
    weight(accept, "application/problem+json"))
  return weight(accept, "text/html") > json
end

--- Whether the body is a form. curl sends everything as one, an empty body and JSON included.
---@param req Request
---@return boolean
function media.is_form(req)
  if media.of(req) ~= "application/x-www-form-urlencoded" then return false end
  if req.body == "" then return media.wants_page(req) end
  return req.body:find("^%s*[^%s{[]") ~= nil
end

--- Which of two media types the client takes: the first unless it wants the second more.
---@param req Request
---@return string|nil  nil when it takes neither
function media.preferred(req, first, second)
  local of_first, of_second = weight(req.headers.accept, first), weight(req.headers.accept, second)
  if of_second > of_first then return second end
  return of_first > 0 and first or nil
end

return media
