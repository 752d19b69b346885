---@meta core.process
--- Other processes of this program, for work that must not hold up the loop: checking a candidate,
--- trying it. They end with this one.
local process = {}

---@class Process
local Process = {}
--- Waits for the next line of its standard output; nil when there are no more.
---@return string|nil
function Process:read() end
--- Waits for its end. `status` is nil when a signal ended it; `late`: its time was over.
---@return { status: integer|nil, errors: string, late: boolean }
function Process:wait() end
--- Ends it.
function Process:kill() end

--- Starts `deployer ARGUMENTS`.
---   local child = process.start { arguments = { "--check" }, site = files, seconds = 20 }
---@param options { arguments: string[], environment?: string[], input?: string, seconds?: number,
--- site?: table<string, string>, memory?: number }  environment: "NAME=value", in addition to this
---  process's own, whose secrets it does not get; input: its standard input; seconds: of real time,
---  then it is killed (30); site: the installation's files that it sees; memory: bytes, no limit
---  when left out; prepared: lets the one of process.prepare begin, if there is one
---@return Process|nil, string? message, string? code  invalid (site), system
function process.start(options) end

--- Starts one ahead: it gets its files, and the end of its standard input, from the next
--- process.start with `prepared`, whose other options then count no more but for `seconds`. Does
--- nothing when there is one already.
---   process.prepare { arguments = { "--check" }, environment = { "CHECK_AHEAD=1" } }
---@param options table  of process.start
function process.prepare(options) end

return process
