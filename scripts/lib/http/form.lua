--- Forms of the portal's pages: urlencoded, with a CSRF token in the field `csrf`.
local csrf = require "lib.auth.csrf"
local identity = require "lib.auth.identity"
local media = require "lib.base.media"
local refusal = require "lib.base.refusal"
local form = {}

-- nil when the text is not valid UTF-8 or contains a zero byte.
local function decode(text)
  text = text:gsub("+", " "):gsub("%%(%x%x)", function(hex)
    return string.char(tonumber(hex, 16))
  end)
  return utf8.len(text) and not text:find("\0", 1, true) and text or nil
end

--- The fields of an urlencoded text, without empty ones; nil when it is malformed or repeats a
--- field.
---@param text string
---@return table<string, string>|nil
function form.fields(text)
  local found = {}
  for pair in text:gmatch("[^&]+") do
    local name, value = pair:match("^([^=]*)=?(.*)$")
    name, value = decode(name), decode(value)
    if not name or not value or found[name] then return nil end
    found[name] = value
  end
  for name, value in pairs(found) do
    if value == "" then found[name] = nil end
  end
  return found
end

--- The fields of a request, once its CSRF token is verified; raises otherwise.
---@param req Request
---@param is_self_proving boolean|nil  see csrf.is_valid
---@return table<string, string>
function form.read(req, is_self_proving)
  local fields = form.fields(req.body)
  if not fields then refusal.raise "form_invalid" end
  if not fields.csrf and not media.wants_page(req) then -- a program, whose tool sends forms
    refusal.raise("content_type", { headers = { Accept = "application/json" } })
  end
  if not csrf.is_valid(identity.of(req), fields.csrf, is_self_proving) then
    refusal.raise "csrf_invalid"
  end
  fields.csrf = nil
  return fields
end

return form
