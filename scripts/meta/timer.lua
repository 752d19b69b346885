---@meta core.timer
local timer = {}
--- Runs fn in a task every so many seconds, never two at once; ends with this generation of the scripts. Only while the scripts load.
---@param name string
---@param seconds number
---@param fn fun()
function timer.every(name, seconds, fn) end
--- Seconds since some moment, with fractions, for measuring: they go on evenly, whatever is done to the clock.
---@return number
function timer.now() end
return timer
