---@meta core.timer
local timer = {}

--- Runs fn in a task at an interval, until the scripts are reloaded. A run that would begin before
--- the last one has ended is skipped. Only while the scripts load.
---@param name string  unique among timers
---@param seconds number
---@param fn fun()
function timer.every(name, seconds, fn) end

--- Seconds since an arbitrary moment, with fractions, on a clock that never jumps: for measuring.
--- In tests it may run faster than real time (TIME_SCALE).
---@return number
function timer.now() end

return timer
