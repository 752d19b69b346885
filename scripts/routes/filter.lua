--- What of a list is asked for, out of a request's query.
local problem = require "lib.http.problem"
local limits = require "policy.limits"

local filter = {}
local LONGEST = 200

-- How each filter that is more than a text is read: its value, or nil and what would be good.
local kinds = {}

function kinds.before(text)
  local number = #text <= 15 and text:find("^%d+$") and math.tointeger(tonumber(text))
  return number or nil, { "1", "2", "..." }
end

kinds.from = kinds.before

function kinds.all(text)
  if text == "true" or text == "false" then return text == "true" end
  return nil, { "true", "false" }
end

kinds.allowed = kinds.all

local function read(req, name)
  local text = req.query[name]
  if text == nil or text == "" then return nil end
  if kinds[name] then return kinds[name](text) end
  if #text > LONGEST then return nil, { "1", "...", tostring(LONGEST) } end
  return text
end

--- The filters of those names, and `limit`. nil and the refusal when one of them makes no sense.
---@param req Request
---@param names string[]
---@return table|nil which, Reply|nil refusal
function filter.which(req, names)
  local which = { limit = limits.page_size(req.query.limit) }
  if not which.limit then return nil, problem.value(req, "limit", { "1", "...", tostring(limits.page_max) }) end
  for _, name in ipairs(names) do
    local value, good = read(req, name)
    if value == nil and good then return nil, problem.value(req, name, good) end
    which[name] = value
  end
  return which
end

return filter
