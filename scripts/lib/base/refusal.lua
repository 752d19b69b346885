--- Refusals: an error value that says why a request is not served. Code raises one where it finds
--- the reason; lib/http/middleware.lua catches it and answers with a problem document.
local refusal = {}

---@class Refusal
---@field code string             a code of lib/http/problem.lua
---@field options ProblemOptions  what its texts and headers need
local Refusal = {}

--- Raises a refusal. A code that lib/http/problem.lua does not know needs options.texts, its text
--- by language, even if empty: then it is one of an installation's own.
---@param code string
---@param options ProblemOptions|nil
function refusal.raise(code, options)
  error(setmetatable({ code = code, options = options or {} }, Refusal), 0)
end

--- Whether a caught error is a refusal.
---@param err any
---@return boolean
function refusal.is(err) return getmetatable(err) == Refusal end

--- Passes on what a function of lib/ returned, or raises its failure (nil, message, code).
---@return ...
function refusal.check(value, message, code, ...)
  if value == nil then refusal.raise(code or "internal") end
  return value, message, code, ...
end

--- The same for what concerns the workspace of that name, which the texts mention.
---@return any value
function refusal.about(name, value, _, code)
  if value == nil then refusal.raise(code or "internal", { args = { name = name } }) end
  return value
end

local function caught(is_done, result, ...)
  if not is_done and not refusal.is(result) then error(result, 0) end
  return is_done, result, ...
end

--- Calls fn(...). Returns true and its results, or false and the refusal that it raised; other
--- errors pass.
---@return boolean is_done, any result_or_refusal
function refusal.catch(fn, ...) return caught(pcall(fn, ...)) end

return refusal
