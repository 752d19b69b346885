---@meta core.timer
local timer = {}
--- Runs fn in a task every so many seconds, never two at once; ends with this generation of the scripts. Only while the scripts load.
---@param name string
---@param seconds number
---@param fn fun()
function timer.every(name, seconds, fn) end
return timer
