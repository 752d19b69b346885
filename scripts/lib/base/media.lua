--- What a request says of its body. Pure.
local media = {}

--- The media type, in lower case and without parameters.
---@param req Request
---@return string|nil
function media.of(req)
  local text = req.headers["content-type"]
  return text and text:lower():match("^%s*([^;%s]+)")
end

--- Whether it is a form, which is answered with a page or a redirect.
---@param req Request
---@return boolean
function media.is_form(req) return media.of(req) == "application/x-www-form-urlencoded" end

return media
