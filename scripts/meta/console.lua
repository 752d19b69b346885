---@meta core.console
--- The terminal, the environment and the disk, for scripts/commands.
local console = {}

--- Prints one line to the standard output. Control bytes become "?".
---   console.print "done"
---@param text string
function console.print(text) end

--- The next line of the standard input, without its end; nil when there are no more. Waits.
---   for line in console.read do console.print(line) end
---@return string|nil
function console.read() end

--- Runs Lua text, an expression or statements, with the globals that scripts have. Only in a
--- command. May wait.
---   local done, result = console.eval "1 + 1"
---@param text string
---@return boolean done
---@return any ...  its results, or the error
function console.eval(text) end

--- An environment variable; nil when it is unset or empty.
---   local url = console.env "DOKPLOY_URL"
---@param name string
---@return string|nil
function console.env(name) end

--- The file system of a folder, in bytes. `mounted`: it is not the root file system; `writable`:
--- this user may write to the folder.
---   local disk = console.disk "/data"
---@param folder string
---@return { free: number, total: number, mounted: boolean, writable: boolean }|nil
---@return string? message
---@return string? code  not_found
function console.disk(folder) end

return console
