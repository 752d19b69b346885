---@meta core.timer
local timer = {}

--- Runs fn in a task at an interval. The interval continues over a reload for a timer of the same
--- name. A run that would begin before the last one has ended is skipped. Only while the scripts
--- load.
---   timer.every("site.report", 3600, write_report)
---@param name string  unique among timers
---@param seconds number
---@param fn fun()
function timer.every(name, seconds, fn) end

--- Seconds since an arbitrary moment, with fractions, on a clock that never jumps: for measuring.
--- In tests it may run faster than real time (TIME_SCALE).
---   local began = timer.now()
---@return number
function timer.now() end

--- The duration in real seconds: the same, but for tests (TIME_SCALE). For durations that are added
--- to the time of day.
---   shared.set("warned", true, timer.to_real(60))
---@param seconds number
---@return number
function timer.to_real(seconds) end

--- The rules of a time zone, as the machine has them (a TZif file, RFC 8536); lib/base/zone.lua
--- reads them.
---   local bytes = timer.zone "Europe/Amsterdam"
---@param name string  "Europe/Amsterdam"
---@return string|nil bytes, string? message
---@return string? code  invalid missing
function timer.zone(name) end

return timer
