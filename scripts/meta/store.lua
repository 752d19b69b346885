---@meta core.store
--- The journal: SQLite, written on a thread of its own. An answer from here is on the disk.
local store = {}

--- Runs statements as one: all or none. Waits until they are committed. Also the way to read.
---@param statements any[][]  { {sql, argument...}, ... }; arguments: string, integer, float, boolean (0/1), nil (use store.null in the
---middle)
---`gate = true` in a statement: when it gives no row and changes none, those after it are not run; the batch succeeds all the same
---@return table[]|nil  for each statement its rows, { {column = value}, ... }, with `changes` = rows changed
---@return string? message
---@return string? code  conflict full readonly corrupt invalid closed failed
function store.run(statements) end

store.null = nil ---@type userdata an SQL NULL in an argument list; NULLs in results are absent

--- Brings the schema forward; only while the scripts load for the first time. On a reload it raises when the list has grown: that needs a
--- restart.
---@param migrations string[]  with `oldest`, the lowest version whose scripts can work with the last one; without it, only those of the last
function store.migrate(migrations) end

return store
