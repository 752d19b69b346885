---@meta core.task
--- Concurrent coroutines: every request handler, timer and deployment runs as a task.
local task = {}

---@class Handle
local Handle = {}
--- Waits for the end of the task and returns what its function returned. A task that did not return
--- gives nil, message, code: "failed" (it raised), "stopped" (it ran too long) or "cancelled"; and
--- after `seconds` "timeout", while the task goes on.
---@param seconds? number
function Handle:wait(seconds) end
--- Ends the task and cancels what it waits for.
---@return boolean was_alive
function Handle:kill() end

--- Starts fn(...) beside the caller. The task lives on when the caller ends.
---   task.spawn(nil, function() http.request { url = "https://example.com/ping" } end)
---@param name string|nil  unique among living tasks, of all versions of the scripts: else
---                        nil, message, "conflict"
---@param fn fun(...)
---@return Handle|nil, string?, string?
function task.spawn(name, fn, ...) end

--- Runs fn(...) as a child and waits for it. The child is ended at the deadline, when task.cancel
--- is called for the caller, and when the caller ends.
---   local response, message, code = task.run(5, http.request, { url = url })
---@param seconds number|nil  nil: no deadline
---@return ... what fn returned; or nil, message, code: "timeout", "cancelled", or "failed" (with a
---            traceback) when it raised or ran too long
function task.run(seconds, fn, ...) end

--- Runs functions side by side as children and waits for all of them. They end with the caller.
---   local results = task.all { function() return 1 end, function() return 2 end }
---@param fns (fun())[]
---@return table[]  in order, for each function the list {n = count, ...} of what task.run(nil, fn)
---                 would have returned
function task.all(fns) end

--- Cancels the task of that name, in any version of the scripts: its current or next task.run or
--- task.sleep returns nil, message, "cancelled". Other waits are not interrupted.
---   task.cancel "my report"
---@return boolean exists
function task.cancel(name) end

--- True when task.cancel was called for the current task.
---   if task.cancelled() then return nil, "it was cancelled", "cancelled" end
---@return boolean
function task.cancelled() end

--- Makes the current task immune to task.cancel and clears an earlier cancellation, for undo.
---   task.shield()
function task.shield() end

--- Waits. Returns true; or nil, message, "cancelled".
---   if not task.sleep(1) then return end
---@param seconds number
function task.sleep(seconds) end

--- Runs fn(...) while holding the named lock and returns its results. First come, first served,
--- across all versions of the scripts. The lock is released also when fn raises.
---   task.lock("report", function() write_report() end)
---@param name string
function task.lock(name, fn, ...) end

--- Whether a task of that name is alive.
---   if not task.alive "my report" then task.spawn("my report", write_report) end
---@return boolean
function task.alive(name) end

--- The message of an error with the calls that led to it, for a handler of xpcall.
---   local good, message = xpcall(write_report, task.traceback)
---@param err any
---@return string
function task.traceback(err) end

return task
