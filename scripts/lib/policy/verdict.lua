--- What a rule or a name check answered: nothing, true, or false and why. Pure.
local schema = require "lib.schema"
local kinds = require "lib.schema.kinds"
local verdict = {}

local code = {
  hint = 'a code in lower case, such as "too_late"',
  read = function(value)
    return type(value) == "string" and value:find "^%l[%l%d_]*$" ~= nil and #value <= 64, value
  end,
}
local refusal = {
  code = { code, required = true }, status = { kinds.whole(400, 599) },
  text = schema.map { kinds.text }, retry_after = { kinds.whole(1, 366 * 86400) },
}

local RIGHT = "return nothing where it does not apply, true, or false and a code"

local function described(value)
  if type(value) == "string" then return ("%q"):format(value) end
  return type(value) == "table" and "a table" or tostring(value)
end

--- Checks an answer. Raises a sentence that begins with `source` when it is anything else.
---@param source string  names the rule: 'site/policy/access.lua: rule "opening_hours"'
---@param is_allowed any
---@param why any  a code, or a table (Refused in scripts/meta/policy.lua)
---@return boolean|nil is_allowed  nil: it does not apply
---@return string? code
---@return ProblemOptions? more  for refusal.raise
function verdict.read(source, is_allowed, why)
  if is_allowed == nil or is_allowed == true then return is_allowed end
  if is_allowed ~= false then
    error(("%s: it returned %s (%s)"):format(source, described(is_allowed), RIGHT), 0)
  end
  if type(why) == "table" then
    local checked = schema.check(why, refusal, source)
    return false, checked.code, {
      status = checked.status, retry_after = checked.retry_after, texts = checked.text,
    }
  end
  if not code.read(why) then
    error(("%s: it returned false and %s (%s)"):format(source, described(why), RIGHT), 0)
  end
  return false, why, { texts = {} }
end

return verdict
