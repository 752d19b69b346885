---@meta core.task
--- Work that waits. Every handler, timer and deployment runs as a task.
local task = {}

---@class Handle
local Handle = {}
--- Waits for the task's end and returns what its function returned; nil, message, code when it failed ("failed"), was stopped ("stopped")
--- or cancelled ("cancelled"), or the time passed ("timeout"; it goes on).
---@param seconds? number
function Handle:wait(seconds) end
--- Ends the task; what it waits for is given up. True if it was still alive.
function Handle:kill() end

--- Starts fn(...) beside the caller; it lives on when the caller ends.
---@param name string|nil  no two living tasks have one name, in all generations of the scripts: nil, message, "conflict"
---@param fn fun(...)
---@return Handle|nil, string?, string?
function task.spawn(name, fn, ...) end

--- Runs fn(...) as a child and waits for it. At the deadline, or when task.cancel was called for the caller, the child is ended where it
--- stands.
---@param seconds number|nil  nil: no deadline
---@return ... what fn returned; or nil, message, code: "timeout" "cancelled", or "failed" when it raised (message with traceback)
function task.run(seconds, fn, ...) end

--- Runs functions side by side as children and waits for all. Ended with the caller.
---@param fns (fun())[]
---@return table[]  for each, in order, the list {n = count, ...} of what it returned, or {nil, message, code} as in task.run
function task.all(fns) end

--- Asks the named task, in whatever generation, to stop: its task.run or task.sleep returns nil, message, "cancelled", now or when it next
--- begins one. Other waits end in their own time.
---@return boolean  a task of that name is alive
function task.cancel(name) end

--- True when task.cancel was called for the current task.
---@return boolean
function task.cancelled() end

--- From here on the current task cannot be cancelled, and a cancel that came is forgotten: for undoing.
function task.shield() end

--- Waits. True; or nil, message, "cancelled".
---@param seconds number
function task.sleep(seconds) end

--- Runs fn(...) while holding the named lock, first come, first served, in all generations; returns what fn returned. Freed however fn
--- ends.
---@param name string
function task.lock(name, fn, ...) end

--- Whether a task of that name is alive.
---@return boolean
function task.alive(name) end

--- The message of an error with the calls that led to it, for a handler of xpcall.
---@param err any
---@return string
function task.traceback(err) end

return task
