--- How much one request may ask for.
local limits = {}

limits.page = 50            -- stacks in one answer of GET /api/stacks when the client does not say
limits.page_max = 200       -- and at most
limits.idempotency_key = 255 -- the longest Idempotency-Key, in characters

--- A page size out of ?limit=: the default when missing, nil when it is not a number from 1 to the most.
---@param text string|nil
---@return integer|nil
function limits.page_size(text)
  if text == nil then return limits.page end
  local size = text:match("^%d+$") and math.tointeger(tonumber(text))
  return size and size >= 1 and size <= limits.page_max and size or nil
end

return limits
