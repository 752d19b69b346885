--- Failures as errors. Functions of lib/ return nil, message, code when they fail. A piece of work
--- with many calls checks each with `try`, which raises the failure, and `catch` around the whole
--- returns it again. Both may wait. Pure.
local attempt = {}

local Failure = {}

--- Passes on the results of a call, or raises its failure.
---@return ...
function attempt.try(value, message, code, ...)
  if value == nil then error(setmetatable(table.pack(message, code, ...), Failure), 0) end
  return value, message, code, ...
end

local function caught(is_done, result, ...)
  if is_done then return result, ... end
  if getmetatable(result) ~= Failure then error(result, 0) end
  return nil, table.unpack(result, 1, result.n)
end

--- Calls fn(...). Returns its results, or nil, message, code... of the failure that it raised;
--- other errors pass.
---@return ...
function attempt.catch(fn, ...) return caught(pcall(fn, ...)) end

return attempt
