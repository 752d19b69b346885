---@meta core.store
--- The journal: SQLite on a thread of its own. Changes are on the disk when a call returns.
local store = {}

--- Runs statements, all or none, also to read. Waits until they are committed.
--- `gate = true` in a statement: if it returns no row and changes none, those after it are skipped
--- and the batch succeeds.
---   local results = store.run { { "SELECT name FROM stacks WHERE state = ?1", "ready" } }
---@param statements any[][]  { {sql, argument...}, ... }; arguments are strings, integers, floats,
--- booleans (0/1) or nil (between others: store.null)
---@return table[]|nil  for each statement its rows, { {column = value}, ... }, and `changes`, the
--- number of rows changed
---@return string? message
---@return string? code  conflict invalid full readonly corrupt missing closed failed
function store.run(statements) end

store.null = nil ---@type userdata a NULL among arguments; NULLs in results are absent fields

--- Migrates the schema while the scripts load for the first time. Raises on a reload with new
--- migrations: they need a restart.
---   store.migrate { "CREATE TABLE notes (text TEXT NOT NULL) STRICT", oldest = 1 }
---@param migrations string[]  `oldest`: the lowest version whose scripts can work with the last
--- one; without it only the last
function store.migrate(migrations) end

return store
